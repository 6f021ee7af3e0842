//! The corpus of what masking must catch: every value in every encoding, in every surrounding, in chunks of every kind.
//! A case fails if so much as seven bytes of what stands for a value come through.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use strongroom_runtime::mask::{MASK, MaskSet, Masker};
use strongroom_secret::SecretValue;

/// So many bytes of a form in a row are a leak.
const LEAK_BYTES: usize = 7;

const VALUES: [(&str, &str); 12] = [
    ("key", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"),
    ("six bytes", "q7Zx/K"),
    ("seven bytes", "a+b/c=d"),
    ("blanks", "correct horse battery staple"),
    ("quotes", "p\"ss'w\\rd`$x&y<z>"),
    ("url", "postgres://ada:s3cr%40t@db.example.com:5432/shop?sslmode=require"),
    ("not ascii", "пароль-ключ-🔑-éè"),
    ("json", "{\"type\":\"service\",\"key\":\"ab/cd+ef==\"}"),
    ("percent", "100%25 sure%2Fnot%zz"),
    ("backslashes", "C:\\new\\table\\u0041\\x41"),
    ("edges", "/+/+/+-_-_-_"),
    ("many alike", "aaaaaaaaaaaaaaaaaaaaaaaab"),
];

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\nNMoSfm76oqFvAp8Gy0iz5sxjZmSnXyCdPEovGhLa0VzMaQ8s+CLOyS56YyCFGeJZ\n-----END PRIVATE KEY-----\n";

type Encoding = (&'static str, fn(&str) -> String);

const ENCODINGS: [Encoding; 28] = [
    ("plain", str::to_owned),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 without padding", |text| STANDARD_NO_PAD.encode(text)),
    ("base64url", |text| URL_SAFE.encode(text)),
    ("base64url without padding", |text| URL_SAFE_NO_PAD.encode(text)),
    ("base64 one byte off", |text| STANDARD.encode(format!("u{text}"))),
    ("base64 two bytes off", |text| STANDARD.encode(format!("u:{text}"))),
    ("base64 of a login", |text| STANDARD.encode(format!("user:{text}@host"))),
    ("base64url of a login", |text| URL_SAFE_NO_PAD.encode(format!("user1:{text}@host"))),
    ("base64 in lines of 64", |text| wrapped(&STANDARD.encode(format!("{}{text}", "x".repeat(40))), 64, "\n")),
    ("base64 in lines of 76", |text| wrapped(&STANDARD.encode(format!("{}{text}", "x".repeat(48))), 76, "\r\n")),
    ("base64 of JSON", |text| STANDARD.encode(serde_json::json!({ "a": text }).to_string())),
    ("base64 in a URL", |text| percent(&STANDARD.encode(text), true)),
    ("hex", |text| hex::encode(text)),
    ("hex capitals", |text| hex::encode_upper(text)),
    ("URL-encoded", |text| percent(text, true)),
    ("URL-encoded in small letters", |text| percent(text, false)),
    ("URL-encoded, every byte", |text| text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))),
    ("form-encoded", |text| percent(text, true).replace("%20", "+")),
    ("URL-encoded twice", |text| percent(&percent(text, true), true)),
    ("JSON", json),
    ("JSON, slashes too", |text| json(text).replace('/', "\\/")),
    ("JSON, ASCII only", |text| {
        escaped_utf16(text, |unit| !(0x20..0x7f).contains(&unit) || unit == 0x22 || unit == 0x5c)
    }),
    ("JSON, every letter", |text| escaped_utf16(text, |_| true)),
    ("JSON in JSON", |text| json(&json(text))),
    ("shell-quoted", |text| format!("'{}'", text.replace('\'', "'\\''"))),
    ("shell-quoted by Python", |text| format!("'{}'", text.replace('\'', "'\"'\"'"))),
    ("colour codes inside", coloured),
];

const SURROUNDINGS: [(&str, &str, &str); 3] =
    [("alone", "", ""), ("in a line", "got ", " here\n"), ("between quotes", "{\"k\": \"", "\", \"n\": 1}")];

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap().to_owned()
}

fn escaped_utf16(text: &str, escapes: fn(u16) -> bool) -> String {
    text.encode_utf16().fold(String::new(), |mut all, unit| {
        match u8::try_from(unit) {
            Ok(byte) if !escapes(unit) => all.push(char::from(byte)),
            _ => write!(all, "\\u{unit:04x}").unwrap(),
        }
        all
    })
}

fn percent(text: &str, capitals: bool) -> String {
    text.bytes().fold(String::new(), |all, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => all + &char::from(byte).to_string(),
        _ if capitals => all + &format!("%{byte:02X}"),
        _ => all + &format!("%{byte:02x}"),
    })
}

fn wrapped(text: &str, width: usize, end: &str) -> String {
    let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join(end)
}

fn coloured(text: &str) -> String {
    let mut out = String::from("\u{1b}[1m");
    for (index, letter) in text.chars().enumerate() {
        if index % 3 == 2 {
            out.push_str("\u{1b}[38;5;208m");
        }
        out.push(letter);
    }
    out + "\u{1b}[0m"
}

fn set(values: &[&str]) -> Arc<MaskSet> {
    let values: Vec<SecretValue> = values.iter().map(|text| SecretValue::new((*text).to_owned()).unwrap()).collect();
    Arc::new(MaskSet::new(&values))
}

fn every_value() -> Vec<&'static str> {
    VALUES.iter().map(|(_, value)| *value).chain([KEY]).collect()
}

fn chunked(set: &Arc<MaskSet>, text: &[u8], size: usize) -> Vec<u8> {
    let mut masker = Masker::new(Arc::clone(set));
    let mut out = Vec::new();
    for chunk in text.chunks(size) {
        masker.feed(chunk, &mut out);
    }
    masker.finish(&mut out);
    out
}

/// What of `secret` stands in `out`, if it is enough to be a leak.
fn leak<'s>(secret: &'s str, out: &[u8]) -> Option<&'s [u8]> {
    let size = LEAK_BYTES;
    secret.as_bytes().windows(size).find(|part| out.windows(size).any(|window| window == *part))
}

/// The part of the encoded text that stands for the value, without what stood around the value before it was encoded.
fn core(encoding: &str, value: &str, encoded: &str) -> String {
    match encoding {
        "base64 one byte off" | "base64 two bytes off" => encoded.get(3..).unwrap().to_owned(),
        "base64 of a login" | "base64url of a login" => encoded.get(8..encoded.len() - 8).unwrap().to_owned(),
        "base64 in lines of 64" => encoded.get(54..).unwrap().to_owned(),
        "base64 in lines of 76" => encoded.get(65..).unwrap().to_owned(),
        // {"a":"
        "base64 of JSON" => encoded.get(8..encoded.len() - 4).unwrap().to_owned(),
        _ if value.is_empty() => String::new(),
        _ => encoded.to_owned(),
    }
}

#[test]
fn nothing_of_a_value_comes_through_in_any_encoding_and_any_chunks() {
    let set = set(&every_value());
    let mut cases = 0;
    let mut failures = Vec::new();
    for (name, value) in VALUES {
        for (encoding, encode) in ENCODINGS {
            let encoded = encode(value);
            let secret = core(encoding, value, &encoded);
            for (place, before, after) in SURROUNDINGS {
                let text = format!("{before}{encoded}{after}");
                for size in [1, 2, 3, 7, 16, 31, 4096] {
                    cases += 1;
                    let out = chunked(&set, text.as_bytes(), size);
                    if out == text.as_bytes() {
                        failures.push(format!("{name}, {encoding}, {place}, chunks of {size}: not masked"));
                    }
                    if let Some(part) = leak(&secret, &out) {
                        let (part, out) = (String::from_utf8_lossy(part), String::from_utf8_lossy(&out));
                        failures.push(format!("{name}, {encoding}, {place}, chunks of {size}: {part:?} in {out:?}"));
                    }
                    if !out.starts_with(before.as_bytes()) || !out.ends_with(after.as_bytes()) {
                        let out = String::from_utf8_lossy(&out);
                        failures.push(format!("{name}, {encoding}, {place}, chunks of {size}: too much in {out:?}"));
                    }
                }
            }
        }
    }
    let shown = failures.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {cases} cases:\n{shown}", failures.len());
    assert!(cases >= 300, "{cases}");
}

#[test]
fn a_key_of_many_lines_is_masked_whole_in_parts_and_with_prefixes() {
    let set = set(&every_value());
    let crlf = KEY.replace('\n', "\r\n");
    let each = |shown: fn(&str) -> String| KEY.lines().map(shown).collect::<Vec<_>>().concat();
    let numbered = each(|line| format!("{:>3} | {line}\n", line.len()));
    let indented = each(|line| format!("    {line}\n"));
    let torn = each(|line| format!("\u{1b}[2m{line}\u{1b}[0m\n"));
    let cases = [
        ("whole", KEY.to_owned()),
        ("CRLF", crlf),
        ("numbered", numbered),
        ("indented", indented),
        ("coloured lines", torn),
        ("JSON", json(KEY)),
        ("JSON in JSON", json(&json(KEY))),
        ("Python", format!("b'{}'", json(KEY))),
        ("base64", STANDARD.encode(KEY)),
        ("base64 in lines of 76", wrapped(&STANDARD.encode(KEY), 76, "\n")),
        ("base64 in lines of 64, indented", wrapped(&STANDARD.encode(KEY), 64, "\n      ")),
        ("base64 in lines in JSON", json(&wrapped(&STANDARD.encode(KEY), 64, "\n"))),
        ("base64 of JSON", STANDARD.encode(serde_json::json!({ "private_key": KEY, "n": 1 }).to_string())),
        ("URL-encoded", percent(KEY, true)),
        ("hex", hex::encode(KEY)),
    ];
    for (name, text) in cases {
        let lines = KEY.lines().filter(|line| !line.starts_with('-'));
        let whole = ["base64", "hex"].iter().any(|word| name.starts_with(word));
        for size in [1, 5, 64, 4096] {
            let out = chunked(&set, text.as_bytes(), size);
            for line in lines.clone() {
                assert_eq!(leak(line, &out), None, "{name}, chunks of {size}");
            }
            if whole && !name.contains("JSON") {
                assert_eq!(leak(&text, &out), None, "{name}, chunks of {size}");
            }
        }
    }
    for line in KEY.lines().filter(|line| !line.starts_with('-')) {
        assert_eq!(set.mask(line), MASK, "a line alone");
    }
}

#[test]
fn what_is_broken_at_any_byte_is_still_one_value() {
    let value = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    let set = set(&[value]);
    for at in 1..value.len() {
        let (head, tail) = value.split_at(at);
        for (between, name) in [("\n", "LF"), ("\r\n", "CRLF"), ("\n    ", "indent"), ("\u{1b}[31m", "colour")] {
            let text = format!("a {head}{between}{tail} z");
            for size in [1, 8, 4096] {
                let out = chunked(&set, text.as_bytes(), size);
                // up to three bytes before a line break may be shown
                let seen = leak(tail, &out).or_else(|| leak(head, &out));
                assert_eq!(seen, None, "{name} at {at}, chunks of {size}: {}", String::from_utf8_lossy(&out));
            }
        }
    }
}

#[test]
fn text_cut_short_by_three_dots_shows_no_long_beginning_of_a_value() {
    let set = set(&["sk_live_4eC39HqLyjWDarjtT1zdp7dc"]);
    assert_eq!(set.mask("{ key: \"sk_live_4eC39HqLyjWD...\" }"), format!("{{ key: \"{MASK}...\" }}"));
    assert_eq!(set.mask("'sk_live_4eC39HqLyjWD'... 12 more characters"), format!("'{MASK}'... 12 more characters"));
    assert_eq!(set.mask("sk_live_4eC39HqLyjWD, sk_live_..."), "sk_live_4eC39HqLyjWD, sk_live_...");
}

#[test]
fn what_looks_like_a_value_is_left_alone() {
    let set = set(&every_value());
    for text in [
        "sk_live_4eC39HqLyjWDarjtT1zdp7dd sk_live_ SK_LIVE_4EC39HQLYJWDARJTT1ZDP7DC",
        "correct horse battery stable? no: correct horse battery, staple",
        "postgres://ada:other@db.example.com:5432/shop?sslmode=require",
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "100% sure %2F %zz \\u00zz \\x4 \\ 'quoted'\\''again' \u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "incomplete: %4 \\u12 \u{1b}[3",
    ] {
        assert_eq!(set.mask(text), text);
        for size in [1, 2, 5] {
            assert_eq!(String::from_utf8(chunked(&set, text.as_bytes(), size)).unwrap(), text);
        }
    }
}

#[test]
fn values_shorter_than_six_bytes_are_left_alone() {
    let set = set(&["no", "12345", "  ab  ", "      ", ""]);
    assert!(set.is_empty());
    assert_eq!(set.mask("no 12345 ab"), "no 12345 ab");
}

#[test]
fn thousands_of_values_are_masked_and_the_longest_wins() {
    let values: Vec<String> =
        (0..5_000).map(|n| format!("https://hooks.example.com/services/{n:05}/{}", n * 7919)).collect();
    let longer: Vec<String> = values.iter().map(|value| format!("{value}?long=1")).collect();
    let all: Vec<&str> = values.iter().chain(&longer).map(String::as_str).collect();
    let set = set(&all);
    for index in [0, 17, 4_999] {
        let (value, longer) = (values.get(index).unwrap(), longer.get(index).unwrap());
        assert_eq!(set.mask(&format!("<{value}> <{longer}>")), format!("<{MASK}> <{MASK}>"));
        assert_eq!(set.mask(&STANDARD.encode(value)), MASK);
    }
    assert_eq!(set.mask("https://hooks.example.com/services/x"), "https://hooks.example.com/services/x");
}

#[test]
fn a_line_of_ten_megabytes_passes_with_values_masked_and_little_held() {
    let set = set(&every_value());
    let part = "0123456789abcdef ".repeat(60_000);
    let mut masker = Masker::new(Arc::clone(&set));
    let mut out = Vec::new();
    let mut size = 0;
    for _ in 0..10 {
        masker.feed(part.as_bytes(), &mut out);
        masker.feed(b"sk_live_4eC39HqLyjWDarjtT1zdp7dc ", &mut out);
        size += out.len();
        out.clear();
    }
    masker.finish(&mut out);
    assert_eq!(size + out.len(), 10 * (part.len() + MASK.len() + 1));
}

#[test]
fn a_new_value_is_masked_from_the_next_byte_on() {
    let mut masker = Masker::new(set(&[]));
    let mut out = Vec::new();
    masker.feed(b"value-one ", &mut out);
    masker.switch(&set(&["value-one"]));
    masker.feed(b"value-one", &mut out);
    masker.finish(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), format!("value-one {MASK}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_value_in_any_encoding_is_masked(
        value in "[ -~éключ\n]{8,60}",
        encoding in 0..ENCODINGS.len(),
        chunk in 1_usize..70,
    ) {
        let (name, encode) = *ENCODINGS.get(encoding).unwrap();
        let trimmed = value.trim();
        // where a line ends inside, base64 in lines is too short to tell
        prop_assume!(trimmed.len() >= 8);
        let encoded = encode(trimmed);
        let set = set(&[trimmed]);
        let out = chunked(&set, format!("<< {encoded} >>").as_bytes(), chunk);
        let text = String::from_utf8_lossy(&out);
        prop_assert!(text.contains(MASK), "{name}: {text:?}");
        if name == "plain" || name == "JSON" || name == "hex" || name == "URL-encoded" {
            prop_assert_eq!(text.into_owned(), format!("<< {MASK} >>"));
        }
    }

    #[test]
    fn text_of_other_letters_comes_out_byte_for_byte(text in "[g-z \\\\%\n\"'\u{1b}\\[]{0,400}", chunk in 1_usize..70) {
        // no form of these values can be written with these letters
        let set = set(&["A1B2C3D4E5F6", "0000-1111-2222-3333"]);
        prop_assert_eq!(chunked(&set, text.as_bytes(), chunk), text.into_bytes());
    }
}
