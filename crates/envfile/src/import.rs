//! Files of secrets in other formats: flat JSON and YAML, and the exports of Vault, `OpenBao`, Infisical and Doppler.
//!
//! Only text becomes a value: `PORT: 8080` is refused by name, since 8080, "8080" and 8080.0 are one number and three
//! values. All problems of a file are reported at once.

mod error;
mod shape;
mod tree;

pub(crate) use error::shown;
pub use error::{ImportError, JsonType, Problem};
use shape::Pairs;
use tree::{Node, Syntax};

use std::fmt;

use strongroom_secret::SecretValue;

use crate::dotenv::{Warning, parse, readable};

/// How a file of secrets is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Dotenv text, read by [`crate::parse`].
    Dotenv,
    /// One JSON object of strings.
    Json,
    /// One YAML mapping of strings.
    Yaml,
    /// What Vault and `OpenBao` answer for a KV secret of version 1 or 2: `{"data": {…}}` or `{"data": {"data": {…}}}`.
    Vault,
    /// A list of `{key, value}` or `{secretKey, secretValue}`, or such a list under `secrets`.
    Infisical,
    /// One object of strings with Doppler's own `DOPPLER_PROJECT`, `DOPPLER_ENVIRONMENT` and `DOPPLER_CONFIG` in it.
    Doppler,
}

/// What a file holds.
#[derive(Debug)]
pub struct Imported {
    /// The secrets in the order of the file, at least one; no name twice. Names are not checked: that is the caller's.
    pub entries: Vec<ImportedEntry>,
    /// What a person should know; errors under `--strict`.
    pub warnings: Vec<ImportWarning>,
}

/// One secret of a file.
#[derive(Debug)]
pub struct ImportedEntry {
    /// Its name as it stands.
    pub name: String,
    /// Its value.
    pub value: SecretValue,
    /// Its line, where the format tells.
    pub line: Option<usize>,
}

/// Something read otherwise than it stands. `Display` is one sentence without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportWarning {
    /// A line of dotenv text.
    Line(Warning),
    /// A name that Doppler adds to each export about itself; it was left out.
    DopplerName(String),
}

impl fmt::Display for ImportWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(warning) => warning.fmt(f),
            Self::DopplerName(name) => write!(f, "{name} was left out: it is Doppler's name for the exported config"),
        }
    }
}

/// The most specific format that fits the file's name and content. It never fails: a file that fits nothing is dotenv
/// text, or what its name says, and [`read`] tells what is wrong with it.
pub fn detect(file_name: &str, bytes: &[u8]) -> Format {
    let Ok(text) = readable(bytes) else { return Format::Dotenv };
    let lower = file_name.to_ascii_lowercase();
    let by_name = match lower.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => Some(Syntax::Json),
        Some("yaml" | "yml") => Some(Syntax::Yaml),
        _ => None,
    };
    let syntax = by_name.or_else(|| starts_like_json(text).then_some(Syntax::Json));
    let Some(syntax) = syntax else { return Format::Dotenv };
    let plain = match syntax {
        Syntax::Json => Format::Json,
        Syntax::Yaml => Format::Yaml,
    };
    match (tree::parse(syntax, text), by_name) {
        (Ok(node), _) => shape::recognise(&node).unwrap_or(plain),
        (Err(_), Some(_)) => plain,
        (Err(_), None) => Format::Dotenv,
    }
}

/// Reads `bytes` as `format`. They stay the caller's to wipe.
pub fn read(format: Format, bytes: &[u8]) -> Result<Imported, ImportError> {
    let text = readable(bytes)?;
    let syntax = match format {
        Format::Dotenv => return dotenv(bytes),
        Format::Json => Syntax::Json,
        Format::Vault | Format::Infisical | Format::Doppler if starts_like_json(text) => Syntax::Json,
        Format::Yaml | Format::Vault | Format::Infisical | Format::Doppler => Syntax::Yaml,
    };
    let node = tree::parse(syntax, text)?;
    let Pairs { mut pairs, mut problems } = shape::pairs(format, node)?;
    let mut warnings = Vec::new();
    if format == Format::Doppler {
        pairs.retain(|(name, _)| {
            let is_meta = shape::DOPPLER_NAMES.contains(&name.as_str());
            if is_meta {
                warnings.push(ImportWarning::DopplerName(name.clone()));
            }
            !is_meta
        });
    }
    let entries = entries(pairs, &mut problems);
    if !problems.is_empty() {
        return Err(ImportError::Entries(problems));
    }
    if entries.is_empty() {
        return Err(ImportError::NoSecrets);
    }
    Ok(Imported { entries, warnings })
}

fn starts_like_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
}

fn dotenv(bytes: &[u8]) -> Result<Imported, ImportError> {
    let parsed = parse(bytes)?;
    let entry = |entry: crate::EnvEntry| ImportedEntry { name: entry.name, value: entry.value, line: Some(entry.line) };
    Ok(Imported {
        entries: parsed.entries.into_iter().map(entry).collect(),
        warnings: parsed.warnings.into_iter().map(ImportWarning::Line).collect(),
    })
}

/// The pairs whose value is text that a secret can hold; the others become problems.
fn entries(pairs: Vec<(String, Node)>, problems: &mut Vec<Problem>) -> Vec<ImportedEntry> {
    let mut entries: Vec<ImportedEntry> = Vec::with_capacity(pairs.len());
    let mut seen = std::collections::HashSet::new();
    for (name, node) in pairs {
        if !seen.insert(name.clone()) {
            problems.push(Problem::Duplicate { name });
            continue;
        }
        let found = node.json_type();
        let Node::Text(mut text) = node else {
            problems.push(Problem::NotText { name, found });
            continue;
        };
        match SecretValue::new(std::mem::take(&mut *text)) {
            Ok(value) => entries.push(ImportedEntry { name, value, line: None }),
            Err(reason) => problems.push(Problem::Value { name, reason }),
        }
    }
    entries
}

#[cfg(test)]
mod tests;
