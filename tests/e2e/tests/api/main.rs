//! The HTTP API as clients see it: what each call answers, and the rules that all of them share.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod changes;
mod lists;
mod namespaces;
mod own;
mod rules;
mod scopes;
mod secrets;
mod tokens;
mod trusts;
