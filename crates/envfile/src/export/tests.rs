#![expect(clippy::unwrap_used, reason = "a failed test may panic")]

use std::process::Command;

use base64::Engine;
use proptest::prelude::*;

use super::*;
use crate::import;

fn secret(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned()).unwrap()
}

fn written(format: &Format, pairs: &[(&str, &str)]) -> Result<String, ExportError> {
    let values: Vec<_> = pairs.iter().map(|(name, text)| (*name, secret(text))).collect();
    let entries: Vec<_> = values.iter().map(|(name, value)| (*name, value)).collect();
    write(format, &entries).map(|text| text.to_string())
}

fn kubernetes(name: &str) -> Format {
    Format::Kubernetes { name: name.to_owned() }
}

fn read_back(format: import::Format, text: &str) -> Vec<(String, String)> {
    let imported = import::read(format, text.as_bytes()).unwrap();
    imported.entries.into_iter().map(|entry| (entry.name, entry.value.expose().to_owned())).collect()
}

/// `value` among neighbours that would show a quote running over.
fn among_neighbours(value: &str) -> [(&str, &str); 3] {
    [("BEFORE", "it's \"1\""), ("K", value), ("AFTER", "x'`y\"z")]
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What a POSIX shell makes of `script` for the variable K.
fn through_sh(script: &str) -> String {
    let output = Command::new("sh").arg("-c").arg(format!("{script}\nprintf %s \"$K\"")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_format_is_written_as_documented() {
    let pairs = [("A", "1"), ("B", "it's\n\"x\""), ("EMPTY", "")];
    let write = |format| written(&format, &pairs).unwrap();
    assert_eq!(write(Format::Dotenv), "A=1\nB=`it's\n\"x\"`\nEMPTY=\n");
    assert_eq!(write(Format::Shell), "export A='1'\nexport B='it'\\''s\n\"x\"'\nexport EMPTY=''\n");
    assert_eq!(write(Format::Json), "{\n  \"A\": \"1\",\n  \"B\": \"it's\\n\\\"x\\\"\",\n  \"EMPTY\": \"\"\n}\n");
    assert_eq!(write(Format::Yaml), "\"A\": \"1\"\n\"B\": \"it's\\n\\\"x\\\"\"\n\"EMPTY\": \"\"\n");
    assert_eq!(
        write(kubernetes("my-app.env")),
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"my-app.env\"\ntype: Opaque\ndata:\n  \"A\": \"MQ==\"\n  \"B\": \"aXQncwoieCI=\"\n  \"EMPTY\": \"\"\n"
    );
    assert_eq!(written(&Format::Docker, &[("A", " 'x' # y "), ("B", "")]).unwrap(), "A= 'x' # y \nB=\n");
}

#[test]
fn no_entries_are_an_empty_document() {
    let write = |format| written(&format, &[]).unwrap();
    assert_eq!([write(Format::Dotenv), write(Format::Shell), write(Format::Docker)], ["", "", ""]);
    assert_eq!([write(Format::Json), write(Format::Yaml)], ["{}\n", "{}\n"]);
    assert!(write(kubernetes("x")).ends_with("data: {}\n"));
}

#[test]
fn dotenv_refuses_all_that_no_quote_form_carries() {
    let refused = written(&Format::Dotenv, &[("A", "c4n4ry'\"`\n"), ("B", "fine"), ("C", "c4n4ry\r\"")]).unwrap_err();
    let both = ["A", "C"].map(|name| Refused { name: name.to_owned(), reason: Reason::NoQuoteForm });
    assert_eq!(refused, ExportError::Entries(both.to_vec()));
    assert!(!format!("{refused} {refused:?}").contains("c4n4ry"));
}

#[test]
fn dotenv_carries_what_one_of_its_quote_forms_can() {
    for value in [
        "'",
        "\"",
        "`",
        "'\"",
        "x'\"`y",
        "\\",
        "a b\\",
        "\\n",
        "a\\nb",
        "\r\n",
        "a'b\r",
        "#",
        " ",
        "\n",
        "C:\\new",
        "\u{2028}'",
        "\u{feff}",
        "\u{85}",
    ] {
        let pairs = among_neighbours(value);
        let Ok(text) = written(&Format::Dotenv, &pairs) else { panic!("{value:?} is refused") };
        assert_eq!(read_back(import::Format::Dotenv, &text), owned(&pairs), "{text:?}");
    }
}

#[test]
fn docker_refuses_every_line_break_and_every_long_line() {
    let long = "x".repeat(MAX_DOCKER_LINE_BYTES - 1);
    let refused = written(&Format::Docker, &[("A", "a\nb"), ("B", "b\r"), ("C", &long), ("D", "fine")]).unwrap_err();
    let reasons = [("A", Reason::LineBreak), ("B", Reason::LineBreak), ("C", Reason::LineTooLong)];
    assert_eq!(
        refused,
        ExportError::Entries(reasons.map(|(name, reason)| Refused { name: name.to_owned(), reason }).to_vec())
    );
    assert!(written(&Format::Docker, &[("C", long.split_at(1).1)]).is_ok());
}

#[test]
fn names_cannot_inject() {
    for name in ["", "1A", "A B", "A;id", "$(id)", "A\nB", "a.b", "A=B", "#A"] {
        for format in [Format::Dotenv, Format::Shell, Format::Docker] {
            let refused = Refused { name: name.to_owned(), reason: Reason::Name };
            assert_eq!(written(&format, &[(name, "v")]), Err(ExportError::Entries(vec![refused])));
        }
        let text = written(&Format::Yaml, &[(name, "v")]).unwrap();
        assert_eq!(read_back(import::Format::Yaml, &text), owned(&[(name, "v")]));
    }
    assert!(written(&kubernetes("a"), &[("a/b", "v")]).is_err());
    for name in ["", "A", "-a", "a-", "a..b", "a\nkind: Pod", "a_b"] {
        assert_eq!(written(&kubernetes(name), &[]), Err(ExportError::KubernetesName));
    }
}

#[test]
fn a_kubernetes_secret_has_a_size() {
    let big = "x".repeat(60 * 1024);
    let pairs: Vec<_> =
        ["A", "B", "C", "D", "E", "F", "G", "H", "I"].iter().flat_map(|name| [(*name, big.as_str()); 2]).collect();
    let actual_bytes = 18 * 60 * 1024;
    assert_eq!(written(&kubernetes("a"), &pairs), Err(ExportError::KubernetesSize { actual_bytes }));
}

/// Values made of what the formats care about, and any text at all.
fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab'\"`\\\\nr#=$(){}: \n\r\t-]{0,24}",
        "[\u{1}-\u{7f}]{0,24}",
        "\\PC{0,24}",
        proptest::collection::vec(any::<char>().prop_filter("NUL", |c| *c != '\0'), 0..24).prop_map(String::from_iter),
    ]
}

proptest! {
    #[test]
    fn dotenv_reads_back_or_is_refused(value in values()) {
        let pairs = among_neighbours(&value);
        if let Ok(text) = written(&Format::Dotenv, &pairs) {
            prop_assert_eq!(read_back(import::Format::Dotenv, &text), owned(&pairs), "{:?}", text);
        }
    }

    #[test]
    fn json_and_yaml_read_back(name in ".{1,8}", value in values()) {
        let pairs = [("A", "x"), (name.as_str(), value.as_str())];
        prop_assume!(name != "A");
        let json = written(&Format::Json, &pairs).unwrap();
        prop_assert_eq!(read_back(import::Format::Json, &json), owned(&pairs));
        let yaml = written(&Format::Yaml, &pairs).unwrap();
        prop_assert_eq!(read_back(import::Format::Yaml, &yaml), owned(&pairs), "{:?}", yaml);
    }

    #[test]
    fn kubernetes_reads_back(value in values()) {
        let text = written(&kubernetes("a"), &[("NO", value.as_str())]).unwrap();
        let manifest: serde_json::Value = serde_yaml_ng::from_str(&text).unwrap();
        let encoded = manifest.pointer("/data/NO").and_then(serde_json::Value::as_str).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        prop_assert_eq!(bytes, value.into_bytes());
    }

    #[test]
    fn docker_lines_read_back(value in values()) {
        if let Ok(text) = written(&Format::Docker, &[("K", value.as_str()), ("L", "")]) {
            let lines: Vec<_> = text.lines().map(|line| line.split_once('=').unwrap()).collect();
            prop_assert_eq!(lines, [("K", value.as_str()), ("L", "")]);
        } else {
            prop_assert!(value.contains(['\n', '\r']));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_real_shell_reads_every_value_back(value in values()) {
        let script = written(&Format::Shell, &among_neighbours(&value)).unwrap();
        prop_assert_eq!(through_sh(&script), value);
    }
}
