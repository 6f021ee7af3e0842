//! The masker: a value that stands in a text never comes through, however the text is cut; a text without it is kept.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use strongroom_runtime::mask::{MASK, MaskSet, Masker, is_maskable};
use strongroom_secret::SecretValue;

// first line: the value; second line: chunk sizes; the rest: the text
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (Some(value), Some(sizes), Some(text)) = (parts.next(), parts.next(), parts.next()) else { return };
    let Ok(value) = SecretValue::from_bytes(value.to_vec()) else { return };
    let set = Arc::new(MaskSet::new([&value]));
    let planted = [text, value.expose().as_bytes(), text].concat();
    let mut masker = Masker::new(Arc::clone(&set));
    let mut out = Vec::new();
    let mut rest = planted.as_slice();
    for size in sizes.iter().cycle().take(10_000) {
        let (chunk, tail) = rest.split_at(usize::from(*size).min(rest.len()));
        masker.feed(chunk, &mut out);
        if size % 7 == 0 {
            masker.idle(&mut out);
        }
        rest = tail;
    }
    masker.feed(rest, &mut out);
    masker.finish(&mut out);
    if !is_maskable(&value) {
        assert_eq!(out, planted);
        return;
    }
    let mask = MASK.as_bytes();
    let wanted = value.expose().trim_ascii().as_bytes();
    // the mask itself may hold the value, if that is a part of it
    if !mask.windows(wanted.len()).any(|part| part == wanted) && !wanted.contains(&b'[') && !wanted.contains(&b']') {
        assert!(!out.windows(wanted.len()).any(|part| part == wanted), "a value came through");
    }
    assert!(out.windows(mask.len()).any(|part| part == mask));
});
