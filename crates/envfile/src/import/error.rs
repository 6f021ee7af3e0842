//! Why a file cannot be imported. Names and positions only: neither a value nor a parser's excerpt is ever shown.

use std::fmt;

use strongroom_secret::ValueError;

use crate::dotenv::FileError;

/// Why a file cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The file as a whole cannot be read, whatever its format.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not follow the syntax.
    #[error("the file is not valid {syntax} (line {line}, column {column})")]
    Malformed {
        /// `JSON` or `YAML`.
        syntax: &'static str,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// It does not follow the syntax, and the parser could not say where.
    #[error("the file is not one valid {syntax} document")]
    MalformedSomewhere {
        /// `JSON` or `YAML`.
        syntax: &'static str,
    },
    /// YAML aliases that multiply the file's size.
    #[error("the file grows far beyond its size when its YAML aliases are followed")]
    Inflated,
    /// Valid, but not what the format prescribes.
    #[error("the file does not have the expected form: {expected}")]
    Shape {
        /// What was expected, in words.
        expected: &'static str,
    },
    /// It holds no secret.
    #[error("the file holds no secrets")]
    NoSecrets,
    /// Entries that cannot be secrets, all of them.
    #[error("{}", joined(.0))]
    Entries(Vec<Problem>),
}

/// Why one entry cannot be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The value is not a string.
    NotText {
        /// Name of the entry.
        name: String,
        /// What it is.
        found: JsonType,
    },
    /// The name stands more than once.
    Duplicate {
        /// The name.
        name: String,
    },
    /// A string that no secret can hold.
    Value {
        /// Name of the entry.
        name: String,
        /// Why.
        reason: ValueError,
    },
    /// A YAML key that is not a string.
    NameNotText {
        /// What it is.
        found: JsonType,
    },
    /// An element of an Infisical list that is no pair of name and value.
    NoPair {
        /// Its place in the list, from 1.
        position: usize,
    },
}

/// What stands where a string should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// Nothing.
    Null,
    /// True or false.
    Boolean,
    /// A number, which has many spellings.
    Number,
    /// A string.
    Text,
    /// A list.
    List,
    /// An object or mapping.
    Object,
    /// A YAML value with a tag of its own.
    Tagged,
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Tagged => "a tagged value",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText { name, found: found @ (JsonType::Boolean | JsonType::Number) } => {
                write!(f, "{} is {found}; put it in quotes to say which text is meant", shown(name))
            }
            Self::NotText { name, found } => write!(f, "{} is {found}, not a string", shown(name)),
            Self::Duplicate { name } => write!(f, "{} stands more than once", shown(name)),
            Self::Value { name, reason } => write!(f, "{}: {reason}", shown(name)),
            Self::NameNotText { found } => write!(f, "a name is {found}, not a string; put it in quotes"),
            Self::NoPair { position } => write!(f, "element {position} of the list is not one key with one value"),
        }
    }
}

/// A name as it may be printed: at most 256 characters, control characters escaped.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(256).flat_map(char::escape_debug).collect()
}

fn joined(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}
