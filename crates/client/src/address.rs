//! Where a server is, who said so, and which credential may go there.

use std::fmt;

use http::Uri;
use zeroize::Zeroizing;

/// A server's address: `http://` or `https://`, a host, an optional port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    scheme: Scheme,
    host: String,
    port: u16,
    source: AddressSource,
}

/// The two schemes that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// In the clear; accepted for loopback addresses alone.
    Http,
    /// Over TLS.
    Https,
}

/// Who named an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSource {
    /// The person who typed the command or set the environment.
    Person,
    /// A file that may have come from elsewhere, such as a cloned repository.
    File,
    /// The server that the credential was issued by.
    Server,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL with a host.
    #[error("a server's address is a URL such as https://secrets.example.com or http://127.0.0.1:7876")]
    Shape,
    /// Another scheme.
    #[error("a server's address begins with https:// or http://")]
    Scheme,
    /// Credentials, a path, a query or a fragment.
    #[error("a server's address is scheme, host and port alone, without user name, path or query")]
    Extra,
}

impl Address {
    /// Reads an address that `source` named.
    pub fn parse(text: &str, source: AddressSource) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().map_err(|_| AddressError::Shape)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) => return Err(AddressError::Scheme),
            None => return Err(AddressError::Shape),
        };
        let authority = uri.authority().ok_or(AddressError::Shape)?;
        let extra = uri.path() != "/" || uri.query().is_some() || text.contains('#');
        if extra || authority.as_str().contains('@') {
            return Err(AddressError::Extra);
        }
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(AddressError::Shape);
        }
        let port = authority.port_u16().unwrap_or(match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        });
        Ok(Self { scheme, host, port, source })
    }

    /// Scheme, host and port, in one spelling: what credentials are issued for.
    pub fn origin(&self) -> String {
        match (self.scheme, self.port) {
            (Scheme::Http, 80) => format!("http://{}", self.host),
            (Scheme::Https, 443) => format!("https://{}", self.host),
            (Scheme::Http, port) => format!("http://{}:{port}", self.host),
            (Scheme::Https, port) => format!("https://{}:{port}", self.host),
        }
    }

    /// Who named it.
    pub fn source(&self) -> AddressSource {
        self.source
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as a resolver takes it: without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The `Host` header.
    pub(crate) fn authority(&self) -> String {
        let origin = self.origin();
        origin.split_once("://").map_or(origin.clone(), |(_, authority)| authority.to_owned())
    }

    /// Whether nothing on the way can read what is sent.
    pub(crate) fn is_private(&self) -> bool {
        let is_loopback = self.host().parse().map_or(self.host == "localhost", |ip: std::net::IpAddr| ip.is_loopback());
        self.scheme == Scheme::Https || is_loopback
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

/// A bearer token and the addresses it may be sent to. Wipes itself; `Debug` prints a fixed word.
pub struct Credential {
    token: Zeroizing<String>,
    issued_for: IssuedFor,
}

enum IssuedFor {
    /// This origin alone.
    Origin(String),
    /// Whatever address the person named himself; never one from a file.
    PersonsChoice,
    /// The local store: a socket in the data directory, or the same process.
    Local,
}

impl Credential {
    /// A token that `address` issued, as by a sign-in.
    pub fn issued_by(address: &Address, token: Zeroizing<String>) -> Self {
        Self { token, issued_for: IssuedFor::Origin(address.origin()) }
    }

    /// A token from the environment: it goes where the person points, never to an address from a file.
    pub fn from_environment(token: Zeroizing<String>) -> Self {
        Self { token, issued_for: IssuedFor::PersonsChoice }
    }

    /// The owner's token of the local store.
    pub fn local(token: Zeroizing<String>) -> Self {
        Self { token, issued_for: IssuedFor::Local }
    }

    /// The token, if it may be sent to `address`; `None` stands for the local store.
    pub(crate) fn for_address(&self, address: Option<&Address>) -> Option<&str> {
        let allowed = match (&self.issued_for, address) {
            (IssuedFor::Local, None) => true,
            (IssuedFor::Origin(origin), Some(address)) => *origin == address.origin(),
            (IssuedFor::PersonsChoice, Some(address)) => address.source != AddressSource::File,
            (IssuedFor::Origin(_) | IssuedFor::PersonsChoice, None) | (IssuedFor::Local, Some(_)) => false,
        };
        allowed.then_some(self.token.as_str())
    }

    /// The same token, for the address that the issuing server named for another of its listeners.
    #[must_use]
    pub(crate) fn extended_to(&self, address: &Address) -> Self {
        Self { token: self.token.clone(), issued_for: IssuedFor::Origin(address.origin()) }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, source: AddressSource) -> Address {
        Address::parse(text, source).expect("legal address")
    }

    #[test]
    fn an_address_is_scheme_host_and_port() {
        assert_eq!(
            address("https://Secrets.Example.com/", AddressSource::Person).origin(),
            "https://secrets.example.com"
        );
        assert_eq!(address("http://127.0.0.1:7876", AddressSource::Person).origin(), "http://127.0.0.1:7876");
        assert_eq!(address("http://[::1]:80", AddressSource::Person).host(), "::1");
        for (text, error) in [
            ("", AddressError::Shape),
            ("secrets.example.com", AddressError::Shape),
            ("ftp://a", AddressError::Scheme),
            ("https://user:pass@a", AddressError::Extra),
            ("https://a/path", AddressError::Extra),
            ("https://a/?q", AddressError::Extra),
        ] {
            assert_eq!(Address::parse(text, AddressSource::Person), Err(error), "{text}");
        }
    }

    #[test]
    fn a_credential_goes_only_where_it_belongs() {
        let token = || Zeroizing::new("srt_x".to_owned());
        let typed = address("https://a.example", AddressSource::Person);
        let found = address("https://a.example", AddressSource::File);
        let other = address("https://b.example", AddressSource::Person);
        assert!(Credential::from_environment(token()).for_address(Some(&typed)).is_some());
        assert!(Credential::from_environment(token()).for_address(Some(&found)).is_none());
        assert!(Credential::from_environment(token()).for_address(None).is_none());
        assert!(Credential::issued_by(&typed, token()).for_address(Some(&found)).is_some());
        assert!(Credential::issued_by(&typed, token()).for_address(Some(&other)).is_none());
        assert!(Credential::local(token()).for_address(None).is_some());
        assert!(Credential::local(token()).for_address(Some(&typed)).is_none());
    }

    #[test]
    fn plain_http_is_private_on_loopback_alone() {
        for (text, private) in [
            ("http://localhost:1", true),
            ("http://127.3.2.1", true),
            ("http://[::1]", true),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
            ("https://10.0.0.1", true),
        ] {
            assert_eq!(address(text, AddressSource::Person).is_private(), private, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let credential = Credential::local(Zeroizing::new("canary".to_owned()));
        assert!(!format!("{credential:?}").contains("canary"));
    }
}
