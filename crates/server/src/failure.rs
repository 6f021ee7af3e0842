//! Errors to answers: every refusal is a problem-details object with a stable code and the request's id.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use strongroom_api::{Code, FieldError, Problem};
use strongroom_app::{Error, Fault, StoreError};

/// A refusal on its way out. The request's id is filled in by the outermost guard.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Box<Problem>);

impl Failure {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    pub(crate) fn invalid(at: &str, detail: impl std::fmt::Display) -> Self {
        Error::Invalid(vec![Fault::new(at, detail)]).into()
    }
}

fn errors(faults: Vec<Fault>) -> Vec<FieldError> {
    faults.into_iter().map(|fault| FieldError { at: fault.at, detail: fault.detail }).collect()
}

fn missing_sentence(count: usize) -> String {
    match count {
        1 => "a secret that this workload needs does not resolve; nothing was changed".to_owned(),
        count => format!("{count} secrets that this workload needs do not resolve; nothing was changed"),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let problem = match error {
            Error::Invalid(faults) => {
                let detail = match faults.as_slice() {
                    [only] => only.detail.clone(),
                    several => format!("{} problems; nothing was written", several.len()),
                };
                Problem::new(Code::Invalid, detail).with_errors(errors(faults))
            }
            Error::NotSignedIn(detail) => Problem::new(Code::Unauthenticated, detail),
            error @ Error::SecondFactor => Problem::new(Code::SecondFactorRequired, error.to_string()),
            error @ Error::TooMany(_) => Problem::new(Code::TooMany, error.to_string()),
            Error::Forbidden(detail) => Problem::new(Code::Forbidden, detail),
            Error::NotFound { what, hint } => {
                with_hint(Problem::new(Code::NotFound, format!("{what} was not found")), hint)
            }
            Error::Conflict(conflict) => {
                let faults = if conflict.faults.len() > 1 { errors(conflict.faults) } else { Vec::new() };
                with_hint(Problem::new(Code::Conflict, conflict.detail), conflict.hint).with_errors(faults)
            }
            error @ Error::VersionMismatch { .. } => Problem::new(Code::VersionMismatch, error.to_string()),
            Error::Missing { missing, hint } => {
                let listed = missing.iter().map(|missing| FieldError {
                    at: missing.name.clone(),
                    detail: match missing.reason {
                        strongroom_api::resolve::MissingReason::NotSet => format!("{} is not set", missing.name),
                        strongroom_api::resolve::MissingReason::NoValue => format!("{} has no value yet", missing.name),
                        strongroom_api::resolve::MissingReason::Expired => format!("{} has expired", missing.name),
                    },
                });
                let listed: Vec<_> = listed.collect();
                Problem::new(Code::SecretsMissing, missing_sentence(listed.len())).with_errors(listed).with_hint(hint)
            }
            Error::Repeated { reference } => {
                Problem::new(Code::Conflict, format!("this idempotency key was used already, for {reference}"))
            }
            Error::Unavailable(detail) => Problem::new(Code::Unavailable, detail),
            Error::Timeout => Problem::new(Code::Timeout, Error::Timeout.to_string()),
            Error::Overloaded => Problem::new(Code::Unavailable, Error::Overloaded.to_string()),
            Error::Store(StoreError::Beyond) => Problem::new(Code::Invalid, StoreError::Beyond.to_string()),
            error @ (Error::Damaged { .. } | Error::Store(_)) => hidden(&error),
        };
        Self(Box::new(problem))
    }
}

fn with_hint(problem: Problem, hint: Option<String>) -> Problem {
    match hint {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}

/// Says that somebody has changed the database from outside, or that the disk has.
const DAMAGED: &str = "its row is not what was written";

/// What an operator must look at: logged once with its causes, told to the caller in one safe sentence.
fn hidden(error: &Error) -> Problem {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "a request failed on stored data");
    match error {
        Error::Damaged { what, .. } => {
            Problem::new(Code::Internal, format!("{what} does not open: {DAMAGED}. Nothing was delivered."))
        }
        Error::Store(StoreError::Unavailable(_)) => {
            Problem::new(Code::Unavailable, "the store is not available; nothing was changed")
        }
        _ => Problem::new(Code::Internal, "the store did not do what it was asked; the server's log has the cause"),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(Pending(self.0));
        response
    }
}

/// Marks an answer whose body still lacks the request's id.
#[derive(Clone)]
pub(crate) struct Pending(pub(crate) Box<Problem>);

impl Pending {
    /// Whether the request failed on a row that is not what was written.
    pub(crate) fn is_damage(&self) -> bool {
        self.0.detail.contains(DAMAGED)
    }
}
