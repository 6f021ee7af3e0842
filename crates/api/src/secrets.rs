//! Secrets: metadata out, values in.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use strongroom_model::ScopeKind;
use utoipa::ToSchema;

use crate::value::{Plaintext, PlaintextMap};

mod line;

pub use line::SecretLine;

/// What state a secret is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has a value.
    Set,
    /// It is declared and has no value yet.
    NoValue,
    /// Its value runs out within 7 days.
    ExpiringSoon,
    /// Its value has run out.
    Expired,
}

/// A secret without its value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretItem {
    /// Its name.
    pub name: String,
    /// Where it lives.
    #[schema(value_type = String)]
    pub scope: ScopeKind,
    /// The namespace, for namespace and app scope.
    pub namespace: Option<String>,
    /// The app, for app scope.
    pub app: Option<String>,
    /// The current version; null while there is no value.
    pub version: Option<u64>,
    /// For people.
    pub description: Option<String>,
    /// When it runs out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Its state now.
    pub state: State,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// How many workloads use it.
    pub used_by: u64,
    /// The end user, for user scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// That user's issuer; absent where none was trusted when the value was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The last four characters, where the project shows hints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether a variable in the server's own environment overrides it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overridden: bool,
}

/// A name alone (`fields=name`).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NameItem {
    /// The secret's name.
    pub name: String,
}

/// One workload that reads a secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Reader {
    /// `function`, `job` or `app`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How it is known: `list`, `code`, `env` or `helper`; `resolve` for an app that was given it.
    pub via: String,
    /// Last read at run time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_read_at: Option<Timestamp>,
}

/// One secret's metadata with its readers. `used_by` is a list here.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretDetail {
    /// Its name.
    pub name: String,
    /// Where it lives.
    #[schema(value_type = String)]
    pub scope: ScopeKind,
    /// The namespace, for namespace and app scope.
    pub namespace: Option<String>,
    /// The app, for app scope.
    pub app: Option<String>,
    /// The current version; null while there is no value.
    pub version: Option<u64>,
    /// For people.
    pub description: Option<String>,
    /// When it runs out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Its state now.
    pub state: State,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// Every workload that uses it.
    pub used_by: Vec<Reader>,
}

/// `POST /secrets`. Without a value the secret is declared.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSecret {
    /// The name.
    pub name: String,
    /// The value; absent or null declares the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Plaintext>,
    /// `global` unless a namespace or app is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The namespace; an empty text means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The app; an empty text means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// For people; an empty text means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A point in time (RFC 3339) or a length of time such as `30d`; an empty text means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Accepts a name that steers a runtime or is published by front-end tools.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_name: bool,
}

/// `PUT /secrets`: sets many values at once; all or none.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecrets {
    /// `global` unless a namespace or app is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Names and values.
    pub secrets: PlaintextMap,
    /// A description for each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// An expiry for each of them: a point in time, a length of time, or `never`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Writes a version even where the value is the current one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// The version that a single secret must have now; 0 means that it must have no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u64>,
    /// Names granted although they steer a runtime or are published by front-end tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_names: Vec<String>,
    /// Tells what would happen and writes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// `PUT /secrets/{name}`. At least one of value, description and expiry.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSecret {
    /// If given, the name in the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Selects the row when the query does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Selects the row when the query does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Selects the row when the query does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// A new value: appends a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Plaintext>,
    /// A new description; null or an empty text clears it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// A new expiry; null, an empty text or `never` clears it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Option<String>>,
    /// Writes a version even if the value is the current one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// Tells `null` from absent: absent is `None`, null is `Some(None)`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// What a write did to one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriteStatus {
    /// It is new.
    Set,
    /// It has a new version, or new metadata.
    Updated,
    /// Nothing to do.
    Unchanged,
    /// Registered without a value.
    Declared,
    /// Deleted; can be restored.
    Deleted,
    /// Erased.
    Purged,
    /// Was not there.
    Missing,
    /// Brought back.
    Restored,
}

/// One result of a write.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WriteResult {
    /// The secret.
    pub name: String,
    /// Where it lives.
    #[schema(value_type = String)]
    pub scope: ScopeKind,
    /// The namespace, for namespace and app scope.
    pub namespace: Option<String>,
    /// The app, for app scope.
    pub app: Option<String>,
    /// The current version; null while there is no value.
    pub version: Option<u64>,
    /// What happened.
    pub status: WriteStatus,
    /// After a deletion: the wider scope that answers now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now_resolves_to: Option<String>,
}

/// Which running workloads have the change now.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Live {
    /// How many functions use the secrets.
    pub functions: u64,
    /// Functions whose workers were replaced.
    pub restarted: Vec<String>,
    /// Functions whose replacement did not start.
    pub restart_failed: Vec<String>,
}

/// What a write did.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// One item a secret.
    pub results: Vec<WriteResult>,
    /// Who has it now.
    pub live: Live,
    /// What came into being on the way, such as a namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<String>,
    /// Things worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What a write to one secret did: its metadata after the write, and the same report as for many.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WrittenSecret {
    /// The secret after the write.
    #[serde(flatten)]
    pub item: SecretItem,
    /// The report.
    #[serde(flatten)]
    pub written: Written,
}

/// `POST /declarations`: registers names without values; all or none; never blanks a value.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareSecrets {
    /// `global` unless a namespace or app is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// What to register.
    pub secrets: Vec<Declaration>,
    /// Declares also over a name that resolves from a wider scope now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Names granted although they steer a runtime or are published by front-end tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_names: Vec<String>,
}

/// One name to register.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The name.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What was declared, and where people fill the values in.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Declared {
    /// One item a secret.
    pub results: Vec<WriteResult>,
    /// The page where the values are filled in.
    pub url: Option<String>,
    /// What came into being on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<String>,
}

/// One version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VersionItem {
    /// Its number.
    pub version: u64,
    /// `set` or `rollback`.
    pub kind: String,
    /// The version it copies, for rollbacks.
    pub from_version: Option<u64>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who.
    pub created_by: String,
    /// Whether it is the current one.
    pub current: bool,
}

/// All versions of a secret, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The versions.
    pub items: Vec<VersionItem>,
}

/// `POST /secrets/{name}/rollback`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The version whose value becomes the newest.
    pub version: u64,
}

/// `GET /stats`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct StatsAnswer {
    /// Live secrets of global, namespace and app scope.
    pub total: u64,
    /// Those that run out within 7 days.
    pub expiring_soon: u64,
    /// Those that have run out.
    pub expired: u64,
    /// Those without a value.
    pub without_value: u64,
}

/// `POST /copies`: copies values from one scope to another; all or none.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CopySecrets {
    /// The source namespace; null for global.
    #[serde(default)]
    pub from_namespace: Option<String>,
    /// The target namespace; null for global.
    #[serde(default)]
    pub to_namespace: Option<String>,
    /// Which names; empty means all.
    #[serde(default)]
    pub names: Vec<String>,
    /// Replaces values that exist in the target.
    #[serde(default)]
    pub overwrite: bool,
    /// Tells what would happen and writes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// How a name differs between two namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Only in the first.
    OnlyFirst,
    /// Only in the second.
    OnlySecond,
    /// In both, with equal values (told only to callers who may read values).
    Equal,
    /// In both, with different values (told only to callers who may read values).
    Different,
    /// In both.
    Both,
}

/// One line of a diff.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DiffItem {
    /// The name.
    pub name: String,
    /// How it differs.
    pub difference: Difference,
}

/// `GET /diff`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// All names of both, in order.
    pub items: Vec<DiffItem>,
}
