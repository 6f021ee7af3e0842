//! Values of secrets in texts where they must not stand: code, files, in every form that [`crate::mask`] knows.

use std::ops::Range;
use std::sync::OnceLock;

use strongroom_secret::SecretValue;

use crate::mask::MaskSet;

/// Values shorter than this are not looked for: they would be found everywhere.
pub const MIN_BYTES: usize = 8;

/// Values to look for, by name.
pub struct Leaks {
    all: MaskSet,
    each: Vec<(String, SecretValue, OnceLock<MaskSet>)>,
}

impl std::fmt::Debug for Leaks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Leaks({} values)", self.each.len())
    }
}

impl Leaks {
    /// Those of `values` that are long enough.
    pub fn new(values: impl IntoIterator<Item = (String, SecretValue)>) -> Self {
        let long = |value: &SecretValue| value.expose().trim_ascii().len() >= MIN_BYTES;
        let each: Vec<_> = values.into_iter().filter(|(_, value)| long(value)).collect();
        let all = MaskSet::whole_values(each.iter().map(|(_, value)| value));
        Self { all, each: each.into_iter().map(|(name, value)| (name, value, OnceLock::new())).collect() }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Which values stand in `text`, and where each first does; in the order of the text.
    pub fn find(&self, text: &[u8]) -> Vec<(&str, Range<usize>)> {
        let mut found: Vec<(&str, Range<usize>)> = Vec::new();
        for range in self.all.find(text) {
            let Some(part) = text.get(range.clone()) else { continue };
            for (name, value, set) in &self.each {
                if found.iter().any(|(known, _)| known == name) {
                    continue;
                }
                let set = set.get_or_init(|| MaskSet::whole_values([value]));
                if let Some(first) = set.find(part).first() {
                    found.push((name, range.start + first.start..range.start + first.end));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn leaks(values: &[(&str, &str)]) -> Leaks {
        let value = |text: &str| SecretValue::new(text.to_owned()).unwrap();
        Leaks::new(values.iter().map(|(name, text)| ((*name).to_owned(), value(text))))
    }

    #[test]
    fn values_are_found_in_every_form_and_named() {
        let value = "p/ss \"w+rd\"\\with=more";
        let leaks = leaks(&[("OTHER", "something-else"), ("KEY", value)]);
        let json = serde_json::to_string(value).unwrap();
        for form in
            [value.to_owned(), json, hex::encode(value), STANDARD.encode(value), STANDARD.encode(format!("a{value}"))]
        {
            let text = format!("const x = 1;\nconst y = '{form}';");
            let found = leaks.find(text.as_bytes());
            assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["KEY"], "{text}");
            assert!(found.first().unwrap().1.start >= 24, "{text}");
        }
    }

    #[test]
    fn short_values_and_plain_lines_of_long_ones_are_left_alone() {
        let config = "{\n  \"type\": \"service_account\",\n  \"region\": \"us-east-1\"\n}";
        let leaks = leaks(&[("SHORT", "abc1234"), ("CONFIG", config)]);
        assert_eq!(leaks.len(), 1);
        assert!(leaks.find(b"abc1234 \"type\": \"service_account\",").is_empty());
        assert_eq!(leaks.find(config.as_bytes()).len(), 1);
    }

    #[test]
    fn a_line_of_a_private_key_is_enough() {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDZ";
        let leaks = leaks(&[("TLS", &format!("-----BEGIN KEY-----\n{line}\nabc\n-----END KEY-----\n"))]);
        assert_eq!(leaks.find(format!("x = '{line}'").as_bytes()).len(), 1);
        assert!(leaks.find(b"-----BEGIN KEY-----").is_empty());
    }

    #[test]
    fn two_values_side_by_side_are_both_named() {
        let leaks = leaks(&[("A", "first-value-1"), ("B", "second-value-2")]);
        let found = leaks.find(b"first-value-1second-value-2 first-value-1");
        assert_eq!(found, [("A", 0..13), ("B", 13..27)]);
    }
}
