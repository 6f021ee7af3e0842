//! What the embedded store costs: `cargo bench -p strongroom-store`. CPU is that of the whole process, user and system.
#![expect(clippy::print_stdout, reason = "figures are what this program is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use strongroom_model::{Id, NamespaceName, Scope, SecretName};
use strongroom_store::port::{
    AuditRow, NamespaceRow, ProjectRow, Promise, RecordJob, SecretFilter, SecretRow, Tx, VersionKind, VersionRow,
};
use strongroom_store::sqlite::{Durability, SqliteOptions, SqliteStore};
use strongroom_store::{Store, StoreError};

const SECRETS: u64 = 10_000;

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("store.db");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("the runtime starts");
    let store: Arc<dyn Store> = SqliteStore::open(&path, SqliteOptions::default()).expect("the store opens");
    runtime.block_on(fill(&store));
    runtime.block_on(reads(&store));
    for clients in [1, 16, 64] {
        runtime.block_on(writes(&store, Kind::Value, clients, "set a value, synced"));
    }
    for clients in [1, 16, 64] {
        runtime.block_on(writes(&store, Kind::Record(Promise::Synced), clients, "audit record, synced"));
    }
    runtime.block_on(store.close()).expect("the store closes");
    drop(store);
    opening(&path);

    let options =
        SqliteOptions { durability: Durability::Interval(Duration::from_secs(1)), ..SqliteOptions::default() };
    let store: Arc<dyn Store> = SqliteStore::open(&path, options).expect("the store opens");
    for clients in [1, 16, 64] {
        runtime.block_on(writes(&store, Kind::Record(Promise::Relaxed), clients, "audit record, relaxed"));
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Value,
    Record(Promise),
}

fn id(n: u64) -> Id {
    // scattered, as random ids are
    let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 16];
    for (byte, digit) in bytes.iter_mut().zip(scattered.to_be_bytes().into_iter().chain(n.to_be_bytes())) {
        *byte = digit;
    }
    Id::from_bytes(bytes)
}

fn at() -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000).expect("a time in range")
}

fn name(n: u64) -> SecretName {
    format!("SECRET_NUMBER_{n:05}").parse().expect("a good name")
}

fn default_namespace() -> NamespaceName {
    NamespaceName::default_namespace()
}

fn head(n: u64) -> SecretRow {
    SecretRow {
        id: id(n),
        project: id(0),
        scope: if n.is_multiple_of(2) { Scope::Global } else { Scope::Namespace(default_namespace()) },
        name: name(n),
        description: Some("What this secret is for".to_owned()),
        expires_at: None,
        version: 1,
        created_at: at(),
        created_by: "owner".to_owned(),
        updated_at: at(),
        updated_by: "owner".to_owned(),
        value_set_at: Some(at()),
        deleted_at: None,
        mac: vec![7; 32],
    }
}

fn version(n: u64, number: u64) -> VersionRow {
    VersionRow {
        secret: id(n),
        version: number,
        kind: VersionKind::Set,
        from_version: None,
        envelope: vec![5; 330],
        created_at: at(),
        created_by: "owner".to_owned(),
    }
}

async fn fill(store: &Arc<dyn Store>) {
    let started = Instant::now();
    store
        .write(|tx| {
            tx.insert_project(&ProjectRow {
                id: id(0),
                name: "default".parse().expect("a good name"),
                settings: "{}".to_owned(),
                created_at: at(),
                created_by: "owner".to_owned(),
                mac: vec![],
            })?;
            let (project, created_by) = (id(0), "owner".to_owned());
            tx.insert_namespace(&NamespaceRow { project, name: default_namespace(), created_at: at(), created_by })?;
            for n in 1..=SECRETS {
                tx.insert_secret(&head(n))?;
                tx.insert_version(&version(n, 1))?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .expect("the store can be filled");
    println!("fill with {SECRETS} secrets in one transaction: {:?}", started.elapsed());
}

async fn reads(store: &Arc<dyn Store>) {
    let (project, namespace) = (id(0), default_namespace());
    measure("candidates of one name", 20_000, || {
        let (project, namespace) = (project, namespace.clone());
        async move {
            store.read(|rows| rows.candidates(&project, &namespace, None, &name(77))).await.map(|found| found.len())
        }
    })
    .await;
    let mut n = 0;
    measure("candidates of a random name", 20_000, || {
        n = (n + 7919) % SECRETS;
        let (project, namespace, n) = (project, namespace.clone(), n + 1);
        async move {
            store.read(|rows| rows.candidates(&project, &namespace, None, &name(n))).await.map(|found| found.len())
        }
    })
    .await;
    measure("all candidates (10,000)", 20, || {
        let (project, namespace) = (project, namespace.clone());
        async move { store.read(|rows| rows.all_candidates(&project, &namespace, None)).await.map(|found| found.len()) }
    })
    .await;
    for limit in [1_000, 10_000] {
        let filter = SecretFilter { limit, ..SecretFilter::default() };
        measure(&format!("list {limit} names"), 100, || async {
            store.read(|rows| rows.list_secret_names(&project, &filter)).await.map(|(names, _)| names.len())
        })
        .await;
        measure(&format!("list {limit} secrets"), 50, || async {
            store.read(|rows| rows.list_secrets(&project, &filter)).await.map(|found| found.len())
        })
        .await;
    }
    measure("stats", 100, || async {
        store.read(|rows| rows.stats(&project, at(), at())).await.map(|stats| usize::try_from(stats.total).unwrap_or(0))
    })
    .await;
}

async fn measure<F>(what: &str, times: u32, mut once: impl FnMut() -> F)
where
    F: Future<Output = Result<usize, StoreError>>,
{
    let mut found = once().await.expect("the read succeeds");
    let started = Instant::now();
    for _ in 0..times {
        found = once().await.expect("the read succeeds");
    }
    println!("{what}: {:?} each ({found} rows)", started.elapsed() / times);
}

/// A record that follows the head, about as long as the real ones.
fn record() -> RecordJob {
    Box::new(|head| AuditRow {
        node: "node".to_owned(),
        seq: head.seq + 1,
        at: at(),
        project: "default".to_owned(),
        action: "secret.resolve".to_owned(),
        record: "x".repeat(300),
        link: [3; 32],
    })
}

/// What a use case does for `secrets set` of a secret that exists.
fn set_value(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
    let n = n % SECRETS + 1;
    let row = tx.secret(&id(0), &head(n).scope, &name(n))?.ok_or(StoreError::Damaged("missing"))?;
    let number = row.version + 1;
    tx.insert_version(&version(n, number))?;
    tx.update_secret(&SecretRow { version: number, ..row })?;
    tx.raise_epoch(&id(0), Some(&default_namespace()))?;
    let head = tx.audit_head("node")?;
    tx.append_audit(&record()(&head))
}

async fn writes(store: &Arc<dyn Store>, kind: Kind, clients: u64, what: &str) {
    let (started, cpu_before) = (Instant::now(), cpu());
    let end = started + Duration::from_secs(3);
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut done = Vec::new();
                while Instant::now() < end {
                    let n = client * 1_000_003 + u64::try_from(done.len()).unwrap_or(0) * 7919;
                    let sent = Instant::now();
                    let written = match kind {
                        Kind::Value => store.write(move |tx| set_value(tx, n)).await,
                        Kind::Record(promise) => store.submit_record("node", record(), promise).await,
                    };
                    written.expect("the write succeeds");
                    done.push(sent.elapsed());
                }
                done
            })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.expect("no client panics"));
    }
    let (elapsed, cpu) = (started.elapsed(), cpu().saturating_sub(cpu_before));
    taken.sort();
    let count = u32::try_from(taken.len()).expect("fewer than 2^32 writes");
    let at_share = |share: usize| taken.get(taken.len() * share / 100).copied().unwrap_or_default();
    println!(
        "{what}, {clients} clients: {:.0}/s, cpu {:?} each, p50 {:?}, p99 {:?}",
        f64::from(count) / elapsed.as_secs_f64(),
        cpu / count,
        at_share(50),
        at_share(99)
    );
}

/// CPU time of this process so far, from the kernel's count of 10 ms ticks.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn opening(path: &std::path::Path) {
    let mut taken = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        let store: Arc<dyn Store> = SqliteStore::open(path, SqliteOptions::default()).expect("the store opens");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("the runtime starts");
        let project = runtime.block_on(store.read(|rows| rows.project(&"default".parse().expect("a good name"))));
        assert!(project.is_ok_and(|found| found.is_some()));
        taken.push(started.elapsed());
        drop(store);
    }
    taken.sort();
    println!("open and first query: median {:?}", taken.get(25).copied().unwrap_or_default());
}
