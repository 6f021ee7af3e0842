//! Checks that no other tool makes: sizes, words that must not stay, links, manifests, layout.

mod attacks;
mod layout;
mod manifests;
mod markdown;
mod rust;

use std::fmt;
use std::io;
use std::path::Path;

use crate::Report;
use crate::tree::Tree;

/// Something that must be changed before `make check` passes.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Every rule. A new one is a function from the tree to its findings, with a test beside it.
const RULES: [fn(&Tree) -> Vec<Finding>; 10] = [
    attacks::table,
    layout::long_files,
    layout::vague_names,
    layout::crate_names,
    layout::registry_hosts,
    manifests::purposes,
    manifests::members,
    markdown::links,
    rust::root_docs,
    rust::leftovers,
];

/// Runs every rule on the files below `root`.
pub(crate) fn run(root: &Path) -> io::Result<Report> {
    let tree = Tree::read(root)?;
    let findings: Vec<_> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    let mut lines = layout::long_file_notes(&tree);
    lines.extend(findings.iter().map(|finding| format!("error: {finding}")));
    lines.push(format!("tidy: {} files, {} findings", tree.files.len(), findings.len()));
    Ok(Report { lines, failed: !findings.is_empty() })
}

/// The findings of `rule` on `files`, as they are shown.
#[cfg(test)]
fn shown(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::of(files)).iter().map(Finding::to_string).collect()
}
