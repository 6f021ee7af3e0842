//! Serving a router on a listener: TLS, limits on connections, heads and slow clients, and an end that lets requests
//! finish.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::watch;

use crate::edge::{Edge, Refused, Stall};
use crate::peer::Peer;

/// Longest time a client may take to send a request's head, and to leave a connection unused.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time a client may take nothing of its answer.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Largest request head, in bytes; tokens and headers beyond it are refused with 431.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Most headers of a request; more are refused with 431.
const MAX_HEADERS: usize = 100;
/// How long requests may take to finish once the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// What a client is told that finds the server full.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n";

/// Where connections come in.
pub enum Listener {
    /// A network address.
    Tcp(TcpListener),
    /// A local socket.
    Unix(UnixListener),
}

/// Serves `router` until `stop` resolves, then lets the requests in flight finish, for ten seconds at most.
pub async fn serve(listener: Listener, router: Router, edge: Arc<Edge>, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    // handshakes end with it
    let (serving, handshakes) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        match accepted {
            Ok(Accepted::Tcp(stream, address)) => {
                take(&edge, (stream, address), (router.clone(), graceful.watcher()), handshakes.clone());
            }
            Ok(Accepted::Unix(stream)) => {
                let counted = edge.connections.open(Peer::Socket, false);
                let (edge, router, watcher) = (Arc::clone(&edge), router.clone(), graceful.watcher());
                tokio::spawn(async move {
                    let _counted = counted;
                    connection(stream, (edge, router), Peer::Socket, watcher).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    drop((listener, serving));
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the server ended");
    }
}

enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(tokio::net::UnixStream),
}

async fn accept(listener: &Listener) -> std::io::Result<Accepted> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok(Accepted::Tcp(stream, address))
        }
        Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
    }
}

/// Takes a connection from the network, unless there are too many. Its handshake holds up no other.
fn take(
    edge: &Arc<Edge>,
    (stream, address): (TcpStream, SocketAddr),
    (router, watcher): (Router, Watcher),
    mut serving: watch::Receiver<()>,
) {
    let plain = Peer::Tcp(address);
    let counted = match edge.connections.open(plain, edge.proxies.contains(address.ip())) {
        Ok(counted) => counted,
        Err(refused) => {
            if edge.tls.is_none() {
                // it fits into the empty buffer of a new connection, of which the runtime has not heard yet
                stream.into_std().and_then(|mut stream| stream.write(FULL)).ok();
            }
            let at = address.ip().to_canonical();
            match refused {
                Refused::Full => tracing::warn!("a connection was refused: there are too many"),
                Refused::TooManyOfOne => tracing::debug!(%at, "a connection was refused: this address has too many"),
            }
            return;
        }
    };
    let edge = Arc::clone(edge);
    tokio::spawn(async move {
        let _counted = counted;
        let Some(acceptor) = edge.tls.as_ref().map(|tls| tls.acceptor()) else {
            return connection(stream, (edge, router), plain, watcher).await;
        };
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        let done = tokio::select! {
            done = handshake => done,
            _ = serving.changed() => return,
        };
        match done {
            Ok(Ok(stream)) => connection(stream, (edge, router), Peer::Tls(address), watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    });
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (edge, router): (Arc<Edge>, Router),
    peer: Peer,
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let origin = edge.proxies.origin(peer, request.headers());
        request.extensions_mut().insert(origin);
        tower::ServiceExt::oneshot(router.clone(), request.map(axum::body::Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Stall::new(stream, STALL_TIMEOUT)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
