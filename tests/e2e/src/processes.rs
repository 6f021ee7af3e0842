//! Processes: who descends from whom, and what their blocks in `/proc` say.

use std::collections::HashMap;
use std::fs;

use crate::canary::{Finding, Search};

/// A process and everything that descends from it, itself first.
pub fn family(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

/// Whether a process runs (one that has ended and waits to be noticed does not).
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn parents() -> HashMap<u32, u32> {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let Some(parent) = rest.split(' ').nth(1).and_then(|text| text.parse::<u32>().ok()) else { continue };
        parents.insert(pid, parent);
    }
    parents
}

/// One of the files of a process that others can read.
pub fn block(pid: u32, name: &str) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default()
}

/// Where planted values stand in the environments and command lines of a family, which is also what `ps` shows.
pub fn findings(root: u32, search: &Search) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pid in family(root) {
        for name in ["environ", "cmdline", "comm"] {
            findings.extend(search.bytes(&format!("/proc/{pid}/{name}"), &block(pid, name)));
        }
    }
    findings
}

/// What `ps` shows of every process of the machine: command lines, without environments.
pub fn ps() -> Vec<u8> {
    std::process::Command::new("ps")
        .args(["axww", "-o", "pid,args"])
        .output()
        .map(|done| done.stdout)
        .unwrap_or_default()
}
