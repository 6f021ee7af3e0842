//! Fill-in links: one-time addresses by which a colleague without an account sends values in.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_model::ScopeKind;
use utoipa::ToSchema;

use crate::secrets::{Declaration, WriteResult};
use crate::value::PlaintextMap;

/// `POST /links`: registers what is not there yet, and makes a link by which the values can be filled in.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateLink {
    /// `global` unless a namespace or app is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// What is asked for; the descriptions are shown to whoever opens the link.
    pub secrets: Vec<Declaration>,
    /// Lets the link also replace values that are there. Without it they are left as they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
    /// When it runs out: a point in time or a length of time up to 30 days; 72 hours unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Declares also over a name that resolves from a wider scope now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Names granted although they steer a runtime or are published by front-end tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_names: Vec<String>,
}

/// A new link, whose address is shown once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CreatedLink {
    /// The address to send to the colleague. It is stored nowhere.
    pub url: String,
    /// One item a secret.
    pub results: Vec<WriteResult>,
    /// What came into being on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<String>,
    /// Its record.
    pub link: LinkItem,
}

impl fmt::Debug for CreatedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedLink").field("link", &self.link).finish_non_exhaustive()
    }
}

/// A link's record. Its code is not in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LinkItem {
    /// Its public id.
    pub id: String,
    /// `open`, `filled`, `expired`, `revoked`, `ended` where its maker may not write there any more, or `damaged` where the
    /// stored record is not what was written.
    pub state: String,
    /// Where the secrets live.
    #[schema(value_type = Option<String>)]
    pub scope: Option<ScopeKind>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The app.
    pub app: Option<String>,
    /// The secrets that can be filled in.
    pub names: Vec<String>,
    /// Whether it also replaces values that are there.
    pub replace: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it runs out.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was used.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub filled_at: Option<Timestamp>,
    /// The address from which it was used.
    pub filled_from: Option<String>,
}

/// `POST /api/v1/fill/look`: what a link asks for. Looking does not use it up.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookAtLink {
    /// The last part of the link's address.
    pub code: String,
}

impl fmt::Debug for LookAtLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookAtLink").finish_non_exhaustive()
    }
}

/// What a link asks for. Whether something has a value is not said.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// The project.
    pub project: String,
    /// The namespace, where it is for one.
    pub namespace: Option<String>,
    /// The app, where it is for one.
    pub app: Option<String>,
    /// Who asks.
    pub asked_by: String,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What is asked for.
    pub secrets: Vec<Declaration>,
}

/// `POST /api/v1/fill`: sends values in. A link is used up by it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// The last part of the link's address.
    pub code: String,
    /// Values of names that the link asks for; at least one. Empty ones are left out.
    pub secrets: PlaintextMap,
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fill").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

/// The values were taken. Which were stored is told to the one who asked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FilledIn {
    /// `received`.
    pub status: String,
}
