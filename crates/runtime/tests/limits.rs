//! Time, memory, concurrency, crashes, idleness: what a worker may not do to the others.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_runtime::{Event, InvokeError, Outcome, WorkerEvent};
use support::{World, eventually, spec};

fn get(path: &str) -> http::Request<strongroom_runtime::Body> {
    http::Request::get(path).body(strongroom_runtime::empty()).unwrap()
}

async fn worker_event(world: &World, what: &str, wanted: impl Fn(&WorkerEvent) -> bool) {
    world.event(what, |event| matches!(event, Event::Worker { what, .. } if wanted(what)).then_some(())).await;
}

async fn outcome(world: &World, wanted: Outcome) {
    world
        .event("an outcome", |event| {
            matches!(event, Event::Finished { outcome, .. } if *outcome == wanted).then_some(())
        })
        .await;
}

#[tokio::test]
async fn slow_code_is_timed_out_and_its_worker_stays() {
    let world = World::new();
    let mut spec =
        spec("export default (req) => req.url.endsWith('/slow') ? new Promise(() => {}) : new Response('quick')");
    spec.timeout = Duration::from_millis(300);
    let spec = Arc::new(spec);
    world.get(&spec, "/").await;
    let pid = world.runtime.warm()[0].pid;
    assert!(matches!(world.request(&spec, get("/slow")).await, Err(InvokeError::Timeout(_))));
    outcome(&world, Outcome::TimedOut).await;
    assert_eq!(world.get(&spec, "/").await.text, "quick");
    assert_eq!(world.runtime.warm()[0].pid, pid);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_stuck_event_loop_is_replaced() {
    let world = World::new();
    let mut spec =
        spec("export default (req) => { if (req.url.endsWith('/stuck')) for (;;); return new Response('quick') }");
    spec.timeout = Duration::from_millis(300);
    let spec = Arc::new(spec);
    world.get(&spec, "/").await;
    let pid = world.runtime.warm()[0].pid;
    assert!(matches!(world.request(&spec, get("/stuck")).await, Err(InvokeError::Timeout(_))));
    worker_event(&world, "stuck", |what| *what == WorkerEvent::Stuck).await;
    eventually("another worker", || world.runtime.warm().first().filter(|worker| worker.pid != pid).map(|_| ())).await;
    assert_eq!(world.get(&spec, "/").await.text, "quick");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_silent_stream_is_cut() {
    let world = World::new();
    let mut spec =
        spec("export default () => new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(3)) } }))");
    spec.stream_idle = Duration::from_millis(200);
    let response = world.request(&Arc::new(spec), get("/")).await.unwrap();
    let ended = http_body_util::BodyExt::collect(response.into_body()).await;
    assert!(ended.is_err_and(|error| error.to_string().contains("sent nothing")));
    outcome(&world, Outcome::StreamIdle).await;
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_crash_ends_what_is_in_flight_and_the_next_call_finds_a_new_worker() {
    let world = World::new();
    let code = "export default (req) => { if (req.url.endsWith('/crash')) { const all = []; for (;;) all.push(new Array(1e6).fill(all)); } return new Response('alive') }";
    let mut spec = spec(code);
    spec.memory_bytes = 64 * 1024 * 1024;
    let spec = Arc::new(spec);
    assert_eq!(world.get(&spec, "/").await.text, "alive");
    assert!(matches!(world.request(&spec, get("/crash")).await, Err(InvokeError::Broken)));
    worker_event(&world, "exited", |what| matches!(what, WorkerEvent::Exited { .. })).await;
    assert_eq!(world.get(&spec, "/").await.text, "alive");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn memory_outside_the_heap_is_watched() {
    let world = World::new();
    let code = "const all = []; export default (req) => { if (req.url.endsWith('/eat')) { setInterval(() => all.push(new Uint8Array(8e6).fill(1)), 5); return new Promise(() => {}); } return new Response('alive') }";
    let mut spec = spec(code);
    spec.memory_bytes = 64 * 1024 * 1024;
    let spec = Arc::new(spec);
    world.get(&spec, "/").await;
    assert!(world.request(&spec, get("/eat")).await.is_err());
    worker_event(&world, "over memory", |what| *what == WorkerEvent::OverMemory).await;
    assert_eq!(world.get(&spec, "/").await.text, "alive");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_killed_worker_is_noticed_and_nobody_is_refused() {
    let world = World::new();
    let spec = Arc::new(spec("export default () => new Response(String(Deno.pid))"));
    for _ in 0..5 {
        world.get(&spec, "/").await;
        let pid = world.runtime.warm()[0].pid;
        let process = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
        let gone = |event: &Event| matches!(event, Event::Worker { pid: of, what: WorkerEvent::Exited { signal: Some(9), .. }, .. } if *of == pid);
        world.event("its end", |event| gone(event).then_some(())).await;
    }
    assert_eq!(world.get(&spec, "/").await.status, 200);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn beyond_the_queue_callers_are_told_to_come_back() {
    let world = Arc::new(World::new());
    let mut spec = spec(
        "let go; const gate = new Promise((r) => { go = r }); export default async (req) => { if (req.url.endsWith('/go')) go(); console.log('in'); await gate; return new Response('done') }",
    );
    spec.concurrency = 1;
    spec.queue = 1;
    let spec = Arc::new(spec);
    let call = || {
        let (world, spec) = (Arc::clone(&world), Arc::clone(&spec));
        tokio::spawn(async move { world.request(&spec, get("/")).await.map(|response| response.status().as_u16()) })
    };
    let first = call();
    world.log_line("in").await;
    let second = call();
    let third = eventually("a refusal", || {
        let response = futures_util::FutureExt::now_or_never(world.request(&spec, get("/")));
        response.and_then(Result::err)
    })
    .await;
    assert!(matches!(third, InvokeError::Overloaded { .. }), "{third:?}");
    first.abort();
    second.abort();
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_idle_worker_is_stopped_and_started_again_on_demand() {
    let world = World::with(|config| config.idle_stop = Duration::from_millis(200));
    let spec = Arc::new(spec("export default () => new Response('ok')"));
    world.get(&spec, "/").await;
    let pid = world.runtime.warm()[0].pid;
    eventually("the stop", || world.runtime.warm().is_empty().then_some(())).await;
    eventually("the end of the process", || (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(()))
        .await;
    assert_eq!(world.get(&spec, "/").await.text, "ok");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_retired_workload_has_no_process_and_no_files() {
    let world = World::new();
    let spec = Arc::new(spec("export default () => new Response('ok')"));
    world.get(&spec, "/").await;
    let pid = world.runtime.warm()[0].pid;
    world.runtime.retire(&spec.workload).await;
    assert!(world.runtime.warm().is_empty());
    eventually("the end of the process", || (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(()))
        .await;
    world.runtime.shutdown().await;
    let left = || std::fs::read_dir(world.scratch.path().join("run/w")).unwrap().count();
    eventually("an empty directory", || (left() == 0).then_some(())).await;
}

#[tokio::test]
async fn code_that_never_loads_is_refused_again_at_once_and_can_be_mended() {
    let world = World::new();
    let spec = Arc::new(spec("secrets.getRequired('KEY'); export default () => new Response('ok')"));
    let refused = world.request(&spec, get("/")).await.unwrap_err();
    assert!(
        matches!(&refused, InvokeError::Unavailable(failure) if failure.to_string().contains("strongroom secrets set KEY")),
        "{refused:?}"
    );
    world.set("KEY", "there");
    world.tell(&spec, "KEY", strongroom_runtime::ChangeCause::Set).await;
    assert_eq!(world.get(&spec, "/").await.text, "ok");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn starting_the_runtime_takes_no_time() {
    let world = World::new();
    let config = strongroom_runtime::RuntimeConfig {
        deno: "/nowhere".into(),
        scratch_dir: world.scratch.path().join("second"),
        deno_cache_dir: world.scratch.path().join("cache"),
        pool_size: 4,
        idle_stop: Duration::from_secs(1),
        replace_wait: Duration::from_secs(1),
        node: support::node_places(),
        private_net: strongroom_runtime::PrivateNet::Refused,
        blocked_hosts: Vec::new(),
        launcher: None,
    };
    let (events, _receiver) = tokio::sync::mpsc::channel(1);
    let source: Arc<dyn strongroom_runtime::SnapshotSource> = Arc::<support::Values>::clone(&world.values);
    let before = Instant::now();
    let runtime = strongroom_runtime::Runtime::start(config, source, events).unwrap();
    assert!(before.elapsed() < Duration::from_millis(50), "{:?}", before.elapsed());
    runtime.shutdown().await;
    world.runtime.shutdown().await;
}
