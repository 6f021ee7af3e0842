//! `strongroom dev`: every function, job and app of a project on this machine, with the secrets that the deployed ones
//! get, kept up to date with what is saved and what changes in the store.
//!
//! ```text
//! strongroom.json ─► plan ──────────► keepers (bundle, reload on save) ─► runtime ◄─ calls ◄─ listener
//! store ─► link ─► store.rs ─► layers ◄─ .env, shell        ▲ refresh        ▲ snapshot
//!            └─ events ──────────────┴── session (one loop) ─┴─ apps (restart when their values change)
//! ```

mod adopt;
mod apps;
mod calls;
mod code;
mod dotenv;
mod events;
mod fetch;
mod layers;
mod link;
mod listen;
mod news;
mod plan;
mod print;
mod reload;
mod report;
mod schedules;
mod session;
mod start;
mod store;

use strongroom_runtime::PrivateNet;

use crate::context::Context;
use crate::errors::{Exit, Failure};

/// What `strongroom dev` was told.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The namespace; else the project file's.
    pub(crate) namespace: Option<String>,
    /// Workloads; all if none is named.
    pub(crate) only: Vec<String>,
    /// Takes values from `.env` and the shell alone.
    pub(crate) offline: bool,
    /// Where functions and jobs answer; the documented port or one near it unless given.
    pub(crate) listen: Option<String>,
    /// Host names besides this machine's that are answered.
    pub(crate) hosts: Vec<String>,
    /// Whether functions and jobs may reach private addresses.
    pub(crate) private_net: PrivateNet,
    /// Runs jobs by their schedules.
    pub(crate) schedules: bool,
}

/// Runs until it is told to stop.
pub(crate) fn run(context: &Context, options: &Options) -> Result<Exit, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = built.map_err(|error| Failure::failed("dev could not start its runtime").because(&error))?;
    let ended = runtime.block_on(start::start(context, options));
    // a bundler may still run; nobody waits for what it makes
    runtime.shutdown_background();
    ended.map(|()| Exit::DONE)
}
