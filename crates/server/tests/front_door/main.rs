//! The API through its router, on a real store, without a network. One file a noun.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod access;
mod account;
mod door;
mod factor;
mod http;
mod links;
mod logins;
mod members;
mod metrics;
mod openapi;
mod pages;
mod people;
mod people_pages;
mod project_pages;
mod protection;
mod resolve;
mod secret_pages;
mod secrets;
mod support;
mod tokens;
