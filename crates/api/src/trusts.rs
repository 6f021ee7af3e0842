//! Platforms whose workloads sign in with a token of their own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::value::Plaintext;

/// `POST /trusts`. Which tokens are believed, and what who shows one may do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddTrust {
    /// For people, and for who signs in; unique in the project.
    pub name: String,
    /// `github`, `gitlab` or `kubernetes`: fills in the issuer where it is known, and asks for the claims that matter there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The `iss` of the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What must be in the `aud` of the tokens.
    pub audience: String,
    /// Where the issuer publishes its keys; found out from the issuer unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The issuer's public keys themselves (a JSON Web Key Set), where the server cannot fetch them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Claims that the tokens must have, each exactly: a text, a whole number, or true or false. A name that begins with `/` is a
    /// JSON Pointer into claims within claims.
    #[schema(value_type = Object)]
    pub claims: BTreeMap<String, Value>,
    /// What who signs in may do; at least one, and never `admin`.
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
    /// Addresses from which its tokens are accepted; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// How long a sign-in lasts: `15m` unless given, at most `12h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
}

/// A platform that is trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustItem {
    /// Its name.
    pub name: String,
    /// The `iss` of the tokens.
    pub issuer: String,
    /// What must be in their `aud`.
    pub audience: String,
    /// Where the keys are published; null where they were given.
    pub jwks_url: Option<String>,
    /// Claims that they must have.
    #[schema(value_type = Object)]
    pub claims: BTreeMap<String, Value>,
    /// What who signs in may do.
    pub capabilities: Vec<String>,
    /// Namespaces it is limited to.
    pub namespaces: Vec<String>,
    /// The app it is limited to.
    pub app: Option<String>,
    /// Secret names it is limited to.
    pub names: Vec<String>,
    /// Addresses from which its tokens are accepted.
    pub from: Vec<String>,
    /// How long a sign-in lasts, in seconds.
    pub lasts_seconds: u64,
    /// `active`, or `damaged` where the stored record is not what was written.
    pub state: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// What was added.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AddedTrust {
    /// The platform.
    #[serde(flatten)]
    pub item: TrustItem,
    /// What may be wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// `POST /api/v1/login/jwt`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginByJwt {
    /// The name of what the project trusts.
    pub trust: String,
    /// The project; `default` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The platform's token.
    #[schema(value_type = String)]
    pub jwt: Plaintext,
}

/// A token that was made for a workload.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct WorkloadToken {
    /// The token, shown once.
    #[schema(value_type = String)]
    pub token: Plaintext,
    /// Its public id.
    pub id: String,
    /// The project.
    pub project: String,
    /// What it may do.
    pub capabilities: Vec<String>,
    /// Namespaces it is limited to; empty means all.
    pub namespaces: Vec<String>,
    /// When it runs out. It cannot be renewed: sign in again.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
