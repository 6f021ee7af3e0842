//! The session cookie: how it is called, read, set and cleared; and what keeps other sites' pages from using it.
//!
//! For pages: a handler that signs somebody in answers with the headers of [`cookie`]; one that signs out with those of
//! [`cleared`]. The CSRF token of a form is `caller.session.csrf`; the pages' gate compares the field.

use http::{HeaderMap, HeaderValue, Method, header};
use strongroom_api::Code;
use strongroom_app::accounts::{self, Device, Entered, Visitor};
use strongroom_app::tokens::AuthenticateError;
use strongroom_app::{Caller, SessionKind};

use crate::failure::Failure;
use crate::guard::host_name;
use crate::peer::{Peer, RequestId};
use crate::router::Served;
use crate::web::frame::cookie as cookie_named;

/// What a cookie is called over HTTPS, where `__Host-` binds it to this very host and to TLS; and over plain HTTP on this
/// machine, where browsers keep no `Secure` cookie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names(&'static str, &'static str);

/// The session.
const SESSION: Names = Names("__Host-strongroom_session", "strongroom_session");
/// What a browser keeps while its person is at the sign-in provider.
pub(crate) const AT_PROVIDER: Names = Names("__Host-strongroom_oidc", "strongroom_oidc");

/// What a browser keeps of earlier sign-ins.
const DEVICE: Names = Names("__Host-strongroom_device", "strongroom_device");

/// The header that carries a session's CSRF token.
const CSRF_HEADER: &str = "x-csrf-token";

/// Whether the browser reached this server over HTTPS: by its own TLS, or a proxy's; or the public address says so, and the
/// request is for its host.
fn is_secure(served: &Served, headers: &HeaderMap, peer: Peer) -> bool {
    if peer.is_https() {
        return true;
    }
    let Some(public) = served.app.public_url().and_then(|url| url.parse::<http::Uri>().ok()) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    public.scheme_str() == Some("https")
        && public.host().zip(host).is_some_and(|(public, host)| public == host_name(host))
}

impl Names {
    fn here(self, served: &Served, headers: &HeaderMap, peer: Peer) -> &'static str {
        if is_secure(served, headers, peer) { self.0 } else { self.1 }
    }
}

/// The one session cookie of a request.
pub(crate) fn text<'a>(served: &Served, headers: &'a HeaderMap, peer: Peer) -> Option<&'a str> {
    only(SESSION, served, headers, peer)
}

/// The one cookie of this name; two are none, since nobody can say which of them is the person's.
pub(crate) fn only<'a>(names: Names, served: &Served, headers: &'a HeaderMap, peer: Peer) -> Option<&'a str> {
    let name = names.here(served, headers, peer);
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = pairs.flat_map(|value| value.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    });
    let (Some(only), None) = (found.next(), found.next()) else { return None };
    Some(only)
}

/// The header that gives a browser its session. `Lax`: a link in a chat opens a page signed in, while no other site's form
/// or script sends it; changes need the CSRF token besides.
pub(crate) fn cookie(served: &Served, headers: &HeaderMap, peer: Peer, entered: &Entered) -> HeaderValue {
    let seconds = entered.expires_at.duration_since(served.app.now()).as_secs();
    set(SESSION, served, (headers, peer), (&entered.text, seconds))
}

/// The header by which a browser is known again when somebody signs in; none where there is nothing to know.
pub(crate) fn device(served: &Served, headers: &HeaderMap, peer: Peer, entered: &Entered) -> Option<HeaderValue> {
    let device = entered.device.as_ref()?;
    Some(set(DEVICE, served, (headers, peer), (device.text(), accounts::KNOWN_FOR.as_secs())))
}

/// The header that takes it away.
pub(crate) fn cleared(served: &Served, headers: &HeaderMap, peer: Peer) -> HeaderValue {
    set(SESSION, served, (headers, peer), ("", 0))
}

/// The header that gives a browser a cookie for so many seconds; none takes it away. `Lax`: it also comes along when another
/// site's page sends the whole browser here, as a sign-in provider does.
pub(crate) fn set(
    names: Names,
    served: &Served,
    (headers, peer): (&HeaderMap, Peer),
    (text, seconds): (&str, i64),
) -> HeaderValue {
    let secure = if is_secure(served, headers, peer) { "; Secure" } else { "" };
    let name = names.here(served, headers, peer);
    let line = format!("{name}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    let mut value = HeaderValue::from_str(&line).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Who asks without being signed in, for the use cases that let somebody in.
pub(crate) fn visitor(peer: Peer, id: &RequestId, headers: &HeaderMap) -> Visitor {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown");
    Visitor {
        source: peer.source(),
        address: peer.address(),
        request_id: id.0.clone(),
        label: agent.to_owned(),
        kind: SessionKind::Browser,
        device: cookie_named(headers, DEVICE.0).or_else(|| cookie_named(headers, DEVICE.1)).map(Device::sent),
    }
}

/// Where a request says that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A page of this server.
    Own,
    /// Anywhere else.
    Foreign,
    /// It does not say: no browser, for every browser says so of a change.
    Unsaid,
}

/// Where a browser says that a request comes from.
pub(crate) fn origin(served: &Served, headers: &HeaderMap, peer: Peer) -> Origin {
    let scheme = if is_secure(served, headers, peer) { "https" } else { "http" };
    said(headers, |origin, host| {
        origin.eq_ignore_ascii_case(&format!("{scheme}://{host}")) || served.app.public_url() == Some(origin)
    })
}

/// `Sec-Fetch-Site` decides, which no page can change; where there is none, `Origin` does, which `is_own` compares with `Host`.
fn said(headers: &HeaderMap, is_own: impl FnOnce(&str, &str) -> bool) -> Origin {
    let only = |name: &str| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (Some(one), None) => Some(one.to_str().unwrap_or_default()),
            (None, _) => None,
            // two are believed as little as another site's
            (Some(_), Some(_)) => Some(""),
        }
    };
    let is_own = match (only("sec-fetch-site"), only("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => only("host").is_some_and(|host| is_own(origin, host)),
        (None, None) => return Origin::Unsaid,
    };
    if is_own { Origin::Own } else { Origin::Foreign }
}

/// Refuses what another site's page sends through a browser. What does not say where it comes from has no cookie to misuse.
pub(crate) fn check_origin(served: &Served, method: &Method, headers: &HeaderMap, peer: Peer) -> Result<(), Failure> {
    if !method.is_safe() && origin(served, headers, peer) == Origin::Foreign {
        return Err(Failure::new(Code::Forbidden, "this came from a page of another site"));
    }
    Ok(())
}

/// Who a session cookie belongs to, if it is accepted. Whoever asks also asks for the CSRF token where something changes.
pub(crate) async fn known(
    served: &Served,
    headers: &HeaderMap,
    peer: Peer,
    id: &RequestId,
) -> Result<Option<Caller>, Failure> {
    let Some(text) = text(served, headers, peer) else { return Ok(None) };
    match accounts::authenticate(&served.app, SessionKind::Browser, text, &peer.source(), &id.0).await {
        Ok(caller) => Ok(Some(caller)),
        Err(AuthenticateError::Refused) => Ok(None),
        Err(AuthenticateError::Store(error)) => Err(error.into()),
    }
}

/// Whether the header carries the CSRF token of the caller's session.
pub(crate) fn has_csrf_header(caller: &Caller, headers: &HeaderMap) -> bool {
    let sent = headers.get(CSRF_HEADER).and_then(|sent| sent.to_str().ok());
    sent.is_some_and(|sent| accounts::is_csrf_token(caller, sent))
}

/// The same for the API: a change must come from a page of this server and carry the session's CSRF token in the header.
pub(crate) async fn caller(
    served: &Served,
    (method, headers): (&Method, &HeaderMap),
    peer: Peer,
    id: &RequestId,
) -> Result<Option<Caller>, Failure> {
    let Some(caller) = known(served, headers, peer, id).await? else { return Ok(None) };
    if !method.is_safe() {
        check_origin(served, method, headers, peer)?;
        if !has_csrf_header(&caller, headers) {
            let detail =
                "a change by a session needs its CSRF token in the header X-CSRF-Token; GET /api/v1/session tells it";
            return Err(Failure::new(Code::Forbidden, detail));
        }
    }
    Ok(Some(caller))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_believed_if_the_browser_says_where_it_came_from() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            said(&headers, |origin, host| origin == format!("http://{host}")) == Origin::Own
        };
        assert!(of(&[("sec-fetch-site", "same-origin")]));
        assert!(of(&[("origin", "http://localhost:7876"), ("host", "localhost:7876")]));
        assert!(!of(&[]));
        assert!(!of(&[("host", "localhost:7876")]));
        assert!(!of(&[("origin", "null"), ("host", "localhost:7876")]));
        assert!(!of(&[("origin", "http://evil.example"), ("host", "localhost:7876")]));
        assert!(!of(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:7876"),
            ("host", "localhost:7876")
        ]));
        assert!(!of(&[("sec-fetch-site", "cross-site")]));
        assert!(!of(&[("sec-fetch-site", "none")]));
    }
}
