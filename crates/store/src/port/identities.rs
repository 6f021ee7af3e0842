//! Who a person is at a sign-in provider.

use jiff::Timestamp;
use strongroom_model::Id;

use super::StoreError;

/// One person at one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    /// The provider, as its tokens name it.
    pub issuer: String,
    /// The person there, as the provider's tokens name him.
    pub subject: String,
    /// The person here.
    pub user: Id,
    /// What the person sees it by: an e-mail address, else the subject.
    pub label: String,
    /// When it was linked.
    pub created_at: Timestamp,
    /// MAC over issuer, subject and user.
    pub mac: Vec<u8>,
}

/// Reading.
pub trait IdentityRows {
    /// By what a provider's token says.
    fn identity(&mut self, issuer: &str, subject: &str) -> Result<Option<IdentityRow>, StoreError>;
    /// A person's, by provider.
    fn identities(&mut self, user: &Id) -> Result<Vec<IdentityRow>, StoreError>;
}

/// Writing.
pub trait IdentityTx {
    /// Adds one; `Exists` if it is linked already, or the person is linked with another one of the same provider.
    fn insert_identity(&mut self, row: &IdentityRow) -> Result<(), StoreError>;
    /// Erases one. `false` if missing.
    fn delete_identity(&mut self, issuer: &str, subject: &str) -> Result<bool, StoreError>;
}
