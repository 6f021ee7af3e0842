//! Finds forms in a text. Most places are passed over by one look at a bit table; where a form may begin, the sorted
//! forms are narrowed byte by byte. Near escapes, colour codes and line breaks the text is read through them.

use std::ops::Range;

use memchr::memmem;

use super::forms::{ANCHOR_BYTES, Forms, base64_digit};
use super::units::{Ends, Mode, Reader};

/// Steps for each byte of text. Only a text made to be slow needs more; what is left of it is masked unread.
const STEPS_PER_BYTE: usize = 24;
/// A form that is cut short by `...` is masked if so much of it is there.
const MIN_ABBREVIATED_CHARS: usize = 16;
/// Blanks that may stand where a line is broken.
const MAX_GAP: usize = 64;
/// So much of a form may be shown before it is clear that it is one.
pub(super) const MAX_SHOWN_CHARS: usize = 3;

/// What was found in a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where forms stand, in order, apart.
    pub(super) ranges: Vec<Range<usize>>,
    /// From here on, more text may make a form of what is there.
    pub(super) hold: usize,
    /// The same, but at most [`MAX_SHOWN_CHARS`] of that form are there yet, before a line break.
    pub(super) keep: usize,
    /// As `hold`, for more than [`MAX_SHOWN_CHARS`] of a form.
    pub(super) partial: usize,
    /// As `partial`, in the last line.
    pub(super) firm: usize,
}

/// What a look at one place gave.
enum Look {
    Nothing { stopped_at: usize },
    Form { end: usize, stopped_at: usize },
    Unfinished { end: Option<usize>, chars: usize },
}

pub(super) struct Search<'t> {
    forms: &'t Forms,
    text: &'t [u8],
    is_whole: bool,
    steps: usize,
    found: Found,
}

/// Finds every form in `text`. If it `is_whole`, no more text will come.
pub(super) fn search(forms: &Forms, text: &[u8], is_whole: bool) -> Found {
    let size = text.len();
    let steps = size.saturating_mul(STEPS_PER_BYTE).saturating_add(1 << 16);
    let found = Found { ranges: Vec::new(), hold: size, keep: size, partial: size, firm: size };
    let mut search = Search { forms, text, is_whole, steps, found };
    search.plain();
    search.escaped();
    search.found.settle();
    search.found
}

impl Found {
    /// Sorts the ranges and joins those that overlap; what is held begins where a range begins.
    fn settle(&mut self) {
        self.ranges.sort_unstable_by_key(|range| (range.start, range.end));
        self.ranges.dedup_by(|next, range| {
            let overlaps = next.start < range.end;
            if overlaps {
                range.end = range.end.max(next.end);
            }
            overlaps
        });
        self.keep = self.keep.min(self.hold);
        for place in [&mut self.hold, &mut self.keep, &mut self.partial, &mut self.firm] {
            let at = self.ranges.partition_point(|range| range.end <= *place);
            if let Some(range) = self.ranges.get(at) {
                *place = range.start.min(*place);
            }
        }
    }
}

impl Search<'_> {
    fn plain(&mut self) {
        let text = self.text;
        let windows = text.windows(8);
        let walked = windows.len();
        for (at, window) in windows.enumerate() {
            let anchor = <[u8; 8]>::try_from(window).map_or(0, u64::from_be_bytes) >> 16;
            if self.forms.may_begin(anchor) {
                self.at_anchor(at, anchor);
            }
        }
        for at in walked..text.len() {
            let rest = text.get(at..).unwrap_or_default();
            match rest.first_chunk::<ANCHOR_BYTES>() {
                Some(anchor) => self.at_anchor(at, anchor.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))),
                None if self.forms.any_begins(rest) => self.unfinished(at, None, rest.len(), false),
                None => {}
            }
        }
    }

    fn at_anchor(&mut self, at: usize, anchor: u64) {
        if self.forms.beginning(anchor).is_empty() {
            return;
        }
        let stopped_at = match self.look(at, Mode::RAW) {
            Look::Nothing { stopped_at } | Look::Form { stopped_at, .. } => stopped_at,
            Look::Unfinished { .. } if self.is_whole => self.text.len(),
            Look::Unfinished { .. } => return,
        };
        // what stopped it may be an escape, or the second byte of one
        let passed = self.text.get(at..=stopped_at).or(self.text.get(at..)).unwrap_or_default();
        if passed.iter().any(|byte| matches!(byte, 0x1b | b'\\' | b'%' | b'\'')) {
            for mode in Mode::ESCAPED {
                self.look(at, mode);
            }
        }
    }

    fn escaped(&mut self) {
        let text = self.text;
        if memchr::memchr(0x1b, text).is_some() {
            self.pass(Mode::PLAIN, |rest| memchr::memchr(0x1b, rest));
        }
        if memchr::memchr2(b'\n', b'\r', text).is_some() {
            self.pass(Mode::JOINED, |rest| memchr::memchr2(b'\n', b'\r', rest));
        }
        if memchr::memchr(b'\\', text).is_some() {
            let next = |rest: &[u8]| memchr::memchr(b'\\', rest);
            self.pass(Mode::BACK, next);
            if memmem::find(text, b"\\n").is_some() || memmem::find(text, b"\\r").is_some() {
                self.pass(Mode::BACK_JOINED, next);
            }
            if memmem::find(text, b"\\\\").is_some() {
                self.pass(Mode::BACK_TWICE, next);
            }
        }
        if next_quote(text).is_some() {
            self.pass(Mode::QUOTE, next_quote);
        }
        if memchr::memchr(b'%', text).is_some() {
            let next = |rest: &[u8]| memchr::memchr(b'%', rest);
            self.pass(Mode::PERCENT, next);
            if memmem::find(text, b"%25").is_some() {
                self.pass(Mode::PERCENT_TWICE, next);
            }
            if memmem::find(text, b"%5C").is_some() || memmem::find(text, b"%5c").is_some() {
                self.pass(Mode::PERCENT_BACK, next);
            }
        }
    }

    /// Reads in `mode` around each place that `next` names, and looks where a form may begin.
    fn pass(&mut self, mode: Mode, next: impl Fn(&[u8]) -> Option<usize>) {
        let reader = Reader { text: self.text, mode, is_whole: self.is_whole };
        let mut from = 0;
        while let Some(found) = self.text.get(from..).and_then(&next) {
            let mut window = Window::default();
            // what stands before was read as plain text: the last window was calm
            let mut at = (from + found).saturating_sub(ANCHOR_BYTES - 1);
            let mut calm = 0;
            // until the last escape has left the window
            while calm < ANCHOR_BYTES || at <= from + found {
                let Ok(unit) = reader.unit(at) else {
                    self.ends(&window, at, mode);
                    return;
                };
                let is_break = unit.bytes() == b"\n" || unit.bytes() == b"\r";
                if mode.joins_lines && is_break {
                    let Ok(next) = gap(&reader, unit.next) else {
                        self.ends(&window, self.text.len(), mode);
                        return;
                    };
                    at = next;
                    calm = 0;
                    continue;
                }
                for byte in unit.bytes() {
                    window.push(*byte, at);
                    if let Some(start) = window.start
                        && self.forms.may_begin(window.anchor())
                        && !self.forms.beginning(window.anchor()).is_empty()
                    {
                        self.look(start, mode);
                    }
                }
                calm = if unit.next - at == 1 { calm + 1 } else { 0 };
                at = unit.next;
            }
            from = at;
        }
    }

    /// The text ends inside a window: what is in it may be the beginning of a form.
    fn ends(&mut self, window: &Window, at: usize, mode: Mode) {
        self.unfinished(at, None, 0, mode.joins_lines);
        for size in 1..ANCHOR_BYTES {
            if let Some((start, first)) = window.last(size)
                && self.forms.any_begins(&first)
            {
                self.unfinished(start, None, size, mode.joins_lines);
            }
        }
    }

    fn unfinished(&mut self, start: usize, end: Option<usize>, chars: usize, is_joined: bool) {
        if let Some(end) = end {
            self.found.ranges.push(start..end);
        }
        if self.is_whole {
            return;
        }
        if chars > MAX_SHOWN_CHARS {
            self.found.partial = self.found.partial.min(start);
            if memchr::memchr(b'\n', self.text.get(start..).unwrap_or_default()).is_none() {
                self.found.firm = self.found.firm.min(start);
            }
        }
        let place = if is_joined && chars <= MAX_SHOWN_CHARS { &mut self.found.keep } else { &mut self.found.hold };
        *place = start.min(*place);
    }

    /// Looks for a form at `start` and notes what it finds.
    fn look(&mut self, start: usize, mode: Mode) -> Look {
        if self.steps == 0 {
            self.found.ranges.push(start..self.text.len());
            return Look::Nothing { stopped_at: self.text.len() };
        }
        let reader = Reader { text: self.text, mode, is_whole: self.is_whole };
        let look = self.follow(&reader, start);
        match look {
            Look::Nothing { .. } => {}
            Look::Form { end, .. } => self.found.ranges.push(start..end),
            Look::Unfinished { end, chars } => self.unfinished(start, end, chars, false),
        }
        look
    }

    /// Follows the forms from `start` as far as the text goes with them; the longest that is all there wins.
    fn follow(&mut self, reader: &Reader<'_>, start: usize) -> Look {
        let mut range = 0..usize::MAX;
        let mut best = None;
        let mut gap = Gap::default();
        let mut first = Window::default();
        let (mut at, mut chars) = (start, 0);
        loop {
            if range.end != usize::MAX
                && let Some(form) = self.forms.form(range.start).filter(|form| form.chars == chars)
                && !range.is_empty()
            {
                if !gap.joined || form.may_be_broken() {
                    match self.after_tail(reader, form, at) {
                        Ok(end) => best = Some(end),
                        Err(Ends) if reader.is_whole => best = Some(self.text.len()),
                        Err(Ends) => return Look::Unfinished { end: Some(at), chars },
                    }
                }
                range.start += 1;
            }
            if range.is_empty() {
                return ended(best, at);
            }
            self.steps = self.steps.saturating_sub(1);
            let Ok(unit) = reader.unit(at) else { return Look::Unfinished { end: best, chars } };
            if gap.passes(unit.bytes(), reader.mode.joins_lines && chars < ANCHOR_BYTES) {
                at = unit.next;
                continue;
            }
            for byte in unit.bytes() {
                if chars < ANCHOR_BYTES {
                    first.push(*byte, at);
                    chars += 1;
                    if chars == ANCHOR_BYTES {
                        range = self.forms.beginning(first.anchor());
                    }
                    continue;
                }
                let narrowed = self.forms.narrow(range.clone(), chars, *byte);
                if narrowed.is_empty() {
                    if gap.may_open(*byte) {
                        gap.open(*byte);
                        break;
                    }
                    if best.is_none() && chars >= MIN_ABBREVIATED_CHARS && self.is_abbreviated(at) {
                        best = Some(at);
                    }
                    return ended(best, at);
                }
                range = narrowed;
                chars += 1;
                gap.close(*byte);
            }
            at = unit.next;
        }
    }

    fn is_abbreviated(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or_default();
        let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
        rest.starts_with(b"...") || rest.starts_with("…".as_bytes())
    }

    /// Where a form ends that ends at `at`, with the digit that holds its last bits and with padding.
    fn after_tail(&self, reader: &Reader<'_>, form: &super::forms::Form, at: usize) -> Result<usize, Ends> {
        let Some(tail) = self.forms.tail(form) else { return Ok(at) };
        let digit = reader.unit(at)?;
        let holds = |byte: u8| base64_digit(byte).is_some_and(|value| value >> tail.shift == tail.bits);
        if !matches!(digit.bytes(), [byte] if holds(*byte)) {
            return Ok(at);
        }
        let mut end = digit.next;
        for _ in 0..2 {
            let padding = reader.unit(end)?;
            if padding.bytes() != b"=" {
                break;
            }
            end = padding.next;
        }
        Ok(end)
    }
}

fn ended(best: Option<usize>, stopped_at: usize) -> Look {
    best.map_or(Look::Nothing { stopped_at }, |end| Look::Form { end, stopped_at })
}

/// Where one of the shell's ways to write a quote may begin.
fn next_quote(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\'', text).find(|at| matches!(text.get(at + 1), None | Some(b'\\' | b'"')))
}

/// Where the text goes on after a line break, its fellows and what indents the next line.
fn gap(reader: &Reader<'_>, at: usize) -> Result<usize, Ends> {
    let mut at = at;
    for _ in 0..MAX_GAP {
        let unit = reader.unit(at)?;
        if !matches!(unit.bytes(), b"\n" | b"\r" | b" " | b"\t") {
            break;
        }
        at = unit.next;
    }
    Ok(at)
}

/// A line break inside a form that has none there.
#[derive(Default)]
struct Gap {
    is_open: bool,
    /// A line has been joined to the next.
    joined: bool,
    size: usize,
}

impl Gap {
    fn may_open(&self, byte: u8) -> bool {
        matches!(byte, b'\n' | b'\r') || self.is_open && self.size < MAX_GAP && matches!(byte, b' ' | b'\t')
    }

    fn open(&mut self, byte: u8) {
        self.is_open = true;
        self.joined |= byte == b'\n';
        self.size += 1;
    }

    /// A byte of the form itself; after its own line break the next line may be indented.
    fn close(&mut self, byte: u8) {
        self.is_open = byte == b'\n';
        self.size = 0;
    }

    /// Whether this unit, among the first of a form, only breaks the line.
    fn passes(&mut self, unit: &[u8], joins_lines: bool) -> bool {
        let [byte] = unit else { return false };
        let passes = joins_lines && self.may_open(*byte);
        if passes {
            self.open(*byte);
        }
        passes
    }
}

/// The last units that were read, and where the one began that is an anchor's length back.
#[derive(Default)]
struct Window {
    bytes: u64,
    starts: [usize; ANCHOR_BYTES],
    size: usize,
    start: Option<usize>,
}

impl Window {
    fn push(&mut self, byte: u8, at: usize) {
        self.bytes = (self.bytes << 8 | u64::from(byte)) & ((1 << (8 * ANCHOR_BYTES)) - 1);
        self.starts.rotate_left(1);
        if let Some(last) = self.starts.last_mut() {
            *last = at;
        }
        self.size = (self.size + 1).min(ANCHOR_BYTES);
        self.start = (self.size == ANCHOR_BYTES).then_some(self.starts[0]);
    }

    fn anchor(&self) -> u64 {
        self.bytes
    }

    /// The last `size` bytes and where they begin.
    fn last(&self, size: usize) -> Option<(usize, Vec<u8>)> {
        let at = ANCHOR_BYTES.checked_sub(size)?;
        let start = self.starts.get(at).filter(|_| size <= self.size)?;
        let bytes = self.bytes.to_be_bytes();
        Some((*start, bytes.get(8 - size..)?.to_vec()))
    }
}
