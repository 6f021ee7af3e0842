//! What every request passes before a handler sees it: an id, a known host, a private transport, a credential.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header;
use strongroom_api::Code;
use strongroom_app::Caller;
use strongroom_app::links::Visitor;

use crate::admission::Admission;
use crate::answer::{HSTS, seal};
use crate::credential::{idempotency_key, who};
use crate::edge::Budget;
use crate::end_users;
use crate::failure::{Failure, Pending};
use crate::peer::{Peer, RequestId, peer};
use crate::router::{Served, answer};
use crate::{session, web};

/// What every request to the management API passes: it is named, foreign hosts and plain HTTP from afar are refused, the
/// caller is proved, and every answer is marked as not to be stored.
pub(crate) async fn admit(served: Arc<Served>, request: Request, routes: Router) -> Response {
    let id = served.request_ids.next();
    let peer = peer(&request);
    let admission = Admission::of(&request);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = if is_known_host(&served, peer, &request) {
        let_in(&served, admission, (peer, &id), request, routes).await
    } else {
        let detail =
            "this server does not answer for the host in the Host header; its own is named by STRONGROOM_PUBLIC_URL";
        Failure::new(Code::Invalid, detail).into_response()
    };
    if response.extensions().get::<Pending>().is_some_and(Pending::is_damage) {
        served.app.note_damage(&id.0).await;
    }
    let is_page = admission == Admission::Page;
    let mut response = seal(if is_page { web::problem::dressed(response, &id) } else { response }, &id);
    if peer.is_https() {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    let status = response.status();
    served.answers.count(status);
    if status.is_server_error() {
        tracing::warn!(request_id = id.0, %method, path = shown(uri.path()), status = status.as_u16(), "request failed");
    } else {
        tracing::debug!(request_id = id.0, %method, path = shown(uri.path()), status = status.as_u16(), "request");
    }
    response
}

async fn let_in(
    served: &Served,
    admission: Admission,
    (peer, id): (Peer, &RequestId),
    request: Request,
    routes: Router,
) -> Response {
    match admission {
        Admission::Open => open(served, peer, request, routes).await,
        _ if !peer.is_private() => {
            let detail = "tokens and values travel only over HTTPS, a Unix socket or loopback; give the server --tls-cert and --tls-key, or --trusted-proxy for the HTTPS proxy in front of it";
            Failure::new(Code::InsecureTransport, detail).into_response()
        }
        Admission::Door => at_the_door(served, (peer, id), request, routes).await,
        Admission::Code => with_code(served, (peer, id), request, routes).await,
        Admission::Page => web::gate::admit(served, (peer, id), request, routes).await,
        Admission::EndUser => {
            let proved = end_users::who(served, (request.headers(), request.uri()), &peer.source(), id).await;
            proven(served, peer, proved, request, routes).await
        }
        Admission::Credential => {
            let proved = who(served, (request.method(), request.headers()), (peer, id)).await;
            proven(served, peer, proved, request, routes).await
        }
    }
}

/// What needs no credential spends the budget of its address.
async fn open(served: &Served, peer: Peer, request: Request, routes: Router) -> Response {
    let budget = served.edge.rates.of_address(peer);
    let response = match budget.and_then(Budget::refusal) {
        Some(refusal) => refusal,
        None => answer(routes, request).await,
    };
    within(budget, response)
}

/// Whoever shows the code of a link, right or wrong, spends the budget of his address too.
async fn with_code(served: &Served, (peer, id): (Peer, &RequestId), mut request: Request, routes: Router) -> Response {
    let budget = served.edge.rates.of_address(peer);
    if let Some(refusal) = budget.and_then(Budget::refusal) {
        return within(budget, refusal);
    }
    request.extensions_mut().insert(guest(peer, id));
    within(budget, to_the_end(request, routes).await)
}

/// Says what is left of a budget.
pub(crate) fn within(budget: Option<Budget>, mut response: Response) -> Response {
    if let Some(budget) = budget {
        budget.tell(response.headers_mut());
    }
    response
}

/// Nobody passes without a credential where [`Admission`] asks for one. A credential that is accepted spends its own budget; one that
/// is missing or refused spends that of its address.
async fn proven(
    served: &Served,
    peer: Peer,
    proved: Result<Caller, Failure>,
    mut request: Request,
    routes: Router,
) -> Response {
    match proved {
        Ok(caller) => {
            let budget = served.edge.rates.of_caller(peer, &caller);
            if let Some(refusal) = budget.and_then(Budget::refusal) {
                return within(budget, refusal);
            }
            request.extensions_mut().insert(caller);
            within(budget, to_the_end(request, routes).await)
        }
        Err(failure) => {
            let budget = served.edge.rates.of_address(peer);
            within(budget, budget.and_then(Budget::refusal).unwrap_or_else(|| failure.into_response()))
        }
    }
}

/// What lets somebody in: nobody is signed in yet. A page of another site reaches none of it, so that nobody is signed in
/// to another's account without knowing (login CSRF).
async fn at_the_door(
    served: &Served,
    (peer, id): (Peer, &RequestId),
    mut request: Request,
    routes: Router,
) -> Response {
    let origin = session::check_origin(served, request.method(), request.headers(), peer);
    if let Err(failure) = origin.and_then(|()| idempotency_key(request.headers()).map(drop)) {
        return failure.into_response();
    }
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(id.clone());
    let budget = served.edge.rates.of_address(peer);
    let response = match budget.and_then(Budget::refusal) {
        Some(refusal) => refusal,
        None => to_the_end(request, routes).await,
    };
    within(budget, response)
}

/// Runs a request that may change something to its end, even if the caller hangs up: what was committed must also be
/// told to caches and workers, or a revoked token would stay accepted and an old value would stay in use.
pub(crate) async fn to_the_end(request: Request, routes: Router) -> Response {
    if request.method().is_safe() {
        return answer(routes, request).await;
    }
    match tokio::spawn(answer(routes, request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request broke off");
            Failure::new(Code::Internal, "the request broke off; the server's log has the cause").into_response()
        }
    }
}

/// A path for the log: parts that can be no name or id are left out, since they may be a value in the wrong place.
fn shown(path: &str) -> String {
    const MAX_PART_BYTES: usize = 64;
    let is_name = |part: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        (part.len() <= MAX_PART_BYTES && part.bytes().all(fits)) || *part == "openapi.json"
    };
    // what stands anywhere after these words lets its holder in
    let mut is_code = false;
    let parts = path.split('/').take(MAX_PART_BYTES).map(|part| {
        let part = if is_name(&part) && !is_code { part } else { "…" };
        is_code |= matches!(part, "setup" | "invitation" | "fill" | "open");
        part
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Loopback names, addresses as such, and the public address's host. A name that somebody else's DNS points here is
/// none of them, so a page of his cannot talk to this server through a browser.
fn is_known_host(served: &Served, peer: Peer, request: &Request) -> bool {
    if peer.address().is_none() {
        return true;
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else { return false };
    // a request line that names a host itself means that one
    if request.uri().authority().is_some_and(|named| !named.as_str().eq_ignore_ascii_case(host)) {
        return false;
    }
    let name = host_name(host);
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    name.eq_ignore_ascii_case("localhost")
        || is_address
        || served.known_hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Somebody without an account who has a one-time code.
pub(crate) fn guest(peer: Peer, id: &RequestId) -> Visitor {
    Visitor { source: peer.source(), request_id: id.0.clone() }
}

/// A host without its port.
pub(crate) fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
