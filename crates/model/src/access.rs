//! What a caller may do: capabilities, and the grant that a token carries.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::SecretName;
use crate::scope::Scope;
use crate::slug::{AppId, NamespaceName, ProjectName};

/// One thing that a grant allows. The word is the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Capability {
    /// List, metadata, history, stats, used-by.
    #[serde(rename = "secrets:list")]
    SecretsList,
    /// Register names without values: no value, no change of what is there. `secrets:write` holds it too.
    #[serde(rename = "secrets:declare")]
    SecretsDeclare,
    /// Set, edit, create, links, import, rollback, restore.
    #[serde(rename = "secrets:write")]
    SecretsWrite,
    /// Delete.
    #[serde(rename = "secrets:delete")]
    SecretsDelete,
    /// Resolve, run, dev, export, reveal, equality in diff.
    #[serde(rename = "values:read")]
    ValuesRead,
    /// Deploy, rollback, delete functions. Implies that the deployed code reads what it resolves.
    #[serde(rename = "functions:deploy")]
    FunctionsDeploy,
    /// Call functions.
    #[serde(rename = "functions:invoke")]
    FunctionsInvoke,
    /// Run jobs.
    #[serde(rename = "jobs:run")]
    JobsRun,
    /// Read logs.
    #[serde(rename = "logs:read")]
    LogsRead,
    /// Read the audit trail.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Members, tokens, settings, namespaces, purge, and everything else in the project.
    #[serde(rename = "admin")]
    Admin,
}

impl Capability {
    /// Every capability, in the order they are documented.
    pub const ALL: [Self; 11] = [
        Self::SecretsList,
        Self::SecretsDeclare,
        Self::SecretsWrite,
        Self::SecretsDelete,
        Self::ValuesRead,
        Self::FunctionsDeploy,
        Self::FunctionsInvoke,
        Self::JobsRun,
        Self::LogsRead,
        Self::AuditRead,
        Self::Admin,
    ];

    /// The word used in commands and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecretsList => "secrets:list",
            Self::SecretsDeclare => "secrets:declare",
            Self::SecretsWrite => "secrets:write",
            Self::SecretsDelete => "secrets:delete",
            Self::ValuesRead => "values:read",
            Self::FunctionsDeploy => "functions:deploy",
            Self::FunctionsInvoke => "functions:invoke",
            Self::JobsRun => "jobs:run",
            Self::LogsRead => "logs:read",
            Self::AuditRead => "audit:read",
            Self::Admin => "admin",
        }
    }

    /// The capability that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == word)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token may do, and where. An empty limit list means "no limit of that kind".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The one project it is for.
    pub project: ProjectName,
    /// The namespaces it is limited to. Limited, it resolves global secrets through them but changes none.
    #[serde(default)]
    pub namespaces: Vec<NamespaceName>,
    /// The one app it is limited to.
    #[serde(default)]
    pub app: Option<AppId>,
    /// The secret names it is limited to.
    #[serde(default)]
    pub names: Vec<SecretName>,
    /// What it may do.
    pub capabilities: Vec<Capability>,
    /// Whether a coding agent holds it, which the audit trail then says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agent: bool,
}

impl Grant {
    /// Whether the grant holds `capability`; `admin` holds all, and who may write may declare.
    pub fn allows(&self, capability: Capability) -> bool {
        self.capabilities.iter().any(|held| match held {
            Capability::Admin => true,
            Capability::SecretsWrite => matches!(capability, Capability::SecretsWrite | Capability::SecretsDeclare),
            held => *held == capability,
        })
    }

    /// Whether the grant reaches `namespace`.
    pub fn reaches_namespace(&self, namespace: &NamespaceName) -> bool {
        self.namespaces.is_empty() || self.namespaces.contains(namespace)
    }

    /// Whether the grant reaches `name`.
    pub fn reaches_name(&self, name: &SecretName) -> bool {
        self.names.is_empty() || self.names.contains(name)
    }

    /// Whether the grant is for less than its whole project.
    pub fn is_limited(&self) -> bool {
        !(self.namespaces.is_empty() && self.app.is_none() && self.names.is_empty())
    }

    /// Whether the grant reaches secrets of `scope` for reading: what a workload within its limits could resolve. Names
    /// are asked for apart, with [`Grant::reaches_name`].
    pub fn reaches(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Global => true,
            Scope::Namespace(namespace) => self.reaches_namespace(namespace),
            Scope::App(namespace, app) => {
                self.reaches_namespace(namespace) && self.app.as_ref().is_none_or(|only| only == app)
            }
            Scope::System | Scope::User(_) => self.namespaces.is_empty() && self.app.is_none(),
        }
    }

    /// Whether the grant holds in `namespace` although it is protected: it names it, or it administers the whole project
    /// and so could grant itself that.
    pub fn is_explicit_in(&self, namespace: &NamespaceName) -> bool {
        self.namespaces.contains(namespace) || (self.allows(Capability::Admin) && !self.is_limited())
    }

    /// Whether everything that `other` allows is allowed by this grant too: nobody mints a token wider than himself.
    pub fn covers(&self, other: &Self) -> bool {
        let within = |limits: &[NamespaceName], asked: &[NamespaceName]| {
            limits.is_empty() || (!asked.is_empty() && asked.iter().all(|namespace| limits.contains(namespace)))
        };
        let names_within = self.names.is_empty()
            || (!other.names.is_empty() && other.names.iter().all(|name| self.names.contains(name)));
        self.project == other.project
            && within(&self.namespaces, &other.namespaces)
            && (self.app.is_none() || self.app == other.app)
            && names_within
            && (other.agent || !self.agent)
            && other.capabilities.iter().all(|capability| self.allows(*capability))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(namespaces: &[&str], names: &[&str], capabilities: &[Capability]) -> Grant {
        Grant {
            project: ProjectName::default_project(),
            namespaces: namespaces.iter().filter_map(|text| text.parse().ok()).collect(),
            app: None,
            names: names.iter().filter_map(|text| text.parse().ok()).collect(),
            capabilities: capabilities.to_vec(),
            agent: false,
        }
    }

    #[test]
    fn a_token_never_mints_a_wider_one() {
        let limited = grant(&["staging"], &["A"], &[Capability::SecretsList]);
        assert!(limited.covers(&limited));
        assert!(!limited.covers(&grant(&[], &["A"], &[Capability::SecretsList])));
        assert!(!limited.covers(&grant(&["production"], &["A"], &[Capability::SecretsList])));
        assert!(!limited.covers(&grant(&["staging"], &[], &[Capability::SecretsList])));
        assert!(!limited.covers(&grant(&["staging"], &["A"], &[Capability::SecretsWrite])));
        assert!(grant(&[], &[], &[Capability::Admin]).covers(&limited));
    }

    #[test]
    fn who_writes_may_declare_and_who_declares_may_not_write() {
        let (writer, declarer) =
            (grant(&[], &[], &[Capability::SecretsWrite]), grant(&[], &[], &[Capability::SecretsDeclare]));
        assert!(writer.allows(Capability::SecretsDeclare) && writer.covers(&declarer));
        assert!(!declarer.allows(Capability::SecretsWrite) && !declarer.covers(&writer));
    }

    #[test]
    fn an_agent_mints_agents_only() {
        let person = grant(&[], &[], &[Capability::Admin]);
        let agent = Grant { agent: true, ..person.clone() };
        assert!(person.covers(&agent) && agent.covers(&agent) && !agent.covers(&person));
    }

    #[test]
    fn a_protected_namespace_is_granted_by_name_or_by_administering_the_whole_project() {
        let production: NamespaceName = "production".parse().expect("legal name");
        let everywhere = grant(&[], &[], &[Capability::ValuesRead, Capability::SecretsWrite]);
        assert!(!everywhere.is_explicit_in(&production));
        assert!(grant(&["production"], &[], &[Capability::ValuesRead]).is_explicit_in(&production));
        assert!(!grant(&["staging"], &[], &[Capability::Admin]).is_explicit_in(&production));
        assert!(!grant(&[], &["A"], &[Capability::Admin]).is_explicit_in(&production));
        assert!(grant(&[], &[], &[Capability::Admin]).is_explicit_in(&production));
    }

    #[test]
    fn words_round_trip() {
        for capability in Capability::ALL {
            assert_eq!(Capability::from_word(capability.as_str()), Some(capability));
        }
        assert_eq!(Capability::from_word("values:*"), None);
    }
}
