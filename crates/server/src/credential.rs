//! Who a caller is: by the bearer, or by the session's cookie.

use http::{HeaderMap, header};
use strongroom_api::Code;
use strongroom_app::tokens::{AuthenticateError, authenticate};
use strongroom_app::{App, Caller};

use crate::failure::Failure;
use crate::peer::{Peer, RequestId};
use crate::router::Served;
use crate::session;

/// The caller: by the bearer if there is one, else by the session's cookie.
pub(crate) async fn who(
    served: &Served,
    (method, headers): (&http::Method, &HeaderMap),
    (peer, id): (Peer, &RequestId),
) -> Result<Caller, Failure> {
    let has_bearer = headers.contains_key(header::AUTHORIZATION);
    let mut caller = match if has_bearer { None } else { session::caller(served, (method, headers), peer, id).await? } {
        Some(caller) => caller,
        None => by_bearer(&served.app, headers, &peer.source(), id).await?,
    };
    caller.idempotency = idempotency_key(headers)?;
    if let Some(agent) = agent(headers)? {
        caller.actor = format!("{} (agent {agent})", caller.actor);
    }
    Ok(caller)
}

pub(crate) async fn by_bearer(app: &App, headers: &HeaderMap, source: &str, id: &RequestId) -> Result<Caller, Failure> {
    let Some(bearer) = bearer(headers) else {
        app.count_anonymous_denial(source);
        return Err(Failure::new(
            Code::Unauthenticated,
            "this needs a token: send it as \"Authorization: Bearer srt_…\"",
        ));
    };
    let caller = authenticate(app, bearer, source, &id.0).await;
    caller.map_err(|error| match error {
        AuthenticateError::Refused => {
            app.count_anonymous_denial(source);
            Failure::new(Code::Unauthenticated, "the token is not accepted: it is unknown, expired or revoked")
        }
        AuthenticateError::Store(error) => error.into(),
    })
}

/// The coding agent for which a caller says that it acts. It gains nothing by it; the audit trail tells them apart.
fn agent(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(name) = headers.get("x-strongroom-agent") else { return Ok(None) };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let name = name.to_str().ok().filter(|name| (1..=40).contains(&name.len()) && name.chars().all(is_plain));
    let wrong = || Failure::invalid("X-Strongroom-Agent", "an agent's name is 1 to 40 letters, digits, -, _ and .");
    name.ok_or_else(wrong).map(Some)
}

/// Largest header that carries a credential, in bytes: twice what any provider's proof of identity takes.
const MAX_CREDENTIAL_BYTES: usize = 8 * 1024;

/// The one bearer token of a request; two are none, and so is one that is too long to be one.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    let only = only.to_str().ok().filter(|text| text.len() <= MAX_CREDENTIAL_BYTES)?;
    let (scheme, token) = only.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The key of a request that may be repeated; a malformed one is refused wherever it comes.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let fits = |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = key.to_str().ok().filter(fits);
    let key = key.ok_or_else(|| {
        Failure::invalid("Idempotency-Key", "an idempotency key is 1 to 255 visible ASCII characters")
    })?;
    Ok(Some(key.to_owned()))
}
