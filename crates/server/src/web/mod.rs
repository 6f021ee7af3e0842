//! Pages for people: rendered here, useful without script, nothing from outside.
//!
//! A page is a handler like any other: it takes a [`visit::Visit`], calls one use case with the visitor's caller, and
//! shows a template inside the frame. What it refuses with becomes a page too (`problem.rs`).
//!
//! ```text
//! request ──> guard ──> gate (who, same origin, form, CSRF) ──> handler ──> use case ──> template in the frame
//! ```

pub(crate) mod account;
pub(crate) mod assets;
pub(crate) mod audit;
pub(crate) mod deeds;
pub(crate) mod door;
pub(crate) mod fill;
pub(crate) mod forms;
pub(crate) mod frame;
pub(crate) mod functions;
pub(crate) mod gate;
pub(crate) mod invitations;
pub(crate) mod issuers;
pub(crate) mod jobs;
pub(crate) mod login;
pub(crate) mod logs;
pub(crate) mod members;
pub(crate) mod nav;
pub(crate) mod oidc;
pub(crate) mod overview;
pub(crate) mod problem;
pub(crate) mod projects;
pub(crate) mod runs;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod visit;
pub(crate) mod when;
pub(crate) mod workloads;

use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, header};
use strongroom_api::Code;

use crate::failure::Failure;

/// Nothing but what this server serves, no script and no style within a page, and no page of ours in another's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A template as a whole page.
pub(crate) fn show(template: &impl askama::Template) -> Response {
    show_with(StatusCode::OK, template)
}

/// The same with another status.
pub(crate) fn show_with(status: StatusCode, template: &impl askama::Template) -> Response {
    let Ok(html) = template.render() else {
        return Failure::new(Code::Internal, "the page could not be rendered").into_response();
    };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    let mut response = (status, headers, html).into_response();
    response.extensions_mut().insert(SendsForms);
    response
}

/// A page whose address is a secret: no site is told it, not even this one. Its forms say nothing of where they come from.
pub(crate) fn show_quietly(status: StatusCode, template: &impl askama::Template) -> Response {
    let mut response = show_with(status, template);
    response.extensions_mut().remove::<SendsForms>();
    response
}

/// Marks a page whose forms are to say where they come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendsForms;

/// Where the browser goes after a form was taken: a reload then sends nothing twice.
pub(crate) fn go(address: &str) -> Response {
    Redirect::to(address).into_response()
}
