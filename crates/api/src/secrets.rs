//! Secrets: metadata out, values in.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_model::ScopeKind;
use utoipa::ToSchema;

use crate::value::{Plaintext, PlaintextMap};

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
    /// The last four characters, where the project shows hints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether a variable in the server's own environment overrides it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overridden: bool,
}

/// A [`SecretItem`] that borrows its texts: what lists are written from, of which one may show a thousand.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "each field is the one of the same name of `SecretItem`")]
pub struct SecretLine<'row> {
    pub name: &'row str,
    pub scope: ScopeKind,
    pub namespace: Option<&'row str>,
    pub app: Option<&'row str>,
    pub version: Option<u64>,
    pub description: Option<&'row str>,
    #[serde(serialize_with = "optional_time")]
    pub expires_at: Option<Timestamp>,
    pub state: State,
    #[serde(serialize_with = "time")]
    pub created_at: Timestamp,
    #[serde(serialize_with = "time")]
    pub updated_at: Timestamp,
    pub updated_by: &'row str,
    pub used_by: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'row str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'row str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overridden: bool,
}

impl SecretItem {
    /// The same, borrowed.
    pub fn line(&self) -> SecretLine<'_> {
        SecretLine {
            name: &self.name,
            scope: self.scope,
            namespace: self.namespace.as_deref(),
            app: self.app.as_deref(),
            version: self.version,
            description: self.description.as_deref(),
            expires_at: self.expires_at,
            state: self.state,
            created_at: self.created_at,
            updated_at: self.updated_at,
            updated_by: &self.updated_by,
            used_by: self.used_by,
            user: self.user.as_deref(),
            hint: self.hint.as_deref(),
            overridden: self.overridden,
        }
    }
}

impl From<SecretLine<'_>> for SecretItem {
    fn from(line: SecretLine<'_>) -> Self {
        Self {
            name: line.name.to_owned(),
            scope: line.scope,
            namespace: line.namespace.map(str::to_owned),
            app: line.app.map(str::to_owned),
            version: line.version,
            description: line.description.map(str::to_owned),
            expires_at: line.expires_at,
            state: line.state,
            created_at: line.created_at,
            updated_at: line.updated_at,
            updated_by: line.updated_by.to_owned(),
            used_by: line.used_by,
            user: line.user.map(str::to_owned),
            hint: line.hint.map(str::to_owned),
            overridden: line.overridden,
        }
    }
}

/// Writes a time as [`Timestamp`] itself does, in one piece.
fn time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(32);
    match DateTimePrinter::new().print_timestamp(at, &mut text) {
        Ok(()) => serializer.serialize_str(&text),
        Err(_) => at.serialize(serializer),
    }
}

#[expect(clippy::ref_option, reason = "what serde hands over")]
fn optional_time<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => time(at, serializer),
        None => serializer.serialize_none(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_as_its_item_is() {
        let at = |millis| Timestamp::from_millisecond(millis).expect("a time in range");
        let whole = SecretItem {
            name: "A".to_owned(),
            scope: ScopeKind::App,
            namespace: Some("n".to_owned()),
            app: Some("a".to_owned()),
            version: Some(3),
            description: Some("of \"it\"\n".to_owned()),
            expires_at: Some(at(1_800_000_000_120)),
            state: State::ExpiringSoon,
            created_at: at(-1),
            updated_at: at(1_800_000_000_000),
            updated_by: "token:é".to_owned(),
            used_by: 2,
            user: Some("u".to_owned()),
            hint: Some("abcd".to_owned()),
            overridden: true,
        };
        let bare = SecretItem {
            namespace: None,
            app: None,
            version: None,
            description: None,
            expires_at: None,
            user: None,
            hint: None,
            overridden: false,
            ..whole.clone()
        };
        for item in [whole, bare] {
            let text = serde_json::to_string(&item).expect("an item is written");
            assert_eq!(serde_json::to_string(&item.line()).expect("a line is written"), text);
            let again = SecretItem::from(item.line());
            assert_eq!(serde_json::to_string(&again).expect("an item is written"), text);
        }
    }
}
