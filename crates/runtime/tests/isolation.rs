//! What the code may not reach.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use strongroom_runtime::NetPolicy;
use support::{World, spec};

const TRY: &str = r"
const attempts = {
  fetch: (a) => fetch(a, { signal: AbortSignal.timeout(2000) }), connect: (a) => Deno.connect({ hostname: a.split('#')[0], port: Number(a.split('#')[1]) }),
  unix: (path) => Deno.connect({ transport: 'unix', path }), listen: () => Deno.listen({ port: 0 }), read: (p) => Deno.readTextFile(p), list: (p) => [...Deno.readDirSync(p)],
  write: (p) => Deno.writeTextFile(p, 'x'), run: (p) => new Deno.Command(p).output(), ffi: (p) => Deno.dlopen(p, {}), import: (p) => import(p),
  spawn: async (p) => (await import('node:child_process')).execFileSync(p), node: async (p) => (await import('node:fs')).readFileSync(p), sys: () => Deno.hostname(), exit: () => Deno.exit(3),
  worker: () => new Worker('data:text/javascript,1', { type: 'module', deno: { permissions: 'inherit' } }) && Promise.reject(new Error('a worker inherits no more than it has')),
};
export default async (req) => {
  const { what, arg } = await req.json();
  try { await attempts[what](arg); return new Response('allowed') } catch (e) { return new Response(e.name + ': ' + e.message) }
}";

async fn attempt(world: &World, spec: &Arc<strongroom_runtime::WorkerSpec>, what: &str, arg: &str) -> String {
    let body = serde_json::json!({"what": what, "arg": arg}).to_string();
    world.post(spec, "/", &body).await.text
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let world = World::with(|config| config.blocked_hosts = vec!["strongroom.example.test:7876".to_owned()]);
    let spec = Arc::new(spec(TRY));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
    ] {
        let refused = attempt(&world, &spec, "fetch", &format!("http://{host}:{port}/")).await;
        assert!(refused.contains("NotCapable") || refused.contains("net access"), "{host}: {refused}");
    }
    assert!(attempt(&world, &spec, "connect", &format!("127.0.0.1#{port}")).await.starts_with("NotCapable"));
    assert!(attempt(&world, &spec, "fetch", "http://strongroom.example.test:7876/").await.contains("net access"));
    assert!(attempt(&world, &spec, "listen", "").await.starts_with("NotCapable"));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_list_of_hosts_is_all_there_is() {
    let world = World::new();
    let mut spec = spec(TRY);
    spec.net = NetPolicy::Hosts(vec!["api.example.test".to_owned()]);
    let spec = Arc::new(spec);
    assert!(attempt(&world, &spec, "fetch", "http://other.example.test/").await.contains("net access"));
    assert!(!attempt(&world, &spec, "fetch", "http://api.example.test/").await.contains("net access"));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn only_its_own_files_can_be_read_and_nothing_can_be_started() {
    let world = World::new();
    let spec = Arc::new(spec(TRY));
    let own_pid = std::process::id();
    let scratch = world.scratch.path().display().to_string();
    for path in [
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/self/mem",
        &format!("/proc/{own_pid}/environ"),
        &format!("{scratch}/run/boot/boot.js"),
        &scratch,
    ] {
        for what in ["read", "node", "list"] {
            let refused = attempt(&world, &spec, what, path).await;
            assert!(refused.contains("NotCapable") || refused.contains("access to"), "{what} {path}: {refused}");
        }
    }
    for (what, arg) in [
        ("run", "/bin/true"),
        ("spawn", "/bin/true"),
        ("ffi", "/lib/x86_64-linux-gnu/libc.so.6"),
        ("write", "/tmp/strongroom-must-not-exist"),
        ("sys", ""),
    ] {
        let refused = attempt(&world, &spec, what, arg).await;
        let words = ["NotCapable", "access", "Command failed"];
        assert!(words.iter().any(|word| refused.contains(word)), "{what}: {refused}");
    }
    assert_ne!(attempt(&world, &spec, "import", "file:///etc/passwd").await, "allowed");
    assert!(attempt(&world, &spec, "exit", "").await.contains("not available"));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_sibling_is_out_of_reach() {
    let world = World::new();
    world.set("KEY", "canary");
    let mut other = spec("export default () => new Response('sibling')");
    other.workload.name = "sibling".to_owned();
    let (other, spec) = (Arc::new(other), Arc::new(spec(TRY)));
    world.get(&other, "/").await;
    attempt(&world, &spec, "sys", "").await;
    let sibling = world.runtime.warm().into_iter().find(|worker| worker.workload.name == "sibling").unwrap();
    let workers = world.scratch.path().join("run/w");
    let mut refused = 0;
    for dir in std::fs::read_dir(&workers).unwrap() {
        let dir = dir.unwrap().path();
        let socket = attempt(&world, &spec, "unix", &dir.join("s.sock").display().to_string()).await;
        let code = attempt(&world, &spec, "read", &dir.join("main.js").display().to_string()).await;
        refused += usize::from(socket.contains("NotCapable") && code.contains("NotCapable"));
    }
    assert!(refused >= 1, "only its own directory may be open to it");
    assert!(attempt(&world, &spec, "read", &format!("/proc/{}/environ", sibling.pid)).await.contains("NotCapable"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&workers).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn one_function_does_not_see_the_values_of_another() {
    let world = World::new();
    world.set("KEY", "same name");
    let mut other = spec("Deno.env.set('KEY', 'overwritten'); export default () => new Response(Deno.env.get('KEY'))");
    other.workload.name = "sibling".to_owned();
    let own = Arc::new(spec("export default () => new Response(Deno.env.get('KEY'))"));
    assert_eq!(world.get(&Arc::new(other), "/").await.text, "overwritten");
    assert_eq!(world.get(&own, "/").await.text, "same name");
    assert_eq!(world.runtime.warm().len(), 2);
    assert_ne!(world.runtime.warm()[0].pid, world.runtime.warm()[1].pid);
    world.runtime.shutdown().await;
}
