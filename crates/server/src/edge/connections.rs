//! How many connections there are, of one address and of all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_model::subscriber;

use crate::peer::Peer;

/// How many connections are open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Of all callers together.
    pub in_all: usize,
    /// Of one address (IPv6: one /64). This machine's own callers and trusted proxies have no such limit.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { in_all: 10_000, per_address: 500 }
    }
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are too many.
    Full,
    /// This address has too many.
    TooManyOfOne,
}

/// Counts open connections.
pub(crate) struct Connections {
    limits: ConnectionLimits,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One open connection; no longer counted once dropped.
pub(crate) struct Connection {
    counts: Arc<Counts>,
    address: Option<IpAddr>,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    /// How many are open.
    pub(crate) fn open_now(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// Counts one more, or refuses it. `is_shared` says that many callers stand behind the address.
    pub(crate) fn open(&self, peer: Peer, is_shared: bool) -> Result<Connection, Refused> {
        if peer == Peer::Socket {
            // the owner's way in stays open when the network's is full
            self.counts.open.fetch_add(1, Ordering::Relaxed);
            return Ok(Connection { counts: Arc::clone(&self.counts), address: None });
        }
        let address = peer.address().filter(|_| !is_shared && !peer.is_local()).map(subscriber);
        if let Some(address) = address {
            let mut by_address = self.counts.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let count = by_address.entry(address).or_default();
            if *count >= self.limits.per_address {
                return Err(Refused::TooManyOfOne);
            }
            *count += 1;
        }
        // made first: a refusal drops it, which counts it out
        let connection = Connection { counts: Arc::clone(&self.counts), address };
        let before = self.counts.open.fetch_add(1, Ordering::Relaxed);
        if before >= self.limits.in_all { Err(Refused::Full) } else { Ok(connection) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut by_address = self.counts.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn from(address: &str) -> Peer {
        Peer::Tcp(address.parse().unwrap())
    }

    #[test]
    fn one_address_does_not_take_all_connections() {
        let connections = Connections::new(ConnectionLimits { in_all: 4, per_address: 2 });
        let first = connections.open(from("[2001:db8::1]:1"), false).ok();
        let _second = connections.open(from("[2001:db8::2]:1"), false).ok();
        assert!(matches!(connections.open(from("[2001:db8::3]:1"), false), Err(Refused::TooManyOfOne)));
        let _other = connections.open(from("192.0.2.1:1"), false).ok();
        drop(first);
        let _again = connections.open(from("[2001:db8::3]:1"), false).ok();
        assert_eq!(connections.open_now(), 3);
    }

    #[test]
    fn there_are_no_more_connections_than_the_limit_and_a_refused_one_is_not_counted() {
        let connections = Connections::new(ConnectionLimits { in_all: 2, per_address: 1 });
        let local: Vec<_> = (0..2).filter_map(|_| connections.open(from("127.0.0.1:1"), false).ok()).collect();
        assert_eq!(local.len(), 2);
        for _ in 0..3 {
            assert!(matches!(connections.open(from("192.0.2.1:1"), false), Err(Refused::Full)));
        }
        assert!(connections.open(Peer::Socket, false).is_ok());
        assert_eq!(connections.open_now(), 2);
        drop(local);
        assert!(connections.open(from("192.0.2.1:1"), false).is_ok());
        assert_eq!(connections.open_now(), 0);
        let proxied: Vec<_> = (0..2).filter_map(|_| connections.open(from("192.0.2.1:1"), true).ok()).collect();
        assert_eq!(proxied.len(), 2);
    }
}
