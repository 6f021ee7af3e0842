//! Text read as what it stands for: escapes undone one by one, colour codes passed over. Nothing is copied.

/// Longest terminal sequence that is passed over, in units; a longer one is text.
const MAX_CODE_UNITS: usize = 2048;

/// How a single quote is written between single quotes.
const QUOTES: [&[u8]; 2] = [b"'\\''", b"'\"'\"'"];

/// One escape mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// `%41`.
    Percent,
    /// `\n`, `\"`, `\/`, `\x41`, `\u0041`, `\101`.
    Back,
    /// A quote inside a word that the shell is given between quotes: [`QUOTES`].
    Quote,
}

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode {
    layers: &'static [Layer],
    /// Terminal sequences are passed over.
    skips_codes: bool,
    /// Line breaks, and what indents the next line, are passed over from the first unit on.
    pub(super) joins_lines: bool,
}

impl Mode {
    pub(super) const RAW: Self = Self { layers: &[], skips_codes: false, joins_lines: false };
    pub(super) const PLAIN: Self = Self { layers: &[], skips_codes: true, joins_lines: false };
    pub(super) const JOINED: Self = Self { layers: &[], skips_codes: true, joins_lines: true };
    pub(super) const BACK: Self = Self { layers: &[Layer::Back], skips_codes: true, joins_lines: false };
    pub(super) const BACK_JOINED: Self = Self { layers: &[Layer::Back], skips_codes: true, joins_lines: true };
    pub(super) const BACK_TWICE: Self =
        Self { layers: &[Layer::Back, Layer::Back], skips_codes: true, joins_lines: false };
    pub(super) const QUOTE: Self = Self { layers: &[Layer::Quote], skips_codes: true, joins_lines: false };
    pub(super) const PERCENT: Self = Self { layers: &[Layer::Percent], skips_codes: true, joins_lines: false };
    pub(super) const PERCENT_TWICE: Self =
        Self { layers: &[Layer::Percent, Layer::Percent], skips_codes: true, joins_lines: false };
    pub(super) const PERCENT_BACK: Self =
        Self { layers: &[Layer::Percent, Layer::Back], skips_codes: true, joins_lines: false };

    /// Every way of reading but the plainest one.
    pub(super) const ESCAPED: [Self; 9] = [
        Self::PLAIN,
        Self::JOINED,
        Self::BACK,
        Self::BACK_JOINED,
        Self::BACK_TWICE,
        Self::QUOTE,
        Self::PERCENT,
        Self::PERCENT_TWICE,
        Self::PERCENT_BACK,
    ];
}

/// What one unit stands for: one character's bytes, or one byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    bytes: [u8; 4],
    len: usize,
    /// Where the next unit begins in the text.
    pub(super) next: usize,
}

impl Unit {
    fn byte(byte: u8, next: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], len: 1, next }
    }

    fn character(code: u32, next: usize) -> Option<Self> {
        let mut bytes = [0; 4];
        let len = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Self { bytes, len, next })
    }

    fn first(&self) -> u8 {
        self.bytes[0]
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn is(&self, byte: u8) -> bool {
        self.len == 1 && self.first() == byte
    }
}

/// The text ends before it is clear what stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends;

/// Reads a text in one mode.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'t> {
    pub(super) text: &'t [u8],
    pub(super) mode: Mode,
    /// No more text will come: what is unfinished stands for itself.
    pub(super) is_whole: bool,
}

impl Reader<'_> {
    /// The unit at `at`.
    pub(super) fn unit(&self, at: usize) -> Result<Unit, Ends> {
        let mut at = at;
        loop {
            let unit = self.layered(at, self.mode.layers)?;
            if !self.mode.skips_codes || !unit.is(0x1b) {
                return Ok(unit);
            }
            match self.after_code(unit.next)? {
                Some(next) => at = next,
                None => return Ok(unit),
            }
        }
    }

    fn layered(&self, at: usize, layers: &[Layer]) -> Result<Unit, Ends> {
        let Some((layer, inner)) = layers.split_last() else {
            return self.text.get(at).map(|byte| Unit::byte(*byte, at + 1)).ok_or(Ends);
        };
        let unit = self.layered(at, inner)?;
        let escaped = match (layer, unit.first()) {
            (Layer::Percent, b'%') => self.percent(unit.next, inner),
            (Layer::Back, b'\\') => self.back(unit.next, inner),
            (Layer::Quote, b'\'') => self.quote(unit.next, inner),
            _ => return Ok(unit),
        };
        match escaped {
            Ok(found) => Ok(found.unwrap_or(unit)),
            Err(Ends) if self.is_whole => Ok(unit),
            Err(Ends) => Err(Ends),
        }
    }

    fn percent(&self, at: usize, inner: &[Layer]) -> Result<Option<Unit>, Ends> {
        Ok(self.hex(at, 2, inner)?.map(|(code, next)| Unit::byte(low_byte(code), next)))
    }

    fn back(&self, at: usize, inner: &[Layer]) -> Result<Option<Unit>, Ends> {
        let after = self.layered(at, inner)?;
        let plain = |byte| Ok(Some(Unit::byte(byte, after.next)));
        match after.first() {
            b'n' => plain(b'\n'),
            b'r' => plain(b'\r'),
            b't' => plain(b'\t'),
            b'b' => plain(0x08),
            b'f' => plain(0x0c),
            b'v' => plain(0x0b),
            b'a' => plain(0x07),
            b'e' => plain(0x1b),
            b'x' => Ok(self.hex(after.next, 2, inner)?.map(|(code, next)| Unit::byte(low_byte(code), next))),
            b'u' => self.utf16(after.next, inner),
            b'0'..=b'3' => Ok(Some(self.octal(at, inner)?.unwrap_or(after))),
            _ => Ok(Some(after)),
        }
    }

    fn utf16(&self, at: usize, inner: &[Layer]) -> Result<Option<Unit>, Ends> {
        let Some((high, next)) = self.hex(at, 4, inner)? else { return Ok(None) };
        if !(0xd800..0xdc00).contains(&high) {
            return Ok(Unit::character(high, next));
        }
        let back = self.layered(next, inner)?;
        if !back.is(b'\\') {
            return Ok(None);
        }
        let letter = self.layered(back.next, inner)?;
        let Some((low, next)) = (if letter.is(b'u') { self.hex(letter.next, 4, inner)? } else { None }) else {
            return Ok(None);
        };
        let low = low.wrapping_sub(0xdc00);
        Ok(if low < 0x400 { Unit::character(0x1_0000 + ((high - 0xd800) << 10) + low, next) } else { None })
    }

    fn octal(&self, at: usize, inner: &[Layer]) -> Result<Option<Unit>, Ends> {
        let mut code = 0;
        let mut next = at;
        for _ in 0..3 {
            let unit = self.layered(next, inner)?;
            let Some(digit) = char::from(unit.first()).to_digit(8) else { return Ok(None) };
            code = code * 8 + digit;
            next = unit.next;
        }
        Ok(Some(Unit::byte(low_byte(code), next)))
    }

    /// One of [`QUOTES`], of which the first byte has been read.
    fn quote(&self, at: usize, inner: &[Layer]) -> Result<Option<Unit>, Ends> {
        for quote in QUOTES {
            if let Some(next) = self.literal(at, quote.get(1..).unwrap_or_default(), inner)? {
                return Ok(Some(Unit::byte(b'\'', next)));
            }
        }
        Ok(None)
    }

    fn literal(&self, at: usize, wanted: &[u8], inner: &[Layer]) -> Result<Option<usize>, Ends> {
        let mut next = at;
        for byte in wanted {
            let unit = self.layered(next, inner)?;
            if !unit.is(*byte) {
                return Ok(None);
            }
            next = unit.next;
        }
        Ok(Some(next))
    }

    fn hex(&self, at: usize, digits: usize, inner: &[Layer]) -> Result<Option<(u32, usize)>, Ends> {
        let mut code = 0;
        let mut next = at;
        for _ in 0..digits {
            let unit = self.layered(next, inner)?;
            let Some(digit) = char::from(unit.first()).to_digit(16) else { return Ok(None) };
            code = code * 16 + digit;
            next = unit.next;
        }
        Ok(Some((code, next)))
    }

    /// Where the terminal sequence ends whose ESC has been read; `None` if it is none.
    fn after_code(&self, at: usize) -> Result<Option<usize>, Ends> {
        match self.code(at) {
            Err(Ends) if self.is_whole => Ok(None),
            other => other,
        }
    }

    fn code(&self, at: usize) -> Result<Option<usize>, Ends> {
        let layers = self.mode.layers;
        let first = self.layered(at, layers)?;
        let is_title = first.is(b']');
        let mut next = first.next;
        match first.first() {
            b'[' | b']' => {}
            // a character set: ESC ( B
            0x20..=0x2f => return Ok(Some(self.layered(next, layers)?.next)),
            0x30..=0x7e => return Ok(Some(next)),
            _ => return Ok(None),
        }
        for _ in 0..MAX_CODE_UNITS {
            let unit = self.layered(next, layers)?;
            next = unit.next;
            match unit.first() {
                0x07 if is_title => return Ok(Some(next)),
                // ESC \ ends it; escapes may have been undone, so that the backslash is gone
                0x1b if is_title => {
                    let end = self.layered(next, layers)?;
                    return Ok(Some(if end.is(b'\\') { end.next } else { next }));
                }
                b'\n' => return Ok(None),
                _ if is_title => {}
                0x20..=0x3f => {}
                0x40..=0x7e => return Ok(Some(next)),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

fn low_byte(code: u32) -> u8 {
    code.to_le_bytes()[0]
}
