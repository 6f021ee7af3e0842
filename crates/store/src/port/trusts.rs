//! Whom a project trusts to say who somebody is.

use jiff::Timestamp;
use strongroom_model::Id;

use super::StoreError;

/// What a project trusts an issuer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrustKind {
    /// End users of the project's own application.
    Users,
    /// Workloads that sign in with a token of their platform.
    Workloads,
}

impl TrustKind {
    /// The word in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Workloads => "workloads",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Users, Self::Workloads].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One trusted issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRow {
    /// Its id.
    pub id: Id,
    /// The project that trusts it.
    pub project: Id,
    /// What for.
    pub kind: TrustKind,
    /// A name for people, unique among those of its kind in the project.
    pub name: String,
    /// What is trusted, as JSON.
    pub record: String,
    /// The shared key, sealed; empty where keys are fetched.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// MAC over all of it but the last two.
    pub mac: Vec<u8>,
}

/// Reading.
pub trait TrustRows {
    /// A project's, by name.
    fn trusts(&mut self, project: &Id, kind: TrustKind) -> Result<Vec<TrustRow>, StoreError>;
}

/// Writing.
pub trait TrustTx {
    /// Adds one; `Exists` if the name is taken among those of its kind.
    fn insert_trust(&mut self, row: &TrustRow) -> Result<(), StoreError>;
    /// Erases one. `false` if missing.
    fn delete_trust(&mut self, project: &Id, kind: TrustKind, name: &str) -> Result<bool, StoreError>;
}
