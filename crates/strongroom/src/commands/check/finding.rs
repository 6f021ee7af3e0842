//! What was found, and how it is told.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::words::count;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::commands) enum Severity {
    /// Has to be mended: exit 1.
    Problem,
    /// Worth a look.
    Warning,
    /// Something that was not looked at, or is as it should be.
    Note,
}

/// One finding. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Finding {
    /// What kind it is; stable.
    pub(in crate::commands) code: &'static str,
    pub(in crate::commands) severity: Severity,
    /// From the folder that was checked.
    pub(in crate::commands) file: Option<String>,
    /// From 1.
    pub(in crate::commands) line: Option<usize>,
    /// In characters, from 1.
    pub(in crate::commands) column: Option<usize>,
    /// The secret's name.
    pub(in crate::commands) name: Option<String>,
    pub(in crate::commands) message: String,
    /// What to do: the next command, or what to change.
    pub(in crate::commands) fix: Option<String>,
}

impl Finding {
    pub(super) fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, severity, file: None, line: None, column: None, name: None, message, fix: None }
    }

    #[must_use]
    pub(super) fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    #[must_use]
    pub(super) fn at(mut self, (line, column): (usize, usize)) -> Self {
        (self.line, self.column) = (Some(line), Some(column));
        self
    }

    #[must_use]
    pub(super) fn of(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    #[must_use]
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// Line and column of a place in a text, both from 1.
pub(super) fn position(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or_default();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = before.split(|byte| *byte == b'\n').count();
    let column = String::from_utf8_lossy(before.get(line_start..).unwrap_or_default()).chars().count() + 1;
    (line, column)
}

/// The line that a place lies in.
pub(super) fn line_around(text: &[u8], offset: usize) -> &[u8] {
    let (before, after) = text.split_at(offset.min(text.len()));
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let end = after.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| before.len() + at);
    text.get(start..end).unwrap_or_default()
}

/// The headings under which findings are told, in order, by their codes' beginnings.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Keys and values in files", &["secret_value", "key_pattern"]),
    ("Names in browser code", &["secret_name_in_frontend"]),
    ("Names that code reads, lists and the store", &["name_", "secret_", "app_", "read_"]),
    (".env files", &["env_file"]),
    ("dotenv", &["dotenv"]),
    ("Not looked at", &[""]),
];

/// The worst first, each once.
pub(super) fn sort(findings: &mut Vec<Finding>) {
    let key = |found: &Finding| {
        (found.severity, found.file.clone(), found.line, found.column, found.code, found.name.clone())
    };
    findings.sort_by_key(key);
    findings.dedup();
}

/// Tells everything; problems make the exit code 1.
pub(super) fn tell(context: &Context, findings: &[Finding], files: usize) -> Result<Exit, Failure> {
    let of = |severity| u64::try_from(findings.iter().filter(|found| found.severity == severity).count()).unwrap_or(0);
    let (problems, warnings, notes) = (of(Severity::Problem), of(Severity::Warning), of(Severity::Note));
    let exit = if problems > 0 { Exit::FAILED } else { Exit::DONE };
    if !context.output.is_for_people() {
        return context.output.structured(&findings).map(|()| exit);
    }
    let mut groups: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    for found in findings {
        let group = GROUPS.iter().position(|(_, codes)| codes.iter().any(|code| found.code.starts_with(code)));
        groups.entry(group.unwrap_or(GROUPS.len())).or_default().push(found);
    }
    for (group, found) in groups {
        output::line(GROUPS.get(group).map_or("", |(heading, _)| heading))?;
        found.iter().try_for_each(|found| print(found))?;
        output::line("")?;
    }
    let files = count(u64::try_from(files).unwrap_or(u64::MAX), "file");
    let more = [(warnings, "warning"), (notes, "note")].into_iter().filter(|(number, _)| *number > 0);
    let more = more.map(|(number, word)| format!(", {}", count(number, word))).collect::<Vec<_>>().concat();
    let summary = match problems {
        0 => format!("✔ No problems in {files}{more}"),
        _ => format!("✗ {} in {files}{more}", count(problems, "problem")),
    };
    output::line(&summary).map(|()| exit)
}

fn print(found: &Finding) -> Result<(), Failure> {
    let mark = match found.severity {
        Severity::Problem => "✗",
        Severity::Warning => "!",
        Severity::Note => "·",
    };
    let place = match (&found.file, found.line, found.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        (Some(file), ..) => format!("{file}: "),
        (None, ..) => String::new(),
    };
    output::line(&format!("  {mark} {place}{}  [{}]", found.message, found.code))?;
    found.fix.as_ref().map_or(Ok(()), |fix| output::line(&format!("      → {fix}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_lines_and_characters_from_one() {
        let text = "eins\nzwöi drei\n";
        let at = |word: &str| position(text.as_bytes(), text.find(word).unwrap_or_default());
        assert_eq!((at("eins"), at("drei")), ((1, 1), (2, 6)));
        assert_eq!(line_around(text.as_bytes(), text.find("drei").unwrap_or_default()), "zwöi drei".as_bytes());
    }
}
