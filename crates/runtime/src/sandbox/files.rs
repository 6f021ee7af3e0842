//! Landlock: one domain for each worker.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use super::{Missing, Plan};

/// The newest rules that are asked for; an older kernel applies those it knows.
const NEWEST: ABI = ABI::V6;

/// Libraries, names, certificates, time zones.
const READ: [&str; 17] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    // where Debian keeps parts of Node
    "/usr/share/nodejs",
    "/etc/ld.so.cache",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/ssl",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/proc/self",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
];
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];
/// Interpreters of dynamic programs, where Linux keeps them: executing a program executes one of these.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

pub(super) fn confine(plan: &Plan) -> Vec<Missing> {
    match restrict(plan) {
        Ok(RulesetStatus::FullyEnforced) => Vec::new(),
        Ok(RulesetStatus::PartiallyEnforced) => missing("the kernel knows only a part of the rules"),
        Ok(RulesetStatus::NotEnforced) => missing("the kernel does not offer it"),
        Err(error) => missing(&error.to_string()),
    }
}

pub(super) fn probe() -> Vec<Missing> {
    let asked = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create);
    match asked {
        Ok(_) => Vec::new(),
        Err(error) => missing(&error.to_string()),
    }
}

fn restrict(plan: &Plan) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = AccessFs::ReadFile | AccessFs::Execute;
    let write: BitFlags<AccessFs> = AccessFs::from_all(NEWEST) & !AccessFs::Execute;
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(READ, read))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules(LOADERS, run))?
        .add_rules(path_beneath_rules([&plan.program], run))?
        .add_rules(path_beneath_rules([&plan.boot_dir], read))?
        .add_rules(path_beneath_rules([Path::new(&plan.own_dir), &plan.cache_dir], write))?
        .restrict_self()?;
    Ok(status.ruleset)
}

fn missing(reason: &str) -> Vec<Missing> {
    vec![Missing { part: "landlock", reason: reason.to_owned() }]
}
