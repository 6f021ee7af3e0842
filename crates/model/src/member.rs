//! People: the names of their accounts, their roles, and what a membership allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{Capability, Grant};
use crate::slug::{NamespaceName, ProjectName};

/// Words that no account may be called: they mean somebody else in the audit trail, or everybody's superuser.
pub const RESERVED_ACCOUNTS: &[&str] =
    &["agent", "anonymous", "everyone", "nobody", "owner", "root", "server", "strongroom", "system", "token"];

/// The name by which a person signs in: a plain name or an e-mail address, in one writing only.
///
/// Grammar, after ASCII capitals became small letters: `PART` or `PART@LABEL.LABEL…`, at most 254 bytes.
/// `PART = [a-z0-9] ([a-z0-9] | [._+-][a-z0-9])*` up to 64 bytes, `LABEL` likewise with `-` alone. No space, no control
/// character and no letter outside ASCII passes, so that no two names look alike and no writing of a name is a second
/// account or a second set of tries. None of [`RESERVED_ACCOUNTS`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(Box<str>);

/// Why a text is no account name. The text is not repeated: people type passwords where names belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountNameError {
    /// Outside the grammar.
    #[error(
        "an account name is an e-mail address or a name of a-z, 0-9 and single . _ + - between them, in plain ASCII and without spaces"
    )]
    Shape,
    /// One of [`RESERVED_ACCOUNTS`].
    #[error("this account name is reserved; choose another")]
    Reserved,
}

impl AccountName {
    /// The name as text, in its one writing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters and digits, with single characters of `between` between them.
fn is_run(text: &str, between: &[u8], max_bytes: usize) -> bool {
    let mut may_join = false;
    let fits = text.bytes().all(|byte| {
        let is_plain = byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = is_plain || (may_join && between.contains(&byte));
        may_join = is_plain;
        fits
    });
    fits && may_join && text.len() <= max_bytes
}

impl FromStr for AccountName {
    type Err = AccountNameError;

    fn from_str(text: &str) -> Result<Self, AccountNameError> {
        let name = text.to_ascii_lowercase();
        let (part, domain) = name.split_once('@').map_or((name.as_str(), None), |(part, rest)| (part, Some(rest)));
        let domain_fits = domain
            .is_none_or(|domain| domain.len() <= 189 && domain.contains('.') && domain.split('.').all(is_run_of_label));
        if !is_run(part, b"._+-", 64) || !domain_fits {
            return Err(AccountNameError::Shape);
        }
        if RESERVED_ACCOUNTS.contains(&name.as_str()) {
            return Err(AccountNameError::Reserved);
        }
        Ok(Self(name.into()))
    }
}

/// A label of a domain name: also with two hyphens in a row, as names of other scripts have in ASCII.
fn is_run_of_label(label: &str) -> bool {
    let ends_fit = [label.bytes().next(), label.bytes().last()]
        .iter()
        .all(|end| end.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    let all_fit = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    ends_fit && all_fit && label.len() <= 63
}

impl TryFrom<String> for AccountName {
    type Error = AccountNameError;

    fn try_from(text: String) -> Result<Self, AccountNameError> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> String {
        name.0.into()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a member is in a project. Each role holds what the ones after it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, and who else is an owner.
    Owner,
    /// Everything but making and unmaking owners.
    Admin,
    /// Secrets, their values, deploys, runs, logs.
    Developer,
    /// Names and logs.
    Viewer,
}

impl Role {
    /// Every role, widest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Developer, Self::Viewer];

    /// The word used in commands and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }

    /// The role that a word names: exactly, in small letters.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// What it allows.
    pub fn capabilities(self) -> &'static [Capability] {
        match self {
            Self::Owner | Self::Admin => &Capability::ALL,
            Self::Developer => &[
                Capability::SecretsList,
                Capability::SecretsDeclare,
                Capability::SecretsWrite,
                Capability::SecretsDelete,
                Capability::ValuesRead,
                Capability::FunctionsDeploy,
                Capability::FunctionsInvoke,
                Capability::JobsRun,
                Capability::LogsRead,
            ],
            Self::Viewer => &[Capability::SecretsList, Capability::LogsRead],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A person's place in one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// What the person is there.
    pub role: Role,
    /// The namespaces that it is limited to; none means the whole project. An owner is never limited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<NamespaceName>,
}

impl Membership {
    /// What it allows in `project`.
    pub fn grant(&self, project: ProjectName) -> Grant {
        Grant {
            project,
            namespaces: self.namespaces.clone(),
            app: None,
            names: Vec::new(),
            capabilities: self.role.capabilities().to_vec(),
            agent: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writing_of_a_name_is_the_same_name_or_none() {
        let name: AccountName = "Ada.Lovelace@Example.COM".parse().expect("an address");
        assert_eq!(name.as_str(), "ada.lovelace@example.com");
        for text in ["ada", "a", "ada-2", "a.b+c@x-y.co.uk", "ops_1", "x@xn--bcher-kva.example"] {
            assert_eq!(text.parse::<AccountName>().map(|name| name.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            " ada",
            "ada ",
            "a da",
            "ada\t",
            "ada\n",
            "ada\0",
            "аda",
            "ada\u{200b}",
            "ａda",
            ".ada",
            "ada.",
            "a..b",
            "a/b",
            "a\\b",
            "a%20",
            "ada@",
            "@x.de",
            "ada@x",
            "ada@x.",
            "ada@-x.de",
            "ada@x..de",
            "a@b@c.de",
            "\"a b\"@x.de",
            "a,b",
            "=a",
            "a;b",
            "a'b",
            &"a".repeat(65),
        ] {
            assert_eq!(text.parse::<AccountName>(), Err(AccountNameError::Shape), "{text:?}");
        }
    }

    #[test]
    fn nobody_is_called_root_in_any_writing() {
        for text in ["root", "ROOT", "Root", "owner", "System"] {
            assert_eq!(text.parse::<AccountName>(), Err(AccountNameError::Reserved), "{text}");
        }
        for text in [" root", "root ", "rооt", "root\u{feff}"] {
            assert_eq!(text.parse::<AccountName>(), Err(AccountNameError::Shape), "{text:?}");
        }
        assert_eq!(Role::from_word("OWNER"), None);
        assert_eq!(Role::from_word(" owner"), None);
    }

    #[test]
    fn each_role_holds_what_the_narrower_ones_hold() {
        let project = ProjectName::default_project();
        let grants = Role::ALL.map(|role| Membership { role, namespaces: Vec::new() }.grant(project.clone()));
        for pair in grants.windows(2) {
            if let [wider, narrower] = pair {
                assert!(wider.covers(narrower), "{wider:?} {narrower:?}");
            }
        }
        let [_, _, developer, viewer] = grants;
        assert!(!developer.allows(Capability::Admin) && !developer.allows(Capability::AuditRead));
        assert!(!viewer.allows(Capability::ValuesRead) && !viewer.covers(&developer));
    }
}
