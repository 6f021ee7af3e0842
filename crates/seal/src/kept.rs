//! Values that a command line keeps for when its server is away: sealed under a key that comes from the token, so that
//! the file alone opens nothing.
//!
//! ```text
//!  0   3  magic: "SRC"
//!  3   1  format: 1
//!  4  32  salt
//! 36   n  ciphertext
//! 36+n 16 tag
//! ```

use strongroom_secret::KeyBytes;
use zeroize::Zeroizing;

use crate::derive::{derive, derive_from_text, label};
use crate::error::SealError;
use crate::once::{SALT_BYTES, TAG_BYTES, fresh_salt, open_once, seal_once};
use crate::random::Random;

const MAGIC: &[u8; 4] = b"SRC\x01";

/// The key of one token for one place (server, project, namespace, app, names).
pub struct KeptKey {
    base: KeyBytes,
    place: Vec<u8>,
}

impl KeptKey {
    /// `HKDF(token, salt "", info "strongroom/v1/kept-key" || fields(place))`. The token has 256 random bits.
    pub fn new(token: &str, place: &[&str]) -> Self {
        let mut encoded = Vec::new();
        for part in place {
            encoded.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            encoded.extend_from_slice(part.as_bytes());
        }
        Self { base: derive_from_text(token.as_bytes(), &[label::KEPT_KEY, &encoded]), place: encoded }
    }

    /// A name for the file, which tells nothing about the token or the place.
    pub fn file_name(&self) -> String {
        let name = derive(&self.base, b"", &[label::KEPT_NAME]);
        hex::encode(name.expose().get(..16).unwrap_or_default())
    }

    /// Seals `content`: 52 bytes more than it has.
    pub fn seal(&self, content: &[u8], rng: &dyn Random) -> Result<Vec<u8>, SealError> {
        let salt = fresh_salt(&self.base, &self.place, content, rng);
        let mut body = Zeroizing::new(content.to_vec());
        let tag = seal_once(&self.sealing_key(&salt), &self.place, &mut body)?;
        Ok([&MAGIC[..], &salt, &body, &tag].concat())
    }

    /// Opens what [`KeptKey::seal`] made for the same token and place. `sealed` may be any bytes.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let rest = sealed.strip_prefix(MAGIC).ok_or(SealError::DoesNotOpen)?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(SealError::DoesNotOpen)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(SealError::DoesNotOpen)?;
        let mut content = Zeroizing::new(vec![0_u8; ciphertext.len()]);
        open_once(&self.sealing_key(salt), &self.place, ciphertext, tag, &mut content)?;
        Ok(content)
    }

    fn sealing_key(&self, salt: &[u8; SALT_BYTES]) -> KeyBytes {
        derive(&self.base, salt, &[label::KEPT_SEAL])
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::random::SystemRandom;

    const PLACE: [&str; 3] = ["https://secrets.example.com", "shop", "production"];

    #[test]
    fn what_was_sealed_opens_with_the_same_token_and_place_alone() {
        let sealed = KeptKey::new("srt_one", &PLACE).seal(b"content", &SystemRandom).unwrap();
        assert_eq!(*KeptKey::new("srt_one", &PLACE).open(&sealed).unwrap(), b"content");
        assert!(KeptKey::new("srt_two", &PLACE).open(&sealed).is_err());
        for other in
            [["https://secrets.example.com", "shop", "staging"], ["https://secrets.example.comshop", "", "production"]]
        {
            assert!(KeptKey::new("srt_one", &other).open(&sealed).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let key = KeptKey::new("srt_one", &PLACE);
        let sealed = key.seal(b"content", &SystemRandom).unwrap();
        for index in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                *changed.get_mut(index).unwrap() ^= 1 << bit;
                assert!(key.open(&changed).is_err(), "byte {index} bit {bit}");
            }
            assert!(key.open(sealed.get(..index).unwrap()).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn names_differ_by_token_and_place_and_tell_neither() {
        let name = KeptKey::new("srt_one", &PLACE).file_name();
        assert_eq!(name.len(), 32);
        assert_ne!(name, KeptKey::new("srt_two", &PLACE).file_name());
        assert_ne!(name, KeptKey::new("srt_one", &["a"]).file_name());
    }
}
