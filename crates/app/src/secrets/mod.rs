//! Secrets: set, edit, roll back, declare, delete, restore, list, copy, reveal.

mod copy;
pub(crate) mod declare;
mod delete;
mod list;
mod read;
mod rollback;
pub(crate) mod task;
pub(crate) mod write;

pub use copy::{Copy, copy, diff, export, reveal};
pub use declare::{Declare, declare};
pub use delete::{Delete, Deleted, delete, deleted, restore};
pub use list::{ListQuery, list, list_lines, list_names};
pub use read::{detail, history, item, stats};
pub use rollback::rollback;
pub use write::{Change, Presence, Write, write, write_one};

use jiff::Timestamp;
use serde::Serialize;
use strongroom_api::secrets::{SecretLine, State, WriteResult, WriteStatus};
use strongroom_model::expiry::{is_expired, is_soon};
use strongroom_model::{AppId, EndUser, Id, NamespaceName, Scope, ScopeKind, SecretName};
use strongroom_seal::Instance;
use strongroom_store::Tx;
use strongroom_store::port::{AppRow, NamespaceRow, SecretRow, SecretView};

use crate::audit::Record;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;

/// The state of a secret at `now`.
pub(crate) fn state(head: &SecretView<'_>, now: Timestamp) -> State {
    if is_expired(head.expires_at, now) {
        State::Expired
    } else if head.version == 0 {
        State::NoValue
    } else if is_soon(head.expires_at, now) {
        State::ExpiringSoon
    } else {
        State::Set
    }
}

/// The metadata of a head.
pub(crate) fn to_line<'row>(head: &SecretView<'row>, used_by: u64, now: Timestamp) -> SecretLine<'row> {
    let some = |text: &'row str| (!text.is_empty()).then_some(text);
    SecretLine {
        name: head.name,
        scope: head.scope,
        namespace: some(head.namespace),
        app: some(head.app),
        version: (head.version > 0).then_some(head.version),
        description: head.description,
        expires_at: head.expires_at,
        state: state(head, now),
        created_at: head.created_at,
        updated_at: head.updated_at,
        updated_by: head.updated_by,
        used_by,
        user: some(head.user.split_once('\n').map_or(head.user, |(_, id)| id)),
        issuer: head.user.split_once('\n').map(|(issuer, _)| issuer),
        hint: None,
        overridden: false,
    }
}

/// What happened to a head.
pub(crate) fn to_result(head: &SecretRow, status: WriteStatus) -> WriteResult {
    WriteResult {
        name: head.name.to_string(),
        scope: head.scope.kind(),
        namespace: head.scope.namespace().map(ToString::to_string),
        app: head.scope.app().map(ToString::to_string),
        version: (head.version > 0).then_some(head.version),
        status,
        now_resolves_to: None,
    }
}

/// What an audit record says of a secret.
pub(crate) fn target(head: &SecretRow) -> Target<'_> {
    Target {
        secret: &head.name,
        scope: head.scope.kind(),
        namespace: head.scope.namespace(),
        app: head.scope.app(),
        user: head.scope.user().map(EndUser::id),
        issuer: head.scope.user().map(EndUser::issuer).filter(|issuer| !issuer.is_empty()),
        version: head.version,
        from_version: None,
    }
}

/// See [`target`].
#[derive(Serialize)]
pub(crate) struct Target<'a> {
    secret: &'a SecretName,
    scope: ScopeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a NamespaceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    pub(crate) version: u64,
    /// For rollbacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from_version: Option<u64>,
}

/// How a command names a scope, for hints.
pub(crate) fn scope_flags(scope: &Scope) -> String {
    match scope {
        Scope::Global => String::new(),
        Scope::Namespace(namespace) => format!(" --namespace {namespace}"),
        Scope::App(namespace, app) => format!(" --namespace {namespace} --app {app}"),
        Scope::System => " --scope system".to_owned(),
        Scope::User(user) if user.issuer().is_empty() => format!(" --user {user}"),
        Scope::User(user) => format!(" --user {user} --issuer {}", user.issuer()),
    }
}

/// What a new value does not tell by itself: that it is of no use.
pub(crate) fn expired_warning(head: &SecretRow, now: Timestamp) -> Option<String> {
    let name = &head.name;
    is_expired(head.expires_at, now)
        .then(|| format!("{name} has an expiry that has passed, so its value is expired; set another with --expires"))
}

/// The scope of a kind with its names; none if they do not belong to that kind. End users have none here.
pub(crate) fn scope_of(kind: ScopeKind, namespace: Option<NamespaceName>, app: Option<AppId>) -> Option<Scope> {
    match (kind, namespace, app) {
        (ScopeKind::Global, None, None) => Some(Scope::Global),
        (ScopeKind::System, None, None) => Some(Scope::System),
        (ScopeKind::Namespace, Some(namespace), None) => Some(Scope::Namespace(namespace)),
        (ScopeKind::App, Some(namespace), Some(app)) => Some(Scope::App(namespace, app)),
        _ => None,
    }
}

/// What a transaction that touches a scope needs to know.
pub(crate) struct Place<'a> {
    pub(crate) project: &'a Project,
    pub(crate) instance: &'a Instance,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
}

impl Place<'_> {
    /// Appends an audit record about `head`.
    pub(crate) fn record(&self, tx: &mut dyn Tx, action: &'static str, head: &SecretRow) -> Result<(), Error> {
        self.record_target(tx, action, &target(head))
    }

    /// Appends an audit record.
    pub(crate) fn record_target(
        &self,
        tx: &mut dyn Tx,
        action: &'static str,
        target: &impl Serialize,
    ) -> Result<(), Error> {
        Record::done(self.now, self.caller, Some(&self.project.name), action, target).append(tx, self.instance)
    }

    /// Makes sure that the scope's namespace and app exist: creates them for those who may, and tells what it created. The
    /// project must still be there.
    pub(crate) fn ensure(&self, tx: &mut dyn Tx, scope: &Scope) -> Result<Vec<String>, Error> {
        let mut created = Vec::new();
        let id: &Id = &self.project.id;
        if tx.project(&self.project.name)?.is_none_or(|row| row.id != *id) {
            return Err(Error::not_found(format!("project {}", self.project.name)));
        }
        let Some(namespace) = scope.namespace() else { return Ok(created) };
        if !tx.has_namespace(id, namespace)? {
            if !self.caller.creates_on_mention() {
                return Err(Error::not_found(format!("namespace {namespace}")));
            }
            let created_by = self.caller.actor.clone();
            tx.insert_namespace(&NamespaceRow {
                project: *id,
                name: namespace.clone(),
                created_at: self.now,
                created_by,
            })?;
            self.record_target(tx, "namespace.create", &serde_json::json!({ "namespace": namespace }))?;
            created.push(format!("namespace {namespace}"));
        }
        let Some(app) = scope.app() else { return Ok(created) };
        if tx.app(id, namespace, app)?.is_none() {
            if !self.caller.creates_on_mention() {
                return Err(Error::not_found(format!("app {namespace}/{app}")));
            }
            tx.insert_app(&AppRow {
                project: *id,
                namespace: namespace.clone(),
                id: app.clone(),
                label: None,
                created_at: self.now,
                created_by: self.caller.actor.clone(),
            })?;
            self.record_target(tx, "app.create", &serde_json::json!({ "namespace": namespace, "app": app }))?;
            created.push(format!("app {namespace}/{app}"));
        }
        Ok(created)
    }
}
