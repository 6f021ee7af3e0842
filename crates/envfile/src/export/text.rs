//! JSON, YAML, shell and Docker env files.

use strongroom_secret::SecretValue;

use super::buffer::Buffer;
use super::{MAX_DOCKER_LINE_BYTES, Reason};

/// `export NAME='…'`. Between single quotes a POSIX shell changes nothing (POSIX.1-2024, Shell Command Language, 2.2.2);
/// a single quote is spelt `'\''`.
#[expect(clippy::unnecessary_wraps, reason = "one signature for all formats of lines")]
pub(super) fn shell_line(out: &mut Buffer, name: &str, value: &str) -> Result<(), Reason> {
    out.push("export ");
    out.push(name);
    out.push("='");
    for (index, piece) in value.split('\'').enumerate() {
        if index > 0 {
            out.push("'\\''");
        }
        out.push(piece);
    }
    out.push("'\n");
    Ok(())
}

/// `NAME=VALUE`, the value as it is: Docker knows neither quotes nor escapes, and drops a CR at the end of a line.
pub(super) fn docker_line(out: &mut Buffer, name: &str, value: &str) -> Result<(), Reason> {
    if value.contains(['\n', '\r']) {
        return Err(Reason::LineBreak);
    }
    if name.len() + 1 + value.len() > MAX_DOCKER_LINE_BYTES {
        return Err(Reason::LineTooLong);
    }
    for piece in [name, "=", value, "\n"] {
        out.push(piece);
    }
    Ok(())
}

/// One object, two spaces deep.
pub(super) fn json(out: &mut Buffer, entries: &[(&str, &SecretValue)]) {
    for (index, (name, value)) in entries.iter().enumerate() {
        out.push(if index == 0 { "{\n  " } else { ",\n  " });
        json_string(out, name);
        out.push(": ");
        json_string(out, value.expose());
    }
    out.push(if entries.is_empty() { "{}\n" } else { "\n}\n" });
}

fn json_string(out: &mut Buffer, text: &str) {
    serde_json::to_writer(out, text).expect("the buffer takes any text that serde_json writes");
}

/// One mapping; names and values are always in double quotes, so that `NO`, `012` or `1e3` stay text.
pub(super) fn yaml(out: &mut Buffer, entries: &[(&str, &SecretValue)]) {
    for (name, value) in entries {
        yaml_string(out, name);
        out.push(": ");
        yaml_string(out, value.expose());
        out.push("\n");
    }
    if entries.is_empty() {
        out.push("{}\n");
    }
}

/// A double-quoted scalar (YAML 1.2.2, 7.3.1). Whatever is not printable there, and each line break, is escaped.
pub(super) fn yaml_string(out: &mut Buffer, text: &str) {
    out.push("\"");
    for c in text.chars() {
        match c {
            '"' => out.push("\\\""),
            '\\' => out.push("\\\\"),
            '\n' => out.push("\\n"),
            '\r' => out.push("\\r"),
            '\t' => out.push("\\t"),
            ' '..='~'
            | '\u{a0}'..='\u{2027}'
            | '\u{202a}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}'
            | '\u{10000}'..='\u{10ffff}' => out.push_char(c),
            _ => out.push(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push("\"");
}
