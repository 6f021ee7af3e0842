//! How a request reaches a server: over TCP, a Unix socket, or a call in the same process.

mod connection;
mod http;
mod in_process;
mod unix;

use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::{Request, Response};
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::Full;

pub(crate) use self::http::HttpTransport;
use crate::error::ClientError;
pub use in_process::InProcess;
pub(crate) use unix::UnixTransport;

/// Any error of a service or a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer, as it streams in.
pub(crate) struct Answer(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>);

impl Answer {
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Box::pin(http_body_util::BodyExt::map_err(body, Into::into)))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.as_mut().poll_frame(context)
    }
}

/// One of the three ways.
pub(crate) enum Transport {
    /// HTTP or HTTPS.
    Http(HttpTransport),
    /// A Unix socket.
    Unix(UnixTransport),
    /// A service in this process.
    InProcess(InProcess),
}

impl Transport {
    /// Sends one request and waits for the head of its answer.
    pub(crate) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Answer>, ClientError> {
        match self {
            Self::Http(transport) => transport.exchange(request).await,
            Self::Unix(transport) => transport.exchange(request).await,
            Self::InProcess(service) => service.exchange(request).await,
        }
    }

    /// The same way with no connection yet; none where there are no connections.
    pub(crate) fn anew(&self) -> Option<Self> {
        match self {
            Self::Http(transport) => Some(Self::Http(HttpTransport::new(transport.address().clone()))),
            Self::Unix(transport) => Some(Self::Unix(UnixTransport::new(transport.path().to_path_buf()))),
            Self::InProcess(_) => None,
        }
    }

    /// How the other end is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Http(transport) => transport.address().to_string(),
            Self::Unix(transport) => transport.name(),
            Self::InProcess(_) => "the local store".to_owned(),
        }
    }

    /// The `Host` header.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Http(transport) => transport.address().authority(),
            Self::Unix(_) | Self::InProcess(_) => "localhost".to_owned(),
        }
    }
}
