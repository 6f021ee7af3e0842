//! Writing bytes that can be read in one way only, on the stack.

/// At most `N` bytes, written front to back: fixed-width parts as they are, variable parts behind their length.
pub(crate) struct Encoder<const N: usize> {
    bytes: [u8; N],
    used: usize,
    overflowed: bool,
}

impl<const N: usize> Encoder<N> {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; N], used: 0, overflowed: false }
    }

    /// Appends a part whose width the format fixes.
    pub(crate) fn fixed(&mut self, part: &[u8]) {
        match self.used.checked_add(part.len()).and_then(|end| Some((end, self.bytes.get_mut(self.used..end)?))) {
            Some((end, room)) => {
                room.copy_from_slice(part);
                self.used = end;
            }
            None => self.overflowed = true,
        }
    }

    /// Appends a part of any width below 64 KiB behind its length as two bytes, big-endian.
    pub(crate) fn prefixed(&mut self, part: &[u8]) {
        match u16::try_from(part.len()) {
            Ok(length) => {
                self.fixed(&length.to_be_bytes());
                self.fixed(part);
            }
            Err(_) => self.overflowed = true,
        }
    }

    /// What was written, or none if it did not fit.
    pub(crate) fn finish(&self) -> Option<&[u8]> {
        if self.overflowed { None } else { self.bytes.get(..self.used) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_one_after_the_other() {
        let mut encoder = Encoder::<8>::new();
        encoder.fixed(&[1, 2]);
        encoder.prefixed(b"ab");
        encoder.prefixed(b"");
        assert_eq!(encoder.finish(), Some(&[1, 2, 0, 2, b'a', b'b', 0, 0][..]));
    }

    #[test]
    fn what_does_not_fit_is_never_cut() {
        let mut encoder = Encoder::<4>::new();
        encoder.prefixed(b"abc");
        encoder.fixed(b"");
        assert_eq!(encoder.finish(), None);
        let mut encoder = Encoder::<4>::new();
        encoder.prefixed(&vec![0; 65_536]);
        assert_eq!(encoder.finish(), None);
    }
}
