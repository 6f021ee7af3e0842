//! The grammar of the npm package `dotenv` 17.3: one line matched exactly as its regular expression matches it.
//!
//! ```text
//! /^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/mg
//! ```
//!
//! Every choice of that expression but two has a single way to succeed, so no general backtracking is needed: an
//! `export` that leads nowhere is itself the name, and a quoted value whose last quote is followed by other text may
//! still be closed by a quote that a backslash precedes, the last such quote first. Time is linear in the text.

use zeroize::Zeroizing;

/// Text whose line ends are all `\n`, addressed by byte offset. Offsets are always on character boundaries.
#[derive(Clone, Copy)]
pub(super) struct Text<'t>(pub(super) &'t str);

/// One matched assignment.
pub(super) struct Assignment<'t> {
    pub(super) name: &'t str,
    /// Offset of the name.
    pub(super) start: usize,
    /// Offset behind the `=`, or behind the `:` and the space after it.
    pub(super) value_from: usize,
    pub(super) value: Matched,
    /// Offset behind the value and its comment: where the search for the next assignment begins.
    pub(super) end: usize,
}

/// Which alternative of the expression matched the value.
#[derive(Clone, Copy)]
pub(super) enum Matched {
    /// Nothing stands there.
    Absent,
    /// From the offset of the opening quote to that of the closing one.
    Quoted { open: usize, close: usize, close_is_escaped: bool },
    /// Everything up to a `#` or the end of the line, at least one character.
    Bare { start: usize, end: usize },
}

impl<'t> Text<'t> {
    pub(super) fn len(self) -> usize {
        self.0.len()
    }

    /// The text from `start` to `end`, which lie on character boundaries, in this order.
    pub(super) fn span(self, start: usize, end: usize) -> &'t str {
        self.0.get(start..end).expect("offsets come from scanning this same text")
    }

    /// The text from `start` on.
    pub(super) fn from(self, start: usize) -> &'t str {
        self.span(start, self.len())
    }

    pub(super) fn at(self, offset: usize) -> Option<char> {
        self.from(offset).chars().next()
    }

    /// The first offset from `start` on whose character fails `accept`, or the end.
    fn skip(self, start: usize, accept: impl Fn(char) -> bool) -> usize {
        self.from(start).find(|c| !accept(c)).map_or(self.len(), |found| start + found)
    }

    pub(super) fn skip_space(self, start: usize) -> usize {
        self.skip(start, is_space)
    }

    /// The offset of the end of the line on which `start` lies.
    pub(super) fn line_end(self, start: usize) -> usize {
        self.skip(start, |c| !is_terminator(c))
    }

    /// The offset behind the end of the line on which `start` lies.
    pub(super) fn next_line(self, start: usize) -> usize {
        let end = self.line_end(start);
        end + self.at(end).map_or(0, char::len_utf8)
    }
}

/// Matches an assignment that begins at `start`, which is the beginning of a line, or behind white space from there.
/// If there is none, the offset of the first character that is no white space (or of the end).
pub(super) fn assignment(text: Text<'_>, start: usize) -> Result<Assignment<'_>, usize> {
    let start = text.skip_space(start);
    let exported = text.from(start).strip_prefix("export").and_then(|rest| {
        let name_from = text.skip_space(text.len() - rest.len());
        if name_from > text.len() - rest.len() { named(text, name_from) } else { None }
    });
    exported.or_else(|| named(text, start)).ok_or(start)
}

fn named(text: Text<'_>, start: usize) -> Option<Assignment<'_>> {
    let name_end = text.skip(start, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if name_end == start {
        return None;
    }
    let value_from = separator(text, name_end)?;
    let (value, end) = value(text, value_from);
    Some(Assignment { name: text.span(start, name_end), start, value_from, value, end })
}

/// `\s*=\s*?|:\s+?`: what follows can match nothing at all, so the lazy parts take as little as they may.
fn separator(text: Text<'_>, start: usize) -> Option<usize> {
    let equals = text.skip_space(start);
    if text.at(equals) == Some('=') {
        return Some(equals + 1);
    }
    let mut rest = text.from(start).chars();
    match (rest.next(), rest.next()) {
        (Some(':'), Some(space)) if is_space(space) => Some(start + 1 + space.len_utf8()),
        _ => None,
    }
}

fn value(text: Text<'_>, start: usize) -> (Matched, usize) {
    let open = text.skip_space(start);
    if let Some(quote) = text.at(open).filter(|c| is_quote(*c))
        && let Some(quoted) = quoted(text, open, quote)
    {
        return quoted;
    }
    let end = text.skip(start, |c| !matches!(c, '#' | '\n' | '\r'));
    let matched = if end > start { Matched::Bare { start, end } } else { Matched::Absent };
    (matched, tail(text, end).unwrap_or(end))
}

fn quoted(text: Text<'_>, open: usize, quote: char) -> Option<(Matched, usize)> {
    let body = open + 1;
    let mut escaped = Vec::new();
    let mut plain = None;
    for (offset, _) in text.from(body).match_indices(quote) {
        if text.span(body, body + offset).ends_with('\\') {
            escaped.push(body + offset);
        } else {
            plain = Some(body + offset);
            break;
        }
    }
    let candidates = plain.map(|close| (close, false)).into_iter();
    candidates.chain(escaped.into_iter().rev().map(|close| (close, true))).find_map(|(close, close_is_escaped)| {
        let end = tail(text, close + 1)?;
        Some((Matched::Quoted { open, close, close_is_escaped }, end))
    })
}

/// `\s*(?:#.*)?$`: where it ends, or nothing if other text stands there.
fn tail(text: Text<'_>, start: usize) -> Option<usize> {
    let end = text.skip_space(start);
    if end == text.len() {
        return Some(end);
    }
    if text.at(end) == Some('#') {
        return Some(text.line_end(end));
    }
    text.span(start, end).rfind(is_terminator).map(|found| start + found)
}

/// The value that `matched` stands for: trimmed, without its quotes, and in double quotes with `\n` and `\r` expanded.
pub(super) fn read_value(text: Text<'_>, matched: Matched) -> Zeroizing<String> {
    let raw = match matched {
        Matched::Absent => "",
        Matched::Quoted { open, close, .. } => text.span(open, close + 1),
        Matched::Bare { start, end } => text.span(start, end),
    };
    let trimmed = raw.trim_matches(is_space);
    let unquoted = strip_quotes(Text(trimmed));
    if trimmed.starts_with('"') { expand(&unquoted) } else { unquoted }
}

/// Removes surrounding quotes as ``replace(/^(['"`])([\s\S]*)\1$/mg, '$2')`` does. The result never outgrows its first allocation, so no copy stays behind.
fn strip_quotes(text: Text<'_>) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut offset = 0;
    while offset < text.len() {
        let stripped = text.at(offset).filter(|c| is_quote(*c)).and_then(|quote| {
            let body = offset + 1;
            let ends_a_line = |found: &usize| text.at(found + 1).is_none_or(is_terminator);
            text.from(body).rmatch_indices(quote).map(|(found, _)| body + found).find(ends_a_line)
        });
        if let Some(close) = stripped {
            out.push_str(text.span(offset + 1, close));
            offset = close + 1;
        }
        let next = text.next_line(offset);
        out.push_str(text.span(offset, next));
        offset = next;
    }
    out
}

fn expand(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(found) = rest.find('\\') {
        let (before, from) = rest.split_at(found);
        out.push_str(before);
        let (replacement, taken) = match from.as_bytes().get(1) {
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            _ => ('\\', 1),
        };
        out.push(replacement);
        rest = from.split_at(taken).1;
    }
    out.push_str(rest);
    out
}

pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '\'' | '"' | '`')
}

/// ECMAScript's `\s`: white space and line terminators, with U+FEFF and without U+0085.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}'
        | '\u{3000}' | '\u{feff}')
        || is_terminator(c)
}

/// ECMAScript's line terminators, which `^`, `$` and `.` respect.
fn is_terminator(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}
