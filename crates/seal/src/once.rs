//! AES-256-GCM under a key that seals once in its life, and the salt that makes it so.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use strongroom_secret::KeyBytes;

use crate::derive::{derive, label};
use crate::error::SealError;
use crate::mac::MacKey;
use crate::random::Random;

/// Length of a salt.
pub(crate) const SALT_BYTES: usize = 32;
/// Length of an AES-GCM tag.
pub(crate) const TAG_BYTES: usize = 16;

/// What follows the magic of everything that is sealed under a key of its own, in pieces.
pub(crate) struct Parts<'a> {
    /// The version of the project key.
    pub(crate) key_version: u32,
    pub(crate) salt: &'a [u8; SALT_BYTES],
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG_BYTES],
}

impl<'a> Parts<'a> {
    /// The pieces of what begins with `magic`, or none for bytes of another shape.
    pub(crate) fn of(magic: [u8; 4], sealed: &'a [u8]) -> Option<Self> {
        let rest = sealed.strip_prefix(&magic)?;
        let (key_version, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        Some(Self { key_version: u32::from_be_bytes(*key_version), salt, ciphertext, tag })
    }
}

/// A fresh salt: `HMAC-SHA256(salt key, 32 random bytes || context || plaintext)`, the salt key being
/// `HKDF(key, salt "", info "strongroom/v1/salt-key")`.
///
/// With a working random generator this is 256 fresh random bits. With one that repeats itself (a cloned virtual
/// machine, a broken seed) two different plaintexts still get two salts, hence two keys (the hedge of RFC 8937 carried
/// over to salts). `context` is encoded so that it is never the beginning of another.
pub(crate) fn fresh_salt(key: &KeyBytes, context: &[u8], plaintext: &[u8], rng: &dyn Random) -> [u8; SALT_BYTES] {
    let mut random = [0_u8; 32];
    rng.fill(&mut random);
    MacKey::new(&derive(key, b"", &[label::SALT_KEY])).concatenated(&[&random, context, plaintext])
}

/// Encrypts `plaintext` in place and gives the tag (NIST SP 800-38D, section 7.1), with the all-zero nonce.
///
/// `key` must come from [`fresh_salt`] and be used for this one call: section 8 asks that no pair of key and nonce
/// recurs, and no key recurs.
pub(crate) fn seal_once(key: &KeyBytes, context: &[u8], plaintext: &mut [u8]) -> Result<[u8; TAG_BYTES], SealError> {
    let tag = cipher(key)
        .and_then(|cipher| cipher.seal_in_place_separate_tag(zero_nonce(), Aad::from(context), plaintext))
        .map_err(|_| SealError::DoesNotSeal)?;
    tag.as_ref().try_into().map_err(|_| SealError::DoesNotSeal)
}

/// Decrypts what [`seal_once`] made into `plaintext`, which must be as long as `ciphertext` (NIST SP 800-38D,
/// section 7.2). On failure nothing of the plaintext is to be used; the caller wipes it.
pub(crate) fn open_once(
    key: &KeyBytes,
    context: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG_BYTES],
    plaintext: &mut [u8],
) -> Result<(), SealError> {
    cipher(key)
        .and_then(|cipher| cipher.open_separate_gather(zero_nonce(), Aad::from(context), ciphertext, tag, plaintext))
        .map_err(|_| SealError::DoesNotOpen)
}

fn cipher(key: &KeyBytes) -> Result<LessSafeKey, aws_lc_rs::error::Unspecified> {
    UnboundKey::new(&AES_256_GCM, key.expose()).map(LessSafeKey::new)
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
