//! Secrets as text that other programs read. What a format cannot carry is refused by name, all entries at once.

mod buffer;
mod dotenv;
mod kubernetes;
mod text;

use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

use crate::import::shown;
use buffer::Buffer;

/// Longest line of a Docker env file, with its name: Docker reads lines into a buffer of 64 KiB.
pub const MAX_DOCKER_LINE_BYTES: usize = 64 * 1024 - 2;

/// Most bytes of values in one Kubernetes Secret.
pub const MAX_KUBERNETES_BYTES: usize = 1024 * 1024;

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Dotenv text that [`crate::parse`] and the npm package `dotenv` read back byte for byte.
    Dotenv,
    /// One JSON object.
    Json,
    /// One YAML mapping.
    Yaml,
    /// `export NAME='…'` lines for a POSIX shell.
    Shell,
    /// `NAME=VALUE` lines for `docker run --env-file`, which knows no quotes.
    Docker,
    /// A manifest of a Kubernetes Secret.
    Kubernetes {
        /// Its `metadata.name`.
        name: String,
    },
}

/// Why nothing was written. Carries names and sizes, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Entries that the format cannot carry, all of them.
    #[error("{}", joined(.0))]
    Entries(Vec<Refused>),
    /// The name of the Kubernetes Secret is none.
    #[error(
        "a Kubernetes Secret needs a name of at most 253 lower-case letters, digits, `-` and `.`, which begins and ends with a letter or digit"
    )]
    KubernetesName,
    /// More than [`MAX_KUBERNETES_BYTES`].
    #[error("the values are {actual_bytes} bytes together; a Kubernetes Secret holds at most {MAX_KUBERNETES_BYTES}")]
    KubernetesSize {
        /// Bytes of all values.
        actual_bytes: usize,
    },
}

/// An entry that the format cannot carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Name of the entry.
    pub name: String,
    /// Why.
    pub reason: Reason,
}

/// What about an entry the format cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The name is not `[A-Za-z_][A-Za-z0-9_]*`, and would be read as something else.
    #[error("the format cannot carry this name")]
    Name,
    /// No quote form of the dotenv format holds this combination of quotes, backslashes and line breaks.
    #[error("no quote form of the dotenv format can carry its mix of quotes, backslashes and line breaks")]
    NoQuoteForm,
    /// A line break, for which Docker's format has no spelling.
    #[error("it contains a line break, which a Docker env file cannot carry")]
    LineBreak,
    /// The line would be longer than [`MAX_DOCKER_LINE_BYTES`].
    #[error("its line is longer than the {MAX_DOCKER_LINE_BYTES} bytes that Docker reads")]
    LineTooLong,
}

/// Writes the entries in their order. Names must not repeat. The text wipes itself, and was never elsewhere in memory
/// but in the buffers of this crate, which wiped themselves, and in those of the base64 and JSON encoders.
pub fn write(format: &Format, entries: &[(&str, &SecretValue)]) -> Result<Zeroizing<String>, ExportError> {
    let mut out = Buffer::for_bytes(entries.iter().map(|(name, value)| name.len() + value.len() + 16).sum());
    let entry = |write: fn(&mut Buffer, &str, &str) -> Result<(), Reason>| (write, entries);
    match format {
        Format::Dotenv => each(&mut out, entry(dotenv::line))?,
        Format::Shell => each(&mut out, entry(text::shell_line))?,
        Format::Docker => each(&mut out, entry(text::docker_line))?,
        Format::Json => text::json(&mut out, entries),
        Format::Yaml => text::yaml(&mut out, entries),
        Format::Kubernetes { name } => kubernetes::manifest(&mut out, name, entries)?,
    }
    Ok(out.finish())
}

type Lines<'e> = (fn(&mut Buffer, &str, &str) -> Result<(), Reason>, &'e [(&'e str, &'e SecretValue)]);

fn each(out: &mut Buffer, (write_line, entries): Lines<'_>) -> Result<(), ExportError> {
    let mut refused = Vec::new();
    for (name, value) in entries {
        let written = if is_name(name) { write_line(out, name, value.expose()) } else { Err(Reason::Name) };
        if let Err(reason) = written {
            refused.push(Refused { name: (*name).to_owned(), reason });
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(ExportError::Entries(refused)) }
}

/// Whether this is a name of an environment variable in every shell.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn joined(refused: &[Refused]) -> String {
    let each = |Refused { name, reason }: &Refused| format!("{}: {reason}", shown(name));
    refused.iter().map(each).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
