//! The supervisor's end of a Node worker's channel, which is the worker's standard input: control messages go down it,
//! and open connections with them. Node's own IPC protocol: one JSON object a line; a line with `cmd: NODE_HANDLE`
//! comes in one piece with its descriptor.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Mutex;

/// Writes one message after the other.
pub(crate) struct Channel {
    stream: UnixStream,
    turn: Mutex<()>,
}

impl Channel {
    /// The two ends: ours, and the one that becomes the worker's standard input.
    pub(crate) fn pair() -> io::Result<(Arc<Self>, OwnedFd)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let channel = Arc::new(Self { stream: UnixStream::from_std(ours)?, turn: Mutex::new(()) });
        tokio::spawn(Arc::clone(&channel).discard());
        Ok((channel, theirs.into()))
    }

    /// Writes the lines of `message`.
    pub(crate) async fn write(&self, mut message: &[u8]) -> io::Result<()> {
        let _turn = self.turn.lock().await;
        while !message.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(message) {
                Ok(sent) => message = message.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Hands `descriptor` over with `message`, one short JSON object without its newline.
    pub(crate) async fn hand_over(&self, message: &str, descriptor: OwnedFd) -> io::Result<()> {
        let line = format!("{{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{message}}}\n");
        let _turn = self.turn.lock().await;
        let attempt = || self.send(line.as_bytes(), descriptor.as_fd());
        // a line this short is taken whole or not at all
        let sent = self.stream.async_io(Interest::WRITABLE, attempt).await?;
        if sent == line.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    fn send(&self, line: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        let sent = sendmsg(&self.stream, &[io::IoSlice::new(line)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(sent)
    }

    // Node acknowledges each descriptor; nobody waits for that. What the worker has to say comes on its stdout.
    async fn discard(self: Arc<Self>) {
        let mut chunk = [0; 1024];
        while self.stream.readable().await.is_ok() {
            match self.stream.try_read(&mut chunk) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {}
            }
        }
    }
}
