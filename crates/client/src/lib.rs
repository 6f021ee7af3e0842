//! The typed client: one method an operation, one file a noun. The transport is HTTP(S), a Unix socket, or a service
//! in the same process; which one makes no difference to the caller.
//!
//! ```text
//! Client ──> Project ──> secrets::set() ──┐
//!                                         ├─ request.rs: JSON out (wiped), JSON or problem details in (wiped)
//!                                         └─ transport: http.rs | unix.rs | in_process.rs
//! ```
//!
//! Bodies that may carry values stand in buffers that wipe themselves. A credential belongs to one address and is
//! sent nowhere else; a redirect is an error, never followed.

mod access;
mod address;
mod apps;
mod client;
mod error;
mod events;
mod functions;
mod issuers;
mod jobs;
mod links;
mod namespaces;
mod people;
mod projects;
mod request;
mod resolve;
mod secrets;
mod server;
mod settings;
mod trail;
mod transport;
mod trusts;
mod wiping;
mod workloads;

pub use address::{Address, AddressError, AddressSource, Credential};
pub use client::{Client, Project};
pub use error::ClientError;
pub use events::{Changed, Events};
pub use functions::{Invocation, Invoked};
pub use jobs::RunFilter;
pub use resolve::{Tagged, Workload};
pub use secrets::{Deletion, SecretFilter, Selector};
pub use settings::User;
pub use trail::{AuditFilter, Download, LogFilter};
pub use transport::{BoxError, InProcess};
pub use workloads::{Deployable, WorkloadKind};
