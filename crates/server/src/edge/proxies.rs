//! Who a request comes from when proxies stand in between.
//!
//! Only what a configured proxy says counts, and of that only what the nearest trusted hop added: `X-Forwarded-For` is
//! read from its right end, past entries that are trusted proxies themselves, to the first that is none. Everything left
//! of it was written by that client. `Forwarded`, `X-Real-IP` and `X-Forwarded-Host` count for nothing.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use strongroom_model::AddressRange;

use crate::peer::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies whose word counts.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<AddressRange>);

impl TrustedProxies {
    /// These and no others.
    pub fn new(ranges: Vec<AddressRange>) -> Self {
        Self(ranges)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }

    /// Where a request on a connection comes from. A request about which its proxy says nothing is the proxy's own.
    pub(crate) fn origin(&self, connection: Peer, headers: &HeaderMap) -> Peer {
        let is_forwarded = || headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED_PROTO);
        match connection.address() {
            Some(address) if self.contains(address) && is_forwarded() => Peer::Proxied {
                client: self.client(address, headers),
                is_https: is_https(headers) || (connection.is_https() && !headers.contains_key(FORWARDED_PROTO)),
            },
            _ => connection,
        }
    }

    /// The rightmost address that is no trusted proxy; the leftmost of all if all are. What cannot be read ends the walk
    /// at the hop that passed it on.
    fn client(&self, proxy: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(http::HeaderValue::as_bytes).collect();
        let mut nearest = proxy;
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
            let Some(address) = std::str::from_utf8(entry).ok().and_then(parse) else { return nearest };
            nearest = address;
            if !self.contains(address) {
                return nearest;
            }
        }
        nearest
    }
}

/// Several proxies may have said it: all of them must have been reached by HTTPS.
fn is_https(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(FORWARDED_PROTO).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let is = |word: &[u8]| word.trim_ascii().eq_ignore_ascii_case(b"https");
    said.next().is_some_and(is) && said.all(is)
}

/// An address as proxies write it, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn origin(trusted: &[&str], peer: &str, sent: &[(&'static str, &'static str)]) -> Peer {
        let proxies = TrustedProxies::new(trusted.iter().map(|text| text.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        proxies.origin(Peer::Tcp(peer.parse().unwrap()), &headers)
    }

    fn client(trusted: &[&str], peer: &str, sent: &[(&'static str, &'static str)]) -> String {
        origin(trusted, peer, sent).address().unwrap().to_string()
    }

    const FOR: &str = "x-forwarded-for";

    #[test]
    fn a_stranger_says_nothing_about_himself() {
        let said = [(FOR, "127.0.0.1"), ("x-forwarded-proto", "https"), ("x-real-ip", "127.0.0.1")];
        let peer = origin(&["10.0.0.0/8"], "203.0.113.9:1", &said);
        assert_eq!(peer, Peer::Tcp("203.0.113.9:1".parse().unwrap()));
        assert!(!peer.is_private());
        assert_eq!(origin(&[], "127.0.0.1:1", &said), Peer::Tcp("127.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_is_the_client() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        for (sent, expected) in [
            (&[(FOR, "198.51.100.1")][..], "198.51.100.1"),
            (&[(FOR, "127.0.0.1, 198.51.100.1")], "198.51.100.1"),
            (&[(FOR, "127.0.0.1, 198.51.100.1,10.0.0.2 , 10.0.0.3")], "198.51.100.1"),
            (&[(FOR, "1.1.1.1"), (FOR, "198.51.100.1, 10.9.9.9")], "198.51.100.1"),
            (&[(FOR, "::ffff:198.51.100.1")], "198.51.100.1"),
            (&[(FOR, "198.51.100.1:4711")], "198.51.100.1"),
            (&[(FOR, "[2001:db9::1]:4711")], "2001:db9::1"),
            (&[(FOR, "[2001:db9::1]")], "2001:db9::1"),
            (&[(FOR, "198.51.100.1, ::ffff:10.0.0.7, 2001:db8::5")], "198.51.100.1"),
            (&[(FOR, "10.0.0.4, 10.0.0.3")], "10.0.0.4"),
            (&[(FOR, "198.51.100.1, nonsense")], "10.1.1.1"),
            (&[(FOR, "198.51.100.1, nonsense, 10.0.0.3")], "10.0.0.3"),
            (&[(FOR, "")], "10.1.1.1"),
            (&[("forwarded", "for=198.51.100.1"), ("x-real-ip", "198.51.100.1")], "10.1.1.1"),
            (&[], "10.1.1.1"),
        ] {
            assert_eq!(client(&trusted, "10.1.1.1:5", sent), expected, "{sent:?}");
            assert_eq!(client(&trusted, "[::ffff:10.1.1.1]:5", sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn https_counts_only_if_every_hop_says_so() {
        for (sent, expected) in [
            (&[("x-forwarded-proto", "https")][..], true),
            (&[("x-forwarded-proto", "HTTPS")], true),
            (&[("x-forwarded-proto", "https, https")], true),
            (&[("x-forwarded-proto", "https,http")], false),
            (&[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")], false),
            (&[("x-forwarded-proto", "http")], false),
            (&[("x-forwarded-proto", "")], false),
            (&[("x-forwarded-scheme", "https"), ("front-end-https", "on")], false),
            (&[], false),
        ] {
            let sent: Vec<_> = sent.iter().copied().chain([(FOR, "198.51.100.1")]).collect();
            assert_eq!(origin(&["10.1.1.1"], "10.1.1.1:5", &sent).is_private(), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_client_is_not_on_this_machine_because_a_proxy_passes_on_that_he_says_so() {
        let peer = origin(&["10.1.1.1"], "10.1.1.1:5", &[(FOR, "127.0.0.1")]);
        assert!(!peer.is_private());
        assert!(!peer.is_local());
    }
}
