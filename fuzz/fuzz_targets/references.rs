#![no_main]
//! The reader of programs: whatever a bundle holds, it answers.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = String::from_utf8_lossy(bytes);
    for file in ["main.js", "main.tsx", "main.cts"] {
        let Ok(found) = strongroom_runtime::references::find(&source, file) else { continue };
        for read in &found.reads {
            assert!(usize::try_from(read.offset).is_ok_and(|offset| offset <= source.len()));
        }
    }
    for key in strongroom_runtime::patterns::find(bytes) {
        assert!(key.start < key.end && key.end <= bytes.len());
    }
});
