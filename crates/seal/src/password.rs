//! Passwords: Argon2id (RFC 9106) in PHC string form, which carries the parameters.
//!
//! ```text
//! $argon2id$v=19$m=65536,t=3,p=1$SALT$HASH      salt of 16 random bytes, hash of 32, base64 without padding
//! ```

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::error::SealError;
use crate::random::Random;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// The second recommendation of RFC 9106, section 4 (64 MiB, three passes), on one lane.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3 }
    }
}

impl PasswordCost {
    /// The least that is accepted: for tests, which hash often.
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1 };

    fn hasher(self) -> Result<Argon2<'static>, SealError> {
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(|_| SealError::DoesNotSeal)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// Hashes `password`: takes `memory_kib` of memory, and a good part of a second at the default cost.
    pub fn hash(self, password: &str, rng: &dyn Random) -> Result<String, SealError> {
        let mut salt = [0_u8; 16];
        rng.fill(&mut salt);
        let hasher = self.hasher()?;
        let hash: PasswordHash = hasher
            .hash_password_with_params(password.as_bytes(), &salt, hasher.params().clone())
            .map_err(|_| SealError::DoesNotSeal)?;
        Ok(hash.to_string())
    }

    /// A hash that no password is known to fit, for comparing with what somebody says who does not exist: its salt and its
    /// hash are random, so that it costs nothing to make and as much as any other to verify.
    pub fn of_nobody(self, rng: &dyn Random) -> String {
        let (mut salt, mut hash) = ([0_u8; 16], [0_u8; 32]);
        rng.fill(&mut salt);
        rng.fill(&mut hash);
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        format!("$argon2id$v=19$m={},t={},p=1${salt}${hash}", self.memory_kib, self.passes)
    }

    /// Whether `hash` was made at another cost, so that it should be made anew when the password is next known.
    pub fn is_other_than(self, hash: &str) -> bool {
        let parsed = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        parsed.is_none_or(|params| params.m_cost() != self.memory_kib || params.t_cost() != self.passes)
    }
}

/// Whether `password` is the one that `hash` was made from, at the cost that the hash names. The result is compared in
/// constant time. The hash stands under a row's MAC, so nobody but Strongroom chooses the cost.
pub fn verify_password(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_password_fits_its_hash_alone() {
        let hash = PasswordCost::LEAST.hash("correct horse", &SystemRandom).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(verify_password("correct horse", &hash));
        for other in ["", "correct horse ", "Correct horse", "correct hors"] {
            assert!(!verify_password(other, &hash), "{other:?}");
        }
        assert_ne!(hash, PasswordCost::LEAST.hash("correct horse", &SystemRandom).unwrap());
        assert!(
            !verify_password("correct horse", "") && !verify_password("", "") && !verify_password("", "$argon2id$")
        );
    }

    #[test]
    fn a_vector_of_the_reference_implementation_verifies() {
        // argon2 -id of the reference implementation (phc-winner-argon2, test.c): m=2^16, t=2, p=1
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify_password("password", hash));
        assert!(!verify_password("differentpassword", hash));
    }

    #[test]
    fn the_hash_of_nobody_is_verified_at_its_cost_and_fits_no_password() {
        let hash = PasswordCost::LEAST.of_nobody(&SystemRandom);
        assert!(PasswordHash::new(&hash).is_ok() && !PasswordCost::LEAST.is_other_than(&hash), "{hash}");
        assert!(!verify_password("", &hash) && !verify_password("correct horse", &hash));
        assert!(!PasswordCost::default().is_other_than(&PasswordCost::default().of_nobody(&SystemRandom)));
    }

    #[test]
    fn a_hash_of_another_cost_is_known() {
        let hash = PasswordCost::LEAST.hash("x", &SystemRandom).unwrap();
        assert!(!PasswordCost::LEAST.is_other_than(&hash));
        assert!(PasswordCost::default().is_other_than(&hash) && PasswordCost::default().is_other_than(""));
    }
}
