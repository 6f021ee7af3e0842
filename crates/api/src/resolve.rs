//! Resolution: the one answer that carries values, and the one that tells where they come from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_model::ScopeKind;
use utoipa::ToSchema;

use crate::value::{Plaintext, PlaintextMap};

/// Why a name has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingReason {
    /// No scope has the name.
    NotSet,
    /// It is declared and has no value yet.
    NoValue,
    /// It has run out.
    Expired,
}

impl std::fmt::Display for MissingReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotSet => "not set",
            Self::NoValue => "no value yet",
            Self::Expired => "expired",
        })
    }
}

/// A name that has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Missing {
    /// The name.
    pub name: String,
    /// Why.
    pub reason: MissingReason,
}

/// `GET /resolve`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Resolved {
    /// Rises with every change that can alter the answer.
    pub epoch: u64,
    /// The answer holds until then at most; null if nothing in it expires.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_until: Option<Timestamp>,
    /// Names and values.
    pub secrets: PlaintextMap,
    /// Names left out, and why.
    pub missing: Vec<Missing>,
}

/// One name and the scope that answers for it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResolvedName {
    /// The name.
    pub name: String,
    /// The scope that answers: `app`, `namespace`, `global`, or `environment` for the server's own environment.
    pub scope: String,
    /// The version that answers.
    pub version: Option<u64>,
    /// When it runs out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// `GET /resolution`: which names a workload gets. No values.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResolutionAnswer {
    /// Rises with every change that can alter the answer.
    pub epoch: u64,
    /// What is there.
    pub items: Vec<ResolvedName>,
    /// Names left out, and why.
    pub missing: Vec<Missing>,
}

/// `GET /export`: the values of one scope.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Exported {
    /// Names and values.
    pub secrets: PlaintextMap,
    /// Names left out, and why.
    pub missing: Vec<Missing>,
}

/// `POST /secrets/{name}/reveal`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Revealed {
    /// The name.
    pub name: String,
    /// Where it lives.
    #[schema(value_type = String)]
    pub scope: ScopeKind,
    /// The version.
    pub version: u64,
    /// The value.
    pub value: Plaintext,
}
