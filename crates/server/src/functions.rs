//! The functions' listener: who calls which function, and what of the request is the function's own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt as _;
use strongroom_api::Code;
use strongroom_app::functions::{Invocation, InvokeRefusal, invoke as run};
use strongroom_app::tokens::{AuthenticateError, authenticate};
use strongroom_app::{Caller, Error};

use crate::answer::seal;
use crate::credential::bearer;
use crate::edge::Budget;
use crate::end_users;
use crate::failure::Failure;
use crate::guard;
use crate::peer::{self, RequestId};
use crate::router::Served;

/// The beginning of cookies that are Strongroom's own.
const OWN_COOKIES: [&str; 2] = ["strongroom_", "__Host-strongroom"];
/// The beginning of Strongroom's tokens.
const OWN_TOKENS: &str = "srt_";
/// The beginning of headers that are Strongroom's own.
const OWN_HEADERS: &str = "x-strongroom-";
/// Where the token of the end user stands whom a call is made for.
const USER: HeaderName = HeaderName::from_static("x-strongroom-user");
/// Headers by which a proxy says where a request comes from, besides `x-forwarded-*`.
const FORWARDING: [&str; 2] = ["forwarded", "x-real-ip"];

/// The one route of the functions' listener, which takes any method.
#[cfg(feature = "describe")]
pub(crate) const ROUTE: &str = "/fn/{project}/{namespace}/{function}/{*path}";

/// See `ROUTE`; `split` takes its path apart.
pub(crate) async fn invoke(served: Arc<Served>, request: Request) -> Response {
    let id = served.request_ids.next();
    let mut budget = None;
    let response = match forward(&served, request, &id, &mut budget).await {
        Ok(response) => from_function(response, &id),
        Err(failure) => seal(failure.into_response(), &id),
    };
    guard::within(budget, response)
}

async fn forward(
    served: &Arc<Served>,
    mut request: Request,
    id: &RequestId,
    budget: &mut Option<Budget>,
) -> Result<Response<strongroom_app::Body>, Failure> {
    // no web-standard Request can carry these
    if matches!(request.method().as_str(), "CONNECT" | "TRACE" | "TRACK") {
        return Err(Failure::new(Code::MethodNotAllowed, "functions are not called with this method"));
    }
    let path = request.uri().path().to_owned();
    let (route, rest) = split(&path).ok_or_else(nothing_here)?;
    let peer = peer::peer(&request);
    let source = peer.source();
    let caller = caller(served, request.headers(), &source, id).await?;
    *budget = served.edge.rates.of_call(peer, caller.as_ref());
    if let Some(excess) = budget.and_then(Budget::excess) {
        return Err(excess);
    }
    let foreign = bearer(request.headers()).filter(|token| !token.starts_with(OWN_TOKENS)).map(str::to_owned);
    let user_token = user_token(request.headers())?;
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let host = host(request.headers())?.to_owned();
    let url = format!("{}://{host}{rest}{query}", scheme(served, peer));
    let inner: Uri = format!("{rest}{query}").parse().map_err(|_| nothing_here())?;
    strip(request.headers_mut(), peer.may_forward());
    if let Ok(prefix) = HeaderValue::from_str(&format!("/fn/{route}")) {
        request.headers_mut().insert("x-forwarded-prefix", prefix);
    }
    *request.uri_mut() = inner;
    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    let (execution_id, client) = (id.0.clone(), peer.address());
    let call = Invocation { route, caller, bearer: foreign, user_token, execution_id, url, client, request };
    run(&served.app, call).await.map_err(|refusal| match refusal {
        InvokeRefusal::Anonymous => Failure::new(
            Code::Unauthenticated,
            "this function needs a token: send it as \"Authorization: Bearer srt_…\"",
        ),
        InvokeRefusal::NoUser => {
            served.app.count_anonymous_denial(&source);
            let detail = "this function is for end users: send the user's token as \"Authorization: Bearer …\"";
            Failure::new(Code::Unauthenticated, detail)
        }
        InvokeRefusal::TwoUsers => {
            served.app.count_anonymous_denial(&source);
            let detail =
                "this function is for end users: send the user's token in Authorization, not in X-Strongroom-User";
            Failure::new(Code::Unauthenticated, detail)
        }
        InvokeRefusal::Unproven(error) => end_users::refusal(&served.app, &source, error),
        InvokeRefusal::Error(Error::NotFound { .. }) => nothing_here(),
        InvokeRefusal::Error(error) => error.into(),
        InvokeRefusal::Broken => Failure::new(Code::Unavailable, "the function's worker ended before it answered"),
    })
}

/// The host that the caller named, as it can stand in an address.
pub(crate) fn host(headers: &HeaderMap) -> Result<&str, Failure> {
    let Some(host) = headers.get(header::HOST) else { return Ok("localhost") };
    let text = host.to_str().ok().filter(|text| !text.is_empty());
    let fits = |text: &&str| {
        let authority: Option<http::uri::Authority> = text.parse().ok();
        authority.is_some_and(|authority| authority.host().len() == text.len() || authority.port_u16().is_some())
            && !text.contains('@')
    };
    text.filter(fits).ok_or_else(|| Failure::new(Code::Invalid, "the Host header names no host"))
}

fn nothing_here() -> Failure {
    Failure::new(Code::NotFound, "no function answers at this address")
}

fn scheme(served: &Served, peer: peer::Peer) -> &'static str {
    let https = peer.is_https() || served.app.functions_url().is_some_and(|url| url.starts_with("https:"));
    if https { "https" } else { "http" }
}

/// The route `project/namespace/function` of a path, and what follows it, which begins with `/`.
fn split(path: &str) -> Option<(&str, &str)> {
    let after = path.strip_prefix("/fn/")?;
    let mut slashes = after.match_indices('/').map(|(index, _)| index);
    let (_, _) = (slashes.next()?, slashes.next()?);
    match slashes.next() {
        Some(end) => after.split_at_checked(end),
        None => Some((after, "/")),
    }
}

/// Who calls, if a token of Strongroom's is there. Another application's credential is the function's to judge.
async fn caller(served: &Served, headers: &HeaderMap, source: &str, id: &RequestId) -> Result<Option<Caller>, Failure> {
    let Some(token) = bearer(headers).filter(|token| token.starts_with(OWN_TOKENS)) else { return Ok(None) };
    match authenticate(&served.app, token, source, &id.0).await {
        Ok(caller) => Ok(Some(caller)),
        Err(AuthenticateError::Refused) => Ok(None),
        Err(AuthenticateError::Store(error)) => Err(error.into()),
    }
}

/// The end user whom a call is made for, by his token. Two of them are none.
fn user_token(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut all = headers.get_all(USER).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(only), None) if only.to_str().is_ok() => Ok(only.to_str().ok().map(str::to_owned)),
        _ => Err(Failure::new(Code::Unauthenticated, "X-Strongroom-User holds one token of an end user")),
    }
}

/// Takes away what is not the function's: Strongroom's credentials, cookies and internal headers; and what only a trusted
/// proxy, or somebody on this machine, may say about where a request comes from.
pub(crate) fn strip(headers: &mut HeaderMap, may_forward: bool) {
    if headers.get_all(header::AUTHORIZATION).iter().any(holds_own_token) {
        headers.remove(header::AUTHORIZATION);
    }
    let forwarding = |name: &str| FORWARDING.contains(&name) || name.starts_with("x-forwarded-");
    let foreign = |name: &&HeaderName| {
        let name = name.as_str();
        name.starts_with(OWN_HEADERS) || (!may_forward && forwarding(name))
    };
    for name in headers.keys().filter(foreign).cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let cookies: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
    let pairs = cookies.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    kept.extend(pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty() && !is_own_cookie(pair)));
    headers.remove(header::COOKIE);
    if let (Ok(value), false) = (HeaderValue::from_bytes(&kept.join(b"; ".as_slice())), kept.is_empty()) {
        headers.insert(header::COOKIE, value);
    }
}

/// Whether one of Strongroom's tokens is in a header, also where it is written so that it is not accepted.
fn holds_own_token(value: &HeaderValue) -> bool {
    let words = value.as_bytes().split(|byte| !byte.is_ascii_graphic() || b",;=\"".contains(byte));
    words.into_iter().any(|word| word.starts_with(OWN_TOKENS.as_bytes()))
}

/// Compared as bytes: a value need not be text.
fn is_own_cookie(cookie: &[u8]) -> bool {
    OWN_COOKIES
        .iter()
        .any(|own| cookie.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own.as_bytes())))
}

/// A function's answer: as it is, less Strongroom's own cookies and headers.
pub(crate) fn from_function(response: Response<strongroom_app::Body>, id: &RequestId) -> Response {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let refusal = Failure::new(Code::Unavailable, "functions cannot switch protocols");
        return seal(refusal.into_response(), id);
    }
    let mut response = response.map(Body::new);
    let headers = response.headers_mut();
    let own: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OWN_HEADERS)).cloned().collect();
    for name in own {
        headers.remove(name);
    }
    let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    let own = |value: &HeaderValue| is_own_cookie(value.as_bytes().trim_ascii_start());
    if cookies.iter().any(own) {
        headers.remove(header::SET_COOKIE);
        for cookie in cookies.into_iter().filter(|cookie| !own(cookie)) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_three_names_and_the_rest_is_the_functions() {
        assert_eq!(split("/fn/shop/default/hello"), Some(("shop/default/hello", "/")));
        assert_eq!(split("/fn/shop/default/hello/"), Some(("shop/default/hello", "/")));
        assert_eq!(split("/fn/shop/default/hello/a/b"), Some(("shop/default/hello", "/a/b")));
        assert_eq!(split("/fn/shop/hello"), None);
        assert_eq!(split("/other/shop/default/hello"), None);
    }

    #[test]
    fn credentials_and_cookies_of_strongroom_never_pass() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer srt_abc"));
        headers
            .insert(header::COOKIE, HeaderValue::from_static("a=1; strongroom_session=x; __Host-Strongroom-s=y; b=2"));
        headers.insert("x-strongroom-epoch", HeaderValue::from_static("9"));
        strip(&mut headers, true);
        assert!(headers.get(header::AUTHORIZATION).is_none());
        assert!(headers.get("x-strongroom-epoch").is_none());
        assert_eq!(headers.get(header::COOKIE).and_then(|value| value.to_str().ok()), Some("a=1; b=2"));
    }

    #[test]
    fn another_systems_credential_is_the_functions_to_judge() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer eyJ"));
        strip(&mut headers, true);
        assert!(headers.get(header::AUTHORIZATION).is_some());
    }

    #[test]
    fn cookies_that_are_no_text_hide_none_of_strongrooms() {
        let mut headers = HeaderMap::new();
        let odd =
            HeaderValue::from_bytes(b"a=\xe9; strongroom_session=x;; b=2").unwrap_or(HeaderValue::from_static(""));
        headers.append(header::COOKIE, odd);
        headers.append(header::COOKIE, HeaderValue::from_static("c=3; STRONGROOM_session=y"));
        strip(&mut headers, true);
        let kept: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(kept, [b"a=\xe9; b=2; c=3".as_slice()]);
        let mut answer = Response::new(http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync());
        let odd = HeaderValue::from_bytes(b" strongroom_session=\xe9").unwrap_or(HeaderValue::from_static(""));
        answer.headers_mut().append(header::SET_COOKIE, odd);
        answer.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("mine=1"));
        answer.headers_mut().insert("x-strongroom-epoch", HeaderValue::from_static("1"));
        let answer = from_function(answer, &RequestId("id".to_owned()));
        assert_eq!(answer.headers().get_all(header::SET_COOKIE).iter().collect::<Vec<_>>(), ["mine=1"]);
        assert_eq!(answer.headers().get("x-strongroom-epoch"), None);
    }

    #[test]
    fn a_token_never_passes_however_it_is_written() {
        for text in
            ["Bearer  srt_abc", "Bearer\tsrt_abc", "srt_abc", "Token token=\"srt_abc\"", "bearer srt_abc, Basic x"]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(text));
            strip(&mut headers, true);
            assert!(headers.is_empty(), "{text}");
        }
    }

    #[test]
    fn only_a_proxy_on_this_machine_says_where_a_request_comes_from() {
        let mut headers = HeaderMap::new();
        for name in ["forwarded", "x-real-ip", "x-forwarded-for", "x-forwarded-proto"] {
            headers.insert(name, HeaderValue::from_static("203.0.113.9"));
        }
        strip(&mut headers, true);
        assert_eq!(headers.len(), 4);
        strip(&mut headers, false);
        assert!(headers.is_empty());
    }
}
