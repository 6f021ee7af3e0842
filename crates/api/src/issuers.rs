//! Issuers whose tokens say who an end user is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::secrets::State;
use crate::value::Plaintext;

/// `POST /issuers`. Where its keys are is found out from the issuer unless `jwks_url` or `shared_key` says it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddIssuer {
    /// For people; unique in the project.
    pub name: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// What must be in the `aud` of its tokens.
    pub audience: String,
    /// Where it publishes its keys (a JSON Web Key Set).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// A key that both sides know, for HS256: at least 32 bytes. It is stored sealed and never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub shared_key: Option<Plaintext>,
}

/// A trusted issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuerItem {
    /// For people.
    pub name: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// What must be in the `aud` of its tokens.
    pub audience: String,
    /// Where it publishes its keys; null for a shared key.
    pub jwks_url: Option<String>,
    /// Whether its tokens are checked with a shared key.
    pub shared_key: bool,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who added it.
    pub created_by: String,
}

/// What was added.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AddedIssuer {
    /// The issuer.
    #[serde(flatten)]
    pub item: IssuerItem,
    /// What may be wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One of an end user's own secrets: its name, never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnSecret {
    /// The name.
    pub name: String,
    /// `set`, `expiring_soon` or `expired`.
    pub state: State,
    /// When the value runs out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// `PUT /api/v1/me/secrets/{name}`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetOwnSecret {
    /// The value: at most 16 KiB.
    #[schema(value_type = String)]
    pub value: Plaintext,
    /// A point in time or a length of time; `never` clears it; absent leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}
