//! What can go wrong between the client and a server.

use std::io;

use strongroom_api::Problem;

/// Why an operation has no answer. Never carries a value, a token or a body.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server said no; it also says why.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Nothing listens there.
    #[error("nothing listens on {address}")]
    Refused {
        /// Where.
        address: String,
    },
    /// The name has no address.
    #[error("the host {host} is not known")]
    UnknownHost {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No connection, for another reason.
    #[error("could not connect to {address}")]
    Connect {
        /// Where.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS handshake failed, most often over an unknown or wrong certificate.
    #[error("no trusted connection to {address}")]
    Tls {
        /// Where.
        address: String,
        /// What the handshake said.
        source: io::Error,
    },
    /// The machine has no list of trusted certificate authorities.
    #[error("no trusted certificate authorities were found on this machine")]
    NoRoots,
    /// The connection took too long, or the answer did.
    #[error("{address} did not answer within {seconds} seconds")]
    TimedOut {
        /// Where.
        address: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Values and tokens do not travel over plain HTTP from afar.
    #[error("{address} is plain HTTP beyond this machine; secrets travel over https only")]
    Insecure {
        /// Where.
        address: String,
    },
    /// There is no credential, so nothing was sent: a value would go to someone who has not proved to know us.
    #[error("there is no credential for {address}")]
    NoCredential {
        /// Where nothing was sent.
        address: String,
    },
    /// There is a credential, and it is not for this address.
    #[error("the credential at hand is not for {address}")]
    ForeignCredential {
        /// Where it was not sent.
        address: String,
    },
    /// The connection broke off.
    #[error("the connection to {address} broke off")]
    Broken {
        /// Where.
        address: String,
        /// What the connection said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not one of Strongroom's.
    #[error("{address} answered {status}, but not as Strongroom does; is the address right?")]
    NotStrongroom {
        /// Where.
        address: String,
        /// The status of its answer.
        status: u16,
    },
    /// The answer has another shape than this client knows.
    #[error("the answer of {address} cannot be read by this version of the program")]
    Unreadable {
        /// Where.
        address: String,
    },
    /// The answer is longer than any of Strongroom's.
    #[error("the answer of {address} is too long")]
    TooLong {
        /// Where.
        address: String,
    },
    /// A name in the request cannot stand in an address.
    #[error("{what} cannot stand in an address")]
    Request {
        /// Which part.
        what: &'static str,
    },
    /// The server serves no functions.
    #[error("{address} serves no functions")]
    NoFunctions {
        /// Where.
        address: String,
    },
}

impl ClientError {
    /// The problem details, if the server gave some.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the server said 404.
    pub fn is_not_found(&self) -> bool {
        self.problem().is_some_and(|problem| problem.code == strongroom_api::Code::NotFound)
    }
}
