//! The manifest of a Kubernetes Secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strongroom_secret::SecretValue;

use super::buffer::Buffer;
use super::text::yaml_string;
use super::{ExportError, MAX_KUBERNETES_BYTES, Reason, Refused};

/// Longest key and longest name of a Secret.
const MAX_NAME_BYTES: usize = 253;

/// An `Opaque` Secret with base64 under `data`. Keys are `[-._a-zA-Z0-9]+`, at most 253 bytes.
pub(super) fn manifest(out: &mut Buffer, name: &str, entries: &[(&str, &SecretValue)]) -> Result<(), ExportError> {
    if !is_subdomain(name) {
        return Err(ExportError::KubernetesName);
    }
    let refused: Vec<_> = entries.iter().filter(|(key, _)| !is_key(key)).collect();
    if !refused.is_empty() {
        let refuse = |(key, _): &(&str, &SecretValue)| Refused { name: (*key).to_owned(), reason: Reason::Name };
        return Err(ExportError::Entries(refused.into_iter().map(refuse).collect()));
    }
    let actual_bytes = entries.iter().map(|(_, value)| value.len()).sum();
    if actual_bytes > MAX_KUBERNETES_BYTES {
        return Err(ExportError::KubernetesSize { actual_bytes });
    }
    out.push("apiVersion: v1\nkind: Secret\nmetadata:\n  name: ");
    yaml_string(out, name);
    out.push("\ntype: Opaque\ndata:");
    out.push(if entries.is_empty() { " {}\n" } else { "\n" });
    for (key, value) in entries {
        out.push("  ");
        yaml_string(out, key);
        out.push(": \"");
        // four characters for every three bytes begun
        let room = value.len().div_ceil(3) * 4;
        STANDARD.encode_string(value.expose(), out.room_for(room));
        out.push("\"\n");
    }
    Ok(())
}

/// RFC 1123 subdomain, as `metadata.name` must be.
fn is_subdomain(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= MAX_NAME_BYTES && name.split('.').all(is_label)
}

fn is_key(key: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MAX_NAME_BYTES).contains(&key.len()) && key.chars().all(legal) && !matches!(key, "." | "..")
}
