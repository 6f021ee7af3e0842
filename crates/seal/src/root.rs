//! The root key: as text, its fingerprint, its key check value, and unlocking an instance with it.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use strongroom_model::Id;
use strongroom_secret::KeyBytes;
use zeroize::Zeroizing;

use crate::derive::{derive, label};
use crate::error::SealError;
use crate::instance::Instance;
use crate::mac::verify;
use crate::random::Random;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The 256-bit key that everything in one instance hangs from. Wipes itself, has no `Clone`, and its `Debug` prints a
/// fixed word.
pub struct RootKey(KeyBytes);

/// A short name of a root key, safe to print and store: it tells keys apart and says nothing else about them.
///
/// `HKDF(root key, salt "strongroom/v1/root", info "strongroom/v1/fingerprint")`, first 8 bytes, as four groups of
/// four lower-case hexadecimal digits: `3fa9-0c1e-77d2-b840`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

/// Why a text is not a root key. Carries the length at most, never a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyError {
    /// Nothing but white space.
    #[error("the root key is empty")]
    Empty,
    /// Neither base64 nor hexadecimal.
    #[error("the root key is neither base64 nor hexadecimal text")]
    Encoding,
    /// Base64 or hexadecimal, but not of 32 bytes.
    #[error("the root key is {actual_bytes} bytes long; it must be exactly 32 random bytes, as base64 or hexadecimal")]
    Length {
        /// Length of the decoded key in bytes.
        actual_bytes: usize,
    },
}

impl RootKey {
    /// A new key of 32 bytes from `rng`.
    #[must_use]
    pub fn generate(rng: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rng.fill(bytes.as_mut_slice());
        Self(KeyBytes::new(*bytes))
    }

    /// Reads 32 bytes as base64 (RFC 4648, sections 4 or 5, padded or not) or as 64 hexadecimal digits of either case,
    /// white space around them ignored. The forms cannot be confused: 64 characters of base64 are 48 bytes.
    pub fn from_text(text: &str) -> Result<Self, RootKeyError> {
        let text = text.trim();
        let mut buffer = Zeroizing::new([0_u8; 128]);
        let length = match text.len() {
            0 => return Err(RootKeyError::Empty),
            64 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                let room = buffer.get_mut(..32).ok_or(RootKeyError::Encoding)?;
                hex::decode_to_slice(text, room).map_err(|_| RootKeyError::Encoding)?;
                32
            }
            1..=128 => BASE64
                .decode_slice(text, buffer.as_mut_slice())
                .or_else(|_| BASE64_URL.decode_slice(text, buffer.as_mut_slice()))
                .map_err(|_| RootKeyError::Encoding)?,
            _ => return Err(RootKeyError::Encoding),
        };
        let key = buffer.get(..length).and_then(|bytes| bytes.try_into().ok());
        key.map(|bytes| Self(KeyBytes::new(bytes))).ok_or(RootKeyError::Length { actual_bytes: length })
    }

    /// The key as padded base64 (RFC 4648, section 4), 44 characters: what [`RootKey::from_text`] reads.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        base64_text(&self.0)
    }

    /// The key's printable name.
    pub fn fingerprint(&self) -> Fingerprint {
        let derived = derive(&self.0, label::ROOT, &[label::FINGERPRINT]);
        let first = derived.expose().iter().take(8);
        Fingerprint(first.fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// What an instance stores to know its root key again: `HKDF(root key, salt instance id, info
    /// "strongroom/v1/key-check")`, 32 bytes. It is no secret.
    pub fn key_check_value(&self, instance: &Id) -> [u8; 32] {
        *derive(&self.0, instance.as_bytes(), &[label::CHECK]).expose()
    }

    /// Whether this is the key that `stored` was made from, in constant time.
    pub fn verify_check(&self, instance: &Id, stored: &[u8]) -> Result<(), SealError> {
        verify(&self.key_check_value(instance), stored)
    }

    /// Derives the working keys of `instance` and wipes the root key. The caller has asked
    /// [`RootKey::verify_check`] first: this accepts any key.
    #[must_use]
    pub fn unlock(self, instance: Id) -> Instance {
        let secret = derive(&self.0, instance.as_bytes(), &[label::INSTANCE_SECRET]);
        Instance::new(instance, self.wrapping_key(&instance), secret)
    }

    /// Like [`RootKey::unlock`], with the instance secret that [`Instance::carry`] sealed for this key when it
    /// replaced another: tokens, row MACs and audit links made under the old key stay valid.
    pub fn unlock_carried(self, instance: Id, carried: &[u8]) -> Result<Instance, SealError> {
        let wrapping = self.wrapping_key(&instance);
        let secret = crate::wrapped::open_carried(&wrapping, &instance, carried)?;
        Ok(Instance::new(instance, wrapping, secret))
    }

    /// `HKDF(root key, salt instance id, info "strongroom/v1/wrapping")`.
    pub(crate) fn wrapping_key(&self, instance: &Id) -> KeyBytes {
        derive(&self.0, instance.as_bytes(), &[label::WRAPPING])
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(..)")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |shift: u32| (self.0 >> shift) & 0xffff;
        write!(f, "{:04x}-{:04x}-{:04x}-{:04x}", group(48), group(32), group(16), group(0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Padded base64, without a copy left on the stack or the heap.
fn base64_text(key: &KeyBytes) -> Zeroizing<String> {
    let mut digits = Zeroizing::new([0_u8; 44]);
    STANDARD.encode_slice(key.expose(), digits.as_mut_slice()).expect("32 bytes are 44 characters of base64");
    Zeroizing::new(str::from_utf8(digits.as_slice()).expect("base64 is ASCII").to_owned())
}
