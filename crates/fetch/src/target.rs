//! Where a request goes.

use std::fmt;

use http::Uri;

/// Which addresses the server's own requests may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The public internet by https.
    PublicInternet,
    /// Private and loopback addresses too, and loopback by plain http: for trying things out on one machine.
    Local,
}

/// An `https://` address with a host, an optional port, a path and a query. With [`Reach::Local`] also `http://` to
/// `localhost`, `127.0.0.1` or `[::1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    is_https: bool,
    host: String,
    port: u16,
}

/// Why a text is no address that the server fetches from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL with a host.
    #[error("this is no address such as https://login.example.com/jwks.json")]
    Shape,
    /// Not https.
    #[error("the server fetches by https:// only")]
    Scheme,
    /// Credentials or a fragment.
    #[error("the address must hold no user name and no fragment")]
    Extra,
}

/// Longest address.
const MAX_BYTES: usize = 2_048;

impl Target {
    /// Reads an address.
    pub fn parse(text: &str, reach: Reach) -> Result<Self, TargetError> {
        if text.len() > MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
            return Err(TargetError::Shape);
        }
        if text.contains('#') {
            return Err(TargetError::Extra);
        }
        let uri: Uri = text.parse().map_err(|_| TargetError::Shape)?;
        let authority = uri.authority().ok_or(TargetError::Shape)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Extra);
        }
        let host = authority.host().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() || (authority.port().is_none() && authority.as_str().ends_with(':')) {
            return Err(TargetError::Shape);
        }
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if reach == Reach::Local && is_loopback(&host) => false,
            _ => return Err(TargetError::Scheme),
        };
        let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { uri, is_https, host, port })
    }

    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// The `Host` header.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", http::uri::Authority::as_str)
    }

    pub(crate) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }
}

/// Without the query, which may say more than a log should hold.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.uri.path())
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse().map_or(host == "localhost", |address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn addresses_are_https_without_user_names_or_fragments() {
        let target = Target::parse("https://Login.Example.com:8443/a/jwks?x=1", Reach::PublicInternet).unwrap();
        assert_eq!((target.host(), target.port(), target.path_and_query()), ("login.example.com", 8443, "/a/jwks?x=1"));
        assert_eq!(target.to_string(), "https://Login.Example.com:8443/a/jwks");
        for (text, error) in [
            ("", TargetError::Shape),
            ("login.example.com", TargetError::Scheme),
            ("https://", TargetError::Shape),
            ("https://a b/", TargetError::Shape),
            ("https://a\\@b/", TargetError::Shape),
            ("http://login.example.com/", TargetError::Scheme),
            ("http://127.0.0.1/", TargetError::Scheme),
            ("file:///etc/passwd", TargetError::Shape),
            ("ftp://a/", TargetError::Scheme),
            ("https://user@a/", TargetError::Extra),
            ("https://a/#f", TargetError::Extra),
        ] {
            assert_eq!(Target::parse(text, Reach::PublicInternet), Err(error), "{text}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_where_that_is_allowed() {
        for text in ["http://127.0.0.1:80/", "http://localhost/x", "http://[::1]:9/"] {
            assert!(Target::parse(text, Reach::Local).is_ok(), "{text}");
        }
        for text in ["http://10.0.0.1/", "http://localhost.example.com/"] {
            assert_eq!(Target::parse(text, Reach::Local), Err(TargetError::Scheme), "{text}");
        }
    }
}
