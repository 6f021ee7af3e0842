//! Any bytes as a file of secrets: no reader panics, no name comes twice, and what is written is read back.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use strongroom_envfile::{export, import, parse};
use strongroom_secret::SecretValue;

const IMPORTS: [import::Format; 6] = [
    import::Format::Dotenv,
    import::Format::Json,
    import::Format::Yaml,
    import::Format::Vault,
    import::Format::Infisical,
    import::Format::Doppler,
];

fuzz_target!(|bytes: &[u8]| {
    let _ = import::detect("secrets", bytes);
    if let Ok(parsed) = parse(bytes) {
        let entries: Vec<_> = parsed.entries.iter().map(|entry| (entry.name.as_str(), &entry.value)).collect();
        read_back(&entries);
    }
    for format in IMPORTS {
        if let Ok(imported) = import::read(format, bytes) {
            let entries: Vec<_> = imported.entries.iter().map(|entry| (entry.name.as_str(), &entry.value)).collect();
            read_back(&entries);
        }
    }
});

fn read_back(entries: &[(&str, &SecretValue)]) {
    let names: BTreeSet<_> = entries.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), entries.len(), "a name comes twice");
    let pairs = [
        (export::Format::Dotenv, import::Format::Dotenv),
        (export::Format::Json, import::Format::Json),
        (export::Format::Yaml, import::Format::Yaml),
    ];
    for (written, read) in pairs {
        let Ok(text) = export::write(&written, entries) else { continue };
        let again = import::read(read, text.as_bytes()).expect("what was written is read");
        assert_eq!(again.entries.len(), entries.len(), "{written:?} loses an entry");
        for (entry, (name, value)) in again.entries.iter().zip(entries) {
            assert!(entry.name == *name && entry.value.expose() == value.expose(), "{written:?} changes an entry");
        }
    }
}
