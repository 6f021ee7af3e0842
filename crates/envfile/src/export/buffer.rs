//! A growing text that leaves no copy behind when it grows.

use std::io;

use zeroize::Zeroizing;

/// Text being written; wiped when dropped and when it moves to a larger allocation.
pub(super) struct Buffer(Zeroizing<String>);

impl Buffer {
    pub(super) fn for_bytes(bytes: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(bytes)))
    }

    pub(super) fn push(&mut self, text: &str) {
        self.reserve(text.len());
        self.0.push_str(text);
    }

    pub(super) fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]));
    }

    /// The text, to which at least `bytes` more can be appended in place.
    pub(super) fn room_for(&mut self, bytes: usize) -> &mut String {
        self.reserve(bytes);
        &mut self.0
    }

    pub(super) fn finish(self) -> Zeroizing<String> {
        self.0
    }

    fn reserve(&mut self, bytes: usize) {
        if self.0.capacity() - self.0.len() < bytes {
            let mut larger = Zeroizing::new(String::with_capacity((self.0.len() + bytes) * 2));
            larger.push_str(&self.0);
            self.0 = larger;
        }
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        self.push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
