//! What every deployed workload has, function or job.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::SecretName;

/// One entry of a workload's `secrets` list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// The stored name.
    pub name: SecretName,
    /// The name that the code sees; the stored one if absent.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<SecretName>,
    /// Whether a missing, expired or valueless secret stops the deploy. True unless a default is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Used for "not set" and "no value yet" only. Not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether the code reads it from the environment in ways that reading the bundle does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Whether an end user's own value wins in an invocation made for him.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserWins>,
}

/// When an end user's own value of a listed name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserWins {
    /// Helpers give it wherever he has one.
    Override,
}

/// How code reads a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// `Deno.env` or `process.env`.
    Env,
    /// `secrets.*` or `ctx.secrets`.
    Helper,
}

impl SecretRef {
    /// The name that the code sees.
    pub fn target(&self) -> &SecretName {
        self.alias.as_ref().unwrap_or(&self.name)
    }

    /// Whether the deploy stops when it does not resolve to a value.
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or(self.default.is_none())
    }
}

/// What happens to a worker after values it reads through helpers have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum OnChange {
    /// Values are live at once, and the worker is recycled in the background, for clients that code may have kept.
    #[default]
    Recycle,
    /// Values are live at once, and the worker stays.
    Live,
}

/// What runs the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Deno.
    #[default]
    Deno,
    /// Node.js.
    Node,
}

/// What functions and jobs have in common. It stands flat in their manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// What runs it.
    #[serde(default)]
    pub runtime: Runtime,
    /// What it gets; none means everything that resolves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<SecretRef>>,
    /// Hosts it may reach (`host` or `host:port`); none means the public internet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_net: Option<Vec<String>>,
    /// Bytes of memory.
    #[serde(default = "default_memory_bytes")]
    pub memory_bytes: u64,
    /// Non-secret variables, shown to people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Further prefixes under which secrets appear in the environment, besides `STRONGROOM_SECRET_`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_prefix: Vec<String>,
    /// After a change of values read through helpers.
    #[serde(default)]
    pub on_change: OnChange,
}

fn default_memory_bytes() -> u64 {
    256 * 1024 * 1024
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            runtime: Runtime::default(),
            secrets: None,
            allow_net: None,
            memory_bytes: default_memory_bytes(),
            env: BTreeMap::new(),
            env_prefix: Vec::new(),
            on_change: OnChange::default(),
        }
    }
}

/// What is wrong with a manifest. All problems are reported at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Two sources for one name that the code sees.
    #[error("two sources for {target}: the code would see only one of them; rename one with \"as\"")]
    TwoSources {
        /// The name that the code sees.
        target: String,
    },
    /// A name that the code would see and that steers a runtime, or that front-end tools publish. A secret of that name
    /// needs a grant; a rename would go around it.
    #[error("no secret may be renamed to {target}: that name steers a runtime or is published by front-end tools")]
    Steers {
        /// The name that the code sees.
        target: String,
    },
    /// A number out of its range.
    #[error("{field} must lie between {least} and {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// Smallest accepted.
        least: u64,
        /// Largest accepted.
        most: u64,
    },
    /// A prefix that could not begin a variable's name, or that takes Strongroom's own names.
    #[error("env_prefix entries are names such as FLUXBASE_SECRET_ and do not begin with STRONGROOM_")]
    Prefix,
    /// A name in `env` that is no variable name, or that is Strongroom's own.
    #[error("the name number {position} in env is not a legal variable name")]
    EnvName {
        /// Which, counted from 1.
        position: usize,
    },
    /// An entry of `allow_net` that is no host.
    #[error("the entry number {position} in allow_net is not a host name or address with an optional port")]
    Host {
        /// Which, counted from 1.
        position: usize,
    },
}

impl Workload {
    /// Everything that is wrong, in order of the fields.
    pub(super) fn problems(&self) -> Vec<ManifestError> {
        let mut problems = self.two_sources();
        let aliases = self.secrets.iter().flatten().filter_map(|entry| entry.alias.as_ref());
        let steering = aliases.filter(|alias| alias.risk().is_some());
        problems.extend(steering.map(|alias| ManifestError::Steers { target: alias.to_string() }));
        problems.extend(out_of_range("memory", self.memory_bytes, 32 << 20, 16 << 30));
        if self.env_prefix.iter().any(|prefix| prefix.parse::<SecretName>().is_err()) {
            problems.push(ManifestError::Prefix);
        }
        for (index, name) in self.env.keys().enumerate() {
            if name.parse::<SecretName>().is_err() {
                problems.push(ManifestError::EnvName { position: index + 1 });
            }
        }
        let hosts = self.allow_net.iter().flatten();
        for (index, host) in hosts.enumerate() {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]*_".contains(&byte);
            if host.is_empty() || !host.bytes().all(fits) {
                problems.push(ManifestError::Host { position: index + 1 });
            }
        }
        problems
    }

    fn two_sources(&self) -> Vec<ManifestError> {
        let mut seen: Vec<&str> = self.env.keys().map(String::as_str).collect();
        let mut problems = Vec::new();
        for entry in self.secrets.iter().flatten() {
            let target = entry.target().as_str();
            if seen.contains(&target) {
                problems.push(ManifestError::TwoSources { target: target.to_owned() });
            }
            seen.push(target);
        }
        problems
    }
}

/// The problem with a number that does not lie in its range.
pub(super) fn out_of_range(field: &'static str, actual: u64, least: u64, most: u64) -> Option<ManifestError> {
    (!(least..=most).contains(&actual)).then_some(ManifestError::Range { field, least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, alias: Option<&str>) -> SecretRef {
        SecretRef {
            name: name.parse().expect("legal name"),
            alias: alias.map(|text| text.parse().expect("legal name")),
            required: None,
            default: None,
            via: None,
            user: None,
        }
    }

    #[test]
    fn two_sources_for_one_name_are_refused_by_name() {
        let manifest = Workload {
            secrets: Some(vec![entry("A", None), entry("B", Some("A")), entry("TIER", None)]),
            env: BTreeMap::from([("TIER".to_owned(), "gold".to_owned())]),
            ..Workload::default()
        };
        let targets: Vec<_> = manifest.problems().into_iter().map(|problem| problem.to_string()).collect();
        assert_eq!(targets.len(), 2);
        assert!(targets.iter().any(|text| text.contains("for A:")));
        assert!(targets.iter().any(|text| text.contains("for TIER:")));
    }

    #[test]
    fn a_rename_does_not_go_around_a_grant() {
        let manifest = |target| Workload { secrets: Some(vec![entry("A", Some(target))]), ..Workload::default() };
        for target in ["LD_PRELOAD", "NODE_OPTIONS", "VITE_KEY"] {
            assert_eq!(manifest(target).problems(), [ManifestError::Steers { target: target.to_owned() }]);
        }
        assert_eq!(manifest("B").problems(), []);
    }

    #[test]
    fn a_default_makes_an_entry_optional() {
        let plain = entry("A", None);
        assert!(plain.is_required());
        assert!(!SecretRef { default: Some(String::new()), ..plain.clone() }.is_required());
        assert!(!SecretRef { required: Some(false), ..plain }.is_required());
    }
}
