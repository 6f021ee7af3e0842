//! HTTP: the management router, the functions listener, and the guards in front of them.
//!
//! Every route stands in `router.rs`; what it asks for, in `admission.rs`. A request passes the guards (`guard.rs`: host, transport, credential) before
//! any handler sees it; a handler parses, calls one use case, and answers.

mod admission;
mod answer;
mod api;
mod credential;
#[cfg(feature = "describe")]
mod describe;
mod dev;
mod docs_page;
mod edge;
mod end_users;
mod extract;
mod failure;
mod functions;
mod guard;
mod openapi;
mod peer;
mod place;
mod route;
mod router;
mod serve;
mod session;
mod streams;
mod web;

#[cfg(feature = "describe")]
pub use describe::{document, routes};
pub use dev::{DevCall, DevCalls, DevRefusal, DevTarget, dev_router};
pub use edge::{ConnectionLimits, Edge, Limits, Rate, RateLimits, Tls, TlsError, TrustedProxies};
pub use peer::Peer;
pub use router::{Served, functions_router, local_router, management_router};
pub use serve::{Listener, serve};
