//! What handlers take: the caller, the project, a checked query, a checked body.

use std::convert::Infallible;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_api::Code;
use strongroom_app::links::Visitor;
use strongroom_app::{Access, App, Caller};
use strongroom_model::{Capability, ProjectName};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::router::Served;
use crate::streams::Streams;

/// Largest JSON body, in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Largest body of a deploy: a bundle of 50 MiB, escaped, with its manifest.
const MAX_DEPLOY_BYTES: usize = 104 << 20;

/// Longest pause within a body.
const BODY_PAUSE: Duration = Duration::from_secs(30);
/// Longest time for a whole body, and a second more for each [`BODY_RATE`] bytes that it may have: a client that sends a
/// byte now and then holds nothing for long.
const BODY_TIME: Duration = Duration::from_mins(1);
/// See [`BODY_TIME`].
const BODY_RATE: usize = 256 << 10;

/// What a route needs before anything of the request is looked at. The use case decides in full; this keeps a caller
/// without the right from learning how a well-formed request looks.
pub(crate) trait Needs: Send {
    /// The capability, or none where any credential will do or where only the owner may.
    const CAPABILITY: Option<Capability>;
    /// Whether an admin of the instance may, who need be no member; where there is no capability, nobody else may.
    const INSTANCE_ADMIN: bool = false;
}

/// Declares the needs of routes.
macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $capability:expr;)*) => {
        $($(#[$doc])* pub(crate) struct $name;
        impl Needs for $name {
            const CAPABILITY: Option<Capability> = $capability;
        })*
    };
}

needs! {
    /// Any credential; the use case decides.
    Anyone = None;
    /// See [`Capability::SecretsList`].
    Lists = Some(Capability::SecretsList);
    /// See [`Capability::SecretsDeclare`].
    Declares = Some(Capability::SecretsDeclare);
    /// See [`Capability::SecretsWrite`].
    Writes = Some(Capability::SecretsWrite);
    /// See [`Capability::SecretsDelete`].
    Deletes = Some(Capability::SecretsDelete);
    /// See [`Capability::ValuesRead`].
    ReadsValues = Some(Capability::ValuesRead);
    /// See [`Capability::FunctionsDeploy`].
    Deploys = Some(Capability::FunctionsDeploy);
    /// See [`Capability::JobsRun`].
    RunsJobs = Some(Capability::JobsRun);
    /// See [`Capability::LogsRead`].
    ReadsLogs = Some(Capability::LogsRead);
    /// See [`Capability::AuditRead`].
    ReadsAudit = Some(Capability::AuditRead);
    /// See [`Capability::Admin`].
    Administers = Some(Capability::Admin);
}

/// An admin of the instance, or who holds [`Capability::Admin`] in the project.
pub(crate) struct ManagesMembers;

impl Needs for ManagesMembers {
    const CAPABILITY: Option<Capability> = Some(Capability::Admin);
    const INSTANCE_ADMIN: bool = true;
}

/// An admin of the instance.
pub(crate) struct ManagesInstance;

impl Needs for ManagesInstance {
    const CAPABILITY: Option<Capability> = None;
    const INSTANCE_ADMIN: bool = true;
}

/// The caller, the project it works on, and the app: what nearly every handler needs.
pub(crate) struct Scene<N = Anyone> {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) streams: Arc<Streams>,
    /// The project in the path, or under `/api/v1/admin` the caller's own.
    pub(crate) project: ProjectName,
    needs: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<Arc<Served>> for Scene<N> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        let caller = parts.extensions.remove::<Caller>();
        let mut caller = caller.ok_or_else(|| Failure::new(Code::Unauthenticated, "this needs a token"))?;
        let params = RawPathParams::from_request_parts(parts, served).await;
        let params = params.map_err(|_| Failure::new(Code::Invalid, "the path is not valid UTF-8"))?;
        let named = params.iter().find(|(key, _)| *key == "project").map(|(_, name)| name);
        let project = match (named, &caller.access) {
            // no project has a malformed name, so one is simply not found
            (Some(name), _) => name.parse().map_err(|_| Failure::new(Code::NotFound, "the project was not found"))?,
            (None, Access::Token { grant, .. }) => grant.project.clone(),
            (None, Access::Owner | Access::Person { .. }) => ProjectName::default_project(),
            (None, Access::EndUser { project, .. }) => project.clone(),
        };
        // here, where the name is decoded as the routes decode it: what the use cases see is the same
        caller.enter(&project);
        match N::CAPABILITY {
            _ if N::INSTANCE_ADMIN && caller.is_instance_admin() => {}
            Some(capability) => served.app.admit(&caller, &project, capability).await?,
            None if N::INSTANCE_ADMIN => served.app.require_instance_admin(&caller, "instance").await?,
            None => {}
        }
        Ok(Self {
            app: Arc::clone(&served.app),
            caller,
            streams: Arc::clone(&served.streams),
            project,
            needs: PhantomData,
        })
    }
}

/// Somebody without an account who has a one-time code.
pub(crate) struct Guest(pub(crate) Visitor);

impl FromRequestParts<Arc<Served>> for Guest {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Served>) -> Result<Self, Failure> {
        let visitor = parts.extensions.remove::<Visitor>();
        visitor.map(Self).ok_or_else(|| Failure::new(Code::Unauthenticated, "this needs a token"))
    }
}

/// A query whose parameters are all known.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Served>> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Served>) -> Result<Self, Failure> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|rejection| {
            let text = std::error::Error::source(&rejection).map(ToString::to_string).unwrap_or_default();
            Failure::invalid("query", safe(&text).unwrap_or_else(|| "a query parameter has the wrong form".to_owned()))
        })
    }
}

/// What a request makes conditions of (RFC 9110, section 13.1), as it was sent.
pub(crate) struct Preconditions {
    pub(crate) if_match: Vec<HeaderValue>,
    pub(crate) if_none_match: Vec<HeaderValue>,
}

impl<S: Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let all = |name| parts.headers.get_all(name).iter().cloned().collect();
        Ok(Self { if_match: all(header::IF_MATCH), if_none_match: all(header::IF_NONE_MATCH) })
    }
}

/// A JSON body whose fields are all known. Also the answer of most handlers.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Served>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Arc<Served>) -> Result<Self, Failure> {
        let bytes = read(request, MAX_BODY_BYTES).await?;
        parse(&bytes).map(Json)
    }
}

/// A JSON body that may carry a bundle.
pub(crate) struct DeployJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Served>> for DeployJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Arc<Served>) -> Result<Self, Failure> {
        let bytes = read(request, MAX_DEPLOY_BYTES).await?;
        parse(&bytes).map(DeployJson)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(_) => Failure::new(Code::Internal, "the answer could not be written").into_response(),
        }
    }
}

/// An answer that carries values: every buffer that it is written to is wiped.
pub(crate) struct Values<T> {
    /// The answer.
    pub(crate) body: T,
    /// About how long its values are, in bytes: a buffer that need not grow is wiped once.
    pub(crate) about_bytes: usize,
}

impl<T: Serialize> IntoResponse for Values<T> {
    fn into_response(self) -> Response {
        let mut written = Wiped(Zeroizing::new(Vec::with_capacity(self.about_bytes + 192)));
        match serde_json::to_writer(&mut written, &self.body) {
            Ok(()) => {
                let body = axum::body::Body::from(bytes::Bytes::from_owner(written.0));
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            Err(_) => Failure::new(Code::Internal, "the answer could not be written").into_response(),
        }
    }
}

/// A buffer that wipes what it outgrows.
struct Wiped(Zeroizing<Vec<u8>>);

impl io::Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        append(&mut self.0, bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer with 201.
pub(crate) fn created<T: Serialize>(body: T) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}

/// The whole body, wiped when dropped.
async fn read(request: Request, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Err(Failure::new(Code::UnsupportedMedia, "send the body as Content-Type: application/json"));
    }
    read_body(request.into_body(), limit).await
}

/// A whole body of whatever kind, wiped when dropped.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut body = Limited::new(body, limit);
    let mut bytes = Zeroizing::new(Vec::new());
    let more = u32::try_from(limit / BODY_RATE).unwrap_or(u32::MAX);
    let end = tokio::time::Instant::now() + BODY_TIME + Duration::from_secs(1) * more;
    loop {
        let pause = tokio::time::Instant::now() + BODY_PAUSE;
        let frame = tokio::time::timeout_at(pause.min(end), body.frame()).await;
        let Some(frame) = frame.map_err(|_| Failure::new(Code::Invalid, "the body did not arrive in time"))? else {
            break;
        };
        let frame = frame.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => Failure::new(Code::TooLarge, format!("the body is larger than {limit} bytes")),
            None => Failure::new(Code::Invalid, "the body broke off"),
        })?;
        if let Some(data) = frame.data_ref() {
            append(&mut bytes, data);
        }
    }
    Ok(bytes)
}

/// Appends to a buffer so that what it held before it grew is wiped too.
fn append(bytes: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    if bytes.capacity() < bytes.len() + more.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity((bytes.len() + more.len()).next_power_of_two()));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(more);
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // a list would be taken for the fields of an object in their order
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Failure::invalid("body", "the body is a list; it must be an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let text = safe(&error.to_string()).unwrap_or_else(|| match error.classify() {
            serde_json::error::Category::Data => "a field has the wrong type".to_owned(),
            _ => "this is not valid JSON".to_owned(),
        });
        Failure::invalid("body", format!("{text} ({place})"))
    })
}

/// The beginnings of messages that name a field or state a rule. Every other message may quote what was sent, which
/// may be a value.
const SAFE_BEGINNINGS: [&str; 9] = [
    "unknown field `",
    "missing field `",
    "duplicate field `",
    "a secret value is",
    "the value is",
    "the value contains",
    "an object names",
    "a secret's name",
    "names that begin with STRONGROOM_",
];

/// A parser's message, if it cannot quote a value; without its place.
fn safe(text: &str) -> Option<String> {
    let text = text.rsplit_once(": ").map_or(text, |(before, after)| {
        if after.starts_with('`') || SAFE_BEGINNINGS.iter().any(|beginning| after.starts_with(beginning)) {
            after
        } else {
            before
        }
    });
    let text = text.split(" at line ").next().unwrap_or(text);
    SAFE_BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_quote_what_was_sent_are_withheld() {
        assert_eq!(safe("invalid type: string \"canary\", expected u64 at line 1 column 2"), None);
        assert_eq!(safe("invalid digit found in string"), None);
        assert_eq!(
            safe("unknown field `vlaue`, expected one of `name`, `value` at line 1 column 9").as_deref(),
            Some("unknown field `vlaue`, expected one of `name`, `value`")
        );
    }
}
