//! Errors on the wire: RFC 9457 problem details with a stable code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, as a word that programs may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the request cannot be understood or breaks a rule.
    Invalid,
    /// 401: no credential, or one that is not accepted.
    Unauthenticated,
    /// 401: the password is right, and the account also asks for a code of its second factor.
    SecondFactorRequired,
    /// 403: the credential does not allow this.
    Forbidden,
    /// 404: not there, or not for this caller to know.
    NotFound,
    /// 405: the address exists, the method does not.
    MethodNotAllowed,
    /// 409: it exists already, is in use, or would change meaning.
    Conflict,
    /// 412: the version is not the expected one; nothing was changed.
    VersionMismatch,
    /// 413: the body is too large.
    TooLarge,
    /// 415: the body is not JSON.
    UnsupportedMedia,
    /// 421: values do not travel over plain HTTP from afar.
    InsecureTransport,
    /// 422: names a workload needs are missing, expired or without a value.
    SecretsMissing,
    /// 429: too many requests.
    TooMany,
    /// 500: a fault in the server; the log has the cause under the request id.
    Internal,
    /// 503: the store, a worker or the audit trail is not available.
    Unavailable,
    /// 504: a function did not answer in time.
    Timeout,
}

impl Code {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated | Self::SecondFactorRequired => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::VersionMismatch => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMedia => 415,
            Self::InsecureTransport => 421,
            Self::SecretsMissing => 422,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// The title: the same for every problem with this code.
    pub fn title(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid request",
            Self::Unauthenticated => "Not signed in",
            Self::SecondFactorRequired => "Second factor required",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Conflict => "Conflict",
            Self::VersionMismatch => "Version mismatch",
            Self::TooLarge => "Too large",
            Self::UnsupportedMedia => "Unsupported media type",
            Self::InsecureTransport => "Insecure transport",
            Self::SecretsMissing => "Secrets missing",
            Self::TooMany => "Too many requests",
            Self::Internal => "Internal error",
            Self::Unavailable => "Unavailable",
            Self::Timeout => "Timed out",
        }
    }

    /// The exit code that the command line gives it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotFound => 3,
            Self::Unauthenticated | Self::SecondFactorRequired | Self::Forbidden | Self::InsecureTransport => 4,
            Self::Conflict | Self::VersionMismatch => 5,
            Self::Invalid | Self::UnsupportedMedia | Self::MethodNotAllowed | Self::TooLarge => 2,
            Self::SecretsMissing | Self::TooMany | Self::Internal | Self::Unavailable | Self::Timeout => 1,
        }
    }
}

/// One of several problems in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where: a field, a secret's name, or a position.
    pub at: String,
    /// What is wrong, as a sentence without a value.
    pub detail: String,
}

/// RFC 9457 problem details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem: `urn:strongroom:problem:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Code,
    /// What happened and what to do, in sentences that never carry a value.
    pub detail: String,
    /// Also in the `x-request-id` header and in the server's log.
    pub request_id: String,
    /// The next command to type, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Every problem, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem without hint or list; the request id is filled in where the answer is made.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let word =
            serde_json::to_value(code).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
        Self {
            kind: format!("urn:strongroom:problem:{word}"),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            request_id: String::new(),
            hint: None,
            errors: Vec::new(),
        }
    }

    /// Adds the next command to type.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the list of all problems.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }
}
