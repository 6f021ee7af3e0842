//! Functions as their callers and their authors see them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod calls;
mod deployments;
mod limits;
mod secrets;
mod streams;
mod users;
