//! Looks at one matched assignment for what its author may not have meant.

use super::grammar::{Assignment, Matched, Text, is_quote, is_space};
use super::source::Source;
use super::warning::{Warning, WarningKind};

/// Every warning about `found`, in the order of the text.
pub(super) fn warnings(source: &Source, found: &Assignment<'_>) -> Vec<Warning> {
    let text = source.text();
    let line = source.line(found.start);
    let name = || found.name.to_owned();
    let mut kinds = Vec::new();
    let value_line = source.line(value_offset(text, found));
    if value_line > line {
        kinds.push(WarningKind::ValueOnLaterLine { name: name(), value_line });
    }
    match found.value {
        Matched::Absent => {
            if text.at(found.value_from) == Some('#') {
                kinds.push(WarningKind::CutByHash { name: name() });
            }
        }
        Matched::Bare { start, end } => {
            let bare = text.span(start, end);
            kinds.extend(quote_problem(bare.trim_matches(is_space), found.name));
            if text.at(end) == Some('#') && hash_cuts(bare) {
                kinds.push(WarningKind::CutByHash { name: name() });
            }
        }
        Matched::Quoted { open, close, close_is_escaped } => {
            if close_is_escaped {
                kinds.push(WarningKind::ClosedByEscapedQuote { name: name() });
            }
            if let Some(swallowed_line) = swallowed_assignment(source, open + 1, close) {
                kinds.push(WarningKind::SwallowedAssignment { name: name(), swallowed_line });
            }
            if source.line_ends_changed(open, close) {
                kinds.push(WarningKind::LineEndsChanged { name: name() });
            }
        }
    }
    kinds.extend(escape_problems(text, found));
    kinds.into_iter().map(|kind| Warning { line, kind }).collect()
}

/// Where the value (or, if there is none, the separator before it) stands.
fn value_offset(text: Text<'_>, found: &Assignment<'_>) -> usize {
    match found.value {
        Matched::Quoted { open, .. } => open,
        Matched::Bare { start, end } if !text.span(start, end).trim_matches(is_space).is_empty() => start,
        Matched::Bare { .. } | Matched::Absent => found.value_from - 1,
    }
}

/// An unquoted value that begins with a quote was not closed, or not at its end.
fn quote_problem(bare: &str, name: &str) -> Option<WarningKind> {
    let quote = bare.chars().next().filter(|c| is_quote(*c))?;
    let name = name.to_owned();
    let closed = bare.chars().skip(1).any(|c| c == quote);
    Some(if closed { WarningKind::TextAfterQuote { name } } else { WarningKind::UnclosedQuote { name } })
}

/// Whether a `#` behind this unquoted text is likely to have been meant as part of the value: it touches the text, or
/// the text before it is visibly incomplete.
fn hash_cuts(bare: &str) -> bool {
    let trimmed = bare.trim_matches(is_space);
    let touches = !bare.ends_with(is_space);
    let opened = matches!(trimmed.chars().next(), Some('{' | '[')) && !trimmed.ends_with(['}', ']']);
    let in_quotes = trimmed.matches('"').count() % 2 == 1;
    touches || opened || in_quotes
}

fn swallowed_assignment(source: &Source, body: usize, close: usize) -> Option<usize> {
    let text = source.text();
    let mut line_start = text.next_line(body);
    while line_start < close {
        let line_end = text.line_end(line_start).min(close);
        if looks_like_assignment(text.span(line_start, line_end)) {
            return Some(source.line(line_start));
        }
        line_start = text.next_line(line_start);
    }
    None
}

/// Upper-case names only: the last line of a base64 block ends in `=` too.
fn looks_like_assignment(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let Some((name, _)) = line.split_once('=') else { return false };
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn escape_problems(text: Text<'_>, found: &Assignment<'_>) -> Vec<WarningKind> {
    let quoted = match found.value {
        Matched::Absent => return Vec::new(),
        Matched::Quoted { open, close, .. } => text.span(open, close),
        Matched::Bare { start, end } => text.span(start, end).trim_matches(is_space),
    };
    let Some(quote) = quoted.chars().next().filter(|c| is_quote(*c)) else { return Vec::new() };
    let body = quoted.get(1..).unwrap_or_default();
    let mut kinds = Vec::new();
    if quote == '"' && breaks_unexpectedly(body) {
        kinds.push(WarningKind::UnexpectedLineBreak { name: found.name.to_owned() });
    }
    let kept = |c: char| c == quote || (quote == '"' && matches!(c, '\\' | 't'));
    if body.chars().zip(body.chars().skip(1)).any(|(c, next)| c == '\\' && kept(next)) {
        kinds.push(WarningKind::BackslashKept { name: found.name.to_owned() });
    }
    kinds
}

/// A line break made of `\n` or `\r` in a Windows path, or behind a backslash that was meant to escape.
fn breaks_unexpectedly(body: &str) -> bool {
    let is_path = body.starts_with("\\\\") || body.as_bytes().windows(3).any(is_drive);
    let breaks = body.contains("\\n") || body.contains("\\r");
    (is_path && breaks) || body.contains("\\\\n") || body.contains("\\\\r")
}

fn is_drive(window: &[u8]) -> bool {
    matches!(window, [letter, b':', b'\\'] if letter.is_ascii_alphabetic())
}
