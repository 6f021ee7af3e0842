//! Workers behind the launcher. This program is also that launcher: it starts itself again as `worker-exec`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use std::process::ExitCode;
use std::sync::Arc;

use strongroom_runtime::{Launcher, sandbox};
use support::{World, eventually, spec};

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

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn sandboxed() -> World {
    let program = std::env::current_exe().unwrap();
    World::with(|config| config.launcher = Some(Launcher { program, args: vec!["worker-exec".to_owned()] }))
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
