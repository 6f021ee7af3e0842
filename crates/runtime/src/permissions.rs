//! What a worker may do, as Deno's and Node's command lines say it. Pure.

use std::path::Path;

use crate::config::PrivateNet;
use crate::spec::{Engine, NetPolicy};

/// Ranges that no worker may reach: this host, private and shared networks, link-local with the cloud metadata
/// addresses, benchmarks, multicast and reserved ones. Deno takes no IPv6 ranges here: the sandbox refuses IPv6
/// sockets (`sandbox.rs`), and the two addresses of this host are listed singly.
const DENIED_NET: &str = "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,168.63.129.16,169.254.0.0/16,172.16.0.0/12,\
192.0.0.0/24,192.168.0.0/16,198.18.0.0/15,224.0.0.0/4,240.0.0.0/4,localhost,metadata.google.internal,[::1],[::]";

/// Memory that a generic worker of the pool is started with, in bytes.
pub(crate) const POOLED_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

const MIN_HEAP_MIB: u64 = 32;

/// What must be known before a process is started. Workers with equal sets are interchangeable until assigned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PermissionSet {
    pub(crate) engine: Engine,
    pub(crate) net: NetPolicy,
    pub(crate) memory_bytes: u64,
}

impl PermissionSet {
    /// The set that the pool keeps ready.
    pub(crate) fn pooled(engine: Engine) -> Self {
        Self { engine, net: NetPolicy::PublicInternet, memory_bytes: POOLED_MEMORY_BYTES }
    }

    /// Deno's arguments for a worker whose private directory is `dir` and whose socket is `socket`.
    pub(crate) fn deno_arguments(
        &self,
        dir: &Path,
        socket: &Path,
        boot: &Path,
        (private, blocked): (PrivateNet, &[String]),
    ) -> Vec<String> {
        let ranges = (private == PrivateNet::Refused).then_some(DENIED_NET);
        let denied: Vec<&str> = ranges.into_iter().chain(blocked.iter().map(String::as_str)).collect();
        let allow_net = match &self.net {
            NetPolicy::PublicInternet => "--allow-net".to_owned(),
            NetPolicy::Hosts(hosts) => {
                let hosts: String =
                    hosts.iter().filter(|host| is_host(host)).fold(String::new(), |all, host| all + "," + host);
                format!("--allow-net=unix:{}{hosts}", socket.display())
            }
        };
        let mut arguments = vec![
            "run".to_owned(),
            "--quiet".to_owned(),
            "--no-prompt".to_owned(),
            "--cached-only".to_owned(),
            "--no-config".to_owned(),
            "--no-lock".to_owned(),
            "--allow-env".to_owned(),
            allow_net,
            format!("--allow-read={}", dir.display()),
            format!("--allow-write={}", socket.display()),
            format!("--v8-flags=--max-old-space-size={}", self.heap_mib()),
        ];
        if !denied.is_empty() {
            arguments.push(format!("--deny-net={}", denied.join(",")));
        }
        arguments.push(boot.display().to_string());
        arguments
    }

    /// Node's arguments for a worker whose private directory is `dir`. From version 25 on its permission model covers
    /// the network too, all of it or nothing: who may connect where is for the supervisor to say ([`crate::egress`]).
    pub(crate) fn node_arguments(&self, dir: &Path, boot: &Path, major: u32) -> Vec<String> {
        let boot_dir = boot.parent().unwrap_or(Path::new("/"));
        let mut arguments = vec![
            "--permission".to_owned(),
            format!("--allow-fs-read={}/*", boot_dir.display()),
            format!("--allow-fs-read={}/*", dir.display()),
            format!("--max-old-space-size={}", self.heap_mib()),
            "--disable-warning=ExperimentalWarning".to_owned(),
        ];
        if major >= 25 {
            arguments.push("--allow-net".to_owned());
        }
        arguments.push(boot.display().to_string());
        arguments
    }

    fn heap_mib(&self) -> u64 {
        (self.memory_bytes / (1024 * 1024) * 3 / 4).max(MIN_HEAP_MIB)
    }
}

/// Whether `host` is one entry of a permission list: a name or an address with an optional port.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'*' | b'[' | b']' | b'/')
        })
        && !host.starts_with("unix:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(net: NetPolicy) -> Vec<String> {
        let set = PermissionSet { engine: Engine::Deno, net, memory_bytes: 128 * 1024 * 1024 };
        let dir = Path::new("/s/w/1");
        let own = ["10.9.8.7:7876".to_owned()];
        set.deno_arguments(dir, &dir.join("s.sock"), Path::new("/s/boot.js"), (PrivateNet::Refused, &own))
    }

    #[test]
    fn nothing_is_granted_beyond_its_own_files() {
        let arguments = arguments(NetPolicy::PublicInternet);
        assert!(arguments.contains(&"--allow-read=/s/w/1".to_owned()));
        assert!(arguments.contains(&"--allow-write=/s/w/1/s.sock".to_owned()));
        for forbidden in ["--allow-run", "--allow-ffi", "--allow-sys", "--allow-all", "--allow-import", "-A"] {
            assert!(!arguments.iter().any(|argument| argument.starts_with(forbidden)), "{forbidden}");
        }
    }

    #[test]
    fn node_may_read_its_own_files_and_nothing_else() {
        for (major, lets_the_supervisor_say) in [(22, false), (24, false), (25, true)] {
            let set = PermissionSet::pooled(Engine::Node);
            let arguments = set.node_arguments(Path::new("/s/w/1"), Path::new("/s/boot/boot.js"), major);
            assert_eq!(arguments.first().map(String::as_str), Some("--permission"));
            let granted: Vec<_> = arguments.iter().filter(|argument| argument.starts_with("--allow")).collect();
            let mut expected = vec!["--allow-fs-read=/s/boot/*", "--allow-fs-read=/s/w/1/*"];
            expected.extend(lets_the_supervisor_say.then_some("--allow-net"));
            assert_eq!(granted, expected);
        }
    }

    #[test]
    fn own_addresses_are_denied_under_every_policy() {
        for net in [NetPolicy::PublicInternet, NetPolicy::Hosts(vec!["example.com".to_owned()])] {
            let arguments = arguments(net);
            let denied = arguments.iter().find(|argument| argument.starts_with("--deny-net=")).cloned();
            assert!(denied.is_some_and(|denied| denied.contains("127.0.0.0/8") && denied.ends_with(",10.9.8.7:7876")));
        }
    }

    #[test]
    fn a_host_that_smuggles_a_second_entry_is_left_out() {
        let hosts = vec!["a.example".to_owned(), "b,c".to_owned(), "unix:/x".to_owned(), String::new()];
        let arguments = arguments(NetPolicy::Hosts(hosts));
        assert!(arguments.contains(&"--allow-net=unix:/s/w/1/s.sock,a.example".to_owned()));
    }

    #[test]
    fn the_heap_is_three_quarters_of_the_memory() {
        assert!(arguments(NetPolicy::PublicInternet).contains(&"--v8-flags=--max-old-space-size=96".to_owned()));
    }
}
