//! Where a request comes from, and the number that it gets.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;

/// Where a request comes from: what its connection says, or the proxy that is trusted to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A network address, by plain HTTP.
    Tcp(SocketAddr),
    /// A network address, by TLS.
    Tls(SocketAddr),
    /// A client of a trusted proxy.
    Proxied {
        /// The client.
        client: IpAddr,
        /// Whether the client speaks HTTPS, as every proxy on the way says.
        is_https: bool,
    },
    /// The local socket.
    Socket,
    /// The same process.
    Process,
}

impl Peer {
    /// The word in the audit trail.
    pub(crate) fn source(self) -> String {
        match self.address() {
            Some(address) => address.to_string(),
            None if self == Self::Socket => "socket".to_owned(),
            None => "process".to_owned(),
        }
    }

    /// The caller's address, if there is one: never its IPv6 form if it is an IPv4 address. Whatever is decided by address
    /// (limits, audit, where a token may be used from) asks here and nowhere else.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) | Self::Tls(address) => Some(address.ip().to_canonical()),
            Self::Proxied { client, .. } => Some(client),
            Self::Socket | Self::Process => None,
        }
    }

    /// Whether the caller is on this machine, with nobody in between.
    pub(crate) fn is_local(self) -> bool {
        match self {
            Self::Tcp(address) | Self::Tls(address) => address.ip().to_canonical().is_loopback(),
            Self::Proxied { .. } => false,
            Self::Socket | Self::Process => true,
        }
    }

    /// Whether the caller's own connection is HTTPS.
    pub(crate) fn is_https(self) -> bool {
        match self {
            Self::Tls(_) => true,
            Self::Proxied { is_https, .. } => is_https,
            Self::Tcp(_) | Self::Socket | Self::Process => false,
        }
    }

    /// Whether nobody can listen in between.
    pub(crate) fn is_private(self) -> bool {
        self.is_https() || self.is_local()
    }

    /// Whether a request's own words about where it comes from may be passed on: a trusted proxy wrote them, or somebody on
    /// this machine did.
    pub(crate) fn may_forward(self) -> bool {
        self.is_local() || matches!(self, Self::Proxied { .. })
    }
}

/// The id of a request: in the answer's header, in problems, in the log and in the audit trail.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Makes request ids: random at start, counted from there.
pub(crate) struct RequestIds {
    start: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(start: u64) -> Self {
        Self { start, next: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        RequestId(format!("{:016x}-{number:x}", self.start))
    }
}

pub(crate) fn peer(request: &Request) -> Peer {
    request.extensions().get::<Peer>().copied().unwrap_or(Peer::Process)
}
