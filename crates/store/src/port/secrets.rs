//! Secrets and their versions.

use std::ops::ControlFlow;

use jiff::Timestamp;
use strongroom_model::{AppId, Id, NameList, NamespaceName, Scope, ScopeKind, SecretName};

use super::StoreError;

/// A secret's head: everything but values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// The secret.
    pub id: Id,
    /// The project.
    pub project: Id,
    /// Where it lives.
    pub scope: Scope,
    /// Its name; unique among the live secrets of a scope, also when case is ignored.
    pub name: SecretName,
    /// For people. Not secret.
    pub description: Option<String>,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// The current version, which is also the number of versions; 0 for a declared secret without a value.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When head or value last changed.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
    /// When the current value was set; none while there is none.
    pub value_set_at: Option<Timestamp>,
    /// When it was deleted, if it can still be restored.
    pub deleted_at: Option<Timestamp>,
    /// MAC over what steers resolution.
    pub mac: Vec<u8>,
}

/// What lists show of a head, borrowed from its row while it is looked at. `namespace`, `app` and `user` are empty in the
/// scopes that have none. Nothing of it is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of the same name of `SecretRow`, the scope in its parts")]
pub struct SecretView<'row> {
    pub id: Id,
    pub scope: ScopeKind,
    pub namespace: &'row str,
    pub app: &'row str,
    pub user: &'row str,
    pub name: &'row str,
    pub description: Option<&'row str>,
    pub expires_at: Option<Timestamp>,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: &'row str,
}

impl SecretRow {
    /// What lists show of it.
    pub fn view(&self) -> SecretView<'_> {
        SecretView {
            id: self.id,
            scope: self.scope.kind(),
            namespace: self.scope.namespace().map_or("", NamespaceName::as_str),
            app: self.scope.app().map_or("", AppId::as_str),
            user: self.scope.user().map_or("", strongroom_model::EndUser::as_str),
            name: self.name.as_str(),
            description: self.description.as_deref(),
            expires_at: self.expires_at,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            updated_by: &self.updated_by,
        }
    }
}

/// How a version came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionKind {
    /// A value was set.
    Set,
    /// A copy of an earlier version.
    Rollback,
}

/// One version of a value, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// The secret.
    pub secret: Id,
    /// Numbered from 1 without gaps.
    pub version: u64,
    /// How it came to be.
    pub kind: VersionKind,
    /// The version it copies, for rollbacks.
    pub from_version: Option<u64>,
    /// The sealed value.
    pub envelope: Vec<u8>,
    /// When.
    pub created_at: Timestamp,
    /// Who.
    pub created_by: String,
}

/// A head with the envelope of its current version (none for a declared secret).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// The head.
    pub head: SecretRow,
    /// The current version's envelope.
    pub envelope: Option<Vec<u8>>,
}

/// Which secrets to list, by (name, scope, namespace, app, user) in byte order.
#[derive(Debug, Clone, Default)]
pub struct SecretFilter {
    /// Kinds of scope to include; empty means global, namespace and app.
    pub scopes: Vec<ScopeKind>,
    /// Only secrets inside this namespace (namespace and app scopes); global ones are not excluded by it unless
    /// `scopes` says so.
    pub namespace: Option<NamespaceName>,
    /// Only this app's secrets among those of app scope.
    pub app: Option<AppId>,
    /// Only this user's secrets among those of user scope, and those of the same id that no issuer has claimed.
    pub user: Option<strongroom_model::EndUser>,
    /// Only names that contain this text, ignoring ASCII case.
    pub search: Option<String>,
    /// Only after this key (the last item of the page before): name, then the head's id. If that head has been erased
    /// since, the page begins with the first secret of the name again: rather one twice than one never.
    pub after: Option<PageEnd>,
    /// At most this many.
    pub limit: usize,
}

/// Where a page ends: the last item's name, and the id of its head.
pub type PageEnd = (SecretName, Id);

/// Counts for one project, over global, namespace and app scope. A secret can count more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Live secrets.
    pub total: u64,
    /// Those that have not run out but do so within the window, its end included.
    pub expiring_soon: u64,
    /// Those that have run out; the very instant counts.
    pub expired: u64,
    /// Declared ones without a value.
    pub without_value: u64,
}

/// Reading. "Live" means not deleted; expired secrets are live.
pub trait SecretRows {
    /// A live secret.
    fn secret(&mut self, project: &Id, scope: &Scope, name: &SecretName) -> Result<Option<SecretRow>, StoreError>;
    /// The live name in this scope that equals `name` but for ASCII case and is not `name` itself.
    fn case_twin(&mut self, project: &Id, scope: &Scope, name: &SecretName) -> Result<Option<SecretName>, StoreError>;
    /// The live secrets of this name in all scopes of the project but those of end users, for hints: by scope,
    /// namespace and app.
    fn elsewhere(&mut self, project: &Id, name: &SecretName) -> Result<Vec<SecretRow>, StoreError>;
    /// The most recently deleted secret of this name in this scope.
    fn deleted_secret(
        &mut self,
        project: &Id,
        scope: &Scope,
        name: &SecretName,
    ) -> Result<Option<SecretRow>, StoreError>;
    /// The secrets of all scopes but user that were deleted at `since` or later, the latest first, at most `limit`.
    fn deleted_secrets(&mut self, project: &Id, since: Timestamp, limit: usize) -> Result<Vec<SecretRow>, StoreError>;
    /// One version with its envelope.
    fn version(&mut self, secret: &Id, version: u64) -> Result<Option<VersionRow>, StoreError>;
    /// All versions, newest first, with envelopes left empty.
    fn versions(&mut self, secret: &Id) -> Result<Vec<VersionRow>, StoreError>;
    /// The live secrets of one name that a workload in `namespace` (for an app: with this id) may see: scopes global,
    /// namespace and app. `Damaged` if one has versions but not its current one: a value that has gone must not look
    /// like one that was never set.
    fn candidates(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        app: Option<&AppId>,
        name: &SecretName,
    ) -> Result<Vec<SealedRow>, StoreError>;
    /// The same for all names, ordered by name.
    fn all_candidates(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        app: Option<&AppId>,
    ) -> Result<Vec<SealedRow>, StoreError>;
    /// All live secrets of exactly one scope (system, one user) with envelopes, ordered by name.
    fn sealed_in_scope(&mut self, project: &Id, scope: &Scope) -> Result<Vec<SealedRow>, StoreError>;
    /// A page of live secrets.
    fn list_secrets(&mut self, project: &Id, filter: &SecretFilter) -> Result<Vec<SecretRow>, StoreError>;
    /// The same page, each head shown to `each` for as long as it goes on. Must be several times cheaper.
    fn view_secrets(
        &mut self,
        project: &Id,
        filter: &SecretFilter,
        each: &mut dyn FnMut(SecretView<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;
    /// A page of names only, and where the next one begins if there is more; the same order and filter. Must be several
    /// times cheaper.
    fn list_secret_names(
        &mut self,
        project: &Id,
        filter: &SecretFilter,
    ) -> Result<(NameList, Option<PageEnd>), StoreError>;
    /// The live secrets of all scopes but user that run out after `after`, soonest first, at most `limit`.
    fn expiring(&mut self, project: &Id, after: Timestamp, limit: usize) -> Result<Vec<SecretRow>, StoreError>;
    /// Counts at `now`; `soon` ends the expiring-soon window.
    fn stats(&mut self, project: &Id, now: Timestamp, soon: Timestamp) -> Result<Stats, StoreError>;
}

/// Writing.
pub trait SecretTx {
    /// Adds a head; `Exists` if a live secret has the name in the scope.
    fn insert_secret(&mut self, row: &SecretRow) -> Result<(), StoreError>;
    /// Replaces everything of a head but id, project, scope and name. `false` if missing; `Exists` if it would bring
    /// back a secret whose name is taken.
    fn update_secret(&mut self, row: &SecretRow) -> Result<bool, StoreError>;
    /// Appends a version; `Exists` if the number is taken.
    fn insert_version(&mut self, row: &VersionRow) -> Result<(), StoreError>;
    /// Erases a head with all versions, deleted or not. `false` if missing.
    fn purge_secret(&mut self, secret: &Id) -> Result<bool, StoreError>;
    /// Erases every secret deleted before `before`; returns how many.
    fn purge_deleted(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}
