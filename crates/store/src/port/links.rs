//! Fill-in links.

use jiff::Timestamp;
use strongroom_model::Id;

use super::StoreError;

/// A fill-in link. Its code is nowhere; only its keyed digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// The link's public id.
    pub id: Id,
    /// The project it belongs to.
    pub project: Id,
    /// Keyed digest of the code.
    pub digest: Vec<u8>,
    /// What may be filled in, and on whose behalf, as canonical JSON.
    pub terms: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// When it was used.
    pub filled_at: Option<Timestamp>,
    /// The address from which it was used.
    pub filled_from: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// MAC over digest, terms, expiry, use and revocation.
    pub mac: Vec<u8>,
}

/// Reading.
pub trait LinkRows {
    /// By digest; used, revoked and expired ones too.
    fn link_by_digest(&mut self, digest: &[u8]) -> Result<Option<LinkRow>, StoreError>;
    /// By id, in this project.
    fn link(&mut self, project: &Id, id: &Id) -> Result<Option<LinkRow>, StoreError>;
    /// A project's links, newest first.
    fn links(&mut self, project: &Id) -> Result<Vec<LinkRow>, StoreError>;
}

/// Writing.
pub trait LinkTx {
    /// Adds a link.
    fn insert_link(&mut self, row: &LinkRow) -> Result<(), StoreError>;
    /// Replaces use, revocation and MAC. `false` if missing.
    fn update_link(&mut self, row: &LinkRow) -> Result<bool, StoreError>;
    /// Erases links that ran out before `before`; returns how many.
    fn prune_links(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}
