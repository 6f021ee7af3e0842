//! seccomp: system calls that no worker needs and that break out of places. All else is allowed, since Deno grows.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::Missing;
use crate::spec::Engine;

/// Refused with EPERM whatever their arguments.
const REFUSED: [libc::c_long; 41] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_chroot,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_personality,
];

/// Flags of `clone` that make namespaces: cgroup, UTS, IPC, user, PID, network, mount, time.
const NAMESPACES: [u64; 8] =
    [0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x0002_0000, 0x0000_0080];

const UNIX: u64 = 1;
const INET: u64 = 2;
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
const EAFNOSUPPORT: u32 = 97;

pub(super) fn confine(engine: Engine) -> Vec<Missing> {
    match programs(engine) {
        None => missing("no filter can be made for this processor"),
        Some(programs) => {
            let applied = programs.iter().try_for_each(|program| seccompiler::apply_filter(program));
            applied.err().map_or_else(Vec::new, |error| missing(&error.to_string()))
        }
    }
}

pub(super) fn probe() -> Vec<Missing> {
    let offered = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nSeccomp:"));
    match (offered, programs(Engine::Deno)) {
        (true, Some(_)) => Vec::new(),
        (false, _) => missing("the kernel does not offer it"),
        (_, None) => missing("no filter can be made for this processor"),
    }
}

fn programs(engine: Engine) -> Option<Vec<BpfProgram>> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|number| (*number, Vec::new())).collect();
    // clone, not clone3: that one's flags lie behind a pointer, so it is "unknown", and the C library uses clone
    refused.insert(
        libc::SYS_clone,
        NAMESPACES.iter().filter_map(|flag| rule(0, SeccompCmpOp::MaskedEq(*flag), *flag)).collect(),
    );
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let other_family = match engine {
        Engine::Node => Vec::new(),
        Engine::Deno => vec![other_family()?],
    };
    if engine == Engine::Node {
        // what it is handed is connected already, and stays so
        refused.extend([libc::SYS_connect, libc::SYS_bind].map(|number| (number, Vec::new())));
    }
    let families = BTreeMap::from([(libc::SYS_socket, other_family)]);
    Some(vec![program(refused, EPERM)?, program(clone3, ENOSYS)?, program(families, EAFNOSUPPORT)?])
}

// IPv6 goes too: Deno cannot refuse its private ranges
fn other_family() -> Option<SeccompRule> {
    let other_family =
        SeccompRule::new(vec![condition(0, SeccompCmpOp::Ne, UNIX)?, condition(0, SeccompCmpOp::Ne, INET)?]);
    other_family.ok()
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: u32) -> Option<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), arch).ok()?;
    filter.try_into().ok()
}

fn rule(argument: u8, compare: SeccompCmpOp, value: u64) -> Option<SeccompRule> {
    SeccompRule::new(vec![condition(argument, compare, value)?]).ok()
}

fn condition(argument: u8, compare: SeccompCmpOp, value: u64) -> Option<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value).ok()
}

fn missing(reason: &str) -> Vec<Missing> {
    vec![Missing { part: "seccomp", reason: reason.to_owned() }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_can_be_made_here() {
        assert!(
            [Engine::Deno, Engine::Node]
                .iter()
                .all(|engine| programs(*engine).is_some_and(|programs| programs.len() == 3))
        );
    }
}
