//! Shapes of known keys: `sk_live_…`, `AKIA…`, `ghp_…`, private keys in PEM. The rules are those of Betterleaks, kept in
//! one file that a script renews (docs/decisions/key-patterns.md). Every search takes time in proportion to the text.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// Written by `scripts/renew-key-patterns.py`.
const RULES: &str = include_str!("patterns/rules.json");

/// Findings of one rule in one text; past that it is certain that there is something.
const MAX_OF_ONE_RULE: usize = 20;

/// A text that has the shape of a known key. Where it stands, and never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFound {
    /// The rule that knows it, such as `stripe-access-token`.
    pub rule: &'static str,
    /// Where the key begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

#[derive(Deserialize)]
struct File {
    placeholders: Vec<String>,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    /// One of these stands in every text that the rule applies to, in any case.
    keywords: Vec<String>,
    regex: String,
    /// A key has more bits of entropy a byte.
    #[serde(default)]
    entropy: f64,
    /// The group that is the key; the first that matched if absent.
    group: Option<usize>,
    /// What matches one of these is no key.
    #[serde(default)]
    unless: Vec<String>,
    /// What does not match all of these is no key.
    #[serde(default)]
    only: Vec<String>,
    #[serde(skip)]
    compiled: OnceLock<Option<Compiled>>,
}

struct Compiled {
    key: Regex,
    unless: Vec<Regex>,
    only: Vec<Regex>,
}

struct Patterns {
    rules: Vec<Rule>,
    placeholders: Vec<Regex>,
    keywords: AhoCorasick,
    /// The rule of each keyword.
    rule_of: Vec<usize>,
}

/// Every text in `text` that has the shape of a known key, in order.
pub fn find(text: &[u8]) -> Vec<KeyFound> {
    let patterns = patterns();
    let mut wanted = vec![false; patterns.rules.len()];
    for keyword in patterns.keywords.find_overlapping_iter(text) {
        let rule = patterns.rule_of.get(keyword.pattern().as_usize()).and_then(|rule| wanted.get_mut(*rule));
        if let Some(wanted) = rule {
            *wanted = true;
        }
    }
    let mut found = Vec::new();
    for (rule, _) in patterns.rules.iter().zip(wanted).filter(|(_, wanted)| *wanted) {
        rule.find(text, &patterns.placeholders, &mut found);
    }
    found.sort_by_key(|found| (found.start, found.end, found.rule));
    // one key that several rules know is one
    found.dedup_by(|later, earlier| later.start < earlier.end);
    found
}

/// Whether there is a rule of that name.
pub fn is_rule(id: &str) -> bool {
    patterns().rules.iter().any(|rule| rule.id == id)
}

fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let file: File = serde_json::from_str(RULES).expect("a test reads the file");
        let mut keywords = Vec::new();
        let mut rule_of = Vec::new();
        for (index, rule) in file.rules.iter().enumerate() {
            keywords.extend(rule.keywords.iter());
            rule_of.extend(rule.keywords.iter().map(|_| index));
        }
        let search = AhoCorasick::builder().ascii_case_insensitive(true).build(&keywords);
        let keywords = search.expect("a few hundred short words");
        let placeholders = file.placeholders.iter().filter_map(|text| compile(text)).collect();
        Patterns { rules: file.rules, placeholders, keywords, rule_of }
    })
}

/// The rules are written for bytes: `\w` and `\s` mean ASCII.
fn compile(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).unicode(false).build().ok()
}

impl Rule {
    fn compiled(&self) -> Option<&Compiled> {
        let compile_all = || {
            let all = |texts: &[String]| texts.iter().map(|text| compile(text)).collect::<Option<Vec<_>>>();
            Some(Compiled { key: compile(&self.regex)?, unless: all(&self.unless)?, only: all(&self.only)? })
        };
        self.compiled.get_or_init(compile_all).as_ref()
    }

    fn find(&'static self, text: &[u8], placeholders: &[Regex], found: &mut Vec<KeyFound>) {
        let Some(compiled) = self.compiled() else { return };
        let mut of_this = 0;
        for captures in compiled.key.captures_iter(text) {
            let group = |index: usize| captures.get(index).filter(|group| !group.is_empty());
            let key = match self.group {
                Some(index) => group(index),
                None => (1..captures.len()).find_map(group),
            };
            let Some(key) = key.or_else(|| group(0)) else { continue };
            let bytes = key.as_bytes();
            let is_shown = |regex: &Regex| regex.is_match(bytes);
            if entropy(bytes) <= self.entropy
                || compiled.unless.iter().any(is_shown)
                || placeholders.iter().any(is_shown)
                || !compiled.only.iter().all(is_shown)
            {
                continue;
            }
            found.push(KeyFound { rule: &self.id, start: key.start(), end: key.end() });
            of_this += 1;
            if of_this == MAX_OF_ONE_RULE {
                return;
            }
        }
    }
}

/// Shannon entropy of a text's bytes, in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / length;
    -counts.iter().filter(|count| **count > 0).map(share).map(|share| share * share.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Text that looks drawn at random. Keys are put together here, so that none stands in this file.
    fn drawn(alphabet: &str, length: usize, seed: u64) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % letters.len()
        };
        (0..length).map(|_| *letters.get(next()).unwrap()).collect()
    }

    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    const MIXED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    fn samples() -> Vec<(&'static str, String)> {
        let of = |prefix: [&str; 2], alphabet, length| prefix.concat() + &drawn(alphabet, length, 7);
        let pem =
            ["-----BEGIN ", "PRIVATE KEY-----\n"].concat() + &drawn(MIXED, 200, 3) + "\n-----END PRIVATE KEY-----\n";
        vec![
            ("stripe-access-token", of(["sk_", "live_"], MIXED, 32)),
            ("aws-access-token", of(["AK", "IA"], BASE32, 16)),
            ("github-pat", of(["gh", "p_"], MIXED, 36)),
            ("slack-bot-token", of(["xo", "xb-"], "0123456789", 12) + "-123456789012-" + &drawn(MIXED, 24, 9)),
            ("sendgrid-api-token", of(["S", "G."], MIXED, 22) + "." + &drawn(MIXED, 43, 11)),
            ("npm-access-token", of(["npm", "_"], LOWER, 36)),
            ("openai-api-key", of(["sk-", "proj-"], MIXED, 74) + "T3Blbk" + "FJ" + &drawn(MIXED, 74, 5)),
            ("anthropic-api-key", of(["sk-ant-", "api03-"], MIXED, 93) + "AA"),
            ("gcp-api-key", of(["AI", "za"], MIXED, 35)),
            ("private-key", pem),
        ]
    }

    #[test]
    fn every_rule_can_be_used_and_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for rule in &patterns().rules {
            assert!(rule.compiled().is_some(), "{}", rule.id);
            assert!(names.insert(rule.id.as_str()), "{} twice", rule.id);
        }
        assert!(names.len() > 200, "{}", names.len());
        let file: File = serde_json::from_str(RULES).unwrap();
        assert_eq!(patterns().placeholders.len(), file.placeholders.len());
    }

    #[test]
    fn keys_are_known_by_their_shape_wherever_they_stand() {
        for (rule, key) in samples() {
            for text in [format!("const key = \"{key}\";"), format!("KEY={key}\n"), format!("{{\"k\":\"{key}\"}}")] {
                let found = find(text.as_bytes());
                let names: Vec<_> = found.iter().map(|found| found.rule).collect();
                assert!(names.contains(&rule), "{rule} is seen as {names:?}");
                assert!(found.iter().all(|found| text.get(found.start..found.end).unwrap().len() >= 16));
            }
        }
    }

    #[test]
    fn names_placeholders_and_ordinary_code_are_no_keys() {
        let example = ["AKIA", "IOSFODNN7", "EXAMPLE"].concat();
        let stars = ["sk_live", "_****************"].concat();
        for text in [
            "const key = process.env.STRIPE_SECRET_KEY;",
            "ghp_",
            "sk_live_",
            "npm_package_version",
            "-----BEGIN PUBLIC KEY-----",
            "STRIPE_KEY=sk_live_xxx",
            "const id = '9b2e0f7c-0d3e-4a55-9d0c-1f0b8d3e5a77'",
            &example,
            &stars,
        ] {
            assert_eq!(find(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn the_rules_hold_no_key_themselves() {
        assert_eq!(find(RULES.as_bytes()), []);
    }

    #[test]
    fn a_text_full_of_keywords_takes_no_longer_than_its_length_asks_for() {
        let text = "sk_live_AKIAghp_heroku datadog twilio -----BEGIN eyJ sg. ".repeat(20_000);
        assert_eq!(find(text.as_bytes()), []);
    }
}
