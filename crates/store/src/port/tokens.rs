//! Tokens and idempotency keys.

use jiff::Timestamp;
use strongroom_model::Id;

use super::StoreError;

/// A token. The token itself is nowhere; only its keyed digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The token's public id.
    pub id: Id,
    /// The project it belongs to.
    pub project: Id,
    /// A name for people.
    pub name: String,
    /// Keyed digest of the token.
    pub digest: Vec<u8>,
    /// The grant as canonical JSON.
    pub grant: String,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The last use that was written down (batched, so up to a minute behind).
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// MAC over digest, grant, expiry and revocation.
    pub mac: Vec<u8>,
}

/// Reading.
pub trait TokenRows {
    /// By digest; revoked and expired ones too.
    fn token_by_digest(&mut self, digest: &[u8]) -> Result<Option<TokenRow>, StoreError>;
    /// By id, in this project.
    fn token(&mut self, project: &Id, id: &Id) -> Result<Option<TokenRow>, StoreError>;
    /// A project's tokens, newest first.
    fn tokens(&mut self, project: &Id) -> Result<Vec<TokenRow>, StoreError>;
    /// What was answered under an idempotency key: a stable reference such as a token id.
    fn idempotent(&mut self, scope: &str, key: &str) -> Result<Option<String>, StoreError>;
}

/// Writing.
pub trait TokenTx {
    /// Adds a token.
    fn insert_token(&mut self, row: &TokenRow) -> Result<(), StoreError>;
    /// Replaces revocation and MAC. `false` if missing.
    fn update_token(&mut self, row: &TokenRow) -> Result<bool, StoreError>;
    /// Erases a token of a project. `false` if missing.
    fn delete_token(&mut self, project: &Id, id: &Id) -> Result<bool, StoreError>;
    /// Moves `last_used_at` forward.
    fn touch_token(&mut self, id: &Id, at: Timestamp) -> Result<(), StoreError>;
    /// Erases tokens that were revoked or ran out before `before`; returns how many.
    fn prune_tokens(&mut self, before: Timestamp) -> Result<u64, StoreError>;
    /// Remembers an answer; `Exists` if the key was used.
    fn remember_idempotent(&mut self, scope: &str, key: &str, answer: &str, at: Timestamp) -> Result<(), StoreError>;
    /// Forgets answers remembered before `before`; returns how many.
    fn prune_idempotent(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}
