//! The listener of `strongroom dev`: the addresses of the functions' listener and the same handling of headers and
//! cookies, for workloads that the caller runs itself. Nobody signs in: it answers this machine alone, and a page of
//! another origin cannot reach it through a browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method, Uri};
use http_body_util::BodyExt as _;
use strongroom_api::Code;

use crate::answer::seal;
use crate::failure::Failure;
use crate::functions::{from_function, host, strip};
use crate::guard::host_name;
use crate::peer::{self, RequestIds};

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevTarget {
    /// `GET /`: what there is.
    Index,
    /// `/fn/{project}/{namespace}/{function}/…`, by its three names with slashes between them.
    Function(String),
    /// `/{function}/…`
    ShortFunction(String),
    /// `POST /jobs/{job}`
    Job(String),
}

/// One call, its headers already stripped of what is not the workload's.
pub struct DevCall {
    /// What is called.
    pub target: DevTarget,
    /// Id of the execution, which is also the request's id.
    pub execution_id: String,
    /// The address as the code shall see it.
    pub url: String,
    /// The caller's address.
    pub client: Option<IpAddr>,
    /// The request, its path as the code shall see it.
    pub request: http::Request<strongroom_app::Body>,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct DevRefusal {
    /// The kind.
    pub code: Code,
    /// What happened, without values.
    pub detail: String,
}

/// Runs calls.
pub type DevCalls =
    Box<dyn Fn(DevCall) -> BoxFuture<'static, Result<http::Response<strongroom_app::Body>, DevRefusal>> + Send + Sync>;

struct Dev {
    calls: DevCalls,
    request_ids: RequestIds,
    hosts: Vec<String>,
}

/// The router of `strongroom dev`. `start` is a random number from which request ids are counted, `hosts` are names
/// besides loopback that it answers for.
pub fn dev_router(calls: DevCalls, start: u64, hosts: Vec<String>) -> Router {
    let dev = Dev { calls, request_ids: RequestIds::new(start), hosts };
    Router::new().fallback(call).with_state(Arc::new(dev))
}

async fn call(State(dev): State<Arc<Dev>>, request: Request) -> Response {
    let id = dev.request_ids.next();
    match forward(&dev, request, &id.0).await {
        Ok(response) => from_function(response, &id),
        Err(failure) => seal(failure.into_response(), &id),
    }
}

async fn forward(dev: &Dev, mut request: Request, id: &str) -> Result<Response<strongroom_app::Body>, Failure> {
    admit(&dev.hosts, request.method(), request.headers())?;
    if matches!(request.method().as_str(), "CONNECT" | "TRACE" | "TRACK") {
        return Err(Failure::new(Code::MethodNotAllowed, "functions are not called with this method"));
    }
    let path = request.uri().path().to_owned();
    let (target, prefix, rest) = target(&path).ok_or_else(nothing_here)?;
    if matches!(target, DevTarget::Job(_)) && request.method() != Method::POST {
        return Err(Failure::new(Code::MethodNotAllowed, "a job is started with POST; its payload is the body"));
    }
    let peer = peer::peer(&request);
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("http://{}{rest}{query}", host(request.headers())?);
    let inner: Uri = format!("{rest}{query}").parse().map_err(|_| nothing_here())?;
    strip(request.headers_mut(), peer.may_forward());
    if let Ok(prefix) = HeaderValue::from_str(prefix) {
        request.headers_mut().insert("x-forwarded-prefix", prefix);
    }
    *request.uri_mut() = inner;
    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
    let call = DevCall { target, execution_id: id.to_owned(), url, client: peer.address(), request };
    (dev.calls)(call).await.map_err(|refusal| Failure::new(refusal.code, refusal.detail))
}

/// What a path names, the part of it that names it, and the rest, which begins with `/`.
fn target(path: &str) -> Option<(DevTarget, &str, &str)> {
    if path == "/" {
        return Some((DevTarget::Index, "", "/"));
    }
    let names = match path {
        _ if path.starts_with("/fn/") => 4,
        _ if path.starts_with("/jobs/") => 2,
        _ => 1,
    };
    let end = path.match_indices('/').map(|(at, _)| at).nth(names);
    let (prefix, rest) = end.and_then(|end| path.split_at_checked(end)).unwrap_or((path, "/"));
    let parts: Vec<&str> = prefix.split('/').skip(1).collect();
    if parts.len() != names || parts.contains(&"") {
        return None;
    }
    let target = match parts.as_slice() {
        ["fn", project, namespace, name] => DevTarget::Function(format!("{project}/{namespace}/{name}")),
        ["jobs", name] if rest == "/" => DevTarget::Job((*name).to_owned()),
        [name] => DevTarget::ShortFunction((*name).to_owned()),
        _ => return None,
    };
    Some((target, prefix, rest))
}

/// Refuses what a page of another origin sends through a browser: under a host name of its own that points here, or
/// across origins. A navigation is let through, since a sign-in elsewhere ends with one.
fn admit(hosts: &[String], method: &Method, headers: &HeaderMap) -> Result<(), Failure> {
    let named = host_name(host(headers)?);
    if !is_known(hosts, named) {
        return Err(Failure::new(
            Code::Invalid,
            "dev does not answer for the host in the Host header; allow it with: strongroom dev --allow-host NAME",
        ));
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let foreign = if let Some(origin) = origin {
        let authority = origin.split_once("://").map(|(_, authority)| host_name(authority));
        !authority.is_some_and(|name| is_known(hosts, name))
    } else {
        let navigates = text(HeaderName::from_static("sec-fetch-mode")) == Some("navigate") && method == Method::GET;
        text(HeaderName::from_static("sec-fetch-site")) == Some("cross-site") && !navigates
    };
    if foreign {
        let detail = "dev does not answer pages of other origins; allow theirs with: strongroom dev --allow-host NAME";
        return Err(Failure::new(Code::Forbidden, detail));
    }
    Ok(())
}

/// This machine's names, addresses as such, and the given names.
fn is_known(hosts: &[String], name: &str) -> bool {
    let is_local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    let is_loopback = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_local || is_loopback || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn nothing_here() -> Failure {
    Failure::new(Code::NotFound, "nothing answers at this address; GET / lists what there is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_function_in_two_ways_or_a_job() {
        let function = DevTarget::Function("shop/default/hello".to_owned());
        let short = DevTarget::ShortFunction("hello".to_owned());
        for (path, expected) in [
            ("/", Some((DevTarget::Index, "", "/"))),
            ("/fn/shop/default/hello", Some((function.clone(), "/fn/shop/default/hello", "/"))),
            ("/fn/shop/default/hello/a/b", Some((function, "/fn/shop/default/hello", "/a/b"))),
            ("/hello", Some((short.clone(), "/hello", "/"))),
            ("/hello/a", Some((short, "/hello", "/a"))),
            ("/jobs/nightly", Some((DevTarget::Job("nightly".to_owned()), "/jobs/nightly", "/"))),
            ("/jobs/nightly/more", None),
            ("/fn/shop/hello", None),
            ("/fn//default/hello", None),
            ("//hello", None),
        ] {
            assert_eq!(target(path), expected, "{path}");
        }
    }

    fn asked(pairs: &[(&'static str, &'static str)]) -> bool {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        admit(&["tunnel.example".to_owned()], &Method::GET, &pairs.collect()).is_ok()
    }

    #[test]
    fn pages_of_other_origins_do_not_reach_it() {
        assert!(asked(&[("host", "127.0.0.1:7878")]));
        assert!(asked(&[("host", "localhost:7878"), ("origin", "http://localhost:5173")]));
        assert!(asked(&[("host", "tunnel.example"), ("origin", "https://tunnel.example")]));
        assert!(asked(&[("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!asked(&[("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]));
        assert!(!asked(&[("host", "rebound.example:7878")]));
        assert!(!asked(&[("host", "10.0.0.1:7878")]));
        assert!(!asked(&[("host", "localhost"), ("origin", "https://evil.example")]));
        assert!(!asked(&[("host", "localhost"), ("origin", "null")]));
    }
}
