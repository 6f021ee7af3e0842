//! Names and identifiers: what is accepted prints as it was given and fits the documented grammar.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_model::{AppId, Id, NamespaceName, ProjectName, SecretName, UserId, WorkloadName};

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<SecretName>() {
        assert_eq!(name.as_str(), text);
        assert!(text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        let _ = (name.risk(), name.folded());
    }
    let slugs = [
        text.parse::<ProjectName>().map(String::from),
        text.parse::<NamespaceName>().map(String::from),
        text.parse::<WorkloadName>().map(String::from),
        text.parse::<AppId>().map(String::from),
    ];
    for slug in slugs.into_iter().flatten() {
        assert_eq!(slug, text);
        assert!((1..=63).contains(&text.len()));
        assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)));
    }
    if let Ok(user) = text.parse::<UserId>() {
        assert_eq!(user.as_str(), text);
        assert!((1..=255).contains(&text.len()) && !text.chars().any(char::is_control));
    }
    if let Ok(id) = text.parse::<Id>() {
        assert_eq!(id.to_string(), text);
    }
});
