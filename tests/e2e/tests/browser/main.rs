//! The web pages in a real Chromium.
#![expect(clippy::unwrap_used, reason = "tests")]

mod harness;
mod keyboard;
mod provider;
mod roles;
mod size;
mod story;
