#![expect(clippy::unwrap_used, reason = "a failed test may panic")]

use super::*;
use proptest::prelude::*;

/// Entries as text, and warnings as they are shown.
fn read(text: &str) -> (Vec<(String, String, usize)>, Vec<String>) {
    let parsed = parse(text.as_bytes()).unwrap();
    let entry = |entry: EnvEntry| (entry.name, entry.value.expose().to_owned(), entry.line);
    (parsed.entries.into_iter().map(entry).collect(), parsed.warnings.iter().map(Warning::to_string).collect())
}

fn kinds(text: &str) -> Vec<(usize, WarningKind)> {
    parse(text.as_bytes()).unwrap().warnings.into_iter().map(|warning| (warning.line, warning.kind)).collect()
}

fn k() -> String {
    "K".to_owned()
}

#[test]
fn a_well_formed_file_reads_without_warnings() {
    let file = "# settings\nexport API_KEY=sk-abc123 # the test key\n\nEMPTY=\nURL='https://x.example/#top'\nPEM=\"-----BEGIN KEY-----\nab+/==\n-----END KEY-----\n\"\nJSON=`{\"a\": \"it's\"}`\nESCAPED=\"one\\ntwo\"\n";
    let (entries, warnings) = read(file);
    assert_eq!(warnings, Vec::<String>::new());
    let lines: Vec<_> = entries.iter().map(|(name, _, line)| (name.as_str(), *line)).collect();
    assert_eq!(lines, [("API_KEY", 2), ("EMPTY", 4), ("URL", 5), ("PEM", 6), ("JSON", 10), ("ESCAPED", 11)]);
}

#[test]
fn each_whole_file_problem_has_its_own_error() {
    let error = |bytes: &[u8]| parse(bytes).unwrap_err();
    assert_eq!(error(b""), FileError::Empty);
    assert_eq!(error(b"\xef\xbb\xbf \r\n\n"), FileError::Empty);
    assert_eq!(error(b"# a\n\n  # b=c\n"), FileError::OnlyComments);
    assert_eq!(error(b"\n\njust words\n"), FileError::NoEntries { first_line: 3 });
    assert_eq!(error(b"A=\xff"), FileError::NotUtf8);
    assert_eq!(error(b"\xff\xfeA\0=\0b\0"), FileError::Utf16);
    assert_eq!(error(b"A=1\r\nB=\0"), FileError::Nul { line: 2 });
    assert_eq!(error(&vec![b'#'; MAX_FILE_BYTES + 1]), FileError::TooLarge { actual_bytes: MAX_FILE_BYTES + 1 });
}

#[test]
fn every_value_that_is_too_long_is_named() {
    let long = "x".repeat(MAX_VALUE_BYTES + 1);
    let fits = "x".repeat(MAX_VALUE_BYTES);
    let refused = parse(format!("A={long}\nB={fits}\nC={long}\n").as_bytes()).unwrap_err().to_string();
    assert!(refused.contains("line 1: the value of A is 65537 bytes"), "{refused}");
    assert!(refused.contains("line 3: the value of C"), "{refused}");
    assert!(!refused.contains("value of B") && !refused.contains("xx"));
}

#[test]
fn proto_is_kept() {
    assert_eq!(read("__proto__=x").0, [("__proto__".to_owned(), "x".to_owned(), 1)]);
}

#[test]
fn the_last_of_several_equal_names_wins_and_both_lines_are_named() {
    let (entries, warnings) = read("K=1\nL=2\nK=3\nK=4");
    assert_eq!(entries, [("L".to_owned(), "2".to_owned(), 2), (k(), "4".to_owned(), 4)]);
    assert_eq!(
        warnings,
        [
            "line 3: K is set again; its value on line 1 is not used",
            "line 4: K is set again; its value on line 3 is not used"
        ]
    );
}

#[test]
fn ignored_lines_are_warned_about_with_their_reason() {
    use IgnoredBecause::{NoEqualsSign, NoSpaceAfterColon, NotAName};
    assert_eq!(
        kinds("A=1\njust words\nmy key=2\nключ=3\nB:4\n# fine\nC=5\n\"\n"),
        [(2, NoEqualsSign), (3, NotAName), (4, NotAName), (5, NoSpaceAfterColon), (8, NoEqualsSign)]
            .map(|(line, because)| (line, WarningKind::IgnoredLine(because)))
    );
}

#[test]
fn a_hash_that_cuts_a_value_is_warned_about_and_a_comment_is_not() {
    for cut in ["K=p@ss#word!", "K=#fff", "K={\"a\": \"x # y\"}", "K=say \"a # b\"", "K=[1, # 2\n3]"] {
        assert_eq!(kinds(cut).first(), Some(&(1, WarningKind::CutByHash { name: k() })), "{cut}");
    }
    for comment in ["K=value # comment", "K= # comment", "K='a#b' # c", "K='a'#c", "K={} # c", "K=don't # c"] {
        assert_eq!(kinds(comment), [], "{comment}");
    }
}

#[test]
fn quotes_that_do_not_close_at_the_end_are_warned_about() {
    assert_eq!(kinds("K=\"abc\nL=1"), [(1, WarningKind::UnclosedQuote { name: k() })]);
    assert_eq!(kinds("K='it's"), [(1, WarningKind::TextAfterQuote { name: k() })]);
    assert_eq!(kinds("K=\"a\" b # c"), [(1, WarningKind::TextAfterQuote { name: k() })]);
    assert_eq!(kinds("K='C:\\dir\\'"), [(1, WarningKind::ClosedByEscapedQuote { name: k() })],);
    assert_eq!(
        kinds("\nK=\"abc\nLONG=\"\nM=1"),
        [(2, WarningKind::SwallowedAssignment { name: k(), swallowed_line: 3 })]
    );
}

#[test]
fn values_on_later_lines_are_warned_about() {
    for text in ["K=\n'v'", "K:\nL=2", "K\n=v"] {
        assert_eq!(kinds(text), [(1, WarningKind::ValueOnLaterLine { name: k(), value_line: 2 })], "{text:?}");
    }
    assert_eq!(kinds("K=\n\nL=1"), []);
    assert_eq!(kinds("export\nK=1"), []);
}

#[test]
fn escapes_that_surprise_are_warned_about() {
    for text in ["K=\"C:\\new\"", "K=\"\\\\server\\reports\"", "K=\"C:\\temp\\new\""] {
        assert!(kinds(text).contains(&(1, WarningKind::UnexpectedLineBreak { name: k() })), "{text}");
    }
    assert!(kinds("K=\"a\\\\nb\"").contains(&(1, WarningKind::UnexpectedLineBreak { name: k() })));
    for text in ["K=\"a\\\"b\"", "K=\"a\\tb\"", "K=\"a\\\\b\"", "K='a\\'b'", "K=`a\\`b`"] {
        assert_eq!(kinds(text), [(1, WarningKind::BackslashKept { name: k() })], "{text}");
    }
    for text in ["K=\"a\\nb\"", "K='C:\\new'", "K=C:\\new", "K='\\d+'", "K=\"\\d+\""] {
        assert_eq!(kinds(text), [], "{text}");
    }
}

#[test]
fn changed_line_ends_inside_a_value_are_warned_about() {
    assert_eq!(kinds("A=1\r\nK=\"a\r\nb\"\r\n"), [(2, WarningKind::LineEndsChanged { name: k() })]);
    assert_eq!(kinds("A=1\r\nK='a'\r\nB=2\r\n"), []);
}

#[test]
fn an_unquoted_pem_block_never_becomes_a_name() {
    let (entries, warnings) = read("K=-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\nc2VjcmV0==\n-----END KEY-----\nL=1\n");
    let names: Vec<_> = entries.iter().map(|(name, _, line)| (name.as_str(), *line)).collect();
    assert_eq!(names, [("K", 1), ("L", 5)]);
    assert_eq!(warnings.len(), 1);
    assert!(warnings.iter().all(|warning| warning.contains("line 4") && !warning.contains("MIIE")));
    assert_eq!(read("K=-----BEGIN KEY-----\nM=a b\n-----END KEY-----\n").0.len(), 2);
}

#[test]
fn no_warning_carries_a_value() {
    let canary = "c4n4ry";
    let lossy = format!(
        "A=\"{canary}\nB={canary}#{canary}\nC='{canary}' {canary}\n{canary} {canary}\n{canary}\nD=\"C:\\new{canary}\\\"\"\nD=\n'{canary}'\nmy {canary}={canary}\nE=-----BEGIN {canary}\n{canary}==\n-----END K\n"
    );
    let parsed = parse(lossy.as_bytes()).unwrap();
    assert!(parsed.warnings.len() >= 9, "{:?}", parsed.warnings);
    assert!(!format!("{parsed:?}").contains(canary));
    assert!(!parsed.warnings.iter().any(|warning| warning.to_string().contains(canary)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_text_is_read_in_order_with_valid_lines(text in "[KL= :'\"`\\\\nr#\n\r\u{2028}\u{feff}é.]{0,80}") {
        if let Ok(parsed) = parse(text.as_bytes()) {
            let lines = 1 + text.matches(['\n', '\r']).count();
            prop_assert!(parsed.entries.iter().all(|entry| (1..=lines).contains(&entry.line)));
            prop_assert!(parsed.warnings.iter().all(|warning| (1..=lines).contains(&warning.line)));
            prop_assert!(parsed.entries.is_sorted_by_key(|entry| entry.line));
        }
    }
}

#[test]
fn a_hostile_file_takes_linear_time() {
    let piece = "A=\"\\\"\nB='\\'\n\n \n\n";
    let file = piece.repeat(MAX_FILE_BYTES / piece.len());
    let _ = parse(file.as_bytes());
    let _ = parse("\n".repeat(MAX_FILE_BYTES).as_bytes());
    let _ = parse("a \n".repeat(MAX_FILE_BYTES / 3).as_bytes());
    let _ = parse("export ".repeat(MAX_FILE_BYTES / 7).as_bytes());
}
