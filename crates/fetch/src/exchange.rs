//! One request, one answer, one deadline.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use zeroize::Zeroizing;

use crate::addresses::{is_local_name, is_public};
use crate::target::{Reach, Target};
use crate::tls::{self, TlsError};

/// Largest answer.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;
/// From the look-up of the name to the last byte of the answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// What is sent.
#[derive(Debug)]
pub struct Outgoing {
    /// GET, or POST with a body.
    pub method: Method,
    /// Beside `Host` and `User-Agent`.
    pub headers: HeaderMap,
    /// Wiped once it is sent.
    pub body: Zeroizing<Vec<u8>>,
}

impl Outgoing {
    /// A GET for JSON.
    pub fn get() -> Self {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
        Self { method: Method::GET, headers, body: Zeroizing::default() }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Any status but a redirect.
    pub status: StatusCode,
    /// At most [`MAX_ANSWER_BYTES`].
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer. Names host and cause, never a header, query or body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host is this machine, a private network or a metadata service, or it resolves to one.
    #[error("{host} is not in the public internet, so nothing was sent there")]
    NotPublic {
        /// The host.
        host: String,
    },
    /// The name has no address.
    #[error("the host {host} is not known")]
    UnknownHost {
        /// The host.
        host: String,
    },
    /// No connection, or it broke off.
    #[error("the connection to {host} failed")]
    Connection {
        /// The host.
        host: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A redirect.
    #[error("{host} answered with a redirect, which is not followed")]
    Redirect {
        /// The host.
        host: String,
    },
    /// More than [`MAX_ANSWER_BYTES`].
    #[error("the answer of {host} is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge {
        /// The host.
        host: String,
    },
    /// No whole answer in time.
    #[error("{host} did not answer within {DEADLINE:?}")]
    TimedOut {
        /// The host.
        host: String,
    },
}

/// Sends requests within one [`Reach`].
#[derive(Debug, Clone, Copy)]
pub struct Fetcher {
    reach: Reach,
}

impl Fetcher {
    /// Requests go no further than `reach`.
    pub fn new(reach: Reach) -> Self {
        Self { reach }
    }

    /// Where requests may go.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Sends one request over a connection of its own.
    pub async fn send(&self, target: &Target, outgoing: Outgoing) -> Result<Answer, FetchError> {
        let timed_out = || FetchError::TimedOut { host: target.host().to_owned() };
        tokio::time::timeout(DEADLINE, self.exchange(target, outgoing)).await.map_err(|_| timed_out())?
    }

    async fn exchange(&self, target: &Target, outgoing: Outgoing) -> Result<Answer, FetchError> {
        let stream = self.dial(target).await?;
        if target.is_https() {
            let secured = tls::handshake(stream, target.host()).await.map_err(|error| match error {
                TlsError::Handshake(source) => broken(target)(source),
                error @ TlsError::NoRoots => broken(target)(error),
            })?;
            speak(secured, target, outgoing).await
        } else {
            speak(stream, target, outgoing).await
        }
    }

    /// Connects to an address of the host that may be reached: the very one that was checked.
    async fn dial(&self, target: &Target) -> Result<TcpStream, FetchError> {
        let mut last = None;
        for address in self.addresses(target).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        let cause = last.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into());
        Err(broken(target)(cause))
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, FetchError> {
        let host = target.host();
        let refused = || FetchError::NotPublic { host: host.to_owned() };
        let limited = self.reach == Reach::PublicInternet;
        if limited && is_local_name(host) {
            return Err(refused());
        }
        let found = lookup_host((host, target.port())).await;
        let found = found.map_err(|_| FetchError::UnknownHost { host: host.to_owned() })?;
        let found: Vec<_> = found.filter(|address| !limited || is_public(address.ip())).collect();
        if found.is_empty() { Err(refused()) } else { Ok(found) }
    }
}

fn broken<E>(target: &Target) -> impl FnOnce(E) -> FetchError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let host = target.host().to_owned();
    move |source| FetchError::Connection { host, source: source.into() }
}

async fn speak<S>(stream: S, target: &Target, outgoing: Outgoing) -> Result<Answer, FetchError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken(target))?;
    let connection = tokio::spawn(async move {
        // the request that is under way gets the error
        connection.await.ok();
    });
    let sent = sender.send_request(request(target, outgoing)?).await.map_err(broken(target));
    let answer = match sent {
        Ok(response) => read(response, target).await,
        Err(error) => Err(error),
    };
    connection.abort();
    answer
}

fn request(target: &Target, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, FetchError> {
    let Outgoing { method, headers, body } = outgoing;
    let mut request = Request::builder()
        .method(method)
        .uri(target.path_and_query())
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, concat!("strongroom/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from_owner(body)))
        .map_err(broken(target))?;
    request.headers_mut().extend(headers);
    Ok(request)
}

async fn read(response: http::Response<Incoming>, target: &Target) -> Result<Answer, FetchError> {
    let host = || target.host().to_owned();
    let status = response.status();
    if status.is_redirection() {
        return Err(FetchError::Redirect { host: host() });
    }
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| match error.downcast::<http_body_util::LengthLimitError>() {
        Ok(_) => FetchError::TooLarge { host: host() },
        Err(source) => FetchError::Connection { host: host(), source },
    })?;
    Ok(Answer { status, body: Zeroizing::new(body.to_bytes().to_vec()) })
}
