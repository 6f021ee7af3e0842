//! The wire: request and response bodies, error codes, and the only place where plaintext meets serde. Shared by server
//! and client, so that they cannot drift apart.

pub mod access;
pub mod functions;
pub mod issuers;
pub mod jobs;
pub mod links;
pub mod people;
pub mod problem;
pub mod projects;
pub mod resolve;
pub mod secrets;
pub mod trail;
pub mod trusts;
pub mod value;

pub use problem::{Code, FieldError, Problem};
pub use value::{Plaintext, PlaintextMap};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of a list. `next_cursor` is null on the last page; otherwise pass it as `cursor` for the next one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Opaque position of the next page.
    pub next_cursor: Option<String>,
}

/// `GET /api/v1/server`: what this server is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ServerAbout {
    /// The program's version.
    pub version: String,
    /// Where functions answer; null if this process serves none.
    pub functions_url: Option<String>,
    /// Where people reach the management pages and API.
    pub public_url: Option<String>,
    /// Fingerprint of the root key.
    pub fingerprint: String,
}
