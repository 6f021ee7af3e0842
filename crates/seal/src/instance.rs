//! An unlocked instance: the keys that hang from the root key, and what they are for.

use std::fmt;

use strongroom_model::Id;
use strongroom_secret::KeyBytes;
use zeroize::Zeroizing;

use crate::derive::{derive, label};
use crate::error::SealError;
use crate::factor::{self, FactorSecret};
use crate::mac::{MacKey, RowKind, verify};
use crate::random::Random;
use crate::root::RootKey;
use crate::wrapped::{self, ProjectKey};

/// The working keys of one instance. They wipe themselves; there is no `Clone`, and `Debug` prints the id alone.
pub struct Instance {
    id: Id,
    wrapping: KeyBytes,
    secret: KeyBytes,
    row: MacKey,
    token: MacKey,
    audit: MacKey,
    digest: MacKey,
}

impl Instance {
    pub(crate) fn new(id: Id, wrapping: KeyBytes, secret: KeyBytes) -> Self {
        let subkey = |label: &[u8]| MacKey::new(&derive(&secret, id.as_bytes(), &[label]));
        let (row, token) = (subkey(label::ROW_MAC), subkey(label::TOKEN));
        let (audit, digest) = (subkey(label::AUDIT), subkey(label::DIGEST));
        Self { id, wrapping, secret, row, token, audit, digest }
    }

    /// The id that the keys are bound to.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// A new project key of 32 bytes from `rng`.
    #[must_use]
    pub fn new_project_key(&self, rng: &dyn Random) -> ProjectKey {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rng.fill(bytes.as_mut_slice());
        ProjectKey(KeyBytes::new(*bytes))
    }

    /// Seals version `version` of the key of `project` for storage: 88 bytes (`docs/formats/wrapped-key.md`).
    pub fn wrap(&self, project: &Id, version: u32, key: &ProjectKey, rng: &dyn Random) -> Result<Vec<u8>, SealError> {
        wrapped::wrap(&self.wrapping, &self.id, project, version, key, rng)
    }

    /// Opens what [`Instance::wrap`] made for the same instance, project and version. `wrapped` may be any bytes.
    pub fn unwrap(&self, project: &Id, version: u32, wrapped: &[u8]) -> Result<ProjectKey, SealError> {
        wrapped::unwrap(&self.wrapping, &self.id, project, version, wrapped)
    }

    /// Seals the instance secret for the root key that takes over, so that [`RootKey::unlock_carried`] of the new key
    /// gives the same tokens, row MACs, audit links and digests: 88 bytes (`docs/formats/wrapped-key.md`). Project
    /// keys are wrapped anew by the instance that `new_root` unlocks.
    pub fn carry(&self, new_root: &RootKey, rng: &dyn Random) -> Result<Vec<u8>, SealError> {
        wrapped::carry(&new_root.wrapping_key(&self.id), &self.id, &self.secret, rng)
    }

    /// Seals the secret of a user's second factor for storage: 72 bytes (`docs/formats/second-factor.md`).
    pub fn seal_factor(&self, user: &Id, secret: &FactorSecret, rng: &dyn Random) -> Result<Vec<u8>, SealError> {
        factor::seal(&self.factor_key(), (&self.id, user), secret, rng)
    }

    /// Opens what [`Instance::seal_factor`] made for the same instance and user. `sealed` may be any bytes.
    pub fn open_factor(&self, user: &Id, sealed: &[u8]) -> Result<FactorSecret, SealError> {
        factor::open(&self.factor_key(), (&self.id, user), sealed)
    }

    fn factor_key(&self) -> KeyBytes {
        derive(&self.secret, self.id.as_bytes(), &[label::FACTOR])
    }

    /// The MAC of a row: `HMAC-SHA256(row key, code || count || (length || field)*)` (`docs/formats/row-mac.md`).
    ///
    /// Every field counts with its place and length, so nothing moves between neighbours. A column that may be NULL
    /// takes two fields, or one with a byte in front, so that NULL and empty differ.
    pub fn row_mac(&self, table: RowKind, fields: &[&[u8]]) -> [u8; 32] {
        self.row.row(table, fields)
    }

    /// Whether `stored` is the MAC of the row, in constant time.
    pub fn verify_row_mac(&self, table: RowKind, fields: &[&[u8]], stored: &[u8]) -> Result<(), SealError> {
        verify(&self.row.row(table, fields), stored)
    }

    /// What is stored and looked up in place of a token: `HMAC-SHA256(token key, text)`.
    pub fn token_digest(&self, token: &str) -> [u8; 32] {
        self.token.concatenated(&[token.as_bytes()])
    }

    /// The link of record `seq` of `node` to the one before: `HMAC-SHA256(audit key, count || (length || field)*)`
    /// over node, sequence number, previous link and record (`docs/formats/audit-link.md`). The first record's previous
    /// link is 32 zero bytes.
    pub fn audit_link(&self, node: &str, seq: u64, previous: &[u8; 32], record: &[u8]) -> [u8; 32] {
        self.audit.fields(&[], &[node.as_bytes(), &seq.to_be_bytes(), previous, record])
    }

    /// Whether `stored` is the link of the record, in constant time.
    pub fn verify_audit_link(
        &self,
        node: &str,
        seq: u64,
        previous: &[u8; 32],
        record: &[u8],
        stored: &[u8],
    ) -> Result<(), SealError> {
        verify(&self.audit_link(node, seq, previous, record), stored)
    }
}

/// A digest of `bytes` that only this instance can compute: `HMAC-SHA256(digest key, count || (length || field)*)` over
/// `purpose` and `bytes`. For entity tags and the like, where a plain hash would let anyone test guesses of a value.
pub fn keyed_digest(instance: &Instance, purpose: &str, bytes: &[u8]) -> [u8; 32] {
    instance.digest.fields(&[], &[purpose.as_bytes(), bytes])
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({}, ..)", self.id)
    }
}
