//! Keep-alive HTTP/1.1 connections to one worker's socket.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// An error of a body, whatever it is.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A streaming body, as requests bring it and responses carry it.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Idle connections beyond this are closed.
const MAX_IDLE: usize = 64;
/// A connection that was just given back needs a moment; one that needs longer is still busy.
const READY_WAIT: Duration = Duration::from_millis(1);

pub(crate) struct Connections {
    socket: PathBuf,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

/// Why a request got no response head.
pub(crate) enum SendError {
    /// Nothing of it was sent: it may go to another worker.
    Unsent(Box<Request<Body>>),
    /// The worker broke off.
    Broken(hyper::Error),
}

impl Connections {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket, idle: Mutex::new(Vec::new()) }
    }

    /// Sends `request` on an idle connection, or on a new one. An idle one that turns out closed is passed over.
    /// Dropping the future closes the connection, which tells the worker that the caller is gone.
    pub(crate) async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<(Response<Incoming>, SendRequest<Body>), SendError> {
        loop {
            let (mut sender, fresh) = match self.take_idle().await {
                Some(sender) => (sender, false),
                None => match self.connect().await {
                    Some(sender) => (sender, true),
                    None => return Err(SendError::Unsent(Box::new(request))),
                },
            };
            if !sender.is_ready() && sender.ready().await.is_err() {
                if fresh {
                    return Err(SendError::Unsent(Box::new(request)));
                }
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if fresh => return Err(SendError::Unsent(Box::new(unsent))),
                    Some(unsent) => request = unsent,
                    None => return Err(SendError::Broken(failed.into_error())),
                },
            }
        }
    }

    /// Gives a connection back whose response has been read to its end.
    pub(crate) fn keep(&self, sender: SendRequest<Body>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if !sender.is_closed() && idle.len() < MAX_IDLE {
            idle.push(sender);
        }
    }

    /// An idle connection that is ready for a request. One whose last request is still being sent (its response came
    /// first) is closed rather than waited for.
    async fn take_idle(&self) -> Option<SendRequest<Body>> {
        let mut sender = self.pop()?;
        if sender.is_ready() {
            return Some(sender);
        }
        let ready = tokio::time::timeout(READY_WAIT, sender.ready()).await;
        if matches!(ready, Ok(Ok(()))) { Some(sender) } else { None }
    }

    // The last one that is ready, else the last one at all.
    fn pop(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        let index = idle.iter().rposition(SendRequest::is_ready);
        match index {
            Some(index) => Some(idle.swap_remove(index)),
            None => idle.pop(),
        }
    }

    async fn connect(&self) -> Option<SendRequest<Body>> {
        let stream = UnixStream::connect(&self.socket).await.ok()?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(async move {
            // its end is seen by whoever uses the sender
            let _ended = connection.await;
        });
        Some(sender)
    }
}
