//! The commands: a folder a noun, a file a verb.

pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod functions;
pub(crate) mod init;
pub(crate) mod jobs;
pub(crate) mod links;
pub(crate) mod logs;
pub(crate) mod mcp;
pub(crate) mod members;
pub(crate) mod namespaces;
pub(crate) mod open;
pub(crate) mod projects;
pub(crate) mod run;
pub(crate) mod runtime;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod settings;
pub(crate) mod tokens;
pub(crate) mod types;
pub(crate) mod users;
pub(crate) mod whoami;
mod workloads;
