//! What an invocation costs beside a plain hyper client on the same worker, and how long starts and changes take.
//! `cargo bench -p strongroom-runtime`. Prints one line a measurement.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use strongroom_runtime::{ChangeCause, EnvNames, WorkerSpec};
use support::{World, spec};

const CALLS: usize = 20_000;
const STARTS: usize = 30;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (name, code) in [
            ("hello", "export default () => new Response('hello')"),
            ("helper read", "export default async (req, ctx) => new Response(await ctx.secrets.get('KEY'))"),
        ] {
            let world = World::new();
            world.set("KEY", "value");
            let spec = Arc::new(spec(code));
            world.get(&spec, "/").await;
            plain(&world, name).await;
            invoke(&world, &spec, name).await;
            world.runtime.shutdown().await;
        }
        starts().await;
        changes().await;
    });
}

async fn plain(world: &World, name: &str) {
    let dirs = std::fs::read_dir(world.scratch.path().join("run/w")).unwrap();
    let assigned = dirs.map(|dir| dir.unwrap().path()).find(|dir| dir.join("main.js").exists()).unwrap();
    let stream = tokio::net::UnixStream::connect(assigned.join("s.sock")).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut times = Vec::with_capacity(CALLS);
    let before = cpu();
    for _ in 0..CALLS {
        let start = Instant::now();
        let request = http::Request::get("/")
            .header("host", "x.test")
            .header("x-strongroom-invocation", "0 exec-1 0.0.0.0 https://x.test/")
            .body(strongroom_runtime::empty())
            .unwrap();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        response.into_body().collect().await.unwrap();
        times.push(start.elapsed());
    }
    report(&format!("{name}: plain hyper client"), &mut times, cpu().saturating_sub(before));
}

async fn invoke(world: &World, spec: &Arc<WorkerSpec>, name: &str) {
    let mut times = Vec::with_capacity(CALLS);
    let before = cpu();
    for _ in 0..CALLS {
        let start = Instant::now();
        world.get(spec, "/").await;
        times.push(start.elapsed());
    }
    report(&format!("{name}: Runtime::invoke"), &mut times, cpu().saturating_sub(before));
}

async fn starts() {
    for (name, pooled) in [("first answer, from the pool", 1), ("first answer, no pool", 0)] {
        let world = World::with(|config| config.pool_size = pooled);
        let mut times = Vec::new();
        for _ in 0..STARTS {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let spec = Arc::new(spec("export default () => new Response('hello')"));
            let start = Instant::now();
            world.get(&spec, "/").await;
            times.push(start.elapsed());
            world.runtime.retire(&spec.workload).await;
        }
        report(name, &mut times, Duration::ZERO);
        world.runtime.shutdown().await;
    }
}

async fn changes() {
    for (name, code, env) in [
        ("change, helper reader", "export default () => new Response(secrets.get('KEY'))", false),
        ("change, environment reader", "const k = process.env.KEY; export default () => new Response(k)", true),
    ] {
        let world = World::new();
        world.set("KEY", "value");
        let mut spec = spec(code);
        let names = if env { ["KEY".to_owned()].into() } else { std::collections::BTreeSet::new() };
        spec.env_names = EnvNames { names, dynamic: false };
        let spec = Arc::new(spec);
        world.get(&spec, "/").await;
        let mut times = Vec::new();
        for round in 0..STARTS {
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.set("KEY", &format!("value-{round}"));
            let start = Instant::now();
            world.tell(&spec, "KEY", ChangeCause::Set).await;
            times.push(start.elapsed());
        }
        report(name, &mut times, Duration::ZERO);
        world.runtime.shutdown().await;
    }
}

/// Processor time of this process so far, from `/proc/self/schedstat` (nanoseconds on the processor, one thread).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

fn report(name: &str, times: &mut [Duration], cpu: Duration) {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let each = cpu / u32::try_from(times.len()).unwrap();
    println!("{name}: p50 {:?}, p99 {:?}, cpu {each:?} each", at(50), at(99));
}
