//! Scopes: where a secret lives, and therefore who sees it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::slug::{AppId, NamespaceName};
use crate::user::EndUser;

/// Where a secret lives. One table and one crypto path serve all five.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Every workload of the project.
    Global,
    /// Workloads in one namespace.
    Namespace(NamespaceName),
    /// One app.
    App(NamespaceName, AppId),
    /// `secrets.getSystem()`, and `secrets.get()` when nothing else has the name.
    System,
    /// `secrets.getUser()` for one end user.
    User(EndUser),
}

/// A scope without its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// [`Scope::Global`].
    Global,
    /// [`Scope::Namespace`].
    Namespace,
    /// [`Scope::App`].
    App,
    /// [`Scope::System`].
    System,
    /// [`Scope::User`].
    User,
}

impl ScopeKind {
    /// The word used in commands, JSON, rows and associated data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Namespace => "namespace",
            Self::App => "app",
            Self::System => "system",
            Self::User => "user",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Global, Self::Namespace, Self::App, Self::System, Self::User]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Scope {
    /// The scope without its names.
    pub fn kind(&self) -> ScopeKind {
        match self {
            Self::Global => ScopeKind::Global,
            Self::Namespace(_) => ScopeKind::Namespace,
            Self::App(..) => ScopeKind::App,
            Self::System => ScopeKind::System,
            Self::User(_) => ScopeKind::User,
        }
    }

    /// The namespace, if the scope is inside one.
    pub fn namespace(&self) -> Option<&NamespaceName> {
        match self {
            Self::Namespace(namespace) | Self::App(namespace, _) => Some(namespace),
            Self::Global | Self::System | Self::User(_) => None,
        }
    }

    /// The app, if the scope is one.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Self::App(_, app) => Some(app),
            Self::Global | Self::Namespace(_) | Self::System | Self::User(_) => None,
        }
    }

    /// The end user, if the scope is one.
    pub fn user(&self) -> Option<&EndUser> {
        match self {
            Self::User(user) => Some(user),
            Self::Global | Self::Namespace(_) | Self::App(..) | Self::System => None,
        }
    }

    /// Whether a workload in `namespace` (and, for an app, with that id) can see secrets of this scope by resolution.
    pub fn is_seen_from(&self, namespace: &NamespaceName, app: Option<&AppId>) -> bool {
        match self {
            Self::Global => true,
            Self::Namespace(own) => own == namespace,
            Self::App(own, id) => own == namespace && Some(id) == app,
            Self::System | Self::User(_) => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
            Self::App(namespace, app) => write!(f, "app {namespace}/{app}"),
            Self::System => f.write_str("system"),
            Self::User(user) => write!(f, "user {user}"),
        }
    }
}
