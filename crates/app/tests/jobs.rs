//! Schedules on a clock that the test sets, across servers that end and begin, on a real Deno.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_api::jobs::RunItem;
use strongroom_app::functions::{self, Deployment, Manifest};
use strongroom_app::jobs::{self, NewRun, RunQuery, Slots};
use strongroom_app::{App, AppConfig, Caller, Clock};
use strongroom_model::ProjectName;
use strongroom_runtime::{RuntimeConfig, locate};
use strongroom_seal::RootKey;
use strongroom_store::Store;
use strongroom_store::sqlite::{SqliteOptions, SqliteStore};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_mins(1);
const RETURNS: &str = "export default (payload, ctx) => ctx.job.scheduledFor;\n";
/// Goes on until it is cancelled.
const HANGS: &str =
    "export default (payload, ctx) => new Promise((stop) => ctx.signal.addEventListener('abort', stop));\n";

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A data directory with a clock, on which servers begin and end.
struct House {
    home: tempfile::TempDir,
    clock: Arc<TestClock>,
    root: String,
}

/// One server's time.
struct Server {
    app: Arc<App>,
    store: Arc<dyn Store>,
    jobs: JoinHandle<()>,
}

#[expect(clippy::disallowed_methods, reason = "tests are told in the environment which Deno to use")]
fn deno() -> std::path::PathBuf {
    let named = std::env::var_os("STRONGROOM_DENO").map(std::path::PathBuf::from);
    let places = locate::Places { named, home: None, path: std::env::var_os("PATH") };
    locate::find(&places).expect("these tests need a real Deno").program
}

fn config(home: &Path) -> RuntimeConfig {
    RuntimeConfig {
        deno: deno(),
        scratch_dir: home.join("run"),
        deno_cache_dir: home.join("cache"),
        pool_size: 1,
        idle_stop: Duration::from_mins(10),
        replace_wait: Duration::from_secs(10),
        node: locate::Places::default(),
        private_net: strongroom_runtime::PrivateNet::Refused,
        blocked_hosts: Vec::new(),
        launcher: None,
    }
}

impl House {
    fn at(time: &str) -> Self {
        let home = tempfile::Builder::new().prefix("sr").tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(millis(time))));
        Self { home, clock, root: "5".repeat(64) }
    }

    async fn open(&self) -> Server {
        self.open_for(Slots::Made).await
    }

    async fn open_for(&self, slots: Slots) -> Server {
        let store: Arc<dyn Store> =
            SqliteStore::open(&self.home.path().join("strongroom.db"), SqliteOptions::default()).unwrap();
        let config = config(self.home.path());
        let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&self.clock);
        let app = App::open(AppConfig {
            clock,
            functions: Arc::new(move || Ok(config.clone())),
            functions_url: None,
            password_cost: strongroom_app::PasswordCost::LEAST,
            ..AppConfig::new(Arc::clone(&store), RootKey::from_text(&self.root).unwrap())
        });
        let app = app.await.unwrap();
        let jobs = tokio::spawn(Arc::clone(&app).run_jobs(slots));
        Server { app, store, jobs }
    }

    fn set(&self, time: &str) {
        self.clock.0.store(millis(time), Ordering::SeqCst);
    }
}

fn millis(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_millisecond()
}

impl Server {
    async fn deploy(&self, bundle: &str, manifest: Value) {
        let deployment = Deployment {
            namespace: "default".parse().unwrap(),
            name: "clockwork".parse().unwrap(),
            manifest: Manifest::Job(serde_json::from_value(manifest).unwrap()),
            bundle: bundle.to_owned(),
            force: false,
            dry_run: false,
            allow_patterns: Vec::new(),
        };
        let (owner, project) = (Caller::owner("process", "test"), ProjectName::default_project());
        functions::deploy(&self.app, &owner, &project, deployment).await.unwrap();
    }

    /// Slots and states of all runs, oldest first.
    async fn runs(&self) -> Vec<(String, String)> {
        let (owner, project) = (Caller::owner("process", "test"), ProjectName::default_project());
        let query = RunQuery { limit: 1_000, ..RunQuery::default() };
        let (runs, _) = jobs::runs(&self.app, &owner, &project, query).await.unwrap();
        let told =
            |run: &RunItem| (run.scheduled_for.map(|slot| slot.to_string()).unwrap_or_default(), run.state.clone());
        runs.iter().rev().map(told).collect()
    }

    async fn until(&self, wanted: &[(&str, &str)]) {
        let wanted: Vec<_> = wanted.iter().map(|(slot, state)| ((*slot).to_owned(), (*state).to_owned())).collect();
        let start = Instant::now();
        loop {
            let runs = self.runs().await;
            if runs == wanted {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "waited in vain for {wanted:?}; there are {runs:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends as a server that is stopped.
    async fn stop(self) {
        self.app.stop_jobs();
        self.jobs.await.unwrap();
        self.app.close().await;
        self.store.close().await.unwrap();
    }

    /// Ends in the middle of things: what ran is not put back.
    async fn cut(self) {
        self.jobs.abort();
        self.app.close().await;
        self.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn each_slot_has_one_run_across_servers() {
    let house = House::at("2026-01-01T00:00:30Z");
    let server = house.open().await;
    server.deploy(RETURNS, json!({ "schedule": "* * * * *", "overlap": "allow" })).await;
    house.set("2026-01-01T00:01:00Z");
    let first = ("2026-01-01T00:01:00Z", "succeeded");
    server.until(&[first]).await;
    server.stop().await;

    house.set("2026-01-01T00:01:40Z");
    let server = house.open().await;
    house.set("2026-01-01T00:02:00.001Z");
    let second = ("2026-01-01T00:02:00Z", "succeeded");
    server.until(&[first, second]).await;
    server.cut().await;

    // an hour without a server: one run for all that were missed, beside the one that is due now
    house.set("2026-01-01T01:00:30Z");
    let server = house.open().await;
    let missed = ("2026-01-01T00:59:00Z", "succeeded");
    let due = ("2026-01-01T01:00:00Z", "succeeded");
    server.until(&[first, second, missed, due]).await;
    // a clock that is set back makes no slot run again
    house.set("2026-01-01T00:30:00Z");
    server.stop().await;
    let server = house.open().await;
    house.set("2026-01-01T01:01:00Z");
    server.until(&[first, second, missed, due, ("2026-01-01T01:01:00Z", "succeeded")]).await;
    server.stop().await;
}

#[tokio::test]
async fn who_leaves_slots_to_the_server_runs_what_is_queued() {
    let house = House::at("2026-01-01T00:00:30Z");
    let dev = house.open_for(Slots::Left).await;
    dev.deploy(RETURNS, json!({ "schedule": "* * * * *", "overlap": "allow" })).await;
    house.set("2026-01-01T00:03:00Z");
    let new = NewRun {
        namespace: "default".parse().unwrap(),
        job: "clockwork".parse().unwrap(),
        payload: b"{}".to_vec().into(),
    };
    let (owner, project) = (Caller::owner("process", "test"), ProjectName::default_project());
    jobs::enqueue(&dev.app, &owner, &project, new).await.unwrap();
    dev.until(&[("", "succeeded")]).await;
    dev.stop().await;
    // the server finds the slots that passed: one run for those that were missed, beside the one that is due now
    let server = house.open().await;
    let slots = [("2026-01-01T00:02:00Z", "succeeded"), ("2026-01-01T00:03:00Z", "succeeded")];
    server.until(&[("", "succeeded"), slots[0], slots[1]]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_slot_passes_waits_or_runs_beside_an_earlier_run() {
    for (overlap, second) in [("skip", None), ("queue", Some("queued")), ("allow", Some("running"))] {
        let house = House::at("2026-01-01T00:00:30Z");
        let server = house.open().await;
        server.deploy(HANGS, json!({ "schedule": "* * * * *", "overlap": overlap })).await;
        house.set("2026-01-01T00:01:00Z");
        let first = ("2026-01-01T00:01:00Z", "running");
        server.until(&[first]).await;
        house.set("2026-01-01T00:02:00Z");
        let later = second.map(|state| ("2026-01-01T00:02:00Z", state));
        let wanted: Vec<_> = std::iter::once(first).chain(later).collect();
        if second.is_none() {
            // nothing to see yet: the log says when the slot has been dealt with
            let start = Instant::now();
            while !passed(&server).await {
                assert!(start.elapsed() < DEADLINE, "the slot was not dealt with");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        server.until(&wanted).await;
        server.cut().await;
    }
}

async fn passed(server: &Server) -> bool {
    let (owner, project) = (Caller::owner("process", "test"), ProjectName::default_project());
    let filter = strongroom_app::logs::LogFilter { limit: 100, ..Default::default() };
    let lines = strongroom_app::logs::list(&server.app, &owner, &project, filter, Duration::ZERO).await.unwrap();
    lines.items.iter().any(|line| line.message.contains("passed without a run"))
}
