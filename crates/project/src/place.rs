//! Where something is wrong: line, column, and the line itself without what could be a secret in the wrong place.

use std::iter::Peekable;
use std::str::CharIndices;

/// Longest part of a line that is shown, in characters.
const SHOWN_CHARS: usize = 100;

/// One thing that is wrong. Neither text of it carries a string, long number or comment of the file: one of them may be a
/// secret in the wrong place. Keys that look like words are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what was meant perhaps.
    pub message: String,
    /// The line, with `…` in place of each string, and below it a mark under the column.
    pub excerpt: String,
}

impl Problem {
    /// The problem at a byte of the text.
    pub(crate) fn at(text: &str, byte: usize, message: String) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let rest = text.get(start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let number = before.matches('\n').count() + 1;
        Self {
            line: number,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
            message,
            excerpt: excerpt(number, line, byte - start.min(byte)),
        }
    }
}

fn excerpt(number: usize, line: &str, byte: usize) -> String {
    let (shown, mark) = without_texts(line, byte);
    let skipped = mark.saturating_sub(SHOWN_CHARS / 2);
    let part: String = shown.chars().skip(skipped).take(SHOWN_CHARS).collect();
    let gutter = number.to_string();
    let margin = " ".repeat(gutter.len());
    format!("{gutter} | {}\n{margin} | {}^", part.trim_end(), " ".repeat(mark - skipped))
}

/// The line with `…` for each string that is no key, each comment, each long number and each word that is not JSON's own; and where the
/// byte stands in it, in characters.
fn without_texts(line: &str, byte: usize) -> (String, usize) {
    let (mut shown, mut mark) = (String::new(), None);
    let mut rest = line.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        if at >= byte {
            mark.get_or_insert(shown.chars().count());
        }
        match character {
            '"' => {
                let text = to_quote(line, at, &mut rest);
                let is_key = rest.clone().find(|(_, next)| !next.is_whitespace()).is_some_and(|(_, next)| next == ':');
                shown.extend(["\"", if is_key && is_word(text) { text } else { "…" }, "\""]);
            }
            '/' if matches!(rest.peek(), Some((_, '/' | '*'))) => {
                shown.push('…');
                break;
            }
            '{' | '}' | '[' | ']' | ',' | ':' => shown.push(character),
            character if character.is_whitespace() => shown.push(' '),
            _ => {
                while rest.next_if(|(_, next)| !next.is_whitespace() && !"{}[],:\"/".contains(*next)).is_some() {}
                let end = rest.peek().map_or(line.len(), |(next, _)| *next);
                let word = line.get(at..end).unwrap_or_default();
                let is_number = word.len() <= 6 && word.bytes().all(|byte| byte.is_ascii_digit());
                shown.push_str(if is_number || ["true", "false", "null"].contains(&word) { word } else { "…" });
            }
        }
    }
    let end = shown.chars().count();
    (shown, mark.unwrap_or(end))
}

/// What stands in the quotes that open at `at`; reads past the closing one, or to the end of the line.
fn to_quote<'a>(line: &'a str, at: usize, rest: &mut Peekable<CharIndices<'_>>) -> &'a str {
    while let Some((end, character)) = rest.next() {
        match character {
            '\\' => drop(rest.next()),
            '"' => return line.get(at + 1..end).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

/// Whether a key looks like one and can be shown.
pub(crate) fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte);
    (1..=32).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_the_column() {
        let text = "{\n  \"namé\": 1, \"entri\": \"a.ts\" }";
        let byte = text.find("\"entri\"").expect("it is there");
        let problem = Problem::at(text, byte, String::new());
        assert_eq!((problem.line, problem.column), (2, 14));
        assert_eq!(problem.excerpt, "2 |   \"…\": 1, \"entri\": \"…\" }\n  |           ^");
    }

    #[test]
    fn texts_numbers_and_comments_are_not_shown() {
        for line in [
            "\"env\": { \"A\": \"canary\" }",
            "\"canary",
            "canary: 1",
            "\"a\": canary, // x",
            "\"a\": 1 // canary",
            "\"a\": /* canary */ 1",
            "\"a \\\" canary\": 1",
            "'canary': 'canary'",
        ] {
            for byte in 0..=line.len() {
                assert!(!excerpt(1, line, byte).contains("canary"), "{line}");
            }
        }
        assert!(!excerpt(1, "\"a\": 4111111111111111", 0).contains("4111"));
    }

    #[test]
    fn a_long_line_is_shown_around_its_mark() {
        let line = "[],".repeat(1_000);
        let shown = excerpt(7, &line, 1_500);
        let (above, below) = shown.split_once('\n').expect("two lines");
        assert!(above.chars().count() < 110);
        assert_eq!(above.chars().nth(below.chars().count() - 1), line.chars().nth(1_500));
    }
}
