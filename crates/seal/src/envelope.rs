//! Value envelopes: one sealed value, bound to its place.
//!
//! ```text
//!  0   3  magic: "SRV"
//!  3   1  format: 1
//!  4   4  project key version, big-endian
//!  8  32  salt
//! 40   n  ciphertext: the value padded with zero bytes to a multiple of 32, at least 32
//! 40+n 16 tag
//! ```

use aws_lc_rs::constant_time::verify_slices_are_equal;
use strongroom_model::{EndUser, Id, Scope, ScopeKind, SecretName};
use strongroom_secret::{KeyBytes, MAX_VALUE_BYTES, SecretValue};
use zeroize::{Zeroize as _, Zeroizing};

use crate::bytes::Encoder;
use crate::derive::{derive, label};
use crate::error::SealError;
use crate::once::{Parts, SALT_BYTES, TAG_BYTES, fresh_salt, open_once, seal_once};
use crate::random::Random;
use crate::wrapped::ProjectKey;

const MAGIC: &[u8; 4] = b"SRV\x01";
const HEADER_BYTES: usize = 8;
const BLOCK_BYTES: usize = 32;
/// Room for the longest place: header, three fixed fields, kind, and five texts behind their lengths.
const CONTEXT_BYTES: usize = 1_024;

/// Where a value belongs. A value opens only where it was sealed for.
#[derive(Debug, Clone, Copy)]
pub struct ValueContext<'a> {
    /// The project. Its key is bound to the instance when wrapped.
    pub project: &'a Id,
    /// The scope with its namespace, app or end user.
    pub scope: &'a Scope,
    /// The secret's name.
    pub name: &'a SecretName,
    /// The secret's id.
    pub secret: &'a Id,
    /// The number of the version, from 1.
    pub version: u64,
}

/// Seals `value` for `context` under version `key_version` of the project's key: 56 bytes and the value padded to a
/// multiple of 32 (`docs/formats/envelope.md`).
///
/// `value key = HKDF(base key, salt, "strongroom/v1/value-key" || secret id || version)`, the salt fresh each time, the
/// base key being the project key or, for `user` scope, that user's key. AES-256-GCM under it, once.
pub fn seal_value(
    key: &ProjectKey,
    key_version: u32,
    context: &ValueContext,
    value: &SecretValue,
    rng: &dyn Random,
) -> Result<Vec<u8>, SealError> {
    let encoded = encode(context, key_version);
    let place = encoded.finish().ok_or(SealError::DoesNotSeal)?;
    let user_key = context.scope.user().map(|user| derive_user_key(key, user));
    let base = user_key.as_ref().unwrap_or(&key.0);
    let plaintext = value.expose().as_bytes();
    let salt = fresh_salt(base, place, plaintext, rng);

    let body_end = HEADER_BYTES + SALT_BYTES + padded(plaintext.len());
    let mut envelope = Vec::with_capacity(body_end + TAG_BYTES);
    envelope.extend_from_slice(MAGIC);
    envelope.extend_from_slice(&key_version.to_be_bytes());
    envelope.extend_from_slice(&salt);
    envelope.extend_from_slice(plaintext);
    envelope.resize(body_end, 0);
    let body = envelope.get_mut(HEADER_BYTES + SALT_BYTES..).ok_or(SealError::DoesNotSeal)?;
    match seal_once(&value_key(base, &salt, context), place, body) {
        Ok(tag) => envelope.extend_from_slice(&tag),
        Err(error) => {
            envelope.zeroize();
            return Err(error);
        }
    }
    Ok(envelope)
}

/// Opens what [`seal_value`] made for the same context under the same key. `envelope` may be any bytes.
///
/// The caller finds the key with [`envelope_key_version`]. Whatever is wrong, the answer is
/// [`SealError::DoesNotOpen`].
pub fn open_value(key: &ProjectKey, context: &ValueContext, envelope: &[u8]) -> Result<SecretValue, SealError> {
    let parts = split(envelope).ok_or(SealError::DoesNotOpen)?;
    let encoded = encode(context, parts.key_version);
    let place = encoded.finish().ok_or(SealError::DoesNotOpen)?;
    let user_key = context.scope.user().map(|user| derive_user_key(key, user));
    let base = user_key.as_ref().unwrap_or(&key.0);

    let mut plaintext = Zeroizing::new(vec![0_u8; parts.ciphertext.len()]);
    open_once(&value_key(base, parts.salt, context), place, parts.ciphertext, parts.tag, &mut plaintext)?;
    let length = plaintext.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if padded(length) != plaintext.len() {
        return Err(SealError::DoesNotOpen);
    }
    plaintext.truncate(length);
    SecretValue::from_bytes(std::mem::take(&mut *plaintext)).map_err(|_| SealError::DoesNotOpen)
}

/// The version of the project key that an envelope names. It is only believed once the envelope opens.
pub fn envelope_key_version(envelope: &[u8]) -> Result<u32, SealError> {
    split(envelope).map(|parts| parts.key_version).ok_or(SealError::UnknownFormat)
}

/// Whether two values are equal, in a time that depends on their lengths alone.
pub fn same_value(a: &SecretValue, b: &SecretValue) -> bool {
    verify_slices_are_equal(a.expose().as_bytes(), b.expose().as_bytes()).is_ok()
}

/// The parts of an envelope of format 1, or none for bytes of another shape.
fn split(envelope: &[u8]) -> Option<Parts<'_>> {
    let parts = Parts::of(*MAGIC, envelope)?;
    let length = parts.ciphertext.len();
    let fits = length.is_multiple_of(BLOCK_BYTES) && (BLOCK_BYTES..=padded(MAX_VALUE_BYTES)).contains(&length);
    fits.then_some(parts)
}

/// Length of a value of `length` bytes with its padding.
fn padded(length: usize) -> usize {
    length.max(1).next_multiple_of(BLOCK_BYTES)
}

/// The additional authenticated data: header, project, secret, version, kind of scope, then namespace, app, issuer,
/// user and name, each behind its length, empty where the scope has none.
fn encode(context: &ValueContext, key_version: u32) -> Encoder<CONTEXT_BYTES> {
    let kind = match context.scope.kind() {
        ScopeKind::Global => 1,
        ScopeKind::Namespace => 2,
        ScopeKind::App => 3,
        ScopeKind::System => 4,
        ScopeKind::User => 5,
    };
    let mut place = Encoder::new();
    place.fixed(MAGIC);
    place.fixed(&key_version.to_be_bytes());
    place.fixed(context.project.as_bytes());
    place.fixed(context.secret.as_bytes());
    place.fixed(&context.version.to_be_bytes());
    place.fixed(&[kind]);
    place.prefixed(context.scope.namespace().map_or("", |namespace| namespace.as_str()).as_bytes());
    place.prefixed(context.scope.app().map_or("", |app| app.as_str()).as_bytes());
    place.prefixed(context.scope.user().map_or("", EndUser::issuer).as_bytes());
    place.prefixed(context.scope.user().map_or("", EndUser::id).as_bytes());
    place.prefixed(context.name.as_str().as_bytes());
    place
}

/// `HKDF(project key, salt "", info "strongroom/v1/user-key" || issuer || user id)`, both behind their lengths.
fn derive_user_key(key: &ProjectKey, user: &EndUser) -> KeyBytes {
    let mut end_user = Encoder::<528>::new();
    end_user.prefixed(user.issuer().as_bytes());
    end_user.prefixed(user.id().as_bytes());
    let end_user = end_user.finish().expect("an issuer and a user id are at most 255 bytes long each");
    derive(&key.0, b"", &[label::USER_KEY, end_user])
}

fn value_key(base: &KeyBytes, salt: &[u8; SALT_BYTES], context: &ValueContext) -> KeyBytes {
    derive(base, salt, &[label::VALUE_KEY, context.secret.as_bytes(), &context.version.to_be_bytes()])
}
