//! The text of a file with its line ends made equal, as dotenv does first, and with what that needs to be undone in messages.

use zeroize::Zeroizing;

use super::grammar::Text;

/// A file's text; wiped when dropped.
pub(super) struct Source {
    text: Zeroizing<String>,
    /// Offsets behind each `\n`.
    line_starts: Vec<usize>,
    /// Offsets of each `\n` that was a `\r` or `\r\n` in the file.
    changed: Vec<usize>,
}

impl Source {
    pub(super) fn new(file: &str) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(file.len()));
        let mut changed = Vec::new();
        let mut rest = file;
        while let Some((before, after)) = rest.split_once('\r') {
            text.push_str(before);
            changed.push(text.len());
            text.push('\n');
            rest = after.strip_prefix('\n').unwrap_or(after);
        }
        text.push_str(rest);
        let line_starts = text.match_indices('\n').map(|(offset, _)| offset + 1).collect();
        Self { text, line_starts, changed }
    }

    pub(super) fn text(&self) -> Text<'_> {
        Text(&self.text)
    }

    /// The line of `offset`, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        1 + self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Whether a line end between the two offsets is another one than in the file.
    pub(super) fn line_ends_changed(&self, start: usize, end: usize) -> bool {
        let first = self.changed.partition_point(|offset| *offset < start);
        self.changed.get(first).is_some_and(|offset| *offset < end)
    }
}
