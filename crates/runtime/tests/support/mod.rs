//! A runtime on a real Deno, with values that a test can change, and everything that it reports.
#![expect(clippy::unwrap_used, dead_code, unreachable_pub, reason = "tests; not every test uses every helper")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use strongroom_runtime::{
    Body, BoxFuture, Change, ChangeCause, Engine, Entry, EntryState, EnvNames, Event, InvocationContext, InvokeError,
    JobError, JobFacts, JobOutcome, JobRun, Need, NetPolicy, OnChange, PrivateNet, Refresh, Runtime, RuntimeConfig,
    Snapshot, SnapshotError, SnapshotSource, WorkerSpec, WorkloadId, WorkloadKind, locate,
};
use strongroom_secret::SecretValue;

/// Long enough for the slowest machine; reached only by a failing test.
pub const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub enum Held {
    Value(String),
    Expired,
    NoValue(Option<String>),
}

#[derive(Default)]
pub struct Values {
    pub state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub epoch: u64,
    pub entries: BTreeMap<String, (Held, u64)>,
    pub system: BTreeMap<String, (Held, u64)>,
    pub valid_until: Option<i64>,
    pub handed_out: usize,
    pub broken: bool,
}

impl SnapshotSource for Values {
    fn snapshot(&self, _spec: &WorkerSpec) -> BoxFuture<'_, Result<Snapshot, SnapshotError>> {
        Box::pin(async {
            let mut state = self.state.lock().unwrap();
            state.handed_out += 1;
            if state.broken {
                return Err(SnapshotError("the database is away".to_owned()));
            }
            Ok(Snapshot {
                epoch: state.epoch,
                valid_until_unix_ms: state.valid_until,
                entries: entries(&state.entries, "global"),
                system: entries(&state.system, "system"),
            })
        })
    }
}

fn entries(held: &BTreeMap<String, (Held, u64)>, scope: &str) -> Vec<Entry> {
    let entry = |(name, (held, version)): (&String, &(Held, u64))| {
        let (state, default) = match held {
            Held::Value(text) => (EntryState::Value(SecretValue::new(text.clone()).unwrap()), None),
            Held::Expired => (EntryState::Expired, Some("never".to_owned())),
            Held::NoValue(default) => (EntryState::NoValue, default.clone()),
        };
        Entry { name: name.clone(), state, default, scope: scope.to_owned(), version: *version }
    };
    held.iter().map(entry).collect()
}

pub struct World {
    pub runtime: Runtime,
    pub values: Arc<Values>,
    pub events: Arc<Mutex<Vec<Event>>>,
    pub scratch: tempfile::TempDir,
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
}

#[expect(clippy::disallowed_methods, reason = "tests are told in the environment which Deno to use")]
pub fn deno() -> locate::Deno {
    let places = locate::Places {
        named: std::env::var_os("STRONGROOM_DENO").map(std::path::PathBuf::from),
        home: None,
        path: std::env::var_os("PATH"),
    };
    match locate::find(&places) {
        Ok(deno) => deno,
        Err(error) => panic!("these tests need a real Deno: {error}"),
    }
}

/// The Node that setup has installed, or the one that the environment names.
#[expect(clippy::disallowed_methods, reason = "tests are told in the environment which Node to use")]
pub fn node_places() -> locate::Places {
    let named = std::env::var_os("STRONGROOM_NODE").map(std::path::PathBuf::from);
    let installed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.strongroom-tools/bin");
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let dirs = [installed].into_iter().chain(std::env::split_paths(&dirs));
    locate::Places { named, home: None, path: std::env::join_paths(dirs).ok() }
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut RuntimeConfig)) -> Self {
        let scratch = tempfile::Builder::new().prefix("srt").tempdir().unwrap();
        let mut config = RuntimeConfig {
            deno: deno().program,
            scratch_dir: scratch.path().join("run"),
            deno_cache_dir: scratch.path().join("cache"),
            pool_size: 1,
            idle_stop: Duration::from_mins(10),
            replace_wait: Duration::from_secs(10),
            node: node_places(),
            private_net: PrivateNet::Refused,
            blocked_hosts: Vec::new(),
            launcher: None,
        };
        change(&mut config);
        let values = Arc::new(Values::default());
        let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        tokio::spawn(async move {
            while let Some(event) = receiver.recv().await {
                sink.lock().unwrap().push(event);
            }
        });
        let source: Arc<dyn SnapshotSource> = Arc::<Values>::clone(&values);
        let runtime = Runtime::start(config, source, sender).unwrap();
        Self { runtime, values, events, scratch }
    }

    pub fn epoch(&self) -> u64 {
        self.values.state.lock().unwrap().epoch
    }

    /// Changes a value; the runtime is not told.
    pub fn put(&self, name: &str, held: Held) -> u64 {
        let mut state = self.values.state.lock().unwrap();
        state.epoch += 1;
        let version = state.entries.get(name).map_or(1, |(_, version)| version + 1);
        state.entries.insert(name.to_owned(), (held, version));
        state.epoch
    }

    pub fn set(&self, name: &str, text: &str) -> u64 {
        self.put(name, Held::Value(text.to_owned()))
    }

    pub fn remove(&self, name: &str) -> u64 {
        let mut state = self.values.state.lock().unwrap();
        state.epoch += 1;
        state.entries.remove(name);
        state.epoch
    }

    pub async fn tell(&self, spec: &WorkerSpec, name: &str, cause: ChangeCause) -> Refresh {
        let change = Change { epoch: self.epoch(), names: vec![name.to_owned()], cause };
        self.runtime.refresh(&spec.workload, &change).await
    }

    pub async fn request(
        &self,
        spec: &Arc<WorkerSpec>,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, InvokeError> {
        let id = format!("exec-{:016x}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let url = format!("https://fn.example.test/fn/shop{}", request.uri());
        let context = InvocationContext { execution_id: id, url, client: None, user: None };
        self.runtime.invoke(spec, Need { epoch: self.epoch() }, context, request).await
    }

    pub async fn get(&self, spec: &Arc<WorkerSpec>, path: &str) -> Answer {
        let request = http::Request::get(path).body(strongroom_runtime::empty()).unwrap();
        read(self.request(spec, request).await.unwrap()).await
    }

    pub async fn post(&self, spec: &Arc<WorkerSpec>, path: &str, body: &str) -> Answer {
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(strongroom_runtime::full(body.to_owned()))
            .unwrap();
        read(self.request(spec, request).await.unwrap()).await
    }

    /// Runs a job once, to its end.
    pub async fn run(&self, spec: &Arc<WorkerSpec>, payload: &str) -> Result<JobOutcome, JobError> {
        let (run, _handle) = JobRun::new(facts(), payload.to_owned().into());
        self.runtime.run_job(spec, Need { epoch: self.epoch() }, run).await
    }

    /// What a run that must complete returns.
    pub async fn completed(&self, spec: &Arc<WorkerSpec>, payload: &str) -> serde_json::Value {
        match self.run(spec, payload).await {
            Ok(JobOutcome::Completed(result)) => serde_json::from_slice(&result).unwrap(),
            other => panic!("it did not complete: {other:?}"),
        }
    }

    /// Waits until some event satisfies `wanted`, and gives what it makes of it.
    pub async fn event<T>(&self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        eventually(what, || self.events.lock().unwrap().iter().find_map(&wanted)).await
    }

    pub async fn log_line(&self, part: &str) -> String {
        self.event(part, |event| match event {
            Event::Log { message, .. } if message.contains(part) => Some(message.clone()),
            _ => None,
        })
        .await
    }
}

/// A job under the name `under-test`.
pub fn job(code: &str) -> WorkerSpec {
    let mut spec = spec(code);
    spec.workload.kind = WorkloadKind::Job;
    spec
}

/// The same under Node.
pub fn node(code: &str) -> WorkerSpec {
    WorkerSpec { engine: Engine::Node, ..spec(code) }
}

/// The facts of the first attempt of a new run.
pub fn facts() -> JobFacts {
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    JobFacts {
        execution_id: format!("exec-{number:016x}"),
        run_id: format!("run-{number}"),
        attempt: 1,
        scheduled_for: None,
    }
}

static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

pub async fn read(response: http::Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status.as_u16(), headers: head.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

/// Waits for a condition, with a deadline.
pub async fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "expiry follows the machine's clock")]
pub fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

pub fn spec(code: &str) -> WorkerSpec {
    WorkerSpec {
        workload: WorkloadId {
            project: "shop".to_owned(),
            namespace: "default".to_owned(),
            kind: WorkloadKind::Function,
            name: "under-test".to_owned(),
        },
        deployment: format!("d-{:x}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
        engine: Engine::Deno,
        bundle: Arc::from(code.as_bytes()),
        env: vec![("TIER".to_owned(), "gold".to_owned())],
        env_prefixes: vec!["STRONGROOM_SECRET_".to_owned()],
        net: NetPolicy::PublicInternet,
        memory_bytes: 256 * 1024 * 1024,
        timeout: Duration::from_secs(10),
        stream_idle: Duration::from_secs(10),
        concurrency: 100,
        queue: 1000,
        on_change: OnChange::Live,
        env_names: EnvNames::default(),
    }
}
