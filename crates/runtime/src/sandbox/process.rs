//! What a process can say about itself.

use rustix::process::{Resource, Rlimit, Signal};

use super::Missing;

const MAX_FILES: u64 = 8192;
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

pub(super) fn confine() -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut note = |part, done: rustix::io::Result<()>| {
        if let Err(error) = done {
            missing.push(Missing { part, reason: error.to_string() });
        }
    };
    note("no_new_privs", rustix::thread::set_no_new_privs(true));
    note("parent_death_signal", rustix::process::set_parent_process_death_signal(Some(Signal::KILL)));
    // the leader of a process group cannot open a session; the group that the server made is enough then
    let _leader = rustix::process::setsid();
    for (resource, most) in [(Resource::Core, 0), (Resource::Nofile, MAX_FILES), (Resource::Fsize, MAX_FILE_BYTES)] {
        let ceiling = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX).min(most);
        let limit = Rlimit { current: Some(ceiling), maximum: Some(ceiling) };
        note("limits", rustix::process::setrlimit(resource, limit));
    }
    missing
}
