#![expect(clippy::unwrap_used, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const VALUE: &str = "p/ss \"w+rd\"\\ключ?&=1";

fn set(values: &[&str]) -> Arc<MaskSet> {
    let values: Vec<SecretValue> = values.iter().map(|text| SecretValue::new((*text).to_owned()).unwrap()).collect();
    Arc::new(MaskSet::new(&values))
}

fn chunked(set: &Arc<MaskSet>, text: &[u8], size: usize) -> String {
    let mut masker = Masker::new(Arc::clone(set));
    let mut out = Vec::new();
    for chunk in text.chunks(size) {
        masker.feed(chunk, &mut out);
    }
    masker.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn every_listed_encoding_is_masked() {
    let set = set(&[VALUE]);
    let url: String = VALUE.bytes().fold(String::new(), |all, byte| {
        if byte.is_ascii_alphanumeric() { all + &char::from(byte).to_string() } else { format!("{all}%{byte:02X}") }
    });
    let json = serde_json::to_string(VALUE).unwrap();
    for form in [VALUE.to_owned(), url.to_lowercase(), url, json, hex::encode(VALUE), hex::encode_upper(VALUE)] {
        let hidden = set.mask(&format!("before {form} after"));
        assert!(hidden.contains(MASK) && !hidden.contains("ss") && hidden.ends_with("after"), "{hidden}");
        for size in 1..40 {
            assert_eq!(chunked(&set, format!("before {form} after").as_bytes(), size), hidden);
        }
    }
}

#[test]
fn base64_is_masked_at_every_alignment() {
    let set = set(&[VALUE]);
    for before in ["", "a", "ab", "abc"] {
        for after in ["", "x", "xy"] {
            let text = format!("{before}{VALUE}{after}");
            for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                assert!(set.mask(&encoded).contains(MASK), "{before}|{after}");
            }
        }
    }
    assert_eq!(set.mask(&format!("{}.", STANDARD.encode(VALUE))), format!("{MASK}."));
}

#[test]
fn the_longest_value_wins_and_short_ones_are_left_alone() {
    assert_eq!(set(&["abcdef", "abcdefghij", "no"]).mask("abcdefghij no abcdef"), format!("{MASK} no {MASK}"));
}

#[test]
fn values_that_overlap_are_masked_together() {
    assert_eq!(set(&["abcdefgh", "efghijkl"]).mask("<abcdefghijkl>"), format!("<{MASK}>"));
    assert_eq!(set(&["abcdefgh"]).mask("<abcdefghabcdefgh>"), format!("<{MASK}{MASK}>"));
}

#[test]
fn lines_of_a_key_are_masked_one_by_one() {
    let set = set(&["-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nAgEAAoIBAQDZ1234\n-----END KEY-----\n"]);
    assert_eq!(set.mask("got MIIEvQIBADANBgkq"), format!("got {MASK}"));
    assert_eq!(set.mask("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
}

#[test]
fn no_values_mask_nothing() {
    assert_eq!(set(&[]).mask("plain"), "plain");
}

#[test]
fn the_end_of_a_cut_text_is_masked_if_a_value_may_begin_there() {
    let set = set(&["sk_live_1234567890"]);
    assert_eq!(set.mask_cut("key sk_live_12345"), format!("key {MASK}"));
    assert_eq!(set.mask_cut("key sk_"), "key sk_");
    assert_eq!(set.mask("key sk_live_12345"), "key sk_live_12345");
}

#[test]
fn a_paused_stream_shows_finished_lines_and_prompts_but_no_part_of_a_value() {
    let mut masker = Masker::new(set(&["sk_live_1234567890"]));
    let shown = |masker: &mut Masker, text: &str| {
        let mut out = Vec::new();
        masker.feed(text.as_bytes(), &mut out);
        masker.idle(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(shown(&mut masker, "Password: "), "Password: ");
    assert_eq!(shown(&mut masker, "yes\n"), "yes\n");
    assert_eq!(shown(&mut masker, "sk"), "sk");
    assert_eq!(shown(&mut masker, "_live"), "");
    assert_eq!(shown(&mut masker, "_1234567890 done\n"), format!("{MASK} done\n"));
    assert_eq!(shown(&mut masker, "sk_live_12\n"), "sk_live_12\n");
}

#[test]
fn a_text_made_to_be_slow_is_masked_rather_than_searched_forever() {
    let set = set(&[&"a".repeat(20_000)]);
    let text = format!("{}b", "a".repeat(19_999)).repeat(6);
    let out = set.mask(&text);
    assert!(out.len() < text.len());
}

#[test]
fn held_bytes_are_bounded() {
    let set = set(&[&"x".repeat(60_000)]);
    let mut masker = Masker::new(set);
    let mut out = Vec::new();
    for _ in 0..20 {
        masker.feed("x\n          \n".repeat(10_000).as_bytes(), &mut out);
        assert!(masker.buffer.len() <= MAX_HELD_BYTES + BLOCK_BYTES);
    }
}

proptest! {
    #[test]
    fn a_value_never_comes_through(value in "[ -~]{6,40}", before in "[ -~]{0,20}", after in "[ -~]{0,20}", size in 1_usize..50) {
        prop_assume!(value.trim().len() >= MIN_VALUE_BYTES);
        let set = set(&[&value]);
        let text = format!("{before}{value}{after}");
        let out = chunked(&set, text.as_bytes(), size);
        prop_assert!(!out.contains(value.trim()), "{out}");
        prop_assert!(out.contains(MASK));
    }

    #[test]
    fn chunks_make_no_difference(value in "[a-c%\\\\\"'+ ]{6,12}", text in "[a-c%\\\\\"'+ ]{0,200}", size in 1_usize..50) {
        let set = set(&[&value]);
        prop_assert_eq!(chunked(&set, text.as_bytes(), size), set.mask(&text));
    }

    #[test]
    fn other_text_comes_out_byte_for_byte(text in proptest::collection::vec(any::<u8>(), 0..2000), size in 1_usize..300) {
        let set = set(&["correct horse battery staple", "c8a1f2-4b7d-90e3"]);
        let mut masker = Masker::new(set);
        let mut out = Vec::new();
        for chunk in text.chunks(size) {
            masker.feed(chunk, &mut out);
        }
        masker.finish(&mut out);
        prop_assert_eq!(out, text);
    }
}
