//! The second factor of a sign-in: what an authenticator app and this instance share, its codes (RFC 6238), and how it is
//! sealed at rest.
//!
//! ```text
//!  0   3  magic: "SRF"
//!  3   1  format: 1
//!  4  32  salt
//! 36  20  ciphertext
//! 56  16  tag
//! ```

use std::fmt;

use strongroom_model::Id;
use strongroom_secret::KeyBytes;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::bytes::Encoder;
use crate::derive::{derive, label};
use crate::error::SealError;
use crate::once::{SALT_BYTES, TAG_BYTES, fresh_salt, open_once, seal_once};
use crate::random::Random;

const MAGIC: &[u8; 4] = b"SRF\x01";
/// As long as what HMAC-SHA-1 gives (RFC 4226, section 4, R6).
const SECRET_BYTES: usize = 20;
const SEALED_BYTES: usize = 4 + SALT_BYTES + SECRET_BYTES + TAG_BYTES;
const CONTEXT_BYTES: usize = 4 + 16 + 16;
const DIGITS: u8 = 6;
const STEP_SECONDS: u64 = 30;

/// What an authenticator app and this instance share: 160 random bits. It wipes itself; `Debug` prints a fixed word.
pub struct FactorSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl fmt::Debug for FactorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactorSecret(..)")
    }
}

impl FactorSecret {
    /// A new one from `rng`.
    #[must_use]
    pub fn generate(rng: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0_u8; SECRET_BYTES]);
        rng.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// As people type it into an app: 32 characters of base32 (RFC 4648, section 6), which need no padding.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(totp_rs::Secret::new_stack(*self.0).to_base32())
    }

    /// SHA-1, six digits, steps of 30 seconds, one step of skew: what every authenticator app reads.
    fn totp(&self) -> Result<Totp, SealError> {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(DIGITS).with_skew(1);
        let totp = builder.with_step_duration(STEP_SECONDS).with_secret(*self.0).build();
        totp.map_err(|_| SealError::DoesNotOpen)
    }

    /// The step whose code `code` is, at `seconds` since 1970: the present one, the one before or the one after (RFC 6238,
    /// section 5.2). `code` has six digits and nothing else. That a step serves once is the caller's to see to.
    pub fn step_of(&self, code: &str, seconds: u64) -> Option<u64> {
        let is_code = code.len() == usize::from(DIGITS) && code.bytes().all(|byte| byte.is_ascii_digit());
        if !is_code {
            return None;
        }
        self.totp().ok()?.check(code, seconds)
    }
}

/// Seals a factor's secret for its user: 72 bytes (`docs/formats/second-factor.md`).
pub(crate) fn seal(
    base: &KeyBytes,
    (instance, user): (&Id, &Id),
    secret: &FactorSecret,
    rng: &dyn Random,
) -> Result<Vec<u8>, SealError> {
    let encoded = place(instance, user);
    let context = encoded.finish().ok_or(SealError::DoesNotSeal)?;
    let salt = fresh_salt(base, context, secret.0.as_slice(), rng);
    let mut body = secret.0.clone();
    let tag = seal_once(&key(base, &salt, user), context, body.as_mut_slice())?;
    Ok([&MAGIC[..], &salt, body.as_slice(), &tag].concat())
}

/// Opens what [`seal`] made for the same instance and user. `sealed` may be any bytes.
pub(crate) fn open(base: &KeyBytes, (instance, user): (&Id, &Id), sealed: &[u8]) -> Result<FactorSecret, SealError> {
    let sealed: &[u8; SEALED_BYTES] = sealed.try_into().map_err(|_| SealError::DoesNotOpen)?;
    let rest = sealed.strip_prefix(MAGIC).ok_or(SealError::DoesNotOpen)?;
    let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(SealError::DoesNotOpen)?;
    let (ciphertext, tag) = rest.split_last_chunk().ok_or(SealError::DoesNotOpen)?;
    let encoded = place(instance, user);
    let context = encoded.finish().ok_or(SealError::DoesNotOpen)?;
    let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
    open_once(&key(base, salt, user), context, ciphertext, tag, secret.as_mut_slice())?;
    Ok(FactorSecret(secret))
}

/// Magic, instance id, user id: 36 bytes, all of fixed width.
fn place(instance: &Id, user: &Id) -> Encoder<CONTEXT_BYTES> {
    let mut place = Encoder::new();
    place.fixed(MAGIC);
    place.fixed(instance.as_bytes());
    place.fixed(user.as_bytes());
    place
}

fn key(base: &KeyBytes, salt: &[u8; SALT_BYTES], user: &Id) -> KeyBytes {
    derive(base, salt, &[label::FACTOR_KEY, user.as_bytes()])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::random::SystemRandom;
    use crate::root::RootKey;

    /// The secret of RFC 6238, appendix B, for SHA-1.
    fn of_the_rfc() -> FactorSecret {
        FactorSecret(Zeroizing::new(*b"12345678901234567890"))
    }

    #[test]
    fn the_codes_of_the_rfc_are_known_in_their_step_and_the_ones_beside_it() {
        // RFC 6238, appendix B: eight digits there, of which six are the last six
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = seconds / 30;
            for at in [seconds, (step - 1) * 30, (step + 2) * 30 - 1] {
                assert_eq!(of_the_rfc().step_of(code, at), Some(step), "{code} at {at}");
            }
            // two steps before, where there are two, and two steps after
            let beyond = [step.checked_sub(2).map(|step| step * 30), Some((step + 2) * 30)];
            for at in beyond.into_iter().flatten() {
                assert_ne!(of_the_rfc().step_of(code, at), Some(step), "{code} at {at}");
            }
        }
    }

    #[test]
    fn only_six_digits_are_a_code() {
        for wrong in ["", "28708", "2870822", " 287082", "287 082", "287082\n", "２８７０８２", "28708a", "-87082"]
        {
            assert_eq!(of_the_rfc().step_of(wrong, 59), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_text_to_type_is_base32() {
        assert_eq!(*of_the_rfc().to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_sealed_secret_opens_for_its_instance_and_user_alone() {
        let unlocked = |id| RootKey::generate(&SystemRandom).unlock(Id::from_bytes([id; 16]));
        let (one, other) = (unlocked(1), unlocked(2));
        let (ada, bob) = (Id::from_bytes([3; 16]), Id::from_bytes([4; 16]));
        let secret = FactorSecret::generate(&SystemRandom);
        let sealed = one.seal_factor(&ada, &secret, &SystemRandom).unwrap();
        assert_eq!(sealed.len(), SEALED_BYTES);
        assert_eq!(*one.open_factor(&ada, &sealed).unwrap().to_base32(), *secret.to_base32());
        assert!(one.open_factor(&bob, &sealed).is_err() && other.open_factor(&ada, &sealed).is_err());
        assert_ne!(sealed, one.seal_factor(&ada, &secret, &SystemRandom).unwrap());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            *changed.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            assert!(one.open_factor(&ada, &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(one.open_factor(&ada, sealed.get(..length).unwrap()).is_err());
        }
        assert_eq!(format!("{secret:?}"), "FactorSecret(..)");
    }
}
