//! The texts of files: stored values, keys of known shape, names in browser code.

use std::collections::BTreeSet;

use strongroom_model::name::PUBLISHED_PREFIXES;
use strongroom_runtime::leaks::Leaks;
use strongroom_runtime::patterns;
use strongroom_runtime::references::Kind;

use super::code::{Code, is_program};
use super::envfiles;
use super::finding::{Finding, Severity, line_around, position};
use super::tree::Tree;

/// A line that holds this is passed over.
const ALLOWED: &[u8] = b"strongroom:allow";

/// What to look for.
pub(super) struct Wanted<'w> {
    /// Stored values.
    pub(super) values: &'w Leaks,
    /// Names that are stored or listed.
    pub(super) names: &'w BTreeSet<String>,
    /// Files that run in browsers.
    pub(super) frontend: &'w BTreeSet<String>,
}

/// Reads every file once. How many were read.
pub(super) fn scan(tree: &Tree, code: &mut Code<'_>, wanted: &Wanted<'_>, findings: &mut Vec<Finding>) -> usize {
    let mut read = 0;
    let (mut binaries, mut large) = (0_usize, Vec::new());
    for path in tree.files.union(wanted.frontend) {
        let Some(text) = tree.read(path) else {
            if tree.is_too_large(path) {
                large.push(path.as_str());
            } else {
                binaries += 1;
            }
            continue;
        };
        read += 1;
        let is_frontend = wanted.frontend.contains(path);
        texts(path, &text, (wanted.values, is_frontend), findings);
        envfiles::manifest(path, &text, findings);
        if is_program(path) {
            program(path, &text, code, (wanted, is_frontend), findings);
        }
    }
    if binaries > 0 {
        let note = format!("{binaries} binary files were not read");
        findings.push(Finding::new("file_not_read", Severity::Note, note));
    }
    for path in large {
        findings.push(Finding::new("file_not_read", Severity::Note, "is too large to be read").in_file(path));
    }
    read
}

fn texts(path: &str, text: &[u8], (values, is_frontend): (&Leaks, bool), findings: &mut Vec<Finding>) {
    let is_allowed = |offset: usize| line_around(text, offset).windows(ALLOWED.len()).any(|window| window == ALLOWED);
    let found = values.find(text);
    for (name, range) in found.iter().filter(|(_, range)| !is_allowed(range.start)) {
        let (code, message) = if is_frontend {
            ("secret_value_in_frontend", format!("holds the value of {name}, and runs in browsers"))
        } else {
            ("secret_value_in_tree", format!("holds the value of {name}"))
        };
        let fix = format!(
            "read it with secrets.get(\"{name}\") on the server, then replace the value, which is no secret any more: strongroom secrets set {name}"
        );
        let finding = Finding::new(code, Severity::Problem, message).in_file(path).at(position(text, range.start));
        findings.push(finding.of(name).fix(fix));
    }
    for key in patterns::find(text) {
        let is_stored = found.iter().any(|(_, range)| range.start < key.end && key.start < range.end);
        if is_stored || is_allowed(key.start) {
            continue;
        }
        let message = format!("holds what has the shape of a key ({})", key.rule);
        let fix = "keep it with `strongroom secrets set NAME` and read it from there; if it is no secret, write strongroom:allow into the line";
        let finding = Finding::new("key_pattern", Severity::Problem, message).fix(fix);
        findings.push(finding.in_file(path).at(position(text, key.start)));
    }
}

fn program(
    path: &str,
    text: &[u8],
    code: &mut Code<'_>,
    (wanted, is_frontend): (&Wanted<'_>, bool),
    findings: &mut Vec<Finding>,
) {
    let Some(program) = code.worth_reading(path, text) else { return };
    for import in program.references.imports.iter().filter(|import| envfiles::is_dotenv(&import.specifier)) {
        let message = format!("imports {}, which loads .env files", import.specifier);
        let fix = "take the import out: the environment is set before the code starts";
        let finding = Finding::new("dotenv_import", Severity::Problem, message).fix(fix);
        findings.push(finding.in_file(path).at(program.at(import.offset)));
    }
    if !is_frontend {
        return;
    }
    for read in &program.references.reads {
        let prefix = PUBLISHED_PREFIXES.iter().find(|prefix| read.name.starts_with(**prefix));
        let bare = prefix.and_then(|prefix| read.name.strip_prefix(prefix)).unwrap_or(&read.name);
        let is_known = wanted.names.contains(&read.name) || wanted.names.contains(bare);
        if read.kind == Kind::Env && !is_known {
            continue;
        }
        let message = match (read.kind, prefix) {
            (Kind::Helper, _) => {
                format!("asks for the secret {}, and runs in browsers, where there are none", read.name)
            }
            (Kind::Env, Some(_)) => {
                format!("reads {}: build tools write its value into the page, and {bare} is a secret", read.name)
            }
            (Kind::Env, None) => format!("reads the secret {}, and runs in browsers", read.name),
        };
        let fix = "let a function or backend use the secret, and call that from the page";
        let finding = Finding::new("secret_name_in_frontend", Severity::Problem, message).of(bare).fix(fix);
        findings.push(finding.in_file(path).at(program.at(read.offset)));
    }
}
