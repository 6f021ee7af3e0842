//! Instance, projects, their keys, namespaces, apps and epochs.

use jiff::Timestamp;
use strongroom_model::{AppId, Id, NamespaceName, ProjectName};

use super::StoreError;

/// The one row that says which instance this store belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// The instance.
    pub id: Id,
    /// Key check value of the root key.
    pub key_check: Vec<u8>,
    /// Printable fingerprint of the root key.
    pub fingerprint: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// The project.
    pub id: Id,
    /// Its name, unique in the instance.
    pub name: ProjectName,
    /// Settings as canonical JSON; authority, so under the MAC.
    pub settings: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// MAC over what gives authority.
    pub mac: Vec<u8>,
}

/// One version of a project's key, wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectKeyRow {
    /// The project.
    pub project: Id,
    /// Numbered from 1; the highest is used for sealing.
    pub version: u32,
    /// The key, wrapped by the root key.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceRow {
    /// The project.
    pub project: Id,
    /// Its name, unique in the project.
    pub name: NamespaceName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRow {
    /// The project.
    pub project: Id,
    /// The namespace.
    pub namespace: NamespaceName,
    /// Its id, unique in the namespace.
    pub id: AppId,
    /// A name for people.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// Reading.
pub trait ProjectRows {
    /// The instance, if the store has been initialised.
    fn instance(&mut self) -> Result<Option<InstanceRow>, StoreError>;
    /// A project by name.
    fn project(&mut self, name: &ProjectName) -> Result<Option<ProjectRow>, StoreError>;
    /// All projects by name.
    fn projects(&mut self) -> Result<Vec<ProjectRow>, StoreError>;
    /// All key versions of a project, lowest first.
    fn project_keys(&mut self, project: &Id) -> Result<Vec<ProjectKeyRow>, StoreError>;
    /// All namespaces of a project by name.
    fn namespaces(&mut self, project: &Id) -> Result<Vec<NamespaceRow>, StoreError>;
    /// Whether a namespace exists.
    fn has_namespace(&mut self, project: &Id, name: &NamespaceName) -> Result<bool, StoreError>;
    /// All apps of a project, by namespace and id.
    fn apps(&mut self, project: &Id) -> Result<Vec<AppRow>, StoreError>;
    /// One app.
    fn app(&mut self, project: &Id, namespace: &NamespaceName, id: &AppId) -> Result<Option<AppRow>, StoreError>;
    /// The epoch of a namespace: the highest counter that a change visible in it has drawn. 0 before any.
    fn epoch(&mut self, project: &Id, namespace: &NamespaceName) -> Result<u64, StoreError>;
}

/// Writing.
pub trait ProjectTx {
    /// Writes the instance row; `Exists` if there is one.
    fn insert_instance(&mut self, row: &InstanceRow) -> Result<(), StoreError>;
    /// Adds a project; `Exists` if the name is taken.
    fn insert_project(&mut self, row: &ProjectRow) -> Result<(), StoreError>;
    /// Replaces settings and MAC.
    fn update_project(&mut self, row: &ProjectRow) -> Result<(), StoreError>;
    /// Erases the project with everything it owns, keys included, but not its audit records. `false` if missing.
    fn delete_project(&mut self, project: &Id) -> Result<bool, StoreError>;
    /// Adds a key version; `Exists` if there.
    fn insert_project_key(&mut self, row: &ProjectKeyRow) -> Result<(), StoreError>;
    /// Adds a namespace; `Exists` if there.
    fn insert_namespace(&mut self, row: &NamespaceRow) -> Result<(), StoreError>;
    /// Erases a namespace with its secrets (all versions), apps, functions and usage. `false` if missing.
    fn delete_namespace(&mut self, project: &Id, name: &NamespaceName) -> Result<bool, StoreError>;
    /// Adds an app; `Exists` if there.
    fn insert_app(&mut self, row: &AppRow) -> Result<(), StoreError>;
    /// Erases an app with its secrets (all versions) and usage. `false` if missing.
    fn delete_app(&mut self, project: &Id, namespace: &NamespaceName, id: &AppId) -> Result<bool, StoreError>;
    /// Draws the project's next counter and makes it the epoch of `namespace`, or of all namespaces for `None`.
    /// Returns the counter; it rises by at least one at each call and never falls.
    fn raise_epoch(&mut self, project: &Id, namespace: Option<&NamespaceName>) -> Result<u64, StoreError>;
}
