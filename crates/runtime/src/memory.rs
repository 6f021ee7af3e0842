//! Memory of a worker, as the kernel counts it.

use std::time::Duration;

/// How often workers are looked at.
pub(crate) const INTERVAL: Duration = Duration::from_millis(250);
/// What the runtime itself needs beside the code's own memory, in bytes.
const OVERHEAD_BYTES: u64 = 32 * 1024 * 1024;

/// Resident bytes of the process that it shares with nobody's files, from `/proc/PID/statm` (fields 2 and 3, pages).
pub(crate) fn own_bytes(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut fields = statm.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (fields.next()?.ok()?, fields.next()?.ok()?);
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    Some(resident.saturating_sub(shared).saturating_mul(page))
}

/// What a worker with this much memory of its own may use before it is killed.
pub(crate) fn limit(memory_bytes: u64) -> u64 {
    memory_bytes.saturating_add(OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_memory_of_this_process_is_seen() {
        assert!(own_bytes(std::process::id()).is_some_and(|bytes| bytes > 100_000));
        assert_eq!(own_bytes(u32::MAX), None);
    }
}
