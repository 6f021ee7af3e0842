//! What a worker process denies itself before it executes Deno or Node, beside the permissions of those: a second wall,
//! for the day when they have a hole. For Node it is the only one around the network: its workers open no sockets. Runs as a re-execution of our own binary (`strongroom worker-exec`), so that nothing
//! has to happen between fork and exec of the server.
//!
//! | means | what it stops |
//! |---|---|
//! | no_new_privs | set-user-id programs |
//! | own session, parent-death signal | outliving the server, signals to its group |
//! | resource limits | core dumps with secrets, huge files, descriptor floods |
//! | Landlock | every file but its own, the data directory, siblings (`/proc`, ptrace, signals, abstract sockets) |
//! | seccomp | ptrace, other processes' memory, io_uring, keys, mounts, bpf, namespaces, IPv6 and odd socket families (Node: every socket) |

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::spec::Engine;

#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod syscalls;

/// What the sandbox needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is executed.
    pub engine: Engine,
    /// Its program.
    pub program: PathBuf,
    /// The worker's private directory: read and write.
    pub own_dir: PathBuf,
    /// `DENO_DIR`, or the private directory again: read and write.
    pub cache_dir: PathBuf,
    /// Where the boot script lies: read.
    pub boot_dir: PathBuf,
}

/// A part of the sandbox that this system does not offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which part: `landlock`, `seccomp`, `no_new_privs`, `limits`, `session`, `parent_death_signal`.
    pub part: &'static str,
    /// Why, or what of it.
    pub reason: String,
}

/// Why the program was not executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// Not called with the arguments of [`arguments`].
    #[error("the worker launcher was started without its arguments")]
    Arguments,
    /// Node may not run without the part that keeps it from opening connections.
    #[error("Node workers need seccomp, which this system lacks ({0}); use the runtime \"deno\" here")]
    Open(String),
    /// The program could not be executed.
    #[error("could not execute {program}")]
    Exec {
        /// Which program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The arguments that hand `plan` to the launcher. The program's own arguments follow them.
pub fn arguments(plan: &Plan) -> Vec<OsString> {
    let engine = match plan.engine {
        Engine::Deno => "deno",
        Engine::Node => "node",
    };
    let paths = [&plan.program, &plan.own_dir, &plan.cache_dir, &plan.boot_dir].map(|path| path.as_os_str().to_owned());
    [OsString::from(engine)].into_iter().chain(paths).chain([OsString::from("--")]).collect()
}

/// Gives up every right that a worker needs not, as far as this system can, and executes the program in place
/// of this process. `args` is what follows the launcher's own words: [`arguments`], then the program's. Returns only on
/// failure.
pub fn exec_sandboxed(args: impl IntoIterator<Item = OsString>) -> ExecError {
    let mut args = args.into_iter();
    let engine = match args.next() {
        Some(word) if word == "deno" => Engine::Deno,
        Some(word) if word == "node" => Engine::Node,
        _ => return ExecError::Arguments,
    };
    let mut path = || args.next().map(PathBuf::from);
    let paths = (path(), path(), path(), path());
    let (Some(program), Some(own_dir), Some(cache_dir), Some(boot_dir)) = paths else { return ExecError::Arguments };
    if args.next().is_none_or(|dashes| dashes != "--") {
        return ExecError::Arguments;
    }
    let plan = Plan { engine, program, own_dir, cache_dir, boot_dir };
    let open = confine(&plan).into_iter().find(|missing| missing.part == "seccomp");
    if let Some(open) = open.filter(|_| engine == Engine::Node && cfg!(target_os = "linux")) {
        return ExecError::Open(open.reason);
    }
    let source = execute(&plan.program, args);
    ExecError::Exec { program: plan.program, source }
}

/// What a sandbox on this system would lack; empty means nothing. Changes nothing in this process.
pub fn probe() -> Vec<Missing> {
    #[cfg(target_os = "linux")]
    {
        files::probe().into_iter().chain(syscalls::probe()).collect()
    }
    #[cfg(not(target_os = "linux"))]
    {
        vec![Missing { part: "landlock", reason: "only Linux offers it".to_owned() }]
    }
}

#[cfg(target_os = "linux")]
fn confine(plan: &Plan) -> Vec<Missing> {
    // seccomp last: the others need calls that it refuses
    process::confine().into_iter().chain(files::confine(plan)).chain(syscalls::confine(plan.engine)).collect()
}

#[cfg(not(target_os = "linux"))]
fn confine(_plan: &Plan) -> Vec<Missing> {
    probe()
}

fn execute(program: &Path, args: impl Iterator<Item = OsString>) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(std::process::Command::new(program).args(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_arguments_nothing_is_executed() {
        assert!(matches!(exec_sandboxed([]), ExecError::Arguments));
        let few = ["deno", "b", "c", "d", "e", "not-dashes"].map(OsString::from);
        assert!(matches!(exec_sandboxed(few), ExecError::Arguments));
    }
}
