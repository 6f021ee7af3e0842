//! Workers behind the launcher. This program is also that launcher: it starts itself again as `worker-exec`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use std::process::ExitCode;
use std::sync::Arc;

use strongroom_runtime::{Launcher, NetPolicy, PrivateNet, WorkerSpec, sandbox};
use support::{World, eventually, node, spec};

const NAME: &str = "a_sandboxed_worker_runs_and_reaches_nothing_more";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(word) if word == "worker-exec" => {
            eprintln!("{}", sandbox::exec_sandboxed(args));
            return ExitCode::FAILURE;
        }
        Some(word) if word == "supervise" => {
            runtime().block_on(supervise());
        }
        Some(word) if word == "--list" => {
            if !std::env::args().any(|arg| arg == "--ignored") {
                println!("{NAME}: test");
            }
        }
        _ => {
            println!("running 1 test");
            runtime().block_on(async {
                run().await;
                node_workers_open_no_socket_and_get_their_connections_handed().await;
                files_beyond_its_own_are_closed_to_the_process_itself();
                a_stuck_worker_dies_with_its_supervisor().await;
            });
            println!(
                "test {NAME} ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"
            );
        }
    }
    ExitCode::SUCCESS
}

async fn run() {
    let missing = sandbox::probe();
    println!("this system lacks: {missing:?}");
    let world = sandboxed();
    world.set("KEY", "value-of-key");
    let code = "export default async (req) => { const url = new URL(req.url); \
        if (url.pathname.endsWith('/v6')) { try { await fetch('http://[2001:db8::1]/', { signal: AbortSignal.timeout(2000) }); return new Response('sent') } catch (e) { return new Response(String(e.cause ?? e)) } } \
        return new Response(secrets.get('KEY') + process.env.KEY) }";
    let spec = Arc::new(spec(code));
    let answer = world.get(&spec, "/").await;
    assert_eq!(answer.text, "value-of-keyvalue-of-key");
    let pid = world.runtime.warm()[0].pid;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim().to_owned();
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("Seccomp:"), "2");
    assert_eq!(field("Name:"), "deno");
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core_limit = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
    assert!(core_limit.split_whitespace().filter(|word| *word == "0").count() == 2, "{core_limit}");
    let environ = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(!environ.contains("value-of-key") && !environ.contains("PATH="), "{environ}");
    let v6 = world.get(&spec, "/v6").await.text;
    assert!(!v6.contains("sent") && !v6.contains("Timeout"), "{v6}");
    world.runtime.shutdown().await;
    eventually("its end", || (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(())).await;
}

/// Answers `GET /` with its path on a port of this machine.
async fn neighbour() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(async |request: http::Request<hyper::body::Incoming>| {
                let text = format!("neighbour at {}", request.uri().path());
                Ok::<_, std::convert::Infallible>(http::Response::new(strongroom_runtime::full(text)))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(io, service));
        }
    });
    port
}

const REACH: &str = r"import http from 'node:http'; import net from 'node:net'; import https from 'node:https'; import tls from 'node:tls';
const text = (request) => new Promise((go, stop) => request.on('error', stop).on('response', async (response) => { let all = ''; for await (const part of response) all += part; go(all) }));
const ways = {
  fetch: async (host, port) => (await fetch(`http://${host}:${port}/fetch`)).text(),
  http: (host, port) => text(http.get({ host, port, path: '/http' })),
  net: async (host, port) => { const socket = net.connect(port, host); socket.write('GET /net HTTP/1.0\r\n\r\n'); let all = ''; for await (const part of socket) all += part; return all.split('\r\n').at(-1) },
  socket: (host, port) => new Promise((go, stop) => { const socket = new net.Socket(); socket.on('error', stop); socket.connect(port, host, () => { go('neighbour at ' + socket.remoteAddress + ' ' + socket.remotePort); socket.destroy() }) }),
  https: (host, port) => text(https.get({ host, port })), tls: (host, port) => new Promise((go, stop) => tls.connect({ host, port }, go).on('error', stop)),
  unix: (path) => new Promise((go, stop) => net.connect({ path }, () => go('open')).on('error', stop)),
  raw: (host, port) => new Promise((go) => { const { TCP, constants } = process.binding('tcp_wrap'); const handle = new TCP(constants.SOCKET); go('code ' + handle.connect({}, host, port)) }),
};
export default async (req) => { const { way, host, port } = await req.json();
  try { return new Response(await ways[way](host, port)) } catch (e) { return new Response('refused ' + ((e.cause ?? e).code ?? e.message)) } }";

async fn node_workers_open_no_socket_and_get_their_connections_handed() {
    if !sandbox::probe().is_empty() {
        println!("note: this system has no full sandbox, so what it closes is not tried");
        return;
    }
    let port = neighbour().await;
    let ask = async |world: &World, spec: &Arc<WorkerSpec>, way: &str, host: &str, port: u16| {
        let body = format!(r#"{{"way":"{way}","host":"{host}","port":{port}}}"#);
        world.post(spec, "/", &body).await.text
    };
    let open = sandboxed_with(PrivateNet::Allowed);
    let spec = Arc::new(node(REACH));
    for way in ["fetch", "http", "net"] {
        assert_eq!(ask(&open, &spec, way, "localhost", port).await, format!("neighbour at /{way}"));
    }
    let named = ask(&open, &spec, "socket", "127.0.0.1", port).await;
    assert_eq!(named, format!("neighbour at 127.0.0.1 {port}"));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(ask(&open, &spec, "fetch", "127.0.0.1", nobody).await, "refused ECONNREFUSED");
    for way in ["https", "tls"] {
        let answer = ask(&open, &spec, way, "localhost", port).await;
        assert!(
            answer.starts_with("refused ") && !answer.contains("EACCES"),
            "it spoke TLS to a plain server: {answer}"
        );
    }
    let mut listed = node(REACH);
    listed.net = NetPolicy::Hosts(vec![format!("127.0.0.1:{port}")]);
    "listed".clone_into(&mut listed.workload.name);
    let listed = Arc::new(listed);
    assert_eq!(ask(&open, &listed, "fetch", "127.0.0.1", port).await, "neighbour at /fetch");
    assert_eq!(ask(&open, &listed, "fetch", "localhost", port).await, "refused EACCES");
    let closed = sandboxed();
    for way in ["fetch", "http", "net", "socket"] {
        assert_eq!(ask(&closed, &spec, way, "127.0.0.1", port).await, "refused EACCES", "{way}");
    }
    let pid = closed.runtime.warm()[0].pid;
    let own_socket = std::fs::read_dir(closed.scratch.path().join("run/w")).unwrap().next().unwrap().unwrap();
    let path = own_socket.path().join("s.sock");
    let unix = ask(&closed, &spec, "unix", &path.display().to_string(), 0).await;
    assert!(unix.starts_with("refused E"), "{unix}");
    let raw = ask(&closed, &spec, "raw", "127.0.0.1", port).await;
    assert!(raw.starts_with("code -") || raw.starts_with("refused"), "{raw}");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"), "{status}");
    open.runtime.shutdown().await;
    closed.runtime.shutdown().await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn sandboxed() -> World {
    sandboxed_with(PrivateNet::Refused)
}

fn sandboxed_with(private_net: PrivateNet) -> World {
    let program = std::env::current_exe().unwrap();
    World::with(|config| {
        config.launcher = Some(Launcher { program, args: vec!["worker-exec".to_owned()] });
        config.private_net = private_net;
    })
}

/// Deno's permissions are out of the way here: `cat` stands in for code that has broken out of them.
fn files_beyond_its_own_are_closed_to_the_process_itself() {
    if !sandbox::probe().is_empty() {
        println!("note: this system has no full sandbox, so what it closes is not tried");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let plan = sandbox::Plan {
        engine: strongroom_runtime::Engine::Deno,
        program: "/bin/cat".into(),
        own_dir: dir.path().join("own"),
        cache_dir: dir.path().join("cache"),
        boot_dir: dir.path().join("boot"),
    };
    for own in [&plan.own_dir, &plan.cache_dir, &plan.boot_dir] {
        std::fs::create_dir(own).unwrap();
        std::fs::write(own.join("file"), "own file").unwrap();
    }
    std::fs::write(dir.path().join("store.db"), "canary").unwrap();
    let cat = |path: &std::path::Path| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.arg("worker-exec").args(sandbox::arguments(&plan)).arg(path).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(cat(&plan.own_dir.join("file")), "own file");
    assert_eq!(cat(&plan.boot_dir.join("file")), "own file");
    let parent = format!("/proc/{}/environ", std::process::id());
    for closed in [dir.path().join("store.db").as_path(), "/etc/passwd".as_ref(), parent.as_ref()] {
        assert_eq!(cat(closed), "", "{}", closed.display());
    }
}

async fn supervise() {
    let world = sandboxed();
    let spec = Arc::new(spec(
        "export default (req) => { if (req.url.endsWith('/stuck')) for (;;); return new Response('ok') }",
    ));
    world.get(&spec, "/").await;
    println!("worker {}", world.runtime.warm()[0].pid);
    world.get(&spec, "/stuck").await;
}

async fn a_stuck_worker_dies_with_its_supervisor() {
    use std::io::BufRead;
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let scratch = tempfile::Builder::new().prefix("srt").tempdir().unwrap();
    let mut child =
        command.arg("supervise").env("TMPDIR", scratch.path()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let pid = lines.find_map(|line| line.unwrap().strip_prefix("worker ").map(str::to_owned)).unwrap();
    let running = |pid: &str| std::path::Path::new(&format!("/proc/{pid}/exe")).read_link().is_ok();
    assert!(running(&pid));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the worker to die with its supervisor", || (!running(&pid)).then_some(())).await;
}
