//! The functions' listener: who calls which function, and what of the request is the function's own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt as _;
use strongroom_api::Code;
use strongroom_app::functions::{Invocation, InvokeRefusal, invoke as run};
use strongroom_app::tokens::{AuthenticateError, authenticate};
use strongroom_app::{Caller, Error};

use crate::failure::Failure;
use crate::guard::{self, RequestId, bearer};
use crate::router::Served;

/// The beginning of cookies that are Strongroom's own.
const OWN_COOKIES: [&str; 2] = ["strongroom_", "__Host-strongroom"];
/// The beginning of Strongroom's tokens.
const OWN_TOKENS: &str = "srt_";

/// `ANY /fn/{project}/{namespace}/{function}/{*path}`
pub(crate) async fn invoke(State(served): State<Arc<Served>>, request: Request) -> Response {
    let id = served.request_ids.next();
    match forward(&served, request, &id).await {
        Ok(response) => from_function(response, &id),
        Err(failure) => guard::seal(failure.into_response(), &id),
    }
}

async fn forward(
    served: &Arc<Served>,
    mut request: Request,
    id: &RequestId,
) -> Result<Response<strongroom_app::Body>, Failure> {
    // no web-standard Request can carry these
    if matches!(request.method().as_str(), "CONNECT" | "TRACE" | "TRACK") {
        return Err(Failure::new(Code::MethodNotAllowed, "functions are not called with this method"));
    }
    let path = request.uri().path().to_owned();
    let (route, rest) = split(&path).ok_or_else(nothing_here)?;
    let peer = guard::peer(&request);
    let caller = caller(served, request.headers(), &peer.source(), id).await?;
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let host = host(request.headers())?.to_owned();
    let url = format!("{}://{host}{rest}{query}", scheme(served));
    let inner: Uri = format!("{rest}{query}").parse().map_err(|_| nothing_here())?;
    strip(request.headers_mut());
    if let Ok(prefix) = HeaderValue::from_str(&format!("/fn/{route}")) {
        request.headers_mut().insert("x-forwarded-prefix", prefix);
    }
    *request.uri_mut() = inner;
    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    let call = Invocation { route, caller, execution_id: id.0.clone(), url, client: peer.address(), request };
    run(&served.app, call).await.map_err(|refusal| match refusal {
        InvokeRefusal::Anonymous => Failure::new(
            Code::Unauthenticated,
            "this function needs a token: send it as \"Authorization: Bearer srt_…\"",
        ),
        InvokeRefusal::Error(Error::NotFound { .. }) => nothing_here(),
        InvokeRefusal::Error(error) => error.into(),
        InvokeRefusal::Broken => Failure::new(Code::Unavailable, "the function's worker ended before it answered"),
    })
}

/// The host that the caller named, as it can stand in an address.
fn host(headers: &HeaderMap) -> Result<&str, Failure> {
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

fn scheme(served: &Served) -> &'static str {
    let https = served.app.functions_url().is_some_and(|url| url.starts_with("https:"));
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

/// Takes away what is not the function's: Strongroom's credentials, cookies and internal headers.
fn strip(headers: &mut HeaderMap) {
    let own = headers.get_all(header::AUTHORIZATION).iter().any(|value| {
        value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .is_some_and(|(_, token)| token.trim().starts_with(OWN_TOKENS))
    });
    if own {
        headers.remove(header::AUTHORIZATION);
    }
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-strongroom-")).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
    let Some(cookies) = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).map(str::to_owned) else {
        return;
    };
    let kept: Vec<_> = cookies.split(';').map(str::trim).filter(|cookie| !is_own_cookie(cookie)).collect();
    match HeaderValue::from_str(&kept.join("; ")) {
        Ok(kept) if !kept.is_empty() => headers.insert(header::COOKIE, kept),
        _ => headers.remove(header::COOKIE),
    };
}

fn is_own_cookie(cookie: &str) -> bool {
    OWN_COOKIES.iter().any(|own| cookie.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own)))
}

/// A function's answer: as it is, less Strongroom's own cookies and headers.
fn from_function(response: Response<strongroom_app::Body>, id: &RequestId) -> Response {
    let mut response = response.map(Body::new);
    let headers = response.headers_mut();
    let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    let own = |value: &HeaderValue| value.to_str().is_ok_and(|text| is_own_cookie(text.trim_start()));
    if cookies.iter().any(own) {
        headers.remove(header::SET_COOKIE);
        for cookie in cookies.into_iter().filter(|cookie| !own(cookie)) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", value);
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Failure::new(Code::Unavailable, "functions cannot switch protocols").into_response();
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
        strip(&mut headers);
        assert!(headers.get(header::AUTHORIZATION).is_none());
        assert!(headers.get("x-strongroom-epoch").is_none());
        assert_eq!(headers.get(header::COOKIE).and_then(|value| value.to_str().ok()), Some("a=1; b=2"));
    }

    #[test]
    fn another_systems_credential_is_the_functions_to_judge() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer eyJ"));
        strip(&mut headers);
        assert!(headers.get(header::AUTHORIZATION).is_some());
    }
}
