//! Names of projects, namespaces, workloads and apps, and identifiers of end users.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Words that no project, namespace, function, job or app may be called, because they mean something in an address,
/// a command or another system's conventions. `default` is not among them: it always exists.
pub const RESERVED: &[&str] = &["global", "none", "null", "root", "strongroom", "sys", "system", "undefined"];

/// Why a text is not a name. Names are not secret, but the refused text is shown only where the caller has it anyway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// Not `[a-z0-9][a-z0-9_-]{0,62}`.
    #[error("a {what} name is 1 to 63 characters of a-z, 0-9, - and _, and begins with a letter or digit")]
    Shape {
        /// The kind of name: "project", "namespace" and so on.
        what: &'static str,
    },
    /// One of [`RESERVED`].
    #[error("the {what} name \"{word}\" is reserved; choose another")]
    Reserved {
        /// The kind of name.
        what: &'static str,
        /// The reserved word.
        word: &'static str,
    },
    /// A user id of no length, of more than 255 bytes, or with control characters.
    #[error("a user id is 1 to 255 bytes of text without control characters")]
    UserId,
}

fn check(what: &'static str, text: &str) -> Result<(), SlugError> {
    let first_fits = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let all_fit = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    if !first_fits || !all_fit || text.len() > 63 {
        return Err(SlugError::Shape { what });
    }
    match RESERVED.iter().find(|word| **word == text) {
        Some(word) => Err(SlugError::Reserved { what, word }),
        None => Ok(()),
    }
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = SlugError;

            fn from_str(text: &str) -> Result<Self, SlugError> {
                check($what, text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = SlugError;

            fn try_from(text: String) -> Result<Self, SlugError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug!(
    /// A project's name: `[a-z0-9][a-z0-9_-]{0,62}`, not [`RESERVED`].
    ProjectName,
    "project"
);
slug!(
    /// A namespace's name: `[a-z0-9][a-z0-9_-]{0,62}`, not [`RESERVED`]. Usually an environment.
    NamespaceName,
    "namespace"
);
slug!(
    /// A function's or job's name: `[a-z0-9][a-z0-9_-]{0,62}`, not [`RESERVED`].
    WorkloadName,
    "workload"
);
slug!(
    /// The name of what a project trusts: `[a-z0-9][a-z0-9_-]{0,62}`, not [`RESERVED`].
    TrustName,
    "issuer or rule"
);
slug!(
    /// An app's id: `[a-z0-9][a-z0-9_-]{0,62}`, not [`RESERVED`].
    AppId,
    "app"
);

impl ProjectName {
    /// The project that always exists.
    pub fn default_project() -> Self {
        Self("default".into())
    }
}

impl NamespaceName {
    /// The namespace that always exists.
    pub fn default_namespace() -> Self {
        Self("default".into())
    }
}

/// An end user of the customer's own application: 1 to 255 bytes of text without control characters, compared byte
/// for byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(Box<str>);

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            return Err(SlugError::UserId);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for UserId {
    type Error = SlugError;

    fn try_from(text: String) -> Result<Self, SlugError> {
        text.parse()
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> String {
        id.0.into()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_four_platforms_are_accepted() {
        for text in ["call_openai", "call-openai", "abc123", "production", "default", "7", &"a".repeat(63)] {
            assert!(text.parse::<WorkloadName>().is_ok(), "{text}");
        }
    }

    #[test]
    fn lookalikes_are_refused() {
        let long = "a".repeat(64);
        for text in ["", " ", "-a", "_a", "A", "a b", "a/b", "a.b", "..", "prod\n", "рrod", "a%2e", &long] {
            assert_eq!(text.parse::<NamespaceName>(), Err(SlugError::Shape { what: "namespace" }), "{text}");
        }
    }

    #[test]
    fn reserved_words_are_refused_by_name() {
        for word in RESERVED {
            assert!(matches!(word.parse::<ProjectName>(), Err(SlugError::Reserved { .. })), "{word}");
        }
    }

    #[test]
    fn user_ids_are_text_without_control_characters() {
        assert!("5f0c-ä@example.com".parse::<UserId>().is_ok());
        for text in ["", "a\nb", "a\0", &"x".repeat(256)] {
            assert_eq!(text.parse::<UserId>(), Err(SlugError::UserId));
        }
    }
}
