//! Expiry: a length of time that is accepted prints as a text that means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_model::{Expiry, Lifetime};

fuzz_target!(|text: &str| {
    if let Ok(lifetime) = text.parse::<Lifetime>() {
        assert!(lifetime.duration().is_positive());
        assert_eq!(lifetime.to_string().parse::<Lifetime>(), Ok(lifetime));
    }
    if let Ok(Expiry::At(_) | Expiry::Never) = text.parse::<Expiry>() {
        assert!(text.parse::<Lifetime>().is_err());
    }
});
