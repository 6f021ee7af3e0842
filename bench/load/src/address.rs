//! Where requests go, and one keep-alive connection to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::Failure;

/// An HTTP server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// `127.0.0.1:7876`, with or without `http://`.
    Tcp(SocketAddr),
    /// `unix:PATH`.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let authority = text.strip_prefix("http://").unwrap_or(text);
        authority.parse().map(Self::Tcp).map_err(|error| error.to_string())
    }
}

impl Address {
    /// What the `Host` header says.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

/// One connection; its requests go one after the other.
pub(crate) struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: &Address) -> Result<Self, Failure> {
        let refused = || Failure::system(format!("connect to {}", address.host()));
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(refused())?;
                stream.set_nodelay(true).map_err(refused())?;
                Self::over(TokioIo::new(stream)).await
            }
            Address::Unix(path) => Self::over(TokioIo::new(UnixStream::connect(path).await.map_err(refused())?)).await,
        }
    }

    async fn over(stream: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static) -> Result<Self, Failure> {
        let (sender, connection) = http1::handshake(stream).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        self.0.ready().await.map_err(|error| broken(&error))?;
        let answer = self.0.send_request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| broken(&error))?;
        Ok((status, body.to_bytes()))
    }
}

fn broken(error: &hyper::Error) -> Failure {
    Failure::Answer(format!("the connection broke: {error}"))
}

/// A port of the loopback interface that nobody listens on now.
pub(crate) fn free_port() -> Result<String, Failure> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr()).map_err(Failure::system("find a free port"))?;
    Ok(address.port().to_string())
}

/// Listens on the loopback interface.
pub(crate) async fn listen(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(Failure::system(format!("listen on port {port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_a_socket() {
        assert_eq!("unix:/a/b".parse(), Ok(Address::Unix("/a/b".into())));
        assert_eq!("http://127.0.0.1:80".parse::<Address>(), "127.0.0.1:80".parse());
        assert!("localhost".parse::<Address>().is_err());
    }
}
