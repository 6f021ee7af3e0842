//! A change is seen by the next invocation, and no request fails for it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use strongroom_runtime::{
    ChangeCause, EnvNames, Event, InvokeError, OnChange, Refresh, StartFailure, WorkerEvent, WorkerSpec,
};
use support::{Held, World, eventually, spec};

const HELPER: &str = "export default async (req, ctx) => new Response(await ctx.secrets.get('KEY'))";
const ENVIRONMENT: &str = "const key = Deno.env.get('KEY'); export default () => new Response(key)";
const LATE: &str = "export default () => new Response(process.env.KEY)";

fn env_reader(code: &str) -> WorkerSpec {
    let mut spec = spec(code);
    spec.env_names = EnvNames { names: ["KEY".to_owned()].into(), dynamic: false };
    spec
}

/// Calls without pause while values change; every answer must be the newest value known when the call began.
async fn under_load(spec: WorkerSpec, changes: usize) -> (usize, usize, usize) {
    let world = Arc::new(World::new());
    world.set("KEY", "value-0");
    let spec = Arc::new(spec);
    world.get(&spec, "/").await;
    let (stop, newest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (calls, failed, stale) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (world, spec, stop, newest) =
                (Arc::clone(&world), Arc::clone(&spec), Arc::clone(&stop), Arc::clone(&newest));
            let (calls, failed, stale) = (Arc::clone(&calls), Arc::clone(&failed), Arc::clone(&stale));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let known = newest.load(Ordering::SeqCst);
                    let request = http::Request::get("/").body(strongroom_runtime::empty()).unwrap();
                    calls.fetch_add(1, Ordering::SeqCst);
                    match world.request(&spec, request).await {
                        Ok(response) if response.status() == 200 => {
                            let text = support::read(response).await.text;
                            let seen: usize = text.strip_prefix("value-").unwrap().parse().unwrap();
                            stale.fetch_add(usize::from(seen < known), Ordering::SeqCst);
                        }
                        _ => {
                            failed.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
            })
        })
        .collect();
    for change in 1..=changes {
        world.set("KEY", &format!("value-{change}"));
        let told = world.tell(&spec, "KEY", ChangeCause::Set).await;
        assert!(matches!(told, Refresh::Pushed | Refresh::Restarted | Refresh::Unaffected), "{told:?}");
        newest.store(change, Ordering::SeqCst);
        let before = calls.load(Ordering::SeqCst);
        eventually("calls go on", || (calls.load(Ordering::SeqCst) > before + 8).then_some(())).await;
    }
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    world.runtime.shutdown().await;
    (calls.load(Ordering::SeqCst), failed.load(Ordering::SeqCst), stale.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helper_readers_under_load_never_fail_and_never_see_an_old_value() {
    let mut spec = spec(HELPER);
    spec.on_change = OnChange::Recycle;
    let (calls, failed, stale) = under_load(spec, 200).await;
    assert_eq!((failed, stale), (0, 0), "of {calls} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn environment_readers_under_load_never_fail_and_never_see_an_old_value() {
    for code in [ENVIRONMENT, LATE] {
        let (calls, failed, stale) = under_load(env_reader(code), 15).await;
        assert_eq!((failed, stale), (0, 0), "of {calls} calls");
    }
}

#[tokio::test]
async fn a_helper_reader_is_told_and_stays() {
    let world = World::new();
    world.set("KEY", "one");
    let spec = Arc::new(spec(HELPER));
    assert_eq!(world.get(&spec, "/").await.text, "one");
    let pid = world.runtime.warm()[0].pid;
    world.set("KEY", "two");
    assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::Pushed);
    assert_eq!(world.get(&spec, "/").await.text, "two");
    assert_eq!(world.runtime.warm()[0].pid, pid);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_pushed_worker_is_recycled_in_the_background() {
    let world = World::new();
    world.set("KEY", "one");
    let mut spec = spec("let kept; export default () => new Response(kept ??= secrets.get('KEY'))");
    spec.on_change = OnChange::Recycle;
    let spec = Arc::new(spec);
    assert_eq!(world.get(&spec, "/").await.text, "one");
    let pid = world.runtime.warm()[0].pid;
    world.set("KEY", "two");
    assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::Pushed);
    eventually("a new worker", || world.runtime.warm().first().filter(|worker| worker.pid != pid).map(|_| ())).await;
    assert_eq!(world.get(&spec, "/").await.text, "two");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn what_was_seen_read_from_the_environment_or_at_module_load_is_replaced() {
    let world = World::new();
    world.set("KEY", "one");
    let codes = [
        LATE,
        "const key = secrets.get('KEY'); export default () => new Response(key)",
        "const { KEY } = process.env; export default () => new Response(KEY)",
        "const all = { ...process.env }; export default () => new Response(all.KEY)",
        "import { env } from 'node:process'; const key = env.KEY; export default () => new Response(key)",
    ];
    for (index, code) in codes.into_iter().enumerate() {
        let spec = Arc::new(spec(code));
        world.get(&spec, "/").await;
        world.set("KEY", &format!("value {index}"));
        assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::Restarted, "{code}");
        assert_eq!(world.get(&spec, "/").await.text, format!("value {index}"));
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_name_that_was_missing_at_module_load_and_is_set_later_replaces() {
    let world = World::new();
    let spec = Arc::new(spec("const key = process.env.KEY ?? 'none'; export default () => new Response(key)"));
    assert_eq!(world.get(&spec, "/").await.text, "none");
    world.set("KEY", "now there");
    assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::Restarted);
    assert_eq!(world.get(&spec, "/").await.text, "now there");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_change_of_something_else_leaves_the_worker_alone() {
    let world = World::new();
    world.set("KEY", "one");
    world.set("OTHER", "x");
    let spec = Arc::new(env_reader(ENVIRONMENT));
    assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::NotWarm);
    world.get(&spec, "/").await;
    let pid = world.runtime.warm()[0].pid;
    world.set("OTHER", "y");
    assert_eq!(world.tell(&spec, "OTHER", ChangeCause::Set).await, Refresh::Pushed);
    world.values.state.lock().unwrap().epoch += 1;
    assert_eq!(world.tell(&spec, "ELSEWHERE", ChangeCause::Set).await, Refresh::Unaffected);
    assert_eq!(world.get(&spec, "/").await.text, "one");
    assert_eq!(world.runtime.warm()[0].pid, pid);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_invocation_in_flight_keeps_what_it_started_with() {
    let world = Arc::new(World::new());
    world.set("KEY", "one");
    let code = "let go; const gate = new Promise((resolve) => { go = resolve }); export default async (req, ctx) => { \
        if (new URL(req.url).pathname.endsWith('/go')) { go(); return new Response('gone'); } \
        if (new URL(req.url).pathname.endsWith('/now')) return new Response(secrets.get('KEY')); \
        console.log('waiting'); await gate; return new Response(secrets.get('KEY') + await ctx.secrets.get('KEY') + Deno.env.get('KEY') + process.env.KEY); }";
    let spec = Arc::new(spec(code));
    let (other, same) = (Arc::clone(&world), Arc::clone(&spec));
    let waiting = tokio::spawn(async move { other.get(&same, "/wait").await.text });
    world.log_line("waiting").await;
    world.set("KEY", "two");
    assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::Pushed);
    assert_eq!(world.get(&spec, "/now").await.text, "two");
    world.get(&spec, "/go").await;
    assert_eq!(waiting.await.unwrap(), "oneoneoneone");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_invocation_that_is_newer_than_the_worker_brings_it_up_by_itself() {
    let world = World::new();
    for (code, env) in [(HELPER, false), (ENVIRONMENT, true)] {
        world.set("KEY", "one");
        let spec = Arc::new(if env { env_reader(code) } else { spec(code) });
        world.get(&spec, "/").await;
        world.set("KEY", "two");
        assert_eq!(world.get(&spec, "/").await.text, "two");
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn time_running_out_is_a_change() {
    let world = World::new();
    world.set("KEY", "one");
    let until = support::unix_ms() + 1500;
    world.values.state.lock().unwrap().valid_until = Some(until);
    let spec = Arc::new(spec(
        "export default () => { try { return new Response(secrets.get('KEY')) } catch (e) { return new Response(e.name) } }",
    ));
    assert_eq!(world.get(&spec, "/").await.text, "one");
    {
        // the epoch stays: nobody tells, only time passes
        let mut state = world.values.state.lock().unwrap();
        state.entries.insert("KEY".to_owned(), (Held::Expired, 1));
        state.valid_until = None;
    }
    let passed = || (support::unix_ms() > until).then_some(());
    eventually("the time to pass", passed).await;
    assert_eq!(world.get(&spec, "/").await.text, "SecretExpiredError");
    world.runtime.shutdown().await;
}

const PICKY: &str = "const key = Deno.env.get('KEY'); if (!key?.startsWith('good')) throw new Error('refused ' + key); export default () => new Response(key)";

#[tokio::test]
async fn after_a_set_that_does_not_start_the_old_worker_serves_on() {
    let world = World::new();
    world.set("KEY", "good-1");
    let spec = Arc::new(env_reader(PICKY));
    assert_eq!(world.get(&spec, "/").await.text, "good-1");
    world.set("KEY", "bad-value");
    let Refresh::RestartFailed(reason) = world.tell(&spec, "KEY", ChangeCause::Set).await else { panic!("it started") };
    assert!(reason.contains("refused [masked]"), "{reason}");
    assert_eq!(world.get(&spec, "/").await.text, "good-1");
    world.set("KEY", "good-2");
    assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::Restarted);
    assert_eq!(world.get(&spec, "/").await.text, "good-2");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn after_a_removal_that_does_not_start_nothing_serves_until_it_does() {
    let world = World::new();
    world.set("KEY", "good-1");
    let spec = Arc::new(env_reader(PICKY));
    world.get(&spec, "/").await;
    world.remove("KEY");
    assert!(matches!(world.tell(&spec, "KEY", ChangeCause::Removed).await, Refresh::RestartFailed(_)));
    let request = || http::Request::get("/").body(strongroom_runtime::empty()).unwrap();
    let refused = world.request(&spec, request()).await.unwrap_err();
    assert!(matches!(refused, InvokeError::Unavailable(StartFailure::Load(_))), "{refused:?}");
    world.set("KEY", "good-2");
    world.tell(&spec, "KEY", ChangeCause::Set).await;
    assert_eq!(world.get(&spec, "/").await.text, "good-2");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn values_that_cannot_be_had_stop_newer_invocations_and_only_those() {
    let world = World::new();
    world.set("KEY", "one");
    let spec = Arc::new(spec(HELPER));
    world.get(&spec, "/").await;
    world.values.state.lock().unwrap().broken = true;
    assert_eq!(world.get(&spec, "/").await.text, "one");
    world.set("KEY", "two");
    let request = http::Request::get("/").body(strongroom_runtime::empty()).unwrap();
    let refused = world.request(&spec, request).await.unwrap_err();
    assert!(matches!(refused, InvokeError::Unavailable(StartFailure::Snapshot(_))), "{refused:?}");
    world.values.state.lock().unwrap().broken = false;
    assert_eq!(world.get(&spec, "/").await.text, "two");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_trial_start_touches_nothing_until_the_switch() {
    let world = World::new();
    world.set("KEY", "one");
    let first = Arc::new(spec("export default () => new Response('first')"));
    world.get(&first, "/").await;
    let second = Arc::new(spec("const k = Deno.env.get('KEY'); export default () => new Response('second ' + k)"));
    let started = world.runtime.trial_start(&second).await.unwrap();
    assert_eq!(started.handler, "default");
    assert_eq!((started.module_reads[0].name.as_str(), started.module_reads[0].found), ("KEY", true));
    assert_eq!(world.get(&first, "/").await.text, "first");
    world.set("KEY", "two");
    world.tell(&first, "KEY", ChangeCause::Set).await;
    assert_eq!(world.get(&second, "/").await.text, "second two");
    world
        .event("the switch", |event| matches!(event, Event::Worker { what: WorkerEvent::Replaced, .. }).then_some(()))
        .await;
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_late_caller_of_the_old_deployment_does_not_switch_back() {
    let world = World::new();
    let first = Arc::new(spec("export default () => new Response('first')"));
    let second = Arc::new(spec("export default () => new Response('second')"));
    assert_eq!(world.get(&first, "/").await.text, "first");
    assert_eq!(world.get(&second, "/").await.text, "second");
    let pid = world.runtime.warm()[0].pid;
    assert_eq!(world.get(&first, "/").await.text, "second");
    assert_eq!(world.runtime.warm()[0].pid, pid);
    // a rollback is a new value
    let again = Arc::new(WorkerSpec::clone(&first));
    assert_eq!(world.get(&again, "/").await.text, "first");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn values_that_lag_behind_the_change_are_waited_for() {
    let world = Arc::new(World::new());
    world.set("KEY", "one");
    let spec = Arc::new(spec(HELPER));
    world.get(&spec, "/").await;
    let asked = world.values.state.lock().unwrap().handed_out;
    let change =
        strongroom_runtime::Change { epoch: world.epoch() + 1, names: vec!["KEY".to_owned()], cause: ChangeCause::Set };
    let (runtime, workload) = (world.runtime.clone(), spec.workload.clone());
    let told = tokio::spawn(async move { runtime.refresh(&workload, &change).await });
    eventually("older values to be handed out", || {
        (world.values.state.lock().unwrap().handed_out > asked).then_some(())
    })
    .await;
    world.set("KEY", "two");
    assert_eq!(told.await.unwrap(), Refresh::Pushed);
    assert_eq!(world.get(&spec, "/").await.text, "two");
    world.runtime.shutdown().await;
}
