//! What stands between the network and the routers: TLS, proxies, how many connections and requests there may be, how slow
//! a client may be.

mod connections;
mod proxies;
mod rates;
mod stall;
mod tls;

use std::sync::Arc;

pub use connections::ConnectionLimits;
pub(crate) use connections::{Connections, Refused};
pub use proxies::TrustedProxies;
pub(crate) use rates::{Budget, Rates};
pub use rates::{Rate, RateLimits};
pub(crate) use stall::Stall;
pub use tls::{Tls, TlsError};

/// The edge of one process; its listeners share it, so that limits hold for all of them together.
pub struct Edge {
    pub(crate) proxies: TrustedProxies,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) connections: Connections,
    pub(crate) rates: Rates,
}

/// How much anybody may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Connections that are open at once.
    pub connections: ConnectionLimits,
    /// Requests in time.
    pub rates: RateLimits,
}

impl Edge {
    /// Without `tls`, TCP listeners speak plain HTTP. The local socket never speaks TLS.
    pub fn new(proxies: TrustedProxies, tls: Option<Arc<Tls>>, limits: Limits) -> Arc<Self> {
        let Limits { connections, rates } = limits;
        Arc::new(Self { proxies, tls, connections: Connections::new(connections), rates: Rates::new(rates) })
    }

    /// Plain HTTP, no proxies, limits as they are by default.
    pub fn plain() -> Arc<Self> {
        Self::new(TrustedProxies::default(), None, Limits::default())
    }
}
