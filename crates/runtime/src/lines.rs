//! Masked output, cut into lines of a bounded length.

/// Longest line that is kept whole, in bytes of masked text.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024;

/// One line without its line break.
pub(crate) struct Line {
    bytes: Vec<u8>,
    /// Its whole length.
    size: usize,
}

impl Line {
    /// Its text; what is no UTF-8 is replaced. One that was too long ends with a mark.
    pub(crate) fn text(self) -> String {
        let cut = self.size > self.bytes.len();
        limited(String::from_utf8_lossy(&self.bytes).into_owned(), self.size, cut)
    }
}

/// `text`, cut to [`MAX_LINE_BYTES`]. If it is cut, or `is_cut` already, it ends with a mark that tells how long it was.
pub(crate) fn limited(mut text: String, size: usize, is_cut: bool) -> String {
    if !is_cut && text.len() <= MAX_LINE_BYTES {
        return text;
    }
    text.truncate(text.floor_char_boundary(MAX_LINE_BYTES));
    let at_least = if is_cut && size <= MAX_LINE_BYTES { "more than " } else { "" };
    format!("{text} … [truncated: {at_least}{size} bytes]")
}

/// Puts chunks together to lines.
#[derive(Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
    size: usize,
}

impl Lines {
    /// Takes the next bytes and gives the lines that they finish. Empty ones are left out.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (head, tail) = bytes.split_at(end);
            self.append(head);
            bytes = tail.get(1..).unwrap_or_default();
            lines.extend(self.rest());
        }
        self.append(bytes);
        lines
    }

    /// The line that no line break has ended.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        let size = std::mem::take(&mut self.size);
        let mut bytes = std::mem::take(&mut self.pending);
        if bytes.last() == Some(&b'\r') && size == bytes.len() {
            bytes.pop();
        }
        let size = if size > MAX_LINE_BYTES { size } else { bytes.len() };
        (!bytes.is_empty()).then_some(Line { bytes, size })
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES - self.pending.len();
        self.pending.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        self.size += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: Vec<Line>) -> Vec<String> {
        lines.into_iter().map(Line::text).collect()
    }

    #[test]
    fn lines_are_put_together_over_chunks() {
        let mut lines = Lines::default();
        assert!(lines.feed(b"ab").is_empty());
        assert_eq!(texts(lines.feed(b"c\nd\r\n\ne")), ["abc", "d"]);
        assert_eq!(texts(lines.rest().into_iter().collect()), ["e"]);
    }

    #[test]
    fn an_endless_line_is_cut_with_a_mark_and_the_next_one_is_whole() {
        let mut lines = Lines::default();
        for _ in 0..20 {
            assert!(lines.feed(&vec![b'x'; MAX_LINE_BYTES]).is_empty());
        }
        let done = texts(lines.feed(b"yy\nnext\n"));
        let [first, next] = done.as_slice() else { panic!("two lines") };
        assert_eq!(first, &format!("{} … [truncated: 327682 bytes]", "x".repeat(MAX_LINE_BYTES)));
        assert_eq!(next, "next");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let cut = limited("é".repeat(MAX_LINE_BYTES), MAX_LINE_BYTES * 2, false);
        assert_eq!(cut, format!("{} … [truncated: {} bytes]", "é".repeat(MAX_LINE_BYTES / 2), MAX_LINE_BYTES * 2));
        assert_eq!(limited("short".to_owned(), 5, false), "short");
        assert_eq!(limited("start".to_owned(), 5, true), "start … [truncated: more than 5 bytes]");
    }
}
