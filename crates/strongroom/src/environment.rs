//! The process environment, read once and handed on as an argument.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use zeroize::Zeroizing;

/// The variables that carry Strongroom's own credentials and keys; no child process gets them.
pub(crate) const CREDENTIALS: &[&str] = &[
    "STRONGROOM_TOKEN",
    "STRONGROOM_ROOT_KEY",
    "STRONGROOM_ROOT_KEY_FILE",
    "STRONGROOM_ROOT_KEY_COMMAND",
    "STRONGROOM_OIDC_CLIENT_SECRET",
];

/// How the server's own environment names secrets.
pub(crate) const SECRET_PREFIX: &str = "STRONGROOM_SECRET_";

/// A snapshot of the environment. An empty variable counts as absent, except for secrets.
#[derive(Clone)]
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// This process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    fn raw(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// A variable as text; none if it is absent, empty or not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).and_then(OsStr::to_str)
    }

    /// A variable as a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// A variable that holds a credential or key.
    pub(crate) fn secret(&self, name: &str) -> Option<Zeroizing<String>> {
        self.text(name).map(|text| Zeroizing::new(text.to_owned()))
    }

    /// Whether a switch such as `CI` or `NO_COLOR` is on: there, and not `0` or `false`.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| value != "0" && value != "false")
    }

    /// Every variable as it is.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// What a child inherits: everything but Strongroom's own credentials.
    pub(crate) fn for_children(&self) -> Vec<(OsString, OsString)> {
        self.0.iter().filter(|(name, _)| !CREDENTIALS.iter().any(|own| name == own)).cloned().collect()
    }

    /// Every `STRONGROOM_SECRET_NAME`, without the prefix.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.to_str()?.strip_prefix(SECRET_PREFIX)?, value.to_str()?)))
    }
}
