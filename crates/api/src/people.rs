//! People: setup, sessions, members.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::value::Plaintext;

/// `POST /api/v1/setup`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// The code of the address that the server printed.
    pub code: String,
    /// The account's name: an e-mail address or a plain name.
    pub name: String,
    /// At least 12 characters.
    pub password: Plaintext,
}

/// `POST /api/v1/session`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub name: String,
    /// The password.
    pub password: Plaintext,
}

/// Who is signed in. Answers that begin a session set its cookie.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionItem {
    /// The session's public id.
    pub id: String,
    /// `browser` or `cli`.
    pub kind: String,
    /// As it stands in the audit trail: `user:NAME`, or `owner` for the local owner.
    pub actor: String,
    /// The account's name; null for the local owner.
    pub name: Option<String>,
    /// Whether the person manages the instance.
    pub is_instance_admin: bool,
    /// The person's projects, and what the person may do in each.
    pub projects: Vec<OwnProject>,
    /// What every change by this session carries in the header `X-CSRF-Token`.
    pub csrf_token: String,
    /// When the person last proved who he is.
    #[schema(value_type = String, format = DateTime)]
    pub proved_at: Timestamp,
    /// When it ends, whatever happens.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// One of a person's projects.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnProject {
    /// The project.
    pub project: String,
    /// What the person may do there.
    pub capabilities: Vec<String>,
    /// The namespaces that the membership is limited to; empty means all.
    pub namespaces: Vec<String>,
}

/// `PUT /members/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutMember {
    /// `owner`, `admin`, `developer` or `viewer`.
    pub role: String,
    /// The namespaces that the membership is limited to; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

/// A member of a project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberItem {
    /// The account's name.
    pub name: String,
    /// `owner`, `admin`, `developer` or `viewer`; `damaged` where the stored record is not what was written.
    pub role: String,
    /// The namespaces that the membership is limited to; empty means all.
    pub namespaces: Vec<String>,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// When the membership began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// What changing or ending a membership did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberChange {
    /// The member, as it is now, or was.
    #[serde(flatten)]
    pub member: MemberItem,
    /// `added`, `changed`, `unchanged` or `removed`.
    pub status: String,
    /// Tokens that ended with it: minted by this person, and more than he may mint now.
    pub revoked_tokens: u64,
}

/// `POST /api/v1/session/opening`: for the local owner.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Opening {
    /// The address that signs one browser in, once, within two minutes.
    pub url: Plaintext,
}
