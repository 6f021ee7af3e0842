//! What a run of a job works on and what it returned, sealed for that run.
//!
//! ```text
//!  0   3  magic: "SRJ"
//!  3   1  format: 1
//!  4   4  project key version, big-endian
//!  8  32  salt
//! 40   n  ciphertext: as long as the data
//! 40+n 16 tag
//! ```

use strongroom_model::Id;
use zeroize::{Zeroize as _, Zeroizing};

use crate::bytes::Encoder;
use crate::derive::{derive, label};
use crate::error::SealError;
use crate::once::{Parts, SALT_BYTES, TAG_BYTES, fresh_salt, open_once, seal_once};
use crate::random::Random;
use crate::wrapped::ProjectKey;
use strongroom_secret::KeyBytes;

const MAGIC: &[u8; 4] = b"SRJ\x01";
const HEADER_BYTES: usize = 8;
/// Header, project, job, run, part: all of fixed width.
const CONTEXT_BYTES: usize = HEADER_BYTES + 3 * 16 + 1;

/// Which of a run's two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPart {
    /// What it was asked to work on.
    Payload,
    /// What it returned.
    Result,
}

/// Where a run's data belongs. It opens only where it was sealed for.
#[derive(Debug, Clone, Copy)]
pub struct RunContext<'a> {
    /// The project. Its key is bound to the instance when wrapped.
    pub project: &'a Id,
    /// The job.
    pub job: &'a Id,
    /// The run.
    pub run: &'a Id,
    /// Which of its texts.
    pub part: RunPart,
}

/// Seals `data` for `context` under version `key_version` of the project's key: 56 bytes and the data
/// (`docs/formats/run-data.md`). The length of the data shows.
///
/// `data key = HKDF(project key, salt, "strongroom/v1/run-key" || run id || u8 part)`, the salt fresh each time.
/// AES-256-GCM under it, once.
pub fn seal_run(
    key: &ProjectKey,
    key_version: u32,
    context: &RunContext,
    data: &[u8],
    rng: &dyn Random,
) -> Result<Vec<u8>, SealError> {
    let encoded = encode(context, key_version);
    let place = encoded.finish().ok_or(SealError::DoesNotSeal)?;
    let salt = fresh_salt(&key.0, place, data, rng);
    let mut sealed = Vec::with_capacity(HEADER_BYTES + SALT_BYTES + data.len() + TAG_BYTES);
    sealed.extend_from_slice(MAGIC);
    sealed.extend_from_slice(&key_version.to_be_bytes());
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(data);
    let body = sealed.get_mut(HEADER_BYTES + SALT_BYTES..).ok_or(SealError::DoesNotSeal)?;
    match seal_once(&data_key(&key.0, &salt, context), place, body) {
        Ok(tag) => sealed.extend_from_slice(&tag),
        Err(error) => {
            sealed.zeroize();
            return Err(error);
        }
    }
    Ok(sealed)
}

/// Opens what [`seal_run`] made for the same context under the same key. `sealed` may be any bytes. The caller finds the
/// key with [`run_key_version`]. Whatever is wrong, the answer is [`SealError::DoesNotOpen`].
pub fn open_run(key: &ProjectKey, context: &RunContext, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let parts = Parts::of(*MAGIC, sealed).ok_or(SealError::DoesNotOpen)?;
    let encoded = encode(context, parts.key_version);
    let place = encoded.finish().ok_or(SealError::DoesNotOpen)?;
    let mut data = Zeroizing::new(vec![0_u8; parts.ciphertext.len()]);
    open_once(&data_key(&key.0, parts.salt, context), place, parts.ciphertext, parts.tag, &mut data)?;
    Ok(data)
}

/// The version of the project key that sealed data names. It is only believed once the data opens.
pub fn run_key_version(sealed: &[u8]) -> Result<u32, SealError> {
    Parts::of(*MAGIC, sealed).map(|parts| parts.key_version).ok_or(SealError::UnknownFormat)
}

fn part(context: &RunContext) -> [u8; 1] {
    match context.part {
        RunPart::Payload => [1],
        RunPart::Result => [2],
    }
}

fn encode(context: &RunContext, key_version: u32) -> Encoder<CONTEXT_BYTES> {
    let mut place = Encoder::new();
    place.fixed(MAGIC);
    place.fixed(&key_version.to_be_bytes());
    place.fixed(context.project.as_bytes());
    place.fixed(context.job.as_bytes());
    place.fixed(context.run.as_bytes());
    place.fixed(&part(context));
    place
}

fn data_key(key: &KeyBytes, salt: &[u8; SALT_BYTES], context: &RunContext) -> KeyBytes {
    derive(key, salt, &[label::RUN_KEY, context.run.as_bytes(), &part(context)])
}
