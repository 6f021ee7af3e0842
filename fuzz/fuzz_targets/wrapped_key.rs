//! Bytes where a wrapped project key or a carried instance secret should be never open and never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_model::Id;
use strongroom_seal::{Random, RootKey, RowKind};

struct Fixed;

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(9);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let id = Id::from_bytes([1; 16]);
    assert!(RootKey::generate(&Fixed).unlock_carried(id, bytes).is_err());
    assert!(RootKey::generate(&Fixed).verify_check(&id, bytes).is_err());
    let instance = RootKey::generate(&Fixed).unlock(id);
    assert!(instance.unwrap(&id, 1, bytes).is_err());
    assert!(instance.verify_row_mac(RowKind::Token, &[bytes], bytes).is_err());
    let mut changed = instance.wrap(&id, 1, &instance.new_project_key(&Fixed), &Fixed).expect("a key wraps");
    let honest = changed.clone();
    for (place, byte) in changed.iter_mut().zip(bytes) {
        *place ^= byte;
    }
    assert_eq!(instance.unwrap(&id, 1, &changed).is_ok(), changed == honest);
});
