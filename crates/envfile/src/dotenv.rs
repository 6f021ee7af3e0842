//! Dotenv text into entries and warnings.

mod grammar;
mod inspect;
mod source;
mod warning;

use std::collections::HashMap;
use std::mem;

use strongroom_secret::{MAX_VALUE_BYTES, SecretValue};

use grammar::{Assignment, Matched, Text, assignment, is_space, read_value};
use source::Source;
pub use warning::{IgnoredBecause, Warning, WarningKind};

/// Largest file that is read, in bytes: what one request may carry.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// What a dotenv file says.
#[derive(Debug)]
pub struct Parsed {
    /// Its assignments in the order of the file, at least one; no name twice.
    pub entries: Vec<EnvEntry>,
    /// What the format loses silently, in the order of the file.
    pub warnings: Vec<Warning>,
}

/// One assignment.
#[derive(Debug)]
pub struct EnvEntry {
    /// The name as it stands: `[A-Za-z0-9_.-]+`. Whether it is a legal secret name is for the caller to say.
    pub name: String,
    /// The value; it may be empty.
    pub value: SecretValue,
    /// The line of the name, from 1.
    pub line: usize,
}

/// Why a whole file cannot be read. Carries lines, names and sizes, never text of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No byte, or white space alone.
    #[error("the file is empty")]
    Empty,
    /// Comments and blank lines alone.
    #[error("the file has only comments: every line that says something starts with `#`")]
    OnlyComments,
    /// Text, but not one assignment.
    #[error("the file has no entry of the form NAME=VALUE (its first text is on line {first_line})")]
    NoEntries {
        /// The first line that is neither blank nor a comment.
        first_line: usize,
    },
    /// Not UTF-8.
    #[error("the file is not UTF-8 text")]
    NotUtf8,
    /// A byte order mark of UTF-16, as some Windows programs write.
    #[error("the file is UTF-16 text; save it as UTF-8")]
    Utf16,
    /// No environment can carry a NUL byte.
    #[error("line {line} contains a NUL byte")]
    Nul {
        /// The line of the first one.
        line: usize,
    },
    /// More than [`MAX_FILE_BYTES`].
    #[error("the file is {actual_bytes} bytes long; at most {MAX_FILE_BYTES} are read")]
    TooLarge {
        /// Its length.
        actual_bytes: usize,
    },
    /// Values longer than [`MAX_VALUE_BYTES`], all of them.
    #[error("{}", long_values(.0))]
    ValuesTooLong(Vec<LongValue>),
}

/// A value that is too long to be a secret's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongValue {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// Its length in bytes.
    pub actual_bytes: usize,
}

fn long_values(values: &[LongValue]) -> String {
    let each = |value: &LongValue| {
        let LongValue { name, line, actual_bytes } = value;
        format!("line {line}: the value of {name} is {actual_bytes} bytes long; at most {MAX_VALUE_BYTES} are accepted")
    };
    values.iter().map(each).collect::<Vec<_>>().join("; ")
}

/// Reads dotenv text with the values that the npm package `dotenv` 17.3 reads, keeping `__proto__`, which it drops, and
/// leaving unread the inner lines of an unquoted PEM block, which it takes for names. The last of several equal names
/// wins. `bytes` stay the caller's to wipe.
pub fn parse(bytes: &[u8]) -> Result<Parsed, FileError> {
    let source = Source::new(readable(bytes)?);
    let mut reader = Reader::new(&source);
    reader.read();
    reader.finish()
}

/// The checks on a file as a whole, which all formats share: size, encoding, NUL, emptiness.
pub(crate) fn readable(bytes: &[u8]) -> Result<&str, FileError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { actual_bytes: bytes.len() });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(FileError::Utf16);
    }
    let text = str::from_utf8(bytes).map_err(|_| FileError::NotUtf8)?;
    if let Some((before, _)) = text.split_once('\0') {
        return Err(FileError::Nul { line: Source::new(before).line(before.len()) });
    }
    if text.chars().all(is_space) {
        return Err(FileError::Empty);
    }
    Ok(text)
}

struct Reader<'s> {
    source: &'s Source,
    /// A later entry of the same name takes the place's content.
    entries: Vec<Option<EnvEntry>>,
    places: HashMap<&'s str, usize>,
    warnings: Vec<Warning>,
    too_long: Vec<LongValue>,
    first_ignored_line: Option<usize>,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Source) -> Self {
        Self {
            source,
            entries: Vec::new(),
            places: HashMap::new(),
            warnings: Vec::new(),
            too_long: Vec::new(),
            first_ignored_line: None,
        }
    }

    fn read(&mut self) {
        let text = self.source.text();
        let mut offset = 0;
        while offset < text.len() {
            offset = match assignment(text, offset) {
                Ok(found) => {
                    self.take(&found);
                    self.skip_unquoted_block(&found).unwrap_or_else(|| text.next_line(found.end))
                }
                Err(at) => {
                    self.ignore(at);
                    text.next_line(at)
                }
            };
        }
    }

    fn take(&mut self, found: &Assignment<'s>) {
        let line = self.source.line(found.start);
        self.warnings.extend(inspect::warnings(self.source, found));
        let name = found.name.to_owned();
        let mut text = read_value(self.source.text(), found.value);
        let actual_bytes = text.len();
        let Ok(value) = SecretValue::new(mem::take(&mut *text)) else {
            self.too_long.push(LongValue { name, line, actual_bytes });
            return;
        };
        let place = self.entries.len();
        if let Some(earlier) = self.places.insert(found.name, place)
            && let Some(unused) = self.entries.get_mut(earlier).and_then(Option::take)
        {
            let kind = WarningKind::Duplicate { name: name.clone(), unused_line: unused.line };
            self.warnings.push(Warning { line, kind });
        }
        self.entries.push(Some(EnvEntry { name, value, line }));
    }

    fn ignore(&mut self, at: usize) {
        let text = self.source.text();
        let ignored = text.span(at, text.line_end(at));
        if ignored.is_empty() || ignored.starts_with('#') {
            return;
        }
        let line = self.source.line(at);
        self.first_ignored_line.get_or_insert(line);
        let kind = WarningKind::IgnoredLine(ignored_because(ignored));
        let warning = Warning { line, kind };
        if self.warnings.last() != Some(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Where reading goes on if `found` is the first line of an unquoted PEM block, whose other lines are base64: a
    /// padded one would become an entry whose *name* is a piece of the key.
    fn skip_unquoted_block(&mut self, found: &Assignment<'s>) -> Option<usize> {
        let text = self.source.text();
        let Matched::Bare { start, end } = found.value else { return None };
        let bare = text.span(start, end).trim_matches(is_space);
        if !bare.starts_with("-----BEGIN ") || bare.contains("-----END ") {
            return None;
        }
        let last = last_line_of_block(text, text.next_line(end))?;
        let kind = WarningKind::UnquotedBlock { name: found.name.to_owned(), last_line: self.source.line(last) };
        self.warnings.push(Warning { line: self.source.line(found.start), kind });
        Some(text.next_line(last))
    }

    fn finish(self) -> Result<Parsed, FileError> {
        if !self.too_long.is_empty() {
            return Err(FileError::ValuesTooLong(self.too_long));
        }
        let entries: Vec<_> = self.entries.into_iter().flatten().collect();
        match (entries.is_empty(), self.first_ignored_line) {
            (false, _) => Ok(Parsed { entries, warnings: self.warnings }),
            (true, Some(first_line)) => Err(FileError::NoEntries { first_line }),
            (true, None) => Err(FileError::OnlyComments),
        }
    }
}

fn ignored_because(line: &str) -> IgnoredBecause {
    let name = line.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'));
    match name.and_then(|end| line.get(end..)) {
        Some(rest) if rest.starts_with(':') => IgnoredBecause::NoSpaceAfterColon,
        _ if line.contains('=') => IgnoredBecause::NotAName,
        _ => IgnoredBecause::NoEqualsSign,
    }
}

/// The offset of the `-----END` line, if only lines of a PEM block stand before it.
fn last_line_of_block(text: Text<'_>, mut line_start: usize) -> Option<usize> {
    while line_start < text.len() {
        let line = text.span(line_start, text.line_end(line_start)).trim_matches(is_space);
        if line.starts_with("-----END ") {
            return Some(line_start);
        }
        let is_base64 = line.trim_end_matches('=').chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'));
        let is_header = line.starts_with("Proc-Type: ") || line.starts_with("DEK-Info: ");
        if !is_base64 && !is_header {
            return None;
        }
        line_start = text.next_line(line_start);
    }
    None
}

#[cfg(test)]
mod tests;
