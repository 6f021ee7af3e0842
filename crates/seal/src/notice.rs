//! Signing what this server sends to others, with a key that both have.

use std::fmt;

use crate::mac::MacKey;

/// Shortest key: as long as the hash (RFC 2104, section 3).
const MIN_BYTES: usize = 32;

/// A key is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is shorter than {MIN_BYTES} bytes")]
pub struct ShortKey;

/// The key that a receiver of notices has too.
pub struct NoticeKey(MacKey);

impl fmt::Debug for NoticeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoticeKey(..)")
    }
}

impl NoticeKey {
    /// Of at least 32 bytes, which should be random.
    pub fn new(bytes: &[u8]) -> Result<Self, ShortKey> {
        if bytes.len() < MIN_BYTES { Err(ShortKey) } else { Ok(Self(MacKey::of_bytes(bytes))) }
    }

    /// `HMAC-SHA256(key, seconds || "." || body)` in lower-case hexadecimal digits, `seconds` since 1970 in decimal digits:
    /// an old notice cannot be passed off as a new one.
    pub fn signature(&self, seconds: i64, body: &[u8]) -> String {
        let at = seconds.to_string();
        hex::encode(self.0.concatenated(&[at.as_bytes(), b".", body]))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_the_same_bytes() {
        // printf '1767225600.{"seq":1}\n' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let key = NoticeKey::new(b"0123456789abcdef0123456789abcdef").unwrap();
        let signature = key.signature(1_767_225_600, b"{\"seq\":1}\n");
        assert_eq!(signature, "07828a70490e8f6789466dbfe4ceaa84e5599b9f53d606d6f3056f12c5f7fa43");
        assert_ne!(key.signature(1_767_225_601, b"{\"seq\":1}\n"), signature);
        assert_eq!(NoticeKey::new(&[7; 31]).unwrap_err(), ShortKey);
        assert_eq!(format!("{key:?}"), "NoticeKey(..)");
    }
}
