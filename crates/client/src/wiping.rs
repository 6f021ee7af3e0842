//! Buffers that wipe themselves, also when they grow.

use std::io;

use bytes::Bytes;
use zeroize::Zeroizing;

/// A growing byte buffer. Every allocation it ever made is wiped before it is given back.
pub(crate) struct WipingBuffer(Zeroizing<Vec<u8>>);

impl WipingBuffer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2))));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Shared bytes that are wiped when the last holder lets go of them.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(Owner(self.0))
    }
}

struct Owner(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl io::Write for WipingBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_every_byte() {
        let mut buffer = WipingBuffer::with_capacity(1);
        for chunk in [b"ab".as_slice(), b"", b"cdefghijklmnop"] {
            buffer.extend(chunk);
        }
        assert_eq!(buffer.as_slice(), b"abcdefghijklmnop");
        assert_eq!(buffer.into_bytes().as_ref(), b"abcdefghijklmnop");
    }
}
