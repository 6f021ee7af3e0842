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
        Some(word) if word == "--list" => {
            let ignored = std::env::args().any(|arg| arg == "--ignored");
            println!("{}", if ignored { String::new() } else { format!("{NAME}: test") });
        }
        _ => {
            println!("running 1 test");
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(run());
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
    let program = std::env::current_exe().unwrap();
    let world = World::with(|config| {
        config.launcher = Some(Launcher { program, args: vec!["worker-exec".to_owned()] });
    });
    world.set("KEY", "value-of-key");
    let code = "import fs from 'node:fs'; export default async (req) => { const url = new URL(req.url); \
        if (url.pathname.endsWith('/v6')) { try { await fetch('http://[2001:db8::1]/', { signal: AbortSignal.timeout(2000) }); return new Response('sent') } catch (e) { return new Response(String(e.cause ?? e)) } } \
        if (url.pathname.endsWith('/stuck')) for (;;); \
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
