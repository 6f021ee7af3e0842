//! Runs of jobs, on a real Deno.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use strongroom_runtime::{
    ChangeCause, Event, JobError, JobHandle, JobOutcome, JobRun, MAX_PAYLOAD_BYTES, Need, Outcome, Progress, Via,
    WorkerSpec,
};
use support::{World, eventually, facts, job};

/// A run that goes on beside the test.
fn begin(
    world: &World,
    spec: &Arc<WorkerSpec>,
    grace: Duration,
) -> (tokio::task::JoinHandle<Result<JobOutcome, JobError>>, JobHandle) {
    let (run, handle) = JobRun::new(facts(), "{}".into());
    let (runtime, spec, need) = (world.runtime.clone(), Arc::clone(spec), Need { epoch: world.epoch() });
    (tokio::spawn(async move { runtime.run_job(&spec, need, run.with_grace(grace)).await }), handle)
}

async fn finished(world: &World, wanted: Outcome) {
    world
        .event("its end", |event| matches!(event, Event::Finished { outcome, .. } if *outcome == wanted).then_some(()))
        .await;
}

fn is_gone(pid: u32) -> bool {
    !std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn a_job_gets_its_payload_its_facts_and_its_secrets() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let spec = Arc::new(job(
        "export default async function handler(payload, ctx) { return { payload, job: ctx.job, tier: ctx.env.TIER, \
         keys: [await ctx.secrets.get('API_KEY'), secrets.get('API_KEY'), Deno.env.get('API_KEY')].map((key) => key.length), \
         id: ctx.executionId, aborted: ctx.signal.aborted } }",
    ));
    let mut facts = facts();
    facts.attempt = 3;
    facts.scheduled_for = Some("2027-01-01T03:00:00Z".to_owned());
    let (run, _handle) = JobRun::new(facts.clone(), r#"{"n":[1,"}",{"a":null}]}"#.into());
    let outcome = world.runtime.run_job(&spec, Need { epoch: world.epoch() }, run).await.unwrap();
    let JobOutcome::Completed(result) = outcome else { panic!("{outcome:?}") };
    let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
    let length = "value-of-api-key".len();
    let expected = json!({
        "payload": {"n": [1, "}", {"a": null}]},
        "job": {"id": facts.run_id, "name": "under-test", "attempt": 3, "scheduledFor": "2027-01-01T03:00:00Z"},
        "tier": "gold", "keys": [length, length, length], "id": facts.execution_id, "aborted": false,
    });
    assert_eq!(result, expected);
    let via = |wanted: Via| {
        world.event("a read", move |event| match event {
            Event::Read { execution_id: Some(_), name, via, .. } if name == "API_KEY" && *via == wanted => Some(()),
            _ => None,
        })
    };
    via(Via::Helper).await;
    finished(&world, Outcome::Completed).await;
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn results_of_every_kind_are_json() {
    let world = World::new();
    let code = |body: &str| Arc::new(job(&format!("export default (payload) => {{ {body} }}")));
    assert_eq!(world.completed(&code(""), "1").await, json!(null));
    assert_eq!(world.completed(&code("return payload"), "").await, json!({}));
    assert_eq!(world.completed(&code("return payload"), "[true]").await, json!([true]));
    assert_eq!(world.completed(&code("return Response.json({ a: 1 })"), "1").await, json!({"a": 1}));
    assert_eq!(world.completed(&code("return new Response('text')"), "1").await, json!("text"));
    let definition = "export default { [Symbol.for('strongroom.function')]: true, handler: ({ input, ctx }) => [input.n, ctx.job.name] }";
    assert_eq!(world.completed(&Arc::new(job(definition)), r#"{"n":7}"#).await, json!([7, "under-test"]));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn what_fails_says_why_and_shows_no_value() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "export default (payload) => { console.log('on it'); if (payload === 1) throw new TypeError('not ' + secrets.get('API_KEY'));
      if (payload === 2) return secrets.getRequired('MISSING'); if (payload === 3) return 'x'.repeat(1100000);
      if (payload === 4) return 1n; if (payload === 5) return new Response('no', { status: 503 }); throw null }";
    let spec = Arc::new(job(code));
    let mut seen = Vec::new();
    for payload in 1..=6 {
        match world.run(&spec, &payload.to_string()).await.unwrap() {
            JobOutcome::Failed { class, message } => seen.push((class, message)),
            other => panic!("{payload}: {other:?}"),
        }
    }
    let seen: Vec<(&str, &str)> = seen.iter().map(|(class, message)| (class.as_str(), message.as_str())).collect();
    assert_eq!(seen[0], ("TypeError", "not [masked]"));
    assert_eq!(seen[1].0, "SecretNotFoundError");
    assert!(seen[1].1.contains("strongroom secrets set MISSING"), "{}", seen[1].1);
    assert_eq!(seen[2].0, "RangeError");
    assert!(seen[2].1.contains("1100002 bytes of JSON; at most 1048576"), "{}", seen[2].1);
    assert_eq!(seen[3].0, "TypeError");
    assert_eq!(seen[4], ("Error", "the handler answered 503"));
    assert_eq!(seen[5], ("Error", "null"));
    assert!(world.log_line("TypeError: not").await.contains("main.js"));
    let owned = world.event("a line of a run", |event| match event {
        Event::Log { message, execution_id, .. } if message == "on it" => execution_id.clone(),
        _ => None,
    });
    assert!(owned.await.starts_with("exec-"));
    finished(&world, Outcome::HandlerError).await;
    assert_eq!(world.runtime.warm().len(), 1, "a handler that throws does not cost its worker");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_before_anything_runs() {
    let world = World::new();
    let spec = Arc::new(job("export default () => 1"));
    for bad in ["{", "1},\"x\":{", "nope", "1 2"] {
        assert!(matches!(world.run(&spec, bad).await, Err(JobError::Payload)), "{bad}");
    }
    let large = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    let too_large = world.run(&spec, &large(MAX_PAYLOAD_BYTES + 1)).await;
    assert!(matches!(too_large, Err(JobError::PayloadTooLarge(_))));
    assert!(world.runtime.warm().is_empty());
    assert_eq!(world.completed(&spec, &large(MAX_PAYLOAD_BYTES)).await, json!(1));
    let broken = world.run(&Arc::new(job("export const x = 1")), "1").await.unwrap_err();
    let JobError::Unavailable(failure) = broken else { panic!("{broken:?}") };
    assert!(failure.to_string().contains("a job exports default a function"), "{failure}");
    let function = Arc::new(support::spec("export default () => new Response('x')"));
    assert!(matches!(world.run(&function, "1").await, Err(JobError::BadRun)));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn progress_is_heard_masked_and_in_bounds() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "export default async (_, ctx) => { ctx.progress(12.6, 'has ' + secrets.get('API_KEY'));
      await new Promise((go) => ctx.signal.addEventListener('abort', go)); }";
    let (running, handle) = begin(&world, &Arc::new(job(code)), Duration::from_secs(20));
    let mut progress = handle.progress();
    progress.wait_for(Option::is_some).await.unwrap();
    let expected = Progress { percent: 13, message: Some("has [masked]".to_owned()) };
    assert_eq!(progress.borrow().clone(), Some(expected));
    handle.cancel();
    assert_eq!(running.await.unwrap().unwrap(), JobOutcome::Cancelled);
    let code = "export default (_, ctx) => { ctx.progress(1e9); try { ctx.progress('half') } catch (error) { return error.message } }";
    let (run, handle) = JobRun::new(facts(), "1".into());
    let ended = world.runtime.run_job(&Arc::new(job(code)), Need { epoch: 1 }, run).await.unwrap();
    assert!(matches!(ended, JobOutcome::Completed(text) if text.starts_with(b"\"ctx.progress takes a number")));
    assert_eq!(handle.progress().borrow().clone(), Some(Progress { percent: 100, message: None }));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_run_is_told_first_and_its_worker_ends() {
    let world = World::new();
    let code = "export default async (_, ctx) => { console.log('begun'); await new Promise((_go, stop) =>
      ctx.signal.addEventListener('abort', () => { console.log('told: ' + ctx.signal.reason.name); stop(ctx.signal.reason) })) }";
    let (running, handle) = begin(&world, &Arc::new(job(code)), Duration::from_secs(20));
    world.log_line("begun").await;
    let pid = world.runtime.warm()[0].pid;
    assert_eq!(world.runtime.warm()[0].in_flight, 1);
    handle.cancel();
    assert_eq!(running.await.unwrap().unwrap(), JobOutcome::Cancelled);
    world.log_line("told: AbortError").await;
    finished(&world, Outcome::Cancelled).await;
    eventually("the end of the process", || is_gone(pid).then_some(())).await;
    assert!(world.runtime.warm().is_empty());
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_run_that_does_not_listen_is_killed_and_its_neighbour_goes_on() {
    let world = World::new();
    let code = "export default async (_, ctx) => { console.log('begun ' + ctx.job.id); if (ctx.env.TIER === 'gold') for (;;); }";
    let deaf = Arc::new(job(code));
    let gate = "export default async (_, ctx) => { ctx.progress(1); await new Promise((go) => setTimeout(go, 700)); return 'whole' }";
    let (running, handle) = begin(&world, &deaf, Duration::from_millis(200));
    world.log_line("begun").await;
    let (neighbour, beside) = begin(&world, &Arc::new(job(gate)), Duration::from_millis(200));
    beside.progress().wait_for(Option::is_some).await.unwrap();
    assert_eq!(world.runtime.warm().len(), 2);
    handle.cancel();
    assert_eq!(running.await.unwrap().unwrap(), JobOutcome::Cancelled);
    assert_eq!(neighbour.await.unwrap().unwrap(), JobOutcome::Completed("\"whole\"".into()));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_told_and_then_killed() {
    let world = World::new();
    let mut listening = job(
        "export default (_, ctx) => new Promise((go) => { ctx.signal.onabort = () => { console.log(ctx.signal.reason.name); go() } })",
    );
    listening.timeout = Duration::from_millis(200);
    assert_eq!(world.run(&Arc::new(listening), "1").await.unwrap(), JobOutcome::TimedOut);
    world.log_line("TimeoutError").await;
    let mut deaf = job("export default () => { for (;;); }");
    deaf.timeout = Duration::from_millis(200);
    let (running, _handle) = begin(&world, &Arc::new(deaf), Duration::from_millis(100));
    assert_eq!(running.await.unwrap().unwrap(), JobOutcome::TimedOut);
    finished(&world, Outcome::TimedOut).await;
    assert!(world.runtime.warm().is_empty());
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_lost_worker_is_reported_with_its_reason() {
    let world = World::new();
    let eater = "const all = []; export default () => { setInterval(() => all.push(new Uint8Array(8e6).fill(1)), 5); return new Promise(() => {}) }";
    let mut spec = job(eater);
    spec.memory_bytes = 64 * 1024 * 1024;
    let lost = world.run(&Arc::new(spec), "1").await.unwrap();
    assert_eq!(lost, JobOutcome::Lost("it used more memory than its 64 MiB".to_owned()));
    let (running, _handle) = begin(
        &world,
        &Arc::new(job("export default () => { console.log('up'); return new Promise(() => {}) }")),
        Duration::ZERO,
    );
    world.log_line("up").await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(world.runtime.warm()[0].pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), JobOutcome::Lost("its worker was ended by signal 9".to_owned()));
    finished(&world, Outcome::Broken).await;
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn workers_are_used_again_one_run_at_a_time() {
    let world = World::new();
    let spec = Arc::new(job(
        "let runs = 0; export default async () => { runs += 1; await new Promise((go) => setTimeout(go, 20)); return [Deno.pid, runs] }",
    ));
    let first = world.completed(&spec, "1").await;
    let second = world.completed(&spec, "1").await;
    assert_eq!((&first[0], &second[1]), (&second[0], &json!(2)));
    let (left, right) = tokio::join!(world.completed(&spec, "1"), world.completed(&spec, "1"));
    assert_ne!(left[0], right[0], "two runs at once never share a process");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_run_keeps_its_values_and_the_next_one_has_the_new_ones() {
    let world = World::new();
    world.set("API_KEY", "value-one");
    let code = "const read = () => [secrets.get('API_KEY'), Deno.env.get('API_KEY'), process.env.STRONGROOM_SECRET_API_KEY].join();
      export default async (payload, ctx) => { const before = read(); if (payload.wait !== false) { ctx.progress(1); await new Promise((go) => ctx.signal.onabort = go); console.log('after: ' + (read() === before)); }
      return before.replaceAll('value-', '') }";
    let spec = Arc::new(job(code));
    let (running, handle) = begin(&world, &spec, Duration::from_secs(20));
    handle.progress().wait_for(Option::is_some).await.unwrap();
    world.set("API_KEY", "value-two");
    world.tell(&spec, "API_KEY", ChangeCause::Set).await;
    assert_eq!(world.completed(&spec, r#"{"wait":false}"#).await, json!("two,two,two"));
    handle.cancel();
    running.await.unwrap().unwrap();
    world.log_line("after: true").await;
    world.set("API_KEY", "value-three");
    assert_eq!(world.completed(&spec, r#"{"wait":false}"#).await, json!("three,three,three"));
    world.tell(&spec, "API_KEY", ChangeCause::Set).await;
    let idle = world.runtime.warm();
    assert!(idle.iter().all(|worker| worker.epoch == world.epoch()), "{idle:?}");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_dropped_run_a_retired_job_and_a_shutdown_leave_no_process() {
    let world = World::new();
    let spec =
        Arc::new(job("export default (payload) => payload === 1 ? 1 : new Promise(() => { console.log('hangs') })"));
    world.completed(&spec, "1").await;
    let idle = world.runtime.warm()[0].pid;
    world.runtime.retire(&spec.workload).await;
    eventually("the end of the idle one", || is_gone(idle).then_some(())).await;
    let (dropped, _handle) = begin(&world, &spec, Duration::ZERO);
    world.log_line("hangs").await;
    let busy = world.runtime.warm()[0].pid;
    dropped.abort();
    eventually("the end of the dropped one", || is_gone(busy).then_some(())).await;
    let (running, _handle) = begin(&world, &spec, Duration::ZERO);
    let pid = eventually("another one", || world.runtime.warm().first().map(|worker| worker.pid)).await;
    world.runtime.shutdown().await;
    let ended = running.await.unwrap();
    assert!(matches!(ended, Ok(JobOutcome::Lost(_)) | Err(JobError::Unavailable(_))), "{ended:?}");
    assert!(is_gone(pid));
    assert_eq!(std::fs::read_dir(world.scratch.path().join("run/w")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_trial_start_of_a_job_is_ready_for_its_first_run() {
    let world = World::new();
    let spec = Arc::new(job("export default () => Deno.pid"));
    let started = world.runtime.trial_start(&spec).await.unwrap();
    assert_eq!(started.handler, "job");
    let pid = world.runtime.warm()[0].pid;
    assert_eq!(world.completed(&spec, "1").await, json!(pid));
    world.runtime.shutdown().await;
}
