//! What every answer carries: the request's id, and headers that keep it from being stored, framed and sniffed at.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};

use crate::failure::Pending;
use crate::peer::RequestId;
use crate::web;

/// Browsers shall never speak plain HTTP with this host again, for two years from now.
pub(crate) const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

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
