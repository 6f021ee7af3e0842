//! The types that may hold plaintext. Whoever depends on this crate may hold plaintext; nobody else can.

use std::fmt;

use zeroize::Zeroizing;

/// Largest secret value, in bytes of UTF-8.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The plaintext of one secret: UTF-8 text of 0 to [`MAX_VALUE_BYTES`] bytes without NUL, kept byte for byte.
///
/// It wipes itself when dropped, has no `Clone`, `Display`, `Serialize` or `PartialEq`, and its `Debug` prints a
/// fixed word. The only way out is [`SecretValue::expose`].
pub struct SecretValue(Zeroizing<String>);

/// Why a text cannot be the value of a secret. Carries sizes, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// No environment can carry a NUL byte.
    #[error("the value contains a NUL byte, which no environment variable can carry")]
    Nul,
    /// Longer than [`MAX_VALUE_BYTES`].
    #[error("the value is {actual_bytes} bytes long; at most {MAX_VALUE_BYTES} are accepted")]
    TooLong {
        /// Length of the refused text in bytes.
        actual_bytes: usize,
    },
    /// Not UTF-8.
    #[error("the value is not valid UTF-8 text")]
    NotUtf8,
}

impl SecretValue {
    /// Takes ownership of `text` and checks it. A refused text is wiped before this returns.
    pub fn new(text: String) -> Result<Self, ValueError> {
        let text = Zeroizing::new(text);
        if text.len() > MAX_VALUE_BYTES {
            return Err(ValueError::TooLong { actual_bytes: text.len() });
        }
        if text.as_bytes().contains(&0) {
            return Err(ValueError::Nul);
        }
        Ok(Self(text))
    }

    /// Takes ownership of `bytes`, which must be UTF-8. Refused bytes are wiped before this returns.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ValueError> {
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(text),
            Err(refused) => {
                drop(Zeroizing::new(refused.into_bytes()));
                Err(ValueError::NotUtf8)
            }
        }
    }

    /// The plaintext. Keep the borrow short, and never format it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second copy, for the few places that hand one value to two owners.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(Zeroizing::new(self.0.as_str().to_owned()))
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the value is the empty string, which is a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

/// 256 bits of key material. Wipes itself when dropped; `Debug` prints a fixed word.
pub struct KeyBytes(Zeroizing<[u8; 32]>);

impl KeyBytes {
    /// Wraps 32 bytes. The caller wipes its own copy.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. Keep the borrow short.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_every_byte() {
        for text in ["", "a", "line\r\nline\n", "-----BEGIN KEY-----\nabc\n", "ключ 🔑"] {
            assert_eq!(SecretValue::new(text.to_owned()).map(|value| value.expose() == text), Ok(true));
        }
    }

    #[test]
    fn the_limit_is_64_kib() {
        assert!(SecretValue::new("x".repeat(MAX_VALUE_BYTES)).is_ok());
        let refused = SecretValue::new("x".repeat(MAX_VALUE_BYTES + 1)).err();
        assert_eq!(refused, Some(ValueError::TooLong { actual_bytes: MAX_VALUE_BYTES + 1 }));
    }

    #[test]
    fn nul_and_broken_text_are_refused() {
        assert_eq!(SecretValue::new("a\0b".to_owned()).err(), Some(ValueError::Nul));
        assert_eq!(SecretValue::from_bytes(vec![0xff, 0xfe]).err(), Some(ValueError::NotUtf8));
    }

    #[test]
    fn debug_prints_no_plaintext() {
        let value = SecretValue::new("canary-value".to_owned());
        assert!(!format!("{value:?}").contains("canary"));
        assert!(!format!("{:?}", KeyBytes::new([0x41; 32])).contains("65"));
    }
}
