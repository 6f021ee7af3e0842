//! Projects, namespaces, apps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
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

/// `POST` of a project or namespace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNamed {
    /// The name.
    pub name: String,
}

/// A namespace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NamespaceItem {
    /// Its name.
    pub name: String,
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
