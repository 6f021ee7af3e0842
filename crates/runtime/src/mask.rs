//! Masks secret values in log text: plain, and as base64, URL-encoded, JSON-escaped or hex.

use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

/// What stands in place of a value.
pub const MASK: &str = "[masked]";

/// Shorter values are not masked: they would blacken ordinary words.
pub const MIN_VALUE_BYTES: usize = 6;

// A line of a multi-line value that says nothing by itself, such as `-----BEGIN PRIVATE KEY-----`, is left alone.
const MIN_LINE_BYTES: usize = 12;

/// Finds every listed form of a set of values, the longest first.
///
/// The search tree holds parts of the values in memory that cannot be wiped; it lives as long as the worker whose
/// output it masks.
pub struct Masker {
    search: Search,
    longest_bytes: usize,
}

enum Search {
    /// There is nothing to look for.
    Nothing,
    /// The forms.
    Tree(Box<AhoCorasick>),
    /// There are more forms than can be searched for, so every text is replaced whole.
    Everything,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(..)")
    }
}

impl Masker {
    /// A masker for these values. Those shorter than [`MIN_VALUE_BYTES`] are passed over.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a SecretValue>) -> Self {
        let mut needles: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for value in values {
            forms(value.expose(), &mut needles);
        }
        needles.sort_unstable_by(|one, other| one.as_slice().cmp(other.as_slice()));
        needles.dedup_by(|one, other| one.as_slice() == other.as_slice());
        let longest_bytes = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
        let patterns = needles.iter().map(|needle| needle.as_slice());
        let tree = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns);
        let search = match tree {
            _ if needles.is_empty() => Search::Nothing,
            Ok(tree) => Search::Tree(Box::new(tree)),
            Err(_) => Search::Everything,
        };
        Self { search, longest_bytes }
    }

    /// Length of the longest form, in bytes: a text cut within so many bytes of its end may hold part of a value.
    pub fn longest_bytes(&self) -> usize {
        self.longest_bytes
    }

    /// `text` with every form of every value replaced by [`MASK`].
    pub fn mask(&self, text: &str) -> String {
        let tree = match &self.search {
            Search::Nothing => return text.to_owned(),
            Search::Tree(tree) => tree,
            Search::Everything => return MASK.to_owned(),
        };
        let mut masked: Vec<u8> = Vec::with_capacity(text.len());
        let mut from = 0;
        for found in tree.find_iter(text) {
            masked.extend_from_slice(text.as_bytes().get(from..found.start()).unwrap_or_default());
            masked.extend_from_slice(MASK.as_bytes());
            from = found.end();
        }
        masked.extend_from_slice(text.as_bytes().get(from..).unwrap_or_default());
        String::from_utf8(masked).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned())
    }
}

fn forms(text: &str, needles: &mut Vec<Zeroizing<Vec<u8>>>) {
    if text.len() < MIN_VALUE_BYTES {
        return;
    }
    encoded(text, needles);
    let trimmed = text.trim();
    if trimmed.len() != text.len() && trimmed.len() >= MIN_VALUE_BYTES {
        encoded(trimmed, needles);
    }
    if trimmed.contains('\n') {
        let lines = trimmed.lines().map(str::trim);
        for line in lines.filter(|line| line.len() >= MIN_LINE_BYTES && !line.starts_with("-----")) {
            push(line.as_bytes().to_vec(), needles);
        }
    }
}

fn encoded(text: &str, needles: &mut Vec<Zeroizing<Vec<u8>>>) {
    push(text.as_bytes().to_vec(), needles);
    push(hex::encode(text).into_bytes(), needles);
    push(hex::encode_upper(text).into_bytes(), needles);
    push(json_escaped(text).into_bytes(), needles);
    for keeps in [unreserved, form_unreserved] {
        push(url_encoded(text, keeps, b"0123456789ABCDEF"), needles);
        push(url_encoded(text, keeps, b"0123456789abcdef"), needles);
    }
    for whole in
        [STANDARD.encode(text), URL_SAFE.encode(text), STANDARD_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(text)]
    {
        push(whole.into_bytes(), needles);
    }
    for skip in 0..3 {
        let (standard, url) = base64_core(text.as_bytes(), skip);
        push(standard.into_bytes(), needles);
        push(url.into_bytes(), needles);
    }
}

fn push(needle: Vec<u8>, needles: &mut Vec<Zeroizing<Vec<u8>>>) {
    let needle = Zeroizing::new(needle);
    if needle.len() >= MIN_VALUE_BYTES {
        needles.push(needle);
    }
}

/// The characters of the base64 of `skip` unknown bytes, `bytes` and anything after, that depend on `bytes` alone.
fn base64_core(bytes: &[u8], skip: usize) -> (String, String) {
    let mut padded = Zeroizing::new(vec![0; skip]);
    padded.extend_from_slice(bytes);
    // the first characters mix with what stands before, the last one with what stands after
    let first = (skip * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    let cut = |whole: &str| whole.get(first..last.max(first)).unwrap_or_default().to_owned();
    let (standard, url) = (STANDARD_NO_PAD.encode(&*padded), URL_SAFE_NO_PAD.encode(&*padded));
    (cut(&Zeroizing::new(standard)), cut(&Zeroizing::new(url)))
}

fn json_escaped(text: &str) -> String {
    let quoted = Zeroizing::new(serde_json::to_string(text).unwrap_or_default());
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

// What JavaScript's encodeURIComponent leaves alone.
fn form_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

fn url_encoded(text: &str, keeps: fn(u8) -> bool, digits: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if keeps(byte) {
            out.push(byte);
        } else {
            let digit = |value: u8| digits.get(usize::from(value)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const VALUE: &str = "p/ss \"w+rd\"\\ключ?&=1";

    fn masker(values: &[&str]) -> Masker {
        let values: Vec<SecretValue> =
            values.iter().map(|text| SecretValue::new((*text).to_owned()).unwrap()).collect();
        Masker::new(&values)
    }

    #[test]
    fn every_listed_encoding_is_masked() {
        let masker = masker(&[VALUE]);
        let url: String = VALUE.bytes().fold(String::new(), |all, byte| {
            if byte.is_ascii_alphanumeric() { all + &char::from(byte).to_string() } else { format!("{all}%{byte:02X}") }
        });
        let json = serde_json::to_string(VALUE).unwrap();
        for form in [VALUE.to_owned(), url.to_lowercase(), url, json, hex::encode(VALUE), hex::encode_upper(VALUE)] {
            let hidden = masker.mask(&format!("before {form} after"));
            assert!(hidden.contains(MASK) && !hidden.contains("ss") && hidden.ends_with("after"), "{hidden}");
        }
    }

    #[test]
    fn base64_is_masked_at_every_alignment() {
        let masker = masker(&[VALUE]);
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "x", "xy"] {
                let text = format!("{before}{VALUE}{after}");
                for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    assert!(masker.mask(&encoded).contains(MASK), "{before}|{after}");
                }
            }
        }
    }

    #[test]
    fn the_longest_value_wins_and_short_ones_are_left_alone() {
        let masker = masker(&["abcdef", "abcdefghij", "no"]);
        assert_eq!(masker.mask("abcdefghij no abcdef"), format!("{MASK} no {MASK}"));
    }

    #[test]
    fn lines_of_a_key_are_masked_one_by_one() {
        let masker = masker(&["-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nAgEAAoIBAQDZ1234\n-----END KEY-----\n"]);
        assert_eq!(masker.mask("got MIIEvQIBADANBgkq"), format!("got {MASK}"));
        assert_eq!(masker.mask("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
    }

    #[test]
    fn no_values_mask_nothing() {
        assert_eq!(masker(&[]).mask("plain"), "plain");
    }
}
