//! Text where a root key should be: what is accepted is read back as the same key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_seal::RootKey;

fuzz_target!(|text: &str| {
    if let Ok(key) = RootKey::from_text(text) {
        let again = RootKey::from_text(&key.to_text()).expect("its own text is a key");
        assert_eq!(again.fingerprint(), key.fingerprint());
        assert!([43, 44, 64].contains(&text.trim().len()));
    }
});
