//! Text where a token should be: what is accepted is in the one documented form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_seal::token;

fuzz_target!(|text: &str| {
    if let Ok(accepted) = token::parse(text) {
        assert_eq!(accepted.expose(), text);
        assert_eq!(text.len(), token::TOKEN_BYTES);
        assert!(
            text.strip_prefix(token::PREFIX).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        );
    }
});
