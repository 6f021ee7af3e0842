//! What the dotenv format loses without a word, said aloud: line and reason, never the value.

use std::fmt;

/// A place where dotenv text probably does not say what its author meant. `Display` is one sentence that names the
/// line and never carries a value. The caller decides whether it is a warning or (`--strict`) an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line of the file, from 1.
    pub line: usize,
    /// What happened there.
    pub kind: WarningKind,
}

/// What was lost or changed without the format saying so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarningKind {
    /// The line is no assignment and no comment, and was not read.
    IgnoredLine(IgnoredBecause),
    /// The name stands twice; the last one wins.
    Duplicate {
        /// The name.
        name: String,
        /// Line of the value that is not used.
        unused_line: usize,
    },
    /// A `#` cut an unquoted value.
    CutByHash {
        /// Name of the entry.
        name: String,
    },
    /// The value begins with a quote that nothing closes; the quote is part of the value.
    UnclosedQuote {
        /// Name of the entry.
        name: String,
    },
    /// Text stands behind the closing quote; quotes and text were read as they stand, up to a `#`.
    TextAfterQuote {
        /// Name of the entry.
        name: String,
    },
    /// The only quote that can close the value has a backslash before it, and closes it all the same.
    ClosedByEscapedQuote {
        /// Name of the entry.
        name: String,
    },
    /// A quoted value runs over several lines, and one of them looks like an assignment.
    SwallowedAssignment {
        /// Name of the entry.
        name: String,
        /// The line that looks like an assignment.
        swallowed_line: usize,
    },
    /// The value (or the `=`) was found on a later line than the name.
    ValueOnLaterLine {
        /// Name of the entry.
        name: String,
        /// Where the value was found.
        value_line: usize,
    },
    /// In double quotes, a backslash and `n` or `r` became a line break in what looks like a path or an escaped backslash.
    UnexpectedLineBreak {
        /// Name of the entry.
        name: String,
    },
    /// A backslash before a quote, a backslash or `t` stayed in the value.
    BackslashKept {
        /// Name of the entry.
        name: String,
    },
    /// Line ends inside a quoted value were CR or CR LF and became LF.
    LineEndsChanged {
        /// Name of the entry.
        name: String,
    },
    /// An unquoted PEM block: only its first line is the value, and the others were not read.
    UnquotedBlock {
        /// Name of the entry.
        name: String,
        /// The last line of the block.
        last_line: usize,
    },
}

/// Why a line was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoredBecause {
    /// There is no `=` in it.
    NoEqualsSign,
    /// What stands before the `=` cannot be a name.
    NotAName,
    /// `NAME:value` without a space behind the colon.
    NoSpaceAfterColon,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

impl fmt::Display for IgnoredBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEqualsSign => "it has no `=`",
            Self::NotAName => "what stands before the `=` is not a name",
            Self::NoSpaceAfterColon => "a colon needs a space behind it; write NAME=VALUE",
        })
    }
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IgnoredLine(because) => write!(f, "the line was ignored: {because}"),
            Self::Duplicate { name, unused_line } => {
                write!(f, "{name} is set again; its value on line {unused_line} is not used")
            }
            Self::CutByHash { name } => {
                write!(f, "the value of {name} was cut at a `#`, which starts a comment; quote the value to keep it")
            }
            Self::UnclosedQuote { name } => {
                write!(f, "the quote before the value of {name} is never closed; it was kept as part of the value")
            }
            Self::TextAfterQuote { name } => {
                write!(f, "text follows the closing quote of {name}; the line was read as it stands, up to a `#`")
            }
            Self::ClosedByEscapedQuote { name } => {
                write!(f, "the quote that closes {name} has a backslash before it; it was read as the closing quote")
            }
            Self::SwallowedAssignment { name, swallowed_line } => write!(
                f,
                "the quoted value of {name} contains line {swallowed_line}, which looks like an assignment; is a closing quote missing?"
            ),
            Self::ValueOnLaterLine { name, value_line } => {
                write!(f, "the value of {name} was read from line {value_line}; write it behind the `=`")
            }
            Self::UnexpectedLineBreak { name } => write!(
                f,
                "a backslash with n or r in the value of {name} became a line break; use single quotes to keep it"
            ),
            Self::BackslashKept { name } => {
                write!(f, "a backslash in the quoted value of {name} was kept; only \\n and \\r are escapes here")
            }
            Self::LineEndsChanged { name } => {
                write!(f, "line ends inside the value of {name} were CR LF or CR and were read as LF")
            }
            Self::UnquotedBlock { name, last_line } => write!(
                f,
                "{name} begins a block that goes on to line {last_line}, but only its first line was read; quote the whole block"
            ),
        }
    }
}
