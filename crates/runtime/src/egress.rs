//! Outbound connections of Node workers. Their sandbox lets them open no socket; they ask, and the supervisor looks the
//! name up, checks name and address, connects and hands the connection over. So a name that resolves to a private
//! address, now or the next time, is of no use.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use strongroom_fetch::addresses::{is_local_name, is_public};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::channel::Channel;
use crate::config::PrivateNet;
use crate::spec::NetPolicy;
use crate::wire;

/// Connections that one worker opens at the same time; further ones wait.
const MAX_AT_ONCE: usize = 64;
/// Questions of one worker that are open at the same time. Those beyond get no answer, so that code which asks without
/// end costs the supervisor nothing.
const MAX_ASKED: usize = 4096;
const CONNECT_WAIT: Duration = Duration::from_secs(30);
const MAX_HOST_BYTES: usize = 255;

/// What one worker may reach.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) net: NetPolicy,
    pub(crate) blocked: Vec<String>,
    pub(crate) private: PrivateNet,
}

/// Opens connections for one worker.
pub(crate) struct Egress {
    rules: Rules,
    channel: Arc<Channel>,
    places: Semaphore,
    asked: Arc<Semaphore>,
}

impl Egress {
    pub(crate) fn new(rules: Rules, channel: Arc<Channel>) -> Arc<Self> {
        Arc::new(Self {
            rules,
            channel,
            places: Semaphore::new(MAX_AT_ONCE),
            asked: Arc::new(Semaphore::new(MAX_ASKED)),
        })
    }

    /// Opens a connection in the background and answers request `id`.
    pub(crate) fn open(self: &Arc<Self>, id: u64, host: String, port: u16) {
        let Ok(asked) = Arc::clone(&self.asked).try_acquire_owned() else { return };
        let egress = Arc::clone(self);
        tokio::spawn(async move {
            let _asked = asked;
            let Ok(_place) = egress.places.acquire().await else { return };
            let opened = tokio::time::timeout(CONNECT_WAIT, egress.rules.connect(&host, port)).await;
            let answered = match opened.unwrap_or(Err("ETIMEDOUT")) {
                Ok(connection) => egress.channel.hand_over(&wire::opened(id), connection).await,
                Err(code) => egress.channel.write(&wire::not_opened(id, code)).await,
            };
            // a worker that is gone is noticed elsewhere
            drop(answered);
        });
    }

    /// Looks a name up in the background and answers request `id` with the addresses that may be reached.
    pub(crate) fn look_up(self: &Arc<Self>, id: u64, host: String) {
        let Ok(asked) = Arc::clone(&self.asked).try_acquire_owned() else { return };
        let egress = Arc::clone(self);
        tokio::spawn(async move {
            let _asked = asked;
            let Ok(_place) = egress.places.acquire().await else { return };
            let message = match egress.rules.addresses(&host, None).await {
                Ok(addresses) => wire::looked_up(id, addresses.iter().map(SocketAddr::ip)),
                Err(code) => wire::not_opened(id, code),
            };
            let _gone = egress.channel.write(&message).await;
        });
    }
}

impl Rules {
    async fn connect(&self, host: &str, port: u16) -> Result<OwnedFd, &'static str> {
        let mut failed = "ENOTFOUND";
        for address in self.addresses(host, Some(port)).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return handed(stream).map_err(|_| "EMFILE"),
                Err(error) => failed = code(&error),
            }
        }
        Err(failed)
    }

    /// The addresses of a host that this worker may reach; without a port, at whatever port.
    async fn addresses(&self, host: &str, port: Option<u16>) -> Result<Vec<SocketAddr>, &'static str> {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() || host.len() > MAX_HOST_BYTES || !self.permits_name(&host, port) {
            return Err("EACCES");
        }
        let found = tokio::net::lookup_host((host.as_str(), port.unwrap_or(0))).await.map_err(|_| "ENOTFOUND")?;
        let found: Vec<SocketAddr> = found.filter(|found| self.permits_address(found.ip(), port)).collect();
        if found.is_empty() { Err("EACCES") } else { Ok(found) }
    }

    fn permits_name(&self, host: &str, port: Option<u16>) -> bool {
        if self.private == PrivateNet::Refused && is_local_name(host) {
            return false;
        }
        if self.blocked.iter().any(|blocked| matches(blocked, host, port)) {
            return false;
        }
        match &self.net {
            NetPolicy::PublicInternet => true,
            NetPolicy::Hosts(hosts) => hosts.iter().any(|allowed| matches(allowed, host, port)),
        }
    }

    fn permits_address(&self, address: IpAddr, port: Option<u16>) -> bool {
        let address = address.to_canonical();
        if self.blocked.iter().any(|blocked| matches(blocked, &address.to_string(), port)) {
            return false;
        }
        self.private == PrivateNet::Allowed || is_public(address)
    }
}

/// Whether `pattern` (`name`, `*.name`, an address, each with or without `:port`) covers a host and port. Without a
/// port, whether it covers some port.
fn matches(pattern: &str, host: &str, port: Option<u16>) -> bool {
    let (name, at) = split_port(pattern);
    let name = name.to_ascii_lowercase();
    let port_fits = at.is_none_or(|at| port.is_none_or(|port| port == at));
    let name_fits = match name.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => name == host || name.parse::<IpAddr>().is_ok_and(|own| host.parse() == Ok(own)),
    };
    port_fits && name_fits
}

fn split_port(pattern: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = pattern.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match pattern.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (pattern, None),
        },
        _ => (pattern, None),
    }
}

fn handed(stream: TcpStream) -> io::Result<OwnedFd> {
    stream.set_nodelay(true)?;
    Ok(stream.into_std()?.into())
}

fn code(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        _ => "ENETUNREACH",
    }
}

#[cfg(test)]
#[path = "egress_tests.rs"]
mod tests;
