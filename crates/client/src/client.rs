//! The client itself, and a project seen through it.

use std::path::PathBuf;

use http::{HeaderValue, Method};

use crate::address::{Address, Credential};
use crate::request::Call;
use crate::transport::{HttpTransport, InProcess, Transport, UnixTransport};

/// A connection to one server, with at most one credential. Opens nothing before the first operation. It needs a Tokio
/// runtime around it.
pub struct Client {
    pub(crate) transport: Transport,
    pub(crate) address: Option<Address>,
    pub(crate) credential: Option<Credential>,
    pub(crate) agent: Option<HeaderValue>,
}

impl Client {
    /// Over HTTP or HTTPS. Plain HTTP beyond loopback is refused at the first operation, and
    /// without a credential nothing is sent at all.
    pub fn http(address: Address, credential: Option<Credential>) -> Self {
        Self {
            transport: Transport::Http(HttpTransport::new(address.clone())),
            address: Some(address),
            credential,
            agent: None,
        }
    }

    /// Through the Unix socket of a server on this machine.
    pub fn unix(path: PathBuf, credential: Credential) -> Self {
        Self {
            transport: Transport::Unix(UnixTransport::new(path)),
            address: None,
            credential: Some(credential),
            agent: None,
        }
    }

    /// Through a service in this process.
    pub fn in_process(service: InProcess, credential: Credential) -> Self {
        Self { transport: Transport::InProcess(service), address: None, credential: Some(credential), agent: None }
    }

    /// From now on acts for a coding agent: the audit trail names it beside who lent the credential. Only letters,
    /// digits, `-`, `_` and `.` of the name are kept, and 40 of them.
    pub fn act_for_agent(&mut self, name: &str) {
        let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
        let name: String = name.chars().filter(is_plain).take(40).collect();
        let name = if name.is_empty() { "unnamed" } else { &name };
        self.agent = Some(HeaderValue::from_str(name).expect("these letters are legal in a header"));
    }

    /// One project. The name is checked by the server.
    pub fn project<'a>(&'a self, name: &'a str) -> Project<'a> {
        Project { client: self, name }
    }

    /// How the other end is called in messages.
    pub fn name(&self) -> String {
        self.transport.name()
    }

    pub(crate) fn call(&self, method: Method, segments: &[&str]) -> Call<'_> {
        Call::new(self, method, segments)
    }
}

/// One project's resources.
#[derive(Clone, Copy)]
pub struct Project<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a str,
}

impl<'a> Project<'a> {
    /// The project's name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    pub(crate) fn call(&self, method: Method, segments: &[&str]) -> Call<'a> {
        let mut all = vec!["api", "v1", "projects", self.name];
        all.extend_from_slice(segments);
        self.client.call(method, &all)
    }
}
