//! Rust sources: what must stand at their head, and what must not stay in them.

use super::Finding;
use crate::tree::{File, Tree};

/// What must not stay, and what to do instead. Comments and strings are not looked at.
const LEFTOVERS: [(&str, &str); 6] = [
    ("#[allow(", "use `#[expect(…, reason = \"…\")]`, which says when it is no longer needed"),
    ("#![allow(", "use `#![expect(…, reason = \"…\")]`, which says when it is no longer needed"),
    ("todo!", "is not finished"),
    ("unimplemented!", "is not finished"),
    ("#[ignore", "a test that does not run is no test"),
    ("dbg!", "is for debugging"),
];

fn sources(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| file.extension() == "rs")
}

/// Each crate's root begins with what the crate is.
pub(super) fn root_docs(tree: &Tree) -> Vec<Finding> {
    let is_root = |file: &&File| {
        let beside_manifest = file.folder().strip_suffix("/src").is_some_and(|folder| {
            matches!(file.name(), "lib.rs" | "main.rs") && tree.file(&format!("{folder}/Cargo.toml")).is_some()
        });
        let is_test = file
            .folder()
            .strip_suffix("/tests")
            .is_some_and(|folder| tree.file(&format!("{folder}/Cargo.toml")).is_some());
        beside_manifest || is_test || file.folder().ends_with("/src/bin")
    };
    let undocumented = sources(tree).filter(is_root).filter(|file| !file.text.trim_start().starts_with("//!"));
    undocumented
        .map(|file| Finding { path: file.path.clone(), line: 1, message: "begins with `//!`".to_owned() })
        .collect()
}

/// Words that must not stay.
pub(super) fn leftovers(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in sources(tree) {
        let code = code(&file.text);
        for (index, line) in code.lines().enumerate() {
            for (word, instead) in LEFTOVERS.iter().filter(|(word, _)| has_word(line, word)) {
                let message = format!("`{word}`: {instead}");
                findings.push(Finding { path: file.path.clone(), line: index + 1, message });
            }
        }
    }
    findings
}

/// Whether `word` stands there, and is not the end of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !word.starts_with(|c: char| c.is_alphabetic()) || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// `text` with comments and literals blanked, line by line as long as before.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (length, is_code) = token(rest);
        let (token, after) = rest.split_at(length);
        if is_code {
            code.push_str(token);
        } else {
            code.extend(token.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    code
}

/// The length of the token at the head of `rest`, which is not empty, and whether it is code.
fn token(rest: &str) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if rest.starts_with('"') {
        return (quoted(rest, '"'), false);
    }
    if let Some(literal) = char_literal(rest) {
        return (literal, false);
    }
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    if word == 0 {
        return (rest.chars().next().map_or(1, char::len_utf8), true);
    }
    let (prefix, after) = rest.split_at(word);
    match raw_string(after).filter(|_| matches!(prefix, "r" | "br" | "cr")) {
        Some(length) => (word + length, false),
        None => (word, true),
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut end = 0;
    while let Some(tail) = rest.get(end..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            depth += 1;
            end += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            end += 2;
            if depth == 0 {
                break;
            }
        } else {
            end += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    end
}

/// The length of a literal between two `quote`s, of which the first begins `rest`.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let closes = !escaped && *c == quote;
        escaped = !escaped && *c == '\\';
        closes
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// The length of a character literal; a lifetime is none.
fn char_literal(rest: &str) -> Option<usize> {
    let mut chars = rest.strip_prefix('\'')?.chars();
    match (chars.next()?, chars.next()?) {
        ('\\', _) | (_, '\'') => Some(quoted(rest, '\'')),
        _ => None,
    }
}

/// The length of `#"…"#` with any number of `#`, if `rest` begins so.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.find(|c| c != '#')?;
    let body = rest.get(hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&close).map_or(rest.len(), |at| hashes + 1 + at + close.len()))
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[test]
    fn crate_roots_begin_with_their_docs() {
        let files = [
            ("crates/a/Cargo.toml", ""),
            ("crates/a/src/lib.rs", "//! A.\n"),
            ("crates/a/src/inner/lib.rs", ""),
            ("crates/a/tests/x.rs", "use a;"),
            ("crates/b/Cargo.toml", ""),
            ("crates/b/src/main.rs", "fn main() {}"),
        ];
        assert_eq!(
            shown(root_docs, &files),
            ["crates/a/tests/x.rs:1: begins with `//!`", "crates/b/src/main.rs:1: begins with `//!`"]
        );
    }

    #[test]
    fn leftovers_are_found_in_code_only() {
        let text = "#[allow(dead_code)]\nfn a<'a>() { todo!() }\n// todo!\nlet x = \"todo! \\\" unimplemented!\";\nlet y = r#\"#[ignore]\"#;\n/* dbg! /* */ dbg! */ let c = '\"'; mytodo!();\n#[ignore = \"slow\"]\n";
        let found = shown(leftovers, &[("a.rs", text)]);
        let places: Vec<_> = found.iter().filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(places, ["a.rs:1", "a.rs:2", "a.rs:7"]);
    }

    #[test]
    fn blanking_keeps_every_line_and_column() {
        for text in [
            "a // b\nc",
            "'\\'' 'x' 'life \"é\"\n",
            "r\"\\\" b r#type",
            "\"open\n",
            "/* open\n",
            "b'\\n' br##\"\"#\"## x",
        ] {
            let code = code(text);
            assert_eq!(code.chars().count(), text.chars().count(), "{text}");
            assert_eq!(code.lines().count(), text.lines().count(), "{text}");
        }
        assert_eq!(code("r\"\\\" b r#type"), "     b r#type");
    }
}
