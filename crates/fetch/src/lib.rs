//! Connections to elsewhere: which addresses may be reached, TLS with the machine's trusted roots, and the few requests
//! that the server itself sends (keys of issuers, sign-in providers, notices).
//!
//! ```text
//! name ──> refused name? ──> resolve ──> refused address? ──> dial that very address ──> TLS for the name ──> 1 MiB
//! ```
//!
//! The address that was checked is the one that is dialled, so a name that resolves otherwise the next time is of no use.
//! A redirect is an error, never followed.

pub mod addresses;
mod exchange;
mod target;
pub mod tls;

pub use exchange::{Answer, FetchError, Fetcher, MAX_ANSWER_BYTES, Outgoing};
pub use target::{Reach, Target, TargetError};
