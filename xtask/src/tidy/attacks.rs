//! The table of `SECURITY.md`: every line of the list of attacks is there, and every test that it names exists.

use std::collections::BTreeSet;
use std::path::Path;

use super::Finding;
use crate::tree::Tree;

/// How many lines the list of attacks has.
const LINES: usize = 68;
const TABLE: &str = "SECURITY.md";

/// The names of all test functions.
fn functions(tree: &Tree) -> BTreeSet<&str> {
    let sources = tree.files.iter().filter(|file| Path::new(&file.path).extension().is_some_and(|is| is == "rs"));
    let names = sources.flat_map(|file| file.text.split("fn ").skip(1));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    names.map(|rest| rest.split(|letter| !is_part(letter)).next().unwrap_or_default()).collect()
}

/// Each line has a row, each row a test or a reason, each test a function.
pub(super) fn table(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.files.iter().find(|file| file.path == TABLE) else { return Vec::new() };
    let functions = functions(tree);
    let finding = |line: usize, message: String| Finding { path: TABLE.to_owned(), line, message };
    let (mut findings, mut seen) = (Vec::new(), BTreeSet::new());
    for (index, text) in page.text.lines().enumerate() {
        let mut cells = text.split('|').map(str::trim);
        let (Some(""), Some(number), Some(_), Some(tests)) = (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else { continue };
        seen.insert(number);
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).filter(|word| is_test(word)).collect();
        for name in &named {
            let is_there = match name.strip_suffix('…') {
                Some(start) => functions.iter().any(|function| function.starts_with(start)),
                None => functions.contains(name),
            };
            if !is_there {
                findings.push(finding(index + 1, format!("there is no test {name}")));
            }
        }
        let has_reason = ["does not apply", "yet"].iter().any(|words| tests.contains(words));
        if named.is_empty() && !has_reason {
            findings.push(finding(index + 1, "name a test, or say why there is none".to_owned()));
        }
    }
    let missing = (1..=LINES).filter(|line| !seen.contains(line));
    findings.extend(missing.map(|line| finding(0, format!("line {line} of the list of attacks is not in the table"))));
    findings
}

/// A name of a function, not a path or a piece of code.
fn is_test(word: &str) -> bool {
    word.contains('_') && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '…')
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[test]
    fn a_test_that_is_gone_and_a_line_that_is_left_out_are_found() {
        let rows: Vec<String> = (2..=LINES).map(|line| format!("| {line} | x | does not apply: y |\n")).collect();
        let rows = rows.concat();
        let page = format!("{rows}| 1 | x | `attack_01_…`, `is_there` |\n");
        let source = "fn attack_01_names() {}\nasync fn is_there() {}\n";
        assert_eq!(shown(table, &[("SECURITY.md", &page), ("a.rs", source)]), [""; 0]);
        let gone = shown(table, &[("SECURITY.md", &page), ("a.rs", "fn attack_01_names() {}")]);
        assert_eq!(gone, [format!("SECURITY.md:{LINES}: there is no test is_there")]);
        let left_out = shown(table, &[("SECURITY.md", &rows)]);
        assert_eq!(left_out, ["SECURITY.md: line 1 of the list of attacks is not in the table"]);
    }
}
