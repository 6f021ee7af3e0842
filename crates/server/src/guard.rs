//! What every request passes before a handler sees it: an id, a known host, a private transport, a credential.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use strongroom_api::Code;
use strongroom_app::links::Visitor;
use strongroom_app::tokens::{AuthenticateError, authenticate};
use strongroom_app::{App, Caller};

use crate::edge::Budget;
use crate::failure::{Failure, Pending};
use crate::router::{Served, answer};
use crate::{session, web};

/// Where a request comes from: what its connection says, or the proxy that is trusted to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A network address, by plain HTTP.
    Tcp(SocketAddr),
    /// A network address, by TLS.
    Tls(SocketAddr),
    /// A client of a trusted proxy.
    Proxied {
        /// The client.
        client: IpAddr,
        /// Whether the client speaks HTTPS, as every proxy on the way says.
        is_https: bool,
    },
    /// The local socket.
    Socket,
    /// The same process.
    Process,
}

impl Peer {
    /// The word in the audit trail.
    pub(crate) fn source(self) -> String {
        match self.address() {
            Some(address) => address.to_string(),
            None if self == Self::Socket => "socket".to_owned(),
            None => "process".to_owned(),
        }
    }

    /// The caller's address, if there is one: never its IPv6 form if it is an IPv4 address. Whatever is decided by address
    /// (limits, audit, where a token may be used from) asks here and nowhere else.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) | Self::Tls(address) => Some(address.ip().to_canonical()),
            Self::Proxied { client, .. } => Some(client),
            Self::Socket | Self::Process => None,
        }
    }

    /// Whether the caller is on this machine, with nobody in between.
    pub(crate) fn is_local(self) -> bool {
        match self {
            Self::Tcp(address) | Self::Tls(address) => address.ip().to_canonical().is_loopback(),
            Self::Proxied { .. } => false,
            Self::Socket | Self::Process => true,
        }
    }

    /// Whether the caller's own connection is HTTPS.
    pub(crate) fn is_https(self) -> bool {
        match self {
            Self::Tls(_) => true,
            Self::Proxied { is_https, .. } => is_https,
            Self::Tcp(_) | Self::Socket | Self::Process => false,
        }
    }

    /// Whether nobody can listen in between.
    pub(crate) fn is_private(self) -> bool {
        self.is_https() || self.is_local()
    }

    /// Whether a request's own words about where it comes from may be passed on: a trusted proxy wrote them, or somebody on
    /// this machine did.
    pub(crate) fn may_forward(self) -> bool {
        self.is_local() || matches!(self, Self::Proxied { .. })
    }
}

/// The id of a request: in the answer's header, in problems, in the log and in the audit trail.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Makes request ids: random at start, counted from there.
pub(crate) struct RequestIds {
    start: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(start: u64) -> Self {
        Self { start, next: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        RequestId(format!("{:016x}-{number:x}", self.start))
    }
}

pub(crate) fn peer(request: &Request) -> Peer {
    request.extensions().get::<Peer>().copied().unwrap_or(Peer::Process)
}

/// What every request to the management API passes: it is named, foreign hosts and plain HTTP from afar are refused, the
/// caller is proved, and every answer is marked as not to be stored.
pub(crate) async fn admit(served: Arc<Served>, mut request: Request, routes: Router) -> Response {
    let id = served.request_ids.next();
    let peer = peer(&request);
    let is_page = web::gate::is_for_a_page(&request);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = if !is_known_host(&served, peer, &request) {
        Failure::new(
            Code::Invalid,
            "this server does not answer for the host in the Host header; its own is named by STRONGROOM_PUBLIC_URL",
        )
        .into_response()
    } else if is_open(uri.path()) {
        open(&served, peer, request, routes).await
    } else if is_door(&method, uri.path()) && peer.is_private() {
        at_the_door(&served, (peer, &id), request, routes).await
    } else if !peer.is_private() {
        let detail = "tokens and values travel only over HTTPS, a Unix socket or loopback; give the server --tls-cert and --tls-key, or --trusted-proxy for the HTTPS proxy in front of it";
        Failure::new(Code::InsecureTransport, detail).into_response()
    } else if let Some(refusal) = too_many_guesses(&served, peer, uri.path()) {
        refusal
    } else if is_page {
        web::gate::admit(&served, (peer, &id), request, routes).await
    } else if GUEST_PATHS.contains(&uri.path()) {
        request.extensions_mut().insert(guest(peer, &id));
        to_the_end(request, routes).await
    } else {
        authenticated(&served, (peer, &id), request, routes).await
    };
    if response.extensions().get::<Pending>().is_some_and(Pending::is_damage) {
        served.app.note_damage(&id.0).await;
    }
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

/// Browsers shall never speak plain HTTP with this host again, for two years from now.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

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
fn too_many_guesses(served: &Served, peer: Peer, path: &str) -> Option<Response> {
    let shows_code = GUEST_PATHS.contains(&path) || path.starts_with("/fill/");
    let budget = if shows_code { served.edge.rates.of_address(peer) } else { None };
    let refusal = budget.and_then(Budget::refusal)?;
    Some(within(budget, refusal))
}

/// Says what is left of a budget.
pub(crate) fn within(budget: Option<Budget>, mut response: Response) -> Response {
    if let Some(budget) = budget {
        budget.tell(response.headers_mut());
    }
    response
}

/// Nobody passes without a credential but to [`OPEN_PATHS`]. A credential that is accepted spends its own budget; one that
/// is missing or refused spends that of its address.
async fn authenticated(
    served: &Served,
    (peer, id): (Peer, &RequestId),
    mut request: Request,
    routes: Router,
) -> Response {
    match who(served, (request.method(), request.headers()), (peer, id)).await {
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
    if let Err(failure) = session::check_origin(served, request.method(), request.headers(), peer) {
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

/// Puts the request's id into the answer, and the headers that every answer carries.
pub(crate) fn seal(mut response: Response, id: &RequestId) -> Response {
    if let Some(Pending(mut problem)) = response.extensions_mut().remove::<Pending>() {
        problem.request_id.clone_from(&id.0);
        *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let extensions = response.extensions();
    let cache = extensions.get().map_or("no-store", |web::assets::Immutable| "public, max-age=31536000, immutable");
    // a browser that may not say where a form comes from sends "Origin: null", which nobody could believe
    let referrer = extensions.get().map_or("no-referrer", |web::SendsForms| "same-origin");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("permissions-policy", HeaderValue::from_static(NO_POWERS));
    // a page has a policy of its own
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NO_CONTENT));
    response
}

/// What no page of ours asks a browser for.
const NO_POWERS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";
/// An answer that is no page loads nothing and is shown in no frame.
const NO_CONTENT: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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

/// A host without its port.
pub(crate) fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Paths that need no credential: health, and the description of the API.
fn is_open(path: &str) -> bool {
    OPEN_PATHS.contains(&path)
}

/// See [`is_open`]. Compared with the whole path, never with a part of it.
pub(crate) const OPEN_PATHS: [&str; 5] =
    ["/healthz", "/readyz", "/api/v1/openapi.json", "/api/docs", crate::docs_page::STYLE_PATH];

/// Paths whose body holds the one-time code that lets the caller in. Compared whole, as [`OPEN_PATHS`] are.
pub(crate) const GUEST_PATHS: [&str; 2] = ["/api/v1/fill", "/api/v1/fill/look"];

/// Somebody without an account who has a one-time code.
pub(crate) fn guest(peer: Peer, id: &RequestId) -> Visitor {
    Visitor { source: peer.source(), request_id: id.0.clone() }
}

/// Routes that let somebody in who is not signed in yet. Compared as the routes are: whole segments, never a part of one.
fn is_door(method: &http::Method, path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let segments = [segments.next(), segments.next(), segments.next(), segments.next()];
    match segments {
        [Some("api"), Some("v1"), Some("setup" | "session"), None] => method == http::Method::POST,
        [Some("api"), Some("v1"), Some("invitations"), Some("accept")] => {
            method == http::Method::POST && path == "/api/v1/invitations/accept"
        }
        [Some("open"), Some(_), None, None] => method == http::Method::GET,
        _ => false,
    }
}

/// The caller: by the bearer if there is one, else by the session's cookie.
async fn who(
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

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Failure::invalid("Idempotency-Key", "an idempotency key is 1 to 255 visible ASCII characters")
    })?;
    Ok(Some(key.to_owned()))
}
