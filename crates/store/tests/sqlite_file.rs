//! What is particular to the embedded backend: its files, its end by force, a full disk, other people's files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use strongroom_model::{Id, Scope, SecretName};
use strongroom_store::port::{
    AuditRow, ProjectRow, Promise, RecordJob, Rows, SecretRow, Tx, VersionKind, VersionRow, WorkloadKind,
};
use strongroom_store::sqlite::{Durability, SqliteOptions, SqliteStore};
use strongroom_store::{Store, StoreError, Verdict};
use tempfile::TempDir;

/// Set in a process that writes until it is killed: the database to write to.
const VICTIM: &str = "STORE_TEST_VICTIM";

#[expect(clippy::disallowed_methods, reason = "how a process of a test is told what to do")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn scratch() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("store.db");
    (directory, path)
}

fn open(path: &Path) -> Arc<dyn Store> {
    SqliteStore::open(path, SqliteOptions::default()).expect("the store opens")
}

fn open_error(path: &Path) -> StoreError {
    match SqliteStore::open(path, SqliteOptions::default()) {
        Ok(_) => panic!("the store opened"),
        Err(error) => error,
    }
}

fn at() -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000).expect("a time in range")
}

fn id(n: u64) -> Id {
    let mut bytes = [0; 16];
    for (byte, digit) in bytes.iter_mut().rev().zip(n.to_le_bytes()) {
        *byte = digit;
    }
    Id::from_bytes(bytes)
}

fn name(n: u64) -> SecretName {
    format!("NAME_{n}").parse().expect("a good name")
}

fn insert_project(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.insert_project(&ProjectRow {
        id: id(0),
        name: "default".parse().expect("a good name"),
        settings: "{}".to_owned(),
        created_at: at(),
        created_by: "owner".to_owned(),
        mac: vec![],
    })
}

fn set(tx: &mut dyn Tx, n: u64, bytes: usize) -> Result<(), StoreError> {
    tx.insert_secret(&SecretRow {
        id: id(n),
        project: id(0),
        scope: Scope::Global,
        name: name(n),
        description: None,
        expires_at: None,
        version: 1,
        created_at: at(),
        created_by: "owner".to_owned(),
        updated_at: at(),
        updated_by: "owner".to_owned(),
        value_set_at: Some(at()),
        deleted_at: None,
        mac: vec![],
    })?;
    tx.insert_version(&VersionRow {
        secret: id(n),
        version: 1,
        kind: VersionKind::Set,
        from_version: None,
        envelope: vec![7; bytes],
        created_at: at(),
        created_by: "owner".to_owned(),
    })
}

async fn names(store: &Arc<dyn Store>) -> Vec<SecretName> {
    let rows = store.read(|rows| rows.sealed_in_scope(&id(0), &Scope::Global)).await.expect("the store can be read");
    rows.into_iter().map(|row| row.head.name).collect()
}

/// The names of which a record speaks.
async fn recorded(store: &Arc<dyn Store>) -> Vec<SecretName> {
    let rows = store.read(|rows| rows.audit_after("node", 0, usize::MAX)).await.expect("the store can be read");
    rows.into_iter().map(|row| row.record.parse().expect("a record is a name")).collect()
}

/// A record that speaks of a name.
fn record(name: &SecretName) -> RecordJob {
    let name = name.to_string();
    Box::new(move |head| AuditRow {
        node: "node".to_owned(),
        seq: head.seq + 1,
        at: at(),
        project: "default".to_owned(),
        action: "values.resolve".to_owned(),
        record: name,
        link: [3; 32],
    })
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn files_are_closed_to_others_whatever_the_umask() {
    let (directory, path) = scratch();
    // the mask is the process's: a shell sets it for a process of its own, which leaves its files behind
    let me = std::env::current_exe().expect("this program has a path");
    let status = Command::new("sh")
        .args(["-c", r#"umask 000; exec "$0" --exact victim --nocapture"#])
        .arg(&me)
        .env(VICTIM, &path)
        .env("STORE_TEST_WRITES", "3")
        .stdout(Stdio::null())
        .status()
        .expect("a shell starts");
    assert!(!status.success(), "the victim ends by force");
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        assert_eq!(mode(&directory.path().join(file)), 0o600, "{file}");
    }
    // what somebody opened to others is closed again
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("the mode can be set");
    let store = open(&path);
    assert_eq!(names(&store).await.len(), 3);
    assert_eq!(mode(&path), 0o600);
    store.close().await.expect("the store closes");
    let left: Vec<_> = fs::read_dir(directory.path()).expect("the directory can be read").collect();
    assert_eq!(left.len(), 1, "a closed store is one file");
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    kill_again_and_again("synced").await;
}

#[tokio::test]
async fn relaxed_records_survive_a_kill() {
    kill_again_and_again("relaxed").await;
}

async fn kill_again_and_again(kind: &str) {
    let rounds = if variable("STRONGROOM_SOAK").is_some() { 100 } else { 5 };
    let (_directory, path) = scratch();
    let mut acknowledged: Vec<SecretName> = Vec::new();
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(["--exact", "victim", "--nocapture"])
            .env(VICTIM, &path)
            .env("STORE_TEST_KIND", kind)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a victim starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        // every round is killed at another point
        let enough = 40 + round * 13 % 60;
        let mut seen = 0;
        for line in lines {
            let line = line.expect("its output can be read");
            let Some(written) = line.strip_prefix("wrote ") else { continue };
            acknowledged.push(written.parse().expect("a good name"));
            seen += 1;
            if seen == enough {
                child.kill().expect("the victim can be killed");
            }
        }
        child.wait().expect("the victim has ended");
        let store = open(&path);
        let found = if kind == "relaxed" { recorded(&store).await } else { names(&store).await };
        let lost: Vec<_> = acknowledged.iter().filter(|name| !found.contains(name)).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        store.close().await.expect("the store closes");
    }
}

/// Not a test of its own: started by others in a process of its own, it writes and says so until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Some(path) = variable(VICTIM) else { return };
    let most = variable("STORE_TEST_WRITES").and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    let relaxed = variable("STORE_TEST_KIND").is_some_and(|kind| kind == "relaxed");
    let durability = if relaxed { Durability::Interval(Duration::from_hours(1)) } else { Durability::Synced };
    let options = SqliteOptions { durability, ..SqliteOptions::default() };
    let store: Arc<dyn Store> = SqliteStore::open(Path::new(&path), options).expect("the store opens");
    let fresh = store.write(|tx| if tx.projects()?.is_empty() { insert_project(tx) } else { Ok(()) }).await;
    fresh.expect("the project is there");
    let before = names(&store).await.len() + recorded(&store).await.len();
    let first = u64::try_from(before).expect("a small number") + 1;
    let clients = 8.min(most);
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for k in 0..most.div_ceil(clients) {
                    // ids and names of a killed round must not come again
                    let n = first * 1_000_000 + client * 100_000 + k;
                    let written = if relaxed {
                        store.submit_record("node", record(&name(n)), Promise::Relaxed).await
                    } else {
                        store.write(move |tx| set(tx, n, 300)).await
                    };
                    written.expect("the write succeeds");
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "wrote {}", name(n)).and_then(|()| out.flush()).expect("somebody listens");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no client panics");
    }
    std::process::abort();
}

#[tokio::test]
async fn a_full_disk_fails_writes_clearly_and_leaves_the_store_usable() {
    let (_directory, path) = scratch();
    let options = SqliteOptions { max_pages: Some(120), ..SqliteOptions::default() };
    let store: Arc<dyn Store> = SqliteStore::open(&path, options).expect("the store opens");
    store.write(insert_project).await.expect("a small write fits");
    let big: Result<(), StoreError> = store.write(|tx| set(tx, 1, 1_000_000)).await;
    assert_eq!(big, Err(StoreError::Unavailable("the disk is full".to_owned())));
    // among others: those that fit, and come before, are not told that they are kept when they are not
    let jobs: Vec<_> = (10..30_u64)
        .map(|n| {
            let bytes = if n == 20 { 1_000_000 } else { 100 };
            store.submit(Box::new(move |tx| match set(tx, n, bytes) {
                Ok(()) => Verdict::Commit,
                Err(_) => Verdict::RollBack,
            }))
        })
        .collect();
    let mut kept = Vec::new();
    for (n, job) in (10..30_u64).zip(jobs) {
        if job.await == Ok(true) {
            kept.push(name(n));
        }
    }
    assert_eq!(names(&store).await, kept);
    let small: Result<(), StoreError> = store.write(|tx| set(tx, 40, 100)).await;
    assert_eq!(small, Ok(()));
    drop(store);
    assert_eq!(names(&open(&path)).await.len(), kept.len() + 1);
}

#[tokio::test]
async fn a_dropped_store_finishes_its_queue() {
    let (_directory, path) = scratch();
    let store = open(&path);
    let first = store.submit(Box::new(|tx| insert_project(tx).map_or(Verdict::RollBack, |()| Verdict::Commit)));
    for n in 1..=50_u64 {
        drop(store.submit(Box::new(move |tx| set(tx, n, 10).map_or(Verdict::RollBack, |()| Verdict::Commit))));
    }
    drop(store);
    assert_eq!(first.await, Ok(true));
    assert_eq!(names(&open(&path)).await.len(), 50);
}

#[tokio::test]
async fn what_is_purged_is_in_no_file() {
    let (directory, path) = scratch();
    let store = open(&path);
    store.write(insert_project).await.expect("the store can be written");
    for n in 1..=40 {
        store.write(move |tx| set(tx, n, 3_000)).await.expect("the store can be written");
    }
    // as `set` fills envelopes
    let holds = || {
        let files = fs::read_dir(directory.path()).expect("the directory can be read");
        let pattern = [7; 500];
        files
            .filter_map(|file| fs::read(file.expect("it can be listed").path()).ok())
            .any(|bytes| bytes.windows(pattern.len()).any(|window| window == pattern))
    };
    assert!(holds());
    for n in 1..=39 {
        assert!(store.write::<_, StoreError>(move |tx| tx.purge_secret(&id(n))).await.expect("it can be purged"));
    }
    assert!(holds());
    assert!(store.write::<_, StoreError>(|tx| tx.purge_secret(&id(40))).await.expect("it can be purged"));
    assert!(!holds());
    assert_eq!(names(&store).await, []);
}

#[tokio::test]
async fn functions_of_the_first_schema_are_workloads_with_their_code() {
    let (_folder, path) = scratch();
    let old = rusqlite::Connection::open(&path).expect("the file opens");
    old.execute_batch(include_str!("../src/sqlite/migrations/0001_first.sql")).expect("the first schema");
    old.execute_batch(
        "PRAGMA foreign_keys = ON;
         INSERT INTO projects VALUES (zeroblob(16), 'default', '{}', 1, 'owner', x'01');
         INSERT INTO functions VALUES (x'0102030405060708090a0b0c0d0e0f10', zeroblob(16), 'default', 'f', 2, 1, 2, 'me', x'02');
         INSERT INTO deployments VALUES (x'0102030405060708090a0b0c0d0e0f10', 2, '{}', '{}', x'03', 4, 1, 'me', x'04');
         INSERT INTO bundles VALUES (x'0102030405060708090a0b0c0d0e0f10', 2, x'63');
         PRAGMA user_version = 1;",
    )
    .expect("rows of the first schema");
    drop(old);
    let store = open(&path);
    let (namespace, name) = ("default".parse().expect("a name"), "f".parse().expect("a name"));
    let read = store.read(|rows: &mut dyn Rows| -> Result<_, StoreError> {
        let row = rows.workload(&id(0), &namespace, WorkloadKind::Function, &name)?.expect("the function is there");
        let code = rows.bundle(&row.id, 2)?;
        Ok((row, code))
    });
    let (row, code) = read.await.expect("the rows are what was written");
    assert_eq!((row.active, row.mac, code), (2, vec![2], Some(b"c".to_vec())));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_directory, path) = scratch();
    open(&path).close().await.expect("the store closes");
    let connection = rusqlite::Connection::open(&path).expect("the file opens");
    connection.pragma_update(None, "user_version", 999).expect("the version can be set");
    drop(connection);
    assert!(matches!(open_error(&path), StoreError::TooNew { found: 999, known: 2.. }));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (_directory, path) = scratch();
    fs::write(&path, "this is some other file\n".repeat(500)).expect("the file can be written");
    assert_eq!(open_error(&path), StoreError::Damaged("the file is not a database"));
    assert_eq!(fs::read(&path).expect("the file can be read").len(), 12_000, "it is left as it was");
}

#[tokio::test]
async fn damage_is_an_error_and_never_a_panic() {
    let (_directory, path) = scratch();
    let store = open(&path);
    store.write(insert_project).await.expect("the store can be written");
    for chunk in 0..20_u64 {
        let fill = move |tx: &mut dyn Tx| (1..=50).try_for_each(|n| set(tx, chunk * 100 + n, 300));
        store.write(fill).await.expect("the store can be written");
    }
    store.close().await.expect("the store closes");
    let good = fs::read(&path).expect("the file can be read");
    for (round, start) in (4096..good.len()).step_by(4096 * 3 + 100).enumerate() {
        let mut bad = good.clone();
        for byte in bad.iter_mut().skip(start).take(900) {
            *byte ^= 0x5a;
        }
        fs::write(&path, &bad).expect("the file can be written");
        // some of it is found at once, some when it is read, some (a name's letters) only by the MAC above
        if let Ok(store) = SqliteStore::open(&path, SqliteOptions::default()) {
            let store: Arc<dyn Store> = store;
            let read: Result<_, StoreError> = store.read(|rows| rows.sealed_in_scope(&id(0), &Scope::Global)).await;
            if let Err(error) = read {
                assert!(matches!(error, StoreError::Damaged(_)), "round {round}: {error}");
            }
            let _ended = store.write(|tx| set(tx, 9_999_999, 300)).await;
        }
        for side in ["store.db-wal", "store.db-shm"] {
            let _gone = fs::remove_file(path.with_file_name(side));
        }
    }
}

#[tokio::test]
async fn rows_that_cannot_be_what_was_written_are_damage() {
    let (_directory, path) = scratch();
    let store = open(&path);
    store.write(insert_project).await.expect("the store can be written");
    store.write(|tx| set(tx, 1, 10)).await.expect("the store can be written");
    store.close().await.expect("the store closes");
    for damage in [
        "UPDATE secrets SET scope = 'galaxy'",
        "UPDATE secrets SET scope = 'namespace', namespace = '../x'",
        "UPDATE secrets SET scope = 'user'",
        "UPDATE secrets SET created_at = 9223372036854775807",
        "UPDATE secrets SET expires_at = -9223372036854775808",
        "UPDATE secrets SET version = -1",
        "UPDATE secrets SET version = 7",
        "UPDATE secrets SET updated_by = CAST(x'ff' AS TEXT)",
    ] {
        let connection = rusqlite::Connection::open(&path).expect("the file opens");
        connection.execute_batch("BEGIN; CREATE TABLE kept AS SELECT * FROM secrets").expect("the table can be copied");
        connection.execute_batch(damage).expect("the row can be changed");
        connection.execute_batch("COMMIT").expect("the change is kept");
        drop(connection);
        let store = open(&path);
        let found: Result<Vec<_>, StoreError> = store
            .read(|rows| {
                let mut all = rows.list_secrets(
                    &id(0),
                    &strongroom_store::port::SecretFilter {
                        scopes: vec![strongroom_model::ScopeKind::User, strongroom_model::ScopeKind::Namespace],
                        limit: 10,
                        ..Default::default()
                    },
                )?;
                all.extend(rows.sealed_in_scope(&id(0), &Scope::Global)?.into_iter().map(|row| row.head));
                Ok(all)
            })
            .await;
        match found {
            Err(StoreError::Damaged(_)) => {}
            // a scope that does not exist is in no scope that can be asked for
            Ok(rows) => assert!(rows.is_empty() && damage.contains("galaxy"), "{damage}"),
            Err(error) => panic!("{damage}: {error}"),
        }
        store.close().await.expect("the store closes");
        let connection = rusqlite::Connection::open(&path).expect("the file opens");
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM secrets; INSERT INTO secrets SELECT * FROM kept; DROP TABLE kept")
            .expect("the row can be mended");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_keep_one_audit_chain() {
    let (_directory, path) = scratch();
    // also: both make the schema at once
    let (first, second) = std::thread::scope(|threads| {
        let other = threads.spawn(|| open(&path));
        (open(&path), other.join().expect("the other opens"))
    });
    let append = |tx: &mut dyn Tx| {
        let seq = tx.audit_head("node")?.seq + 1;
        tx.append_audit(&strongroom_store::port::AuditRow {
            node: "node".to_owned(),
            seq,
            at: at(),
            project: String::new(),
            action: "a".to_owned(),
            record: "{}".to_owned(),
            link: [1; 32],
        })
    };
    for _ in 0..20 {
        first.write::<_, StoreError>(append).await.expect("the first can write");
        second.write::<_, StoreError>(append).await.expect("the second can write");
    }
    let head = first.read(|rows| rows.audit_head("node")).await.expect("the store can be read");
    assert_eq!(head.seq, 40);
}
