//! Planted values, and the search for them in every form in which they could leak.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use aho_corasick::AhoCorasick;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Random bytes as hexadecimal text.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut buffer).unwrap();
    hex::encode(buffer)
}

/// A fresh value that occurs nowhere else. Its characters differ in every encoding that the search knows.
pub fn value() -> String {
    format!("cnry/{}+{}?é\"{}", random_hex(6), random_hex(6), random_hex(4))
}

/// A fresh value of letters, digits and a full stop, for places with a grammar of their own. It is no legal name, since
/// errors may repeat legal names.
pub fn plain_value() -> String {
    format!("cnry.{}", random_hex(14))
}

/// SHA-256 in hexadecimal: how functions of these tests tell which value they saw, without telling the value.
pub fn digest(value: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, value.as_bytes()))
}

/// Where something planted was found. The value itself is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, command or address.
    pub place: String,
    /// Which planted value, by the order of planting, and in which form.
    pub what: String,
}

/// A search for all planted values at once.
pub struct Search {
    automaton: AhoCorasick,
    forms: Vec<String>,
}

impl Search {
    /// A search for these values in plain text and in every encoding.
    pub fn new(values: &[String]) -> Self {
        let (mut needles, mut forms) = (Vec::new(), Vec::new());
        for (index, value) in values.iter().enumerate() {
            for (form, needle) in encodings(value) {
                needles.push(needle);
                forms.push(format!("value {} as {form}", index + 1));
            }
        }
        Self { automaton: AhoCorasick::new(needles).unwrap(), forms }
    }

    /// What is found in these bytes.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> Vec<Finding> {
        let found = self.automaton.find_iter(bytes).map(|hit| hit.pattern().as_usize());
        let mut forms: Vec<_> = found.filter_map(|index| self.forms.get(index).cloned()).collect();
        forms.sort();
        forms.dedup();
        forms.into_iter().map(|what| Finding { place: place.to_owned(), what }).collect()
    }

    /// What is found in the files below a folder, and in their names. Symbolic links are not followed.
    pub fn folder(&self, folder: &Path) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Ok(entries) = fs::read_dir(folder) else { return findings };
        for entry in entries.flatten() {
            let path = entry.path();
            findings.extend(self.bytes("a file's name", path.as_os_str().as_encoded_bytes()));
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                findings.extend(self.folder(&path));
            } else if kind.is_file() {
                // one that is gone meanwhile holds nothing
                let bytes = fs::read(&path).unwrap_or_default();
                findings.extend(self.bytes(&path.display().to_string(), &bytes));
            }
        }
        findings
    }
}

/// The forms in which a value could stand somewhere.
fn encodings(value: &str) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![("plain text".to_owned(), value.as_bytes().to_vec())];
    let json = serde_json::to_string(value).unwrap();
    forms.push(("JSON".to_owned(), json.trim_matches('"').as_bytes().to_vec()));
    forms.push(("hexadecimal".to_owned(), hex::encode(value).into_bytes()));
    forms.push(("hexadecimal capitals".to_owned(), hex::encode_upper(value).into_bytes()));
    forms.push(("a list of bytes".to_owned(), byte_list(value).into_bytes()));
    forms.push(("URL encoding".to_owned(), url(value).into_bytes()));
    forms.push(("URL encoding in small letters".to_owned(), url(value).to_lowercase().into_bytes()));
    for shift in 0..3 {
        forms.push((format!("base64, {shift} bytes off"), shifted(value, shift, &STANDARD_NO_PAD)));
        forms.push((format!("base64url, {shift} bytes off"), shifted(value, shift, &URL_SAFE_NO_PAD)));
    }
    let utf16: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    forms.push(("UTF-16".to_owned(), utf16));
    forms.push(("a bare SHA-256".to_owned(), digest::digest(&digest::SHA256, value.as_bytes()).as_ref().to_vec()));
    forms.sort();
    forms.dedup_by(|a, b| a.1 == b.1);
    forms
}

fn byte_list(value: &str) -> String {
    value.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")
}

fn url(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

/// The middle of the base64 text of `value` behind `shift` other bytes: the part that does not depend on them.
fn shifted(value: &str, shift: usize, engine: &base64::engine::GeneralPurpose) -> Vec<u8> {
    let bytes = [vec![0; shift], value.as_bytes().to_vec()].concat();
    let whole = bytes.len() / 3 * 3;
    let text = engine.encode(bytes.get(..whole).unwrap());
    let start = if shift == 0 { 0 } else { 4 };
    text.as_bytes().get(start..).unwrap().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_encoding_and_any_surroundings() {
        let value = value();
        let search = Search::new(&[plain_value(), value.clone()]);
        let encoded = [
            format!("x{value}y"),
            format!("{{\"a\":{}}}", serde_json::to_string(&value).unwrap()),
            hex::encode(&value),
            STANDARD_NO_PAD.encode(format!("user:{value}@host")),
            STANDARD_NO_PAD.encode(format!("user1:{value}@host")),
            URL_SAFE_NO_PAD.encode(format!("user12:{value}@host")),
            format!("?q={}", url(&value)),
        ];
        for (index, text) in encoded.iter().enumerate() {
            assert!(!search.bytes("here", text.as_bytes()).is_empty(), "form {index}");
        }
        assert!(search.bytes("here", random_hex(64).as_bytes()).is_empty());
    }
}
