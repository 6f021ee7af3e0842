//! The signals that a supervisor hands on.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// What is handed on. The others end or stop a process before it can do anything.
const HANDED_ON: [Signal; 9] = [
    Signal::INT,
    Signal::TERM,
    Signal::HUP,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
    Signal::TSTP,
    Signal::CONT,
];

/// The signals that reach this process from now on. Their default effects are gone for the life of the process.
pub(crate) struct Signals(Vec<(Signal, tokio::signal::unix::Signal)>);

impl Signals {
    /// Listens. Needs a Tokio runtime around it.
    pub(crate) fn listen() -> io::Result<Self> {
        let listen = |one: Signal| signal(SignalKind::from_raw(one.as_raw())).map(|stream| (one, stream));
        HANDED_ON.into_iter().map(listen).collect::<io::Result<Vec<_>>>().map(Self)
    }

    /// The next one. May be dropped half-way without losing any.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (one, stream) in &mut self.0 {
                if stream.poll_recv(context).is_ready() {
                    return Poll::Ready(*one);
                }
            }
            Poll::Pending
        })
        .await
    }
}
