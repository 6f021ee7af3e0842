//! Names of secrets, and which of them need a grant because they steer a runtime or are published by front-end tools.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest secret name in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Names that steer a runtime rather than inform code; refused unless granted. Compared without regard to case.
pub const STEERING: &[&str] = &[
    "PATH",
    "HOME",
    "SHELL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "PROMPT_COMMAND",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PERL5OPT",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "PHPRC",
    "SSL_CERT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "AWS_ROLE_ARN",
    "BROWSER",
    "PORT",
];

/// Beginnings of names that steer a runtime; refused unless granted. Compared without regard to case.
pub const STEERING_PREFIXES: &[&str] = &["LD_", "DYLD_", "GCONV_PATH", "DENO_", "BUN_", "GIT_SSH", "OTEL_"];

/// Beginnings of names that front-end build tools publish to browsers; refused unless granted.
pub const PUBLISHED_PREFIXES: &[&str] =
    &["VITE_", "NEXT_PUBLIC_", "PUBLIC_", "REACT_APP_", "NUXT_PUBLIC_", "EXPO_PUBLIC_", "GATSBY_"];

/// The beginning of Strongroom's own names; never accepted.
pub const OWN_PREFIX: &str = "STRONGROOM_";

/// A secret's name: `[A-Za-z_][A-Za-z0-9_]*`, 1 to 256 bytes, case-sensitive, not beginning with `STRONGROOM_`.
///
/// Whether the name needs a grant is asked with [`SecretName::risk`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(Box<str>);

/// Why a text is not the name of a secret. It never carries the text, since people paste values where names belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a secret's name is empty")]
    Empty,
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("a secret's name is {actual_bytes} bytes long; at most {MAX_NAME_BYTES} are accepted")]
    TooLong {
        /// Length in bytes.
        actual_bytes: usize,
    },
    /// Another character than the accepted ones.
    #[error(
        "a secret's name has letters A-Z a-z, digits and _ only, and does not begin with a digit (character {position} does not fit)"
    )]
    Character {
        /// Where, counted in characters from 1.
        position: usize,
    },
    /// Begins with `STRONGROOM_` in any case.
    #[error("names that begin with STRONGROOM_ are Strongroom's own")]
    Own,
}

/// Why a legal name still needs an explicit grant (`--allow-name NAME`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRisk {
    /// It steers a runtime: see [`STEERING`] and [`STEERING_PREFIXES`].
    Steers,
    /// Front-end build tools publish it: see [`PUBLISHED_PREFIXES`].
    Published,
}

impl SecretName {
    /// Whether `text` is the name of a secret.
    pub fn check(text: &str) -> Result<(), NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong { actual_bytes: text.len() });
        }
        let letter = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
        let fits = |(index, byte): (usize, u8)| letter(byte) || (index > 0 && byte.is_ascii_digit());
        if let Some(index) = text.bytes().enumerate().position(|at| !fits(at)) {
            // every byte before it is a character of its own
            return Err(NameError::Character { position: index + 1 });
        }
        if text.get(..OWN_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX)) {
            return Err(NameError::Own);
        }
        Ok(())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name needs a grant, and why.
    pub fn risk(&self) -> Option<NameRisk> {
        let upper = self.0.to_ascii_uppercase();
        if STEERING.contains(&upper.as_str()) || STEERING_PREFIXES.iter().any(|prefix| upper.starts_with(prefix)) {
            return Some(NameRisk::Steers);
        }
        let published = PUBLISHED_PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
        published.then_some(NameRisk::Published)
    }

    /// The form in which two names count as the same but for case.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl NameRisk {
    /// One sentence for people: why, and the way out.
    pub fn explain(self, name: &SecretName) -> String {
        match self {
            Self::Steers => format!(
                "{name} steers the runtime instead of informing code; grant it with --allow-name {name} if you mean it"
            ),
            Self::Published => format!(
                "front-end build tools publish {name} to every browser; grant it with --allow-name {name} if you mean it"
            ),
        }
    }
}

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::check(text).map(|()| Self(text.into()))
    }
}

/// Many names in one text, for lists of thousands. Each is legal: letters, digits and `_`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameList {
    /// Each followed by a line's end.
    lines: String,
    count: usize,
}

impl NameList {
    /// Room for `names` of usual length.
    pub fn with_capacity(names: usize) -> Self {
        Self { lines: String::with_capacity(names.saturating_mul(24)), count: 0 }
    }

    /// Appends a name.
    pub fn push(&mut self, name: &str) -> Result<(), NameError> {
        SecretName::check(name)?;
        self.lines.push_str(name);
        self.lines.push('\n');
        self.count += 1;
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The names in the order in which they were appended.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.lines()
    }
}

impl Borrow<str> for SecretName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> String {
        name.0.into()
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inherited_javascript_names_are_legal() {
        for text in ["__proto__", "constructor", "toString", "a", "_", "API_KEY", "Api_Key2", &"A".repeat(256)] {
            assert!(text.parse::<SecretName>().is_ok(), "{text}");
        }
    }

    #[test]
    fn bad_names_are_refused_with_the_place() {
        let refused = |text: &str| text.parse::<SecretName>().err();
        assert_eq!(refused(""), Some(NameError::Empty));
        assert_eq!(refused(" "), Some(NameError::Character { position: 1 }));
        assert_eq!(refused("1A"), Some(NameError::Character { position: 1 }));
        assert_eq!(refused("A-B"), Some(NameError::Character { position: 2 }));
        assert_eq!(refused("A.B"), Some(NameError::Character { position: 2 }));
        assert_eq!(refused("A B"), Some(NameError::Character { position: 2 }));
        assert_eq!(refused("A=B"), Some(NameError::Character { position: 2 }));
        assert_eq!(refused("КЛЮЧ"), Some(NameError::Character { position: 1 }));
        assert_eq!(refused("AB\0"), Some(NameError::Character { position: 3 }));
        assert_eq!(refused(&"A".repeat(257)), Some(NameError::TooLong { actual_bytes: 257 }));
        assert_eq!(refused("strongroom_token"), Some(NameError::Own));
    }

    #[test]
    fn steering_names_need_a_grant_in_either_case() {
        for text in
            ["PATH", "path", "LD_PRELOAD", "ld_library_path", "NODE_OPTIONS", "DENO_DIR", "GIT_SSH_COMMAND", "PORT"]
        {
            assert_eq!(text.parse::<SecretName>().ok().and_then(|name| name.risk()), Some(NameRisk::Steers), "{text}");
        }
        for text in ["VITE_KEY", "NEXT_PUBLIC_URL", "PUBLIC_KEY"] {
            assert_eq!(
                text.parse::<SecretName>().ok().and_then(|name| name.risk()),
                Some(NameRisk::Published),
                "{text}"
            );
        }
        for text in ["BACKEND_PORT", "MY_PATH", "ENVIRONMENT", "API_KEY"] {
            assert_eq!(text.parse::<SecretName>().ok().and_then(|name| name.risk()), None, "{text}");
        }
    }
}
