//! Why a use case refused. Texts are for the caller and carry names, numbers and next commands, never a value.

use strongroom_api::resolve::Missing;
use strongroom_seal::SealError;
use strongroom_store::StoreError;

/// One of several problems of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a field, a secret's name, or a position.
    pub at: String,
    /// What is wrong.
    pub detail: String,
}

impl Fault {
    /// A problem at a place.
    pub fn new(at: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self { at: at.into(), detail: format!("{detail}") }
    }
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What happened.
    pub detail: String,
    /// The next command to type.
    pub hint: Option<String>,
    /// Every name in the way, where there are several.
    pub faults: Vec<Fault>,
}

/// Why a use case refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks rules; all of them at once.
    #[error("the request is invalid")]
    Invalid(Vec<Fault>),
    /// The credential does not allow it.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// Nobody is signed in by it: a wrong name, password or code, all told alike.
    #[error("{0}")]
    NotSignedIn(String),
    /// The password is right; the account also asks for a code.
    #[error("this account needs the code of its second factor")]
    SecondFactor,
    /// Too many tries.
    #[error("too many tries; wait {0} seconds")]
    TooMany(u64),
    /// Not there, or not for this caller to know.
    #[error("{what} was not found")]
    NotFound {
        /// What was looked for, as the caller named it.
        what: String,
        /// The next command to type.
        hint: Option<String>,
    },
    /// It exists already, is in use, or would change meaning.
    #[error("{}", .0.detail)]
    Conflict(Conflict),
    /// The version is not the expected one.
    #[error("the current version is {actual}, not {expected}; nothing was changed")]
    VersionMismatch {
        /// What the caller expected; 0 stands for "no value".
        expected: u64,
        /// What is there.
        actual: u64,
    },
    /// A workload's names do not resolve; all of them at once.
    #[error("secrets that this workload needs do not resolve")]
    Missing {
        /// Which, and why.
        missing: Vec<Missing>,
        /// The commands that set them.
        hint: String,
    },
    /// A row or value is not what was written.
    #[error("stored data does not open: {what}")]
    Damaged {
        /// Which row, by name.
        what: String,
        /// What the crypto layer said.
        source: SealError,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Functions cannot run here.
    #[error("{0}")]
    Unavailable(String),
    /// The function did not answer in time.
    #[error("the function did not answer within its time limit")]
    Timeout,
    /// Too many requests wait for the function already.
    #[error("too many requests wait for this function already")]
    Overloaded,
    /// A repeated request with an idempotency key whose first answer cannot be given again.
    #[error("a request with this idempotency key was answered already")]
    Repeated {
        /// What the first one made.
        reference: String,
    },
}

impl Error {
    /// One problem.
    pub(crate) fn invalid(at: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Invalid(vec![Fault::new(at, detail)])
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into(), hint: None }
    }

    pub(crate) fn conflict(detail: impl Into<String>, hint: Option<String>) -> Self {
        Self::Conflict(Conflict { detail: detail.into(), hint, faults: Vec::new() })
    }

    pub(crate) fn damaged(what: impl Into<String>) -> impl FnOnce(SealError) -> Self {
        let what = what.into();
        move |source| Self::Damaged { what, source }
    }
}
