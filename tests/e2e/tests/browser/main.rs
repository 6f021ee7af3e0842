//! The web pages in a real Chromium.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod account;
mod harness;
mod keyboard;
mod provider;
mod roles;
mod size;
mod story;
