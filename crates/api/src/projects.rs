//! Projects, namespaces, apps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_model::NamespaceName;
use utoipa::ToSchema;

/// A project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProjectItem {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: ProjectSettings,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// What a project allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectSettings {
    /// Whether `secrets reveal` and its endpoint answer at all.
    #[serde(default)]
    pub allow_reveal: bool,
    /// Whether lists add the last four characters of values of 20 or more.
    #[serde(default)]
    pub value_hints: bool,
    /// Namespaces in which values, writes, deploys and runs of jobs need a grant that names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub protected: Vec<NamespaceName>,
}

/// `PATCH /api/v1/projects/{project}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProject {
    /// See [`ProjectSettings`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_reveal: Option<bool>,
    /// See [`ProjectSettings`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_hints: Option<bool>,
}

/// `POST /api/v1/projects`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNamed {
    /// The name.
    pub name: String,
}

/// `POST /namespaces`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNamespace {
    /// The name.
    pub name: String,
    /// Whether values, writes, deploys and runs of jobs in it need a grant that names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
}

/// `PATCH /namespaces/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateNamespace {
    /// Whether values, writes, deploys and runs of jobs in it need a grant that names it.
    pub protected: bool,
}

/// A namespace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NamespaceItem {
    /// Its name.
    pub name: String,
    /// Whether values, writes, deploys and runs of jobs in it need a grant that names it.
    #[serde(default)]
    pub protected: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// An app.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AppItem {
    /// Its id.
    pub id: String,
    /// Its namespace.
    pub namespace: String,
    /// A name for people.
    pub name: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// `POST /apps`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApp {
    /// The id.
    pub id: String,
    /// The namespace; `default` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A thing was deleted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Gone {
    /// What was deleted.
    pub name: String,
    /// `deleted`.
    pub status: String,
}
