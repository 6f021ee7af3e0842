//! Bytes where an envelope should be never open and never panic, and what they seal to opens again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_model::{Id, Scope};
use strongroom_seal::{Random, RootKey, ValueContext, envelope_key_version, open_value, seal_value};
use strongroom_secret::SecretValue;

struct Fixed;

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(9);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let key = RootKey::generate(&Fixed).unlock(Id::from_bytes([1; 16])).new_project_key(&Fixed);
    let (project, secret) = (Id::from_bytes([2; 16]), Id::from_bytes([3; 16]));
    let name = "API_KEY".parse().expect("a legal name");
    for scope in [Scope::Global, Scope::User("user".parse().expect("a legal id"))] {
        let context = ValueContext { project: &project, scope: &scope, name: &name, secret: &secret, version: 1 };
        let named = envelope_key_version(bytes);
        let Ok(value) = SecretValue::from_bytes(bytes.to_vec()) else {
            assert!(open_value(&key, &context, bytes).is_err());
            continue;
        };
        let envelope = seal_value(&key, named.unwrap_or(1), &context, &value, &Fixed).expect("every value seals");
        let opened = open_value(&key, &context, &envelope).expect("what was sealed opens");
        assert_eq!(opened.expose().as_bytes(), bytes);
        // What the fuzzer knows of honest envelopes: their bytes with its own laid over the end.
        let mut changed = envelope.clone();
        let start = changed.len().saturating_sub(bytes.len());
        for (place, byte) in changed.iter_mut().skip(start).zip(bytes) {
            *place ^= byte;
        }
        assert_eq!(open_value(&key, &context, &changed).is_ok(), changed == envelope);
    }
});
