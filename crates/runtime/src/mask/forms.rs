//! The forms that values may take, as one sorted list: an implicit tree in which each form is computed when it is looked
//! at. So a value costs a few hundred bytes however long it is, and no encoded copy of it exists.

use std::cmp::Ordering;
use std::ops::Range;

use zeroize::Zeroizing;

use super::{MIN_LINE_BYTES, MIN_VALUE_BYTES};

/// Bytes of a form that the first look compares.
pub(super) const ANCHOR_BYTES: usize = 6;

/// A value that is broken by a line break, and written as it is, is at least so long.
const MIN_BROKEN_CHARS: usize = 12;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How the bytes of a value are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Plain,
    /// As in a form: `+` for a space.
    Plus,
    HexLower,
    HexUpper,
    /// The digits that depend on the value alone, after `skip` bytes of something else.
    Base64 {
        skip: usize,
        digits: &'static [u8; 64],
    },
}

/// One form: which bytes, written how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    source: usize,
    start: usize,
    bytes: usize,
    code: Code,
    /// Its length.
    pub(super) chars: usize,
}

impl Form {
    /// Whether it is still this form with line breaks inside. Short words that happen to stand around one are not.
    pub(super) fn may_be_broken(&self) -> bool {
        self.chars >= MIN_BROKEN_CHARS || !matches!(self.code, Code::Plain | Code::Plus)
    }
}

/// What may stand after a form in base64: digits that still hold bits of the value, and padding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    /// The value of the high bits of the next digit.
    pub(super) bits: u8,
    /// How far the digit's value is shifted to give them.
    pub(super) shift: u32,
}

/// Every form of a set of values, sorted.
#[derive(Default)]
pub(super) struct Forms {
    sources: Vec<Zeroizing<Vec<u8>>>,
    list: Vec<Form>,
    /// The first bytes of each form, in the same order.
    anchors: Zeroizing<Vec<u64>>,
    /// One bit for each anchor's hash: most places in a text are passed over by it.
    filter: Zeroizing<Vec<u64>>,
    filter_shift: u32,
}

impl Forms {
    /// Adds a value. One that is too short is passed over.
    pub(super) fn add(&mut self, value: &str) {
        self.add_with(value, says_something);
    }

    /// Adds a value that is looked for as a whole. Of its lines only those count that look drawn at random: the others
    /// stand in any file of the same kind.
    pub(super) fn add_whole(&mut self, value: &str) {
        self.add_with(value, is_random);
    }

    fn add_with(&mut self, value: &str, counts: fn(&str) -> bool) {
        let text = value.trim_ascii();
        if text.len() < MIN_VALUE_BYTES {
            return;
        }
        let source = self.keep(text.as_bytes().to_vec());
        self.push_all(source, 0..text.len());
        let escaped = escaped(text);
        if escaped.len() != text.len() {
            let (size, source) = (escaped.len(), self.keep(escaped));
            self.push_encoded(source, 0..size);
        }
        if text.contains('\n') {
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                let lead = line.len() - line.trim_ascii_start().len();
                let trimmed = line.trim_ascii();
                if counts(trimmed) {
                    self.push_all(source, start + lead..start + lead + trimmed.len());
                }
                start += line.len();
            }
        }
    }

    /// Sorts what was added. Called once, after the last value.
    pub(super) fn seal(&mut self) {
        let mut list = std::mem::take(&mut self.list);
        list.sort_unstable_by(|one, other| self.compare(one, other));
        list.dedup_by(|one, other| self.compare(one, other) == Ordering::Equal);
        let mut anchors = Zeroizing::new(Vec::with_capacity(list.len()));
        anchors.extend(list.iter().map(|form| {
            (0..ANCHOR_BYTES).fold(0_u64, |anchor, at| anchor << 8 | u64::from(self.byte(form, at).unwrap_or(0)))
        }));
        let bits = (list.len().max(1).ilog2() + 6).clamp(15, 22);
        self.filter_shift = 64 - bits;
        self.filter = Zeroizing::new(vec![0; (1 << bits) / 64]);
        for anchor in anchors.iter() {
            let (word, bit) = self.place(*anchor);
            if let Some(word) = self.filter.get_mut(word) {
                *word |= bit;
            }
        }
        (self.list, self.anchors) = (list, anchors);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a form may begin with `anchor`: six bytes, the first one highest.
    pub(super) fn may_begin(&self, anchor: u64) -> bool {
        let (word, bit) = self.place(anchor);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The forms that begin with `anchor`.
    pub(super) fn beginning(&self, anchor: u64) -> Range<usize> {
        let low = self.anchors.partition_point(|each| *each < anchor);
        let rest = self.anchors.get(low..).unwrap_or_default();
        low..low + rest.partition_point(|each| *each == anchor)
    }

    /// Whether some form begins with these first bytes of an anchor.
    pub(super) fn any_begins(&self, first: &[u8]) -> bool {
        let missing = ANCHOR_BYTES.saturating_sub(first.len());
        let low =
            first.iter().chain(std::iter::repeat_n(&0, missing)).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let high = low | ((1_u64 << (missing * 8)) - 1);
        let at = self.anchors.partition_point(|each| *each < low);
        self.anchors.get(at).is_some_and(|anchor| *anchor <= high)
    }

    pub(super) fn form(&self, at: usize) -> Option<&Form> {
        self.list.get(at)
    }

    /// Those of `range`, all alike up to `depth`, that go on with `byte`.
    pub(super) fn narrow(&self, range: Range<usize>, depth: usize, byte: u8) -> Range<usize> {
        let Some(list) = self.list.get(range.clone()) else { return 0..0 };
        if let [only] = list {
            return if self.byte(only, depth) == Some(byte) { range } else { 0..0 };
        }
        let low = list.partition_point(|form| self.byte(form, depth) < Some(byte));
        let high = list.partition_point(|form| self.byte(form, depth) <= Some(byte));
        range.start + low..range.start + high
    }

    /// What follows a form in base64, if bits of the value are left over.
    pub(super) fn tail(&self, form: &Form) -> Option<Tail> {
        let Code::Base64 { skip, .. } = form.code else { return None };
        let left = u32::try_from((skip + form.bytes) * 8 % 6).unwrap_or(0);
        let last = self.source(form).last()?;
        (left > 0).then(|| Tail { bits: last & ((1_u8 << left) - 1), shift: 6 - left })
    }

    fn place(&self, anchor: u64) -> (usize, u64) {
        let hash = anchor.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.filter_shift;
        (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
    }

    fn keep(&mut self, bytes: Vec<u8>) -> usize {
        self.sources.push(Zeroizing::new(bytes));
        self.sources.len() - 1
    }

    fn push_all(&mut self, source: usize, range: Range<usize>) {
        let bytes = range.len();
        let plain = Form { source, start: range.start, bytes, code: Code::Plain, chars: bytes };
        self.list.push(plain);
        if self.source(&plain).contains(&b' ') {
            self.list.push(Form { code: Code::Plus, ..plain });
        }
        self.push_encoded(source, range);
    }

    fn push_encoded(&mut self, source: usize, range: Range<usize>) {
        let bytes = range.len();
        let form = |code, chars| Form { source, start: range.start, bytes, code, chars };
        self.list.push(form(Code::HexLower, bytes * 2));
        self.list.push(form(Code::HexUpper, bytes * 2));
        for skip in 0..3 {
            let chars = (skip + bytes) * 8 / 6 - (skip * 8).div_ceil(6);
            for digits in [STANDARD, URL_SAFE] {
                self.list.push(form(Code::Base64 { skip, digits }, chars));
            }
        }
    }

    fn source(&self, form: &Form) -> &[u8] {
        let source = self.sources.get(form.source).map_or(&[][..], |source| source.as_slice());
        source.get(form.start..form.start + form.bytes).unwrap_or_default()
    }

    /// The byte of a form at `at`; `None` at its end.
    fn byte(&self, form: &Form, at: usize) -> Option<u8> {
        if at >= form.chars {
            return None;
        }
        let source = self.source(form);
        match form.code {
            Code::Plain => source.get(at).copied(),
            Code::Plus => source.get(at).map(|byte| if *byte == b' ' { b'+' } else { *byte }),
            Code::HexLower => nibble(source, at, b"0123456789abcdef"),
            Code::HexUpper => nibble(source, at, b"0123456789ABCDEF"),
            Code::Base64 { skip, digits } => {
                let bit = (at + (skip * 8).div_ceil(6)) * 6 - skip * 8;
                let pair = [source.get(bit / 8).copied()?, source.get(bit / 8 + 1).copied().unwrap_or(0)];
                let value = u16::from_be_bytes(pair) >> (10 - bit % 8) & 63;
                digits.get(usize::from(value)).copied()
            }
        }
    }

    fn compare(&self, one: &Form, other: &Form) -> Ordering {
        // forms of one kind agree at least as far as their bytes do
        let from = if one.code == other.code {
            let alike = self.source(one).iter().zip(self.source(other)).take_while(|(one, other)| one == other).count();
            match one.code {
                Code::Plain | Code::Plus => alike,
                Code::HexLower | Code::HexUpper => alike * 2,
                Code::Base64 { skip, .. } => ((skip + alike) * 8 / 6).saturating_sub((skip * 8).div_ceil(6)),
            }
        } else {
            0
        };
        let from = from.min(one.chars).min(other.chars);
        for at in from.. {
            match (self.byte(one, at), self.byte(other, at)) {
                (None, None) => return Ordering::Equal,
                (one, other) if one == other => {}
                (one, other) => return one.cmp(&other),
            }
        }
        Ordering::Equal
    }
}

fn nibble(source: &[u8], at: usize, digits: &[u8; 16]) -> Option<u8> {
    let byte = source.get(at / 2)?;
    let value = if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 };
    digits.get(usize::from(value)).copied()
}

/// The value of a base64 digit of either alphabet.
pub(super) fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// A line of base64, as in a PEM file.
fn is_random(line: &str) -> bool {
    line.len() >= 32 && line.bytes().all(|byte| base64_digit(byte).is_some() || byte == b'=')
}

/// Whether a line of a multi-line value is worth masking by itself: not `-----BEGIN KEY-----`, not `});`.
fn says_something(line: &str) -> bool {
    line.len() >= MIN_LINE_BYTES
        && !line.starts_with("-----")
        && line.bytes().filter(u8::is_ascii_alphanumeric).count() * 2 >= MIN_LINE_BYTES
}

/// `text` inside a JSON string: base64 of a JSON document holds this, not the value itself.
fn escaped(text: &str) -> Vec<u8> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 6));
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.to_vec()
}
