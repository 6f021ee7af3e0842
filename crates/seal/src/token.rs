//! Access tokens as text: `srt_`, 43 random characters, 6 characters of checksum. Codes of fill-in links look the same but
//! begin with `srl_`.
//!
//! ```text
//! srt_  43 x [0-9A-Za-z]  6 x [0-9A-Za-z]
//!       256 random bits   CRC-32 of everything before it, base 62
//! ```

use std::fmt;

use zeroize::Zeroizing;

use crate::random::Random;

/// How every token begins.
pub const PREFIX: &str = "srt_";
/// How the code of every fill-in link begins.
pub const LINK_PREFIX: &str = "srl_";
/// Length of every token in bytes.
pub const TOKEN_BYTES: usize = PREFIX.len() + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;

/// 62^43 is just above 2^256.
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token that was just made and is shown once. Wipes itself; `Debug` prints a fixed word.
pub struct NewToken {
    text: Zeroizing<String>,
}

/// A text that is shaped like a token and whose checksum fits. It may still be no token of this instance.
#[derive(Clone, Copy)]
pub struct TokenText<'a>(&'a str);

/// A text that is no token. Says nothing about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token: one begins with {PREFIX}, is {TOKEN_BYTES} characters long and ends in its own checksum")]
pub struct MalformedToken;

/// A new token with 256 random bits from `rng`.
///
/// Each character is a byte below 248 from `rng`, modulo 62; other bytes are dropped, so that every character is
/// equally likely.
#[must_use]
pub fn generate(rng: &dyn Random) -> NewToken {
    generate_after(PREFIX, rng)
}

/// A new code of a fill-in link, made as [`generate`] makes tokens.
#[must_use]
pub fn generate_link(rng: &dyn Random) -> NewToken {
    generate_after(LINK_PREFIX, rng)
}

fn generate_after(prefix: &str, rng: &dyn Random) -> NewToken {
    let mut text = Zeroizing::new(String::with_capacity(TOKEN_BYTES));
    text.push_str(prefix);
    let mut random = Zeroizing::new([0_u8; 64]);
    while text.len() < prefix.len() + RANDOM_CHARACTERS {
        rng.fill(random.as_mut_slice());
        let missing = prefix.len() + RANDOM_CHARACTERS - text.len();
        text.extend(random.iter().filter(|byte| **byte < 248).take(missing).map(|byte| digit(u32::from(*byte))));
    }
    let checksum = checksum(text.as_bytes());
    text.extend(checksum);
    NewToken { text }
}

/// Checks shape and checksum without looking anything up. White space around is not ignored.
pub fn parse(text: &str) -> Result<TokenText<'_>, MalformedToken> {
    parse_after(PREFIX, text)
}

/// The same for the code of a fill-in link.
pub fn parse_link(text: &str) -> Result<TokenText<'_>, MalformedToken> {
    parse_after(LINK_PREFIX, text)
}

fn parse_after<'a>(prefix: &str, text: &'a str) -> Result<TokenText<'a>, MalformedToken> {
    let (body, stated) = text.split_at_checked(prefix.len() + RANDOM_CHARACTERS).ok_or(MalformedToken)?;
    let random = body.strip_prefix(prefix).ok_or(MalformedToken)?;
    if !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) || !stated.chars().eq(checksum(body.as_bytes())) {
        return Err(MalformedToken);
    }
    Ok(TokenText(text))
}

impl NewToken {
    /// The text, to be shown once.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl<'a> TokenText<'a> {
    /// The text, to be digested.
    pub fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewToken(..)")
    }
}

impl fmt::Debug for TokenText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(..)")
    }
}

/// The character for `number` modulo 62.
fn digit(number: u32) -> char {
    let index = usize::try_from(number % 62).expect("62 fits every usize");
    char::from(*ALPHABET.get(index).expect("a remainder of 62 is below 62"))
}

/// CRC-32 of `body` in base 62, most significant digit first, padded with `0`.
fn checksum(body: &[u8]) -> [char; CHECKSUM_CHARACTERS] {
    let mut rest = crc32(body);
    let mut digits = ['0'; CHECKSUM_CHARACTERS];
    for place in digits.iter_mut().rev() {
        *place = digit(rest);
        rest /= 62;
    }
    digits
}

/// CRC-32 as in zlib and PNG (ISO 3309, ITU-T V.42): reflected polynomial 0xEDB88320. It finds typing errors and
/// false finds of scanners; it protects nothing.
fn crc32(bytes: &[u8]) -> u32 {
    let register = bytes.iter().fold(u32::MAX, |register, byte| {
        (0..8).fold(register ^ u32::from(*byte), |register, _| {
            if register & 1 == 1 { (register >> 1) ^ 0xEDB8_8320 } else { register >> 1 }
        })
    });
    !register
}
