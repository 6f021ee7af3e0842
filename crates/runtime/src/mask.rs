//! Masks secret values in text that programs write: plain, and as base64, URL-encoded, JSON-escaped, shell-quoted or
//! hex, however the text is cut into chunks and lines, and through terminal colour codes.
//!
//! A [`MaskSet`] holds the values; it serves any number of streams. A [`Masker`] is one stream. A text that is there as a
//! whole needs none: [`MaskSet::mask`]. What is found and what is not: `docs/guide/logs.md`.

mod forms;
mod search;
mod units;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use strongroom_secret::SecretValue;

use self::forms::Forms;
use self::search::search;

/// What stands in place of a value.
pub const MASK: &str = "[masked]";

/// Shorter values are not masked: they would blacken ordinary words. Blanks around a value do not count.
pub const MIN_VALUE_BYTES: usize = 6;

/// A shorter line of a multi-line value is masked only together with the others.
pub const MIN_LINE_BYTES: usize = 8;

/// So much is searched at once.
const BLOCK_BYTES: usize = 64 * 1024;
/// So much may be held back; what is longer is masked.
const MAX_HELD_BYTES: usize = 1024 * 1024;

/// Whether `value` is long enough to be masked.
pub fn is_maskable(value: &SecretValue) -> bool {
    value.expose().trim_ascii().len() >= MIN_VALUE_BYTES
}

/// The values to mask, in every form.
///
/// Keeps one copy of each value and, for each of its forms, 48 bytes however long it is. All of it is wiped when dropped.
#[derive(Default)]
pub struct MaskSet(Forms);

impl fmt::Debug for MaskSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskSet(..)")
    }
}

impl MaskSet {
    /// The set of these values. Those that are not [maskable](is_maskable) are passed over.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a SecretValue>) -> Self {
        let mut forms = Forms::default();
        for value in values {
            forms.add(value.expose());
        }
        forms.seal();
        Self(forms)
    }

    /// The set of these values to look for in files: of a value with several lines, only those lines count by themselves
    /// that look drawn at random.
    pub fn whole_values<'a>(values: impl IntoIterator<Item = &'a SecretValue>) -> Self {
        let mut forms = Forms::default();
        for value in values {
            forms.add_whole(value.expose());
        }
        forms.seal();
        Self(forms)
    }

    /// Where a form of a value stands in `text`, in order.
    pub fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        if self.is_empty() { Vec::new() } else { search(&self.0, text, true).ranges }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` with every form of every value replaced by [`MASK`].
    pub fn mask(self: &Arc<Self>, text: &str) -> String {
        self.whole(text, Masker::finish)
    }

    /// As [`MaskSet::mask`], for a text whose end has been cut off: what may be the beginning of a value is masked too.
    pub fn mask_cut(self: &Arc<Self>, text: &str) -> String {
        self.whole(text, Masker::finish_cut)
    }

    fn whole(self: &Arc<Self>, text: &str, finish: fn(&mut Masker, &mut Vec<u8>)) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let mut out = Vec::with_capacity(text.len());
        let mut masker = Masker::new(Arc::clone(self));
        masker.feed(text.as_bytes(), &mut out);
        finish(&mut masker, &mut out);
        String::from_utf8(out).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned())
    }
}

/// Masks one stream: bytes in, in chunks of any size; masked bytes out.
///
/// What may still become a value is held back until it is clear, 1 MiB at most. How the stream is cut into chunks makes
/// no difference, but for this: up to three bytes of a form that is broken by a line break may be shown before the rest
/// of it is masked, so that a finished line need not wait for the next one.
pub struct Masker {
    set: Arc<MaskSet>,
    /// What has been fed and is still needed.
    buffer: Vec<u8>,
    /// So much at the buffer's front has been shown; it stays for what may follow.
    shown: usize,
    /// Below this size a search would find what the last one did.
    retry_at: usize,
}

/// Why a search is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Fed,
    Idle,
    Ended,
    Cut,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(..)")
    }
}

impl Drop for Masker {
    fn drop(&mut self) {
        // it may hold part of a value
        zeroize::Zeroize::zeroize(&mut self.buffer);
    }
}

impl Masker {
    /// A stream that begins.
    pub fn new(set: Arc<MaskSet>) -> Self {
        Self { set, buffer: Vec::new(), shown: 0, retry_at: 0 }
    }

    /// From here on, these values are masked, also in what is held back.
    pub fn switch(&mut self, set: &Arc<MaskSet>) {
        if !Arc::ptr_eq(&self.set, set) {
            self.set = Arc::clone(set);
            self.retry_at = 0;
        }
    }

    /// Takes the next bytes and appends to `out` what is clear.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.set.is_empty() {
            out.extend_from_slice(self.buffer.get(self.shown..).unwrap_or_default());
            self.forget(self.buffer.len(), 0);
            out.extend_from_slice(bytes);
            return;
        }
        for block in bytes.chunks(BLOCK_BYTES) {
            self.buffer.extend_from_slice(block);
            if self.buffer.len() >= self.retry_at {
                self.search(Cause::Fed, out);
            }
        }
    }

    /// Whether a pause would tell more, see [`Masker::idle`].
    pub fn is_holding(&self) -> bool {
        self.buffer.len() > self.shown
    }

    /// The stream has paused: appends what a person should see now. Finished lines, and an unfinished one unless more
    /// than three bytes of a value may stand at its end.
    pub fn idle(&mut self, out: &mut Vec<u8>) {
        self.search(Cause::Idle, out);
    }

    /// The stream has ended: appends the rest. The next byte fed begins a new stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.search(Cause::Ended, out);
    }

    /// The stream was cut off: as [`Masker::finish`], but what may be the beginning of a value is masked.
    pub fn finish_cut(&mut self, out: &mut Vec<u8>) {
        self.search(Cause::Cut, out);
    }

    fn search(&mut self, cause: Cause, out: &mut Vec<u8>) {
        let found = search(&self.set.0, &self.buffer, cause == Cause::Ended);
        let size = self.buffer.len();
        let (until, keep) = match cause {
            Cause::Fed => (found.hold, found.keep),
            Cause::Idle => (found.firm, found.keep),
            Cause::Ended => (size, size),
            Cause::Cut => (found.partial, size),
        };
        let mut from = self.shown;
        for range in found.ranges.iter().filter(|range| range.start < until && range.end > self.shown) {
            out.extend_from_slice(self.buffer.get(from..range.start).unwrap_or_default());
            out.extend_from_slice(MASK.as_bytes());
            from = range.end;
        }
        out.extend_from_slice(self.buffer.get(from..until).unwrap_or_default());
        let shown = until.max(self.shown);
        let is_long = size - keep > MAX_HELD_BYTES;
        if size > shown && (cause == Cause::Cut || is_long) {
            out.extend_from_slice(MASK.as_bytes());
        }
        self.forget(if is_long { size } else { keep }, shown);
    }

    /// Drops what stands before `keep`; what stands before `shown` has been shown.
    fn forget(&mut self, keep: usize, shown: usize) {
        self.shown = shown.saturating_sub(keep);
        self.buffer.drain(..keep);
        let held = self.buffer.len();
        // a long value that comes byte by byte is not searched for at each byte
        self.retry_at = if held > 256 { held + held / 8 } else { 0 };
    }
}

#[cfg(test)]
mod tests;
