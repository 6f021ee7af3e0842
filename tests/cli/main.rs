//! The program through its front door: every documented form, against each way of reaching a store.

#![expect(clippy::indexing_slicing, reason = "a test that indexes wrongly fails, which is what it is for")]

mod access;
mod apps;
mod check;
mod create;
mod delete;
mod deploy;
mod dev;
mod envfile;
mod forms;
mod functions;
mod guide;
mod hints;
mod init;
mod json;
mod links;
mod local_store;
mod mcp;
mod names;
mod plugin;
mod run;
mod scopes;
mod secrecy;
mod terminal;
mod types;
mod values;
mod world;
