//! HTTP and HTTPS.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use strongroom_fetch::tls::{self, TlsError};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Answer;
use super::connection::{Kept, speak};
use crate::address::{Address, Scheme};
use crate::error::ClientError;

/// Longest wait for a connection, TLS included.
const CONNECT_SECONDS: u64 = 10;

/// One server over TCP.
pub(crate) struct HttpTransport {
    address: Address,
    kept: Kept,
}

impl HttpTransport {
    /// Nothing is connected, looked up or loaded before the first request.
    pub(crate) fn new(address: Address) -> Self {
        Self { address, kept: Kept::default() }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Answer>, ClientError> {
        let name = self.address.to_string();
        if !self.address.is_private() {
            return Err(ClientError::Insecure { address: name });
        }
        let sender = match self.kept.take().await {
            Some(sender) => sender,
            None => timeout(Duration::from_secs(CONNECT_SECONDS), self.connect(&name))
                .await
                .map_err(|_| ClientError::TimedOut { address: name.clone(), seconds: CONNECT_SECONDS })??,
        };
        self.kept.exchange(sender, request, &name).await
    }

    async fn connect(&self, name: &str) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let host = self.address.host();
        let unknown = |source| ClientError::UnknownHost { host: host.to_owned(), source };
        let candidates: Vec<_> = lookup_host((host, self.address.port())).await.map_err(unknown)?.collect();
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for candidate in candidates {
            match TcpStream::connect(candidate).await {
                Ok(stream) => return self.greet(stream, name).await,
                Err(error) => last = error,
            }
        }
        Err(match last.kind() {
            io::ErrorKind::ConnectionRefused => ClientError::Refused { address: name.to_owned() },
            _ => ClientError::Connect { address: name.to_owned(), source: last },
        })
    }

    async fn greet(&self, stream: TcpStream, name: &str) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        // Requests are small and wait for their answers: Nagle's algorithm would only add delay.
        stream.set_nodelay(true).ok();
        match self.address.scheme() {
            Scheme::Http => speak(stream, name).await,
            Scheme::Https => {
                let secured = tls::handshake(stream, self.address.host()).await.map_err(|error| match error {
                    TlsError::NoRoots => ClientError::NoRoots,
                    TlsError::Handshake(source) => ClientError::Tls { address: name.to_owned(), source },
                })?;
                speak(secured, name).await
            }
        }
    }
}
