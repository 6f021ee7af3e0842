//! Project keys and the instance secret, sealed for storage under the root key's wrapping key.
//!
//! ```text
//!  0   3  magic: "SRK" (project key) or "SRI" (instance secret)
//!  3   1  format: 1
//!  4   4  key version, big-endian (0 for the instance secret)
//!  8  32  salt
//! 40  32  ciphertext
//! 72  16  tag
//! ```

use std::fmt;

use strongroom_model::Id;
use strongroom_secret::KeyBytes;
use zeroize::Zeroizing;

use crate::bytes::Encoder;
use crate::derive::{derive, label};
use crate::error::SealError;
use crate::once::{SALT_BYTES, TAG_BYTES, fresh_salt, open_once, seal_once};
use crate::random::Random;

const WRAPPED_BYTES: usize = 8 + SALT_BYTES + 32 + TAG_BYTES;
const CONTEXT_BYTES: usize = 8 + 16 + 16;

/// The 256-bit key of one project, in one version. Wipes itself, has no `Clone`, and its `Debug` prints a fixed word.
pub struct ProjectKey(pub(crate) KeyBytes);

impl fmt::Debug for ProjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectKey(..)")
    }
}

/// What a sealed key is, and where it belongs.
struct Place<'a> {
    magic: &'a [u8; 4],
    label: &'static [u8],
    version: u32,
    instance: &'a Id,
    /// The project, or the instance again for the instance secret.
    owner: &'a Id,
}

impl Place<'_> {
    fn project<'a>(instance: &'a Id, project: &'a Id, version: u32) -> Place<'a> {
        Place { magic: b"SRK\x01", label: label::WRAP_KEY, version, instance, owner: project }
    }

    fn instance(instance: &Id) -> Place<'_> {
        Place { magic: b"SRI\x01", label: label::CARRY_KEY, version: 0, instance, owner: instance }
    }

    /// Header, instance id, owner id: 40 bytes, all of fixed width.
    fn context(&self) -> Encoder<CONTEXT_BYTES> {
        let mut context = Encoder::new();
        context.fixed(self.magic);
        context.fixed(&self.version.to_be_bytes());
        context.fixed(self.instance.as_bytes());
        context.fixed(self.owner.as_bytes());
        context
    }

    fn key(&self, wrapping: &KeyBytes, salt: &[u8]) -> KeyBytes {
        derive(wrapping, salt, &[self.label, self.owner.as_bytes(), &self.version.to_be_bytes()])
    }

    fn seal(&self, wrapping: &KeyBytes, key: &KeyBytes, rng: &dyn Random) -> Result<Vec<u8>, SealError> {
        let encoded = self.context();
        let context = encoded.finish().ok_or(SealError::DoesNotSeal)?;
        let salt = fresh_salt(wrapping, context, key.expose(), rng);
        let mut body = Zeroizing::new(*key.expose());
        let tag = seal_once(&self.key(wrapping, &salt), context, body.as_mut_slice())?;
        Ok([&self.magic[..], &self.version.to_be_bytes(), &salt, body.as_slice(), &tag].concat())
    }

    fn open(&self, wrapping: &KeyBytes, sealed: &[u8]) -> Result<KeyBytes, SealError> {
        let sealed: &[u8; WRAPPED_BYTES] = sealed.try_into().map_err(|_| SealError::DoesNotOpen)?;
        let encoded = self.context();
        let context = encoded.finish().ok_or(SealError::DoesNotOpen)?;
        let (header, rest) = sealed.split_at(8);
        let (salt, rest) = rest.split_at(SALT_BYTES);
        let (ciphertext, tag) = rest.split_last_chunk().ok_or(SealError::DoesNotOpen)?;
        if !context.starts_with(header) {
            return Err(SealError::DoesNotOpen);
        }
        let mut key = Zeroizing::new([0_u8; 32]);
        open_once(&self.key(wrapping, salt), context, ciphertext, tag, key.as_mut_slice())?;
        Ok(KeyBytes::new(*key))
    }
}

/// Seals a project key.
pub(crate) fn wrap(
    wrapping: &KeyBytes,
    instance: &Id,
    project: &Id,
    version: u32,
    key: &ProjectKey,
    rng: &dyn Random,
) -> Result<Vec<u8>, SealError> {
    Place::project(instance, project, version).seal(wrapping, &key.0, rng)
}

/// Opens a project key.
pub(crate) fn unwrap(
    wrapping: &KeyBytes,
    instance: &Id,
    project: &Id,
    version: u32,
    sealed: &[u8],
) -> Result<ProjectKey, SealError> {
    Place::project(instance, project, version).open(wrapping, sealed).map(ProjectKey)
}

/// Seals the instance secret.
pub(crate) fn carry(
    wrapping: &KeyBytes,
    instance: &Id,
    secret: &KeyBytes,
    rng: &dyn Random,
) -> Result<Vec<u8>, SealError> {
    Place::instance(instance).seal(wrapping, secret, rng)
}

/// Opens the instance secret.
pub(crate) fn open_carried(wrapping: &KeyBytes, instance: &Id, sealed: &[u8]) -> Result<KeyBytes, SealError> {
    Place::instance(instance).open(wrapping, sealed)
}
