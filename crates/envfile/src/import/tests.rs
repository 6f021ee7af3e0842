#![expect(clippy::unwrap_used, reason = "a failed test may panic")]

use super::*;
use proptest::prelude::*;
use strongroom_secret::ValueError;

fn pairs(format: Format, text: &str) -> Vec<(String, String)> {
    let imported = read(format, text.as_bytes()).unwrap();
    imported.entries.into_iter().map(|entry| (entry.name, entry.value.expose().to_owned())).collect()
}

fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn problems(format: Format, text: &str) -> Vec<String> {
    match read(format, text.as_bytes()).unwrap_err() {
        ImportError::Entries(problems) => problems.iter().map(Problem::to_string).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_flat_object_of_strings_is_read_in_order() {
    let json = r#"{"B": "1\n2", "A": "", "__proto__": "x", "toString": "é🔑"}"#;
    let expected = owned(&[("B", "1\n2"), ("A", ""), ("__proto__", "x"), ("toString", "é🔑")]);
    assert_eq!(pairs(Format::Json, json), expected);
    assert_eq!(pairs(Format::Yaml, json), expected);
    assert_eq!(pairs(Format::Json, &format!("\u{feff}{json}")), expected);
}

#[test]
fn yaml_is_read_in_its_own_spelling() {
    let yaml = "# c\nA: plain # c\nB: '012'\nC: |\n  -----BEGIN-----\n  x=\n  -----END-----\nD: >-\n  a\n  b\nE: yes\n";
    let expected = owned(&[
        ("A", "plain"),
        ("B", "012"),
        ("C", "-----BEGIN-----\nx=\n-----END-----\n"),
        ("D", "a b"),
        ("E", "yes"),
    ]);
    assert_eq!(pairs(Format::Yaml, yaml), expected);
}

#[test]
fn everything_that_is_no_text_is_refused_by_name_and_all_at_once() {
    let json = r#"{"PORT": 8080, "ON": true, "NONE": null, "LIST": ["c4n4ry"], "MAP": {"x": "c4n4ry"}, "PORT": "1", "OK": "v"}"#;
    let expected = [
        "PORT is a number; put it in quotes to say which text is meant",
        "ON is a boolean; put it in quotes to say which text is meant",
        "NONE is null, not a string",
        "LIST is a list, not a string",
        "MAP is an object, not a string",
        "PORT stands more than once",
    ];
    assert_eq!(problems(Format::Json, json), expected);
    assert_eq!(problems(Format::Yaml, json), expected);
    assert_eq!(
        problems(Format::Yaml, "1: a\nno: b\nA: 1.5\nB: !secret c4n4ry\nC: ~\n"),
        [
            "a name is a number, not a string; put it in quotes",
            "A is a number; put it in quotes to say which text is meant",
            "B is a tagged value, not a string",
            "C is null, not a string"
        ]
    );
}

#[test]
fn text_that_no_secret_can_hold_is_refused_by_name() {
    let long = "x".repeat(65_537);
    let refused = read(Format::Json, format!(r#"{{"A": "a\u0000b", "B": "{long}"}}"#).as_bytes()).unwrap_err();
    let expected = [
        Problem::Value { name: "A".to_owned(), reason: ValueError::Nul },
        Problem::Value { name: "B".to_owned(), reason: ValueError::TooLong { actual_bytes: 65_537 } },
    ];
    assert_eq!(refused, ImportError::Entries(expected.to_vec()));
}

#[test]
fn broken_files_name_a_position_and_no_content() {
    for (format, text) in [
        (Format::Json, "{\"A\": \"c4n4ry\",\n c4n4ry}"),
        (Format::Json, "{\"A\": \"c4n4ry\"}\n trailing"),
        (Format::Yaml, "A: c4n4ry\nB: *c4n4ry\n"),
        (Format::Yaml, "A: \"c4n4ry\\q\"\nB: 'c4n4ry\n"),
    ] {
        let refused = read(format, text.as_bytes()).unwrap_err();
        assert!(matches!(refused, ImportError::Malformed { line: 1..=4, .. }), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("c4n4ry"));
    }
    assert!(matches!(read(Format::Yaml, b"A: b\n---\nC: d\n"), Err(ImportError::MalformedSomewhere { .. })));
    assert!(matches!(read(Format::Json, b"\"text\""), Err(ImportError::Shape { .. })));
    assert_eq!(read(Format::Json, b"{}").unwrap_err(), ImportError::NoSecrets);
    assert_eq!(read(Format::Json, b" ").unwrap_err(), ImportError::File(crate::FileError::Empty));
    assert!(read(Format::Json, "[".repeat(100_000).as_bytes()).is_err());
    assert!(read(Format::Yaml, "[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn yaml_aliases_cannot_inflate_a_file() {
    let text = format!("A: &a {}\nB: [{}]\n", "x".repeat(60_000), vec!["*a"; 5000].join(","));
    assert_eq!(read(Format::Yaml, text.as_bytes()).unwrap_err(), ImportError::Inflated);
    assert_eq!(pairs(Format::Yaml, "A: &a x\nB: *a\n"), owned(&[("A", "x"), ("B", "x")]));
}

#[test]
fn exports_of_other_products_are_recognised_and_read() {
    let expected = owned(&[("A", "1"), ("B", "2")]);
    for (file, format) in [
        (r#"{"A": "1", "B": "2"}"#, Format::Json),
        (r#"{"data": {"A": "1", "B": "2"}}"#, Format::Vault),
        (r#"{"data": {"data": {"A": "1", "B": "2"}}}"#, Format::Vault),
        (
            r#"{"request_id": "x", "lease_duration": 0, "data": {"data": {"A": "1", "B": "2"}, "metadata": {"version": 3}}}"#,
            Format::Vault,
        ),
        (r#"[{"key": "A", "value": "1", "type": "shared"}, {"key": "B", "value": "2"}]"#, Format::Infisical),
        (
            r#"{"secrets": [{"secretKey": "A", "secretValue": "1"}, {"secretKey": "B", "secretValue": "2"}], "imports": []}"#,
            Format::Infisical,
        ),
    ] {
        assert_eq!(detect("export.json", file.as_bytes()), format, "{file}");
        assert_eq!(detect("-", file.as_bytes()), format, "{file}");
        assert_eq!(pairs(format, file), expected, "{file}");
    }
    assert_eq!(pairs(Format::Vault, "data:\n  A: '1'\n  B: '2'\n"), expected);
}

#[test]
fn a_vault_secret_that_has_a_key_named_data_is_version_1() {
    assert_eq!(pairs(Format::Vault, r#"{"data": {"data": "x"}}"#), owned(&[("data", "x")]));
    let deleted = r#"{"data": {"data": null, "metadata": {"deletion_time": "2026"}}}"#;
    assert!(matches!(read(Format::Vault, deleted.as_bytes()), Err(ImportError::Shape { .. })));
    assert_eq!(problems(Format::Vault, r#"{"data": {"A": 1}}"#).len(), 1);
}

#[test]
fn infisical_elements_that_are_no_pairs_are_numbered() {
    let file = r#"[{"key": "A", "value": "1"}, {"key": "B"}, 7, {"key": 1, "value": "x"}, {"key": "A", "value": "2"}]"#;
    assert_eq!(
        problems(Format::Infisical, file),
        [2, 3, 4]
            .map(|position| format!("element {position} of the list is not one key with one value"))
            .into_iter()
            .chain(["A stands more than once".to_owned()])
            .collect::<Vec<_>>()
    );
}

#[test]
fn dopplers_own_names_are_left_out_with_a_warning() {
    let file = r#"{"DOPPLER_PROJECT": "p", "DOPPLER_CONFIG": "dev", "DOPPLER_TOKEN": "t", "A": "1"}"#;
    assert_eq!(detect("x.json", file.as_bytes()), Format::Doppler);
    assert_eq!(pairs(Format::Doppler, file), owned(&[("DOPPLER_TOKEN", "t"), ("A", "1")]));
    let warnings = read(Format::Doppler, file.as_bytes()).unwrap().warnings;
    assert_eq!(warnings, ["DOPPLER_PROJECT", "DOPPLER_CONFIG"].map(|name| ImportWarning::DopplerName(name.to_owned())));
}

#[test]
fn the_format_follows_name_then_content() {
    for (name, text, format) in [
        (".env", "A=1", Format::Dotenv),
        (".env.production", "A=1", Format::Dotenv),
        ("secrets.yml", "A: x", Format::Yaml),
        ("SECRETS.YAML", "A: x", Format::Yaml),
        (".env", "{\"A\": \"1\"}", Format::Json),
        ("secrets.json", "not json", Format::Json),
        ("notes", "{A=1", Format::Dotenv),
        ("notes", "A: x", Format::Dotenv),
        ("empty.json", "", Format::Dotenv),
    ] {
        assert_eq!(detect(name, text.as_bytes()), format, "{name}: {text}");
    }
}

#[test]
fn dotenv_text_keeps_lines_and_warnings() {
    let imported = read(Format::Dotenv, b"\nA=1\njunk\n").unwrap();
    assert_eq!(imported.entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [Some(2)]);
    assert_eq!(
        imported.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 3: the line was ignored: it has no `=`"]
    );
}

#[test]
fn names_are_shown_without_control_characters() {
    let shown = problems(Format::Json, r#"{"A\u001b[31m\n": 1}"#).join("");
    assert!(!shown.contains(['\u{1b}', '\n']), "{shown:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(name in ".{0,8}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(detect(&name, &bytes), &bytes);
        let _ = read(Format::Yaml, &bytes);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "[A-C:&*!\\[\\]{}\"', |>\n-]{0,60}") {
        let _ = read(Format::Yaml, text.as_bytes());
        let _ = read(Format::Json, text.as_bytes());
    }
}
