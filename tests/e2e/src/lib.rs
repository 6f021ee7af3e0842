//! The product as a whole, seen from outside: the real program, real processes, HTTP and the command line.
//!
//! A test starts an [`Instance`] of its own in a private folder, talks to it through [`Client`] and [`Instance::cli`],
//! and ends with [`Instance::close`], which stops the server and searches everything it left behind (data directory,
//! logs, command output, HTTP answers) for every value the test has planted.
//!
//! The program is found by [`binary::program`]: the variable `STRONGROOM_BIN` names it; otherwise it is the one in the
//! target folder of this build, which the first test of a run brings up to date with `cargo build -p strongroom`.
//! `STRONGROOM_SOAK=1` raises the counts to those of `make soak`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test harness fails by panicking, where it happens"
)]

pub mod binary;
pub mod browser;
pub mod canary;
pub mod cli;
pub mod client;
pub mod factor;
pub mod functions;
pub mod identity;
pub mod instance;
pub mod jobs;
pub mod load;
pub mod people;
pub mod processes;
pub mod provider;
pub mod routes;
pub mod sample;
pub mod wait;
pub mod witness;

pub use cli::Output;
pub use client::{Answer, Call, Client};
pub use instance::{Instance, Setup};

/// Tells what a test at full count has seen, for the soak's report.
#[expect(clippy::print_stdout, reason = "the soak script reads this line")]
pub fn report(line: &str) {
    println!("soak: {line}");
}

/// `reduced`, or `full` when `STRONGROOM_SOAK` is set.
pub fn count(reduced: usize, full: usize) -> usize {
    if binary::variable("STRONGROOM_SOAK").is_some() { full } else { reduced }
}
