//! Tokens and who one is.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /tokens`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// For people.
    pub name: String,
    /// What it may do; at least one.
    pub capabilities: Vec<String>,
    /// Namespaces it is limited to; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// The app it is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Secret names it is limited to; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Addresses from which it is accepted, such as `192.0.2.0/24`; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Whether a coding agent will hold it; the audit trail then says `agent:NAME`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agent: bool,
    /// A point in time or a length of time; null or `never` means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A token's record. The token itself is not in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenItem {
    /// Its public id.
    pub id: String,
    /// For people.
    pub name: String,
    /// The project.
    pub project: String,
    /// What it may do.
    pub capabilities: Vec<String>,
    /// Namespaces it is limited to.
    pub namespaces: Vec<String>,
    /// The app it is limited to.
    pub app: Option<String>,
    /// Secret names it is limited to.
    pub names: Vec<String>,
    /// Addresses from which it is accepted; empty means all.
    #[serde(default)]
    pub from: Vec<String>,
    /// Whether a coding agent holds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agent: bool,
    /// `active`, `expired`, `revoked`, or `damaged` where the stored record is not what was written.
    pub state: String,
    /// When it runs out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Last use, at most a minute behind.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
}

/// A new token, shown once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The token. It is stored nowhere.
    pub token: String,
    /// Its record.
    #[serde(flatten)]
    pub item: TokenItem,
}

impl fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedToken").field("item", &self.item).finish_non_exhaustive()
    }
}

/// `GET /api/v1/whoami`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// `owner`, `token`, or `person` for who signed in.
    pub kind: String,
    /// As it stands in the audit trail.
    pub actor: String,
    /// The token's project, a person's `default`; null for the owner.
    pub project: Option<String>,
    /// What the caller may do.
    pub capabilities: Vec<String>,
    /// Namespaces the caller is limited to.
    pub namespaces: Vec<String>,
    /// The app the caller is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Secret names the caller is limited to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}
