//! What must hold when machines fail: salts that never repeat, migrations that are killed, disks that are full or read-only.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use strongroom_e2e::{Instance, Setup, count, jobs, wait};

/// The salts of everything that is sealed in a database, each as it stands at the same place of its format.
fn salts(instance: &Instance) -> Vec<Vec<u8>> {
    let database = Connection::open(instance.database()).unwrap();
    let mut salts = Vec::new();
    for query in ["SELECT envelope FROM versions", "SELECT payload FROM runs", "SELECT wrapped FROM project_keys"] {
        let mut rows = database.prepare(query).unwrap();
        let sealed: Vec<Vec<u8>> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        salts.extend(sealed.iter().map(|bytes| bytes[8..40].to_vec()));
    }
    salts
}

#[tokio::test]
async fn attack_54_no_salt_comes_twice_under_parallel_writers_nor_after_a_restored_file() {
    let mut instance = Instance::start().await;
    let owner = instance.owner();
    jobs::deploy(&owner, "work", &json!({}), "export default async () => {};\n").await;
    instance.stop().await;
    let copy = instance.work().join("copy.db");
    let database = Connection::open(instance.database()).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(database);
    fs::copy(instance.database(), &copy).unwrap();
    let value = instance.plant();
    let mut seen = BTreeSet::new();
    let mut sealed = 0;
    // the same names, numbers and values over the same state, as after a restored backup or a resumed snapshot
    for _ in 0..3 {
        fs::copy(&copy, instance.database()).unwrap();
        for rest in ["strongroom.db-wal", "strongroom.db-shm"] {
            fs::remove_file(instance.home().join(rest)).ok();
        }
        instance.boot().await;
        let writers = (0..8).map(|writer| {
            let (owner, value) = (instance.owner(), value.clone());
            async move {
                for number in 0..10 {
                    let body = json!({ "secrets": { format!("N_{number}"): value, format!("W_{writer}"): value }, "force": true });
                    owner.put("secrets").json(&body).send().await.expect(200);
                }
                jobs::run(&owner, "work", &json!({ "same": "payload" })).await;
            }
        });
        futures_util::future::join_all(writers).await;
        instance.stop().await;
        let known: BTreeSet<_> = {
            // what was in the copy is no new sealing
            let database = Connection::open(&copy).unwrap();
            let mut rows = database.prepare("SELECT wrapped FROM project_keys").unwrap();
            let all: Vec<Vec<u8>> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            all.iter().map(|bytes| bytes[8..40].to_vec()).collect()
        };
        for salt in salts(&instance).into_iter().filter(|salt| !known.contains(salt)) {
            sealed += 1;
            assert!(seen.insert(salt), "a salt came twice");
        }
    }
    assert!(sealed >= 3 * 160, "only {sealed} sealings were looked at");
    instance.close().await;
}

/// The schema as it first was, and the steps to the second, which makes tables anew.
const FIRST: &str = include_str!("../../../../crates/store/src/sqlite/migrations/0001_first.sql");
const SECOND: &str = include_str!("../../../../crates/store/src/sqlite/migrations/0002_workloads.sql");

#[tokio::test]
async fn attack_55_a_migration_that_is_killed_is_done_whole_or_not_at_all() {
    let instance = Setup::default().prepare();
    let old = old_store(&instance).await;
    let killed_at_least = count(6, 40);
    let mut killed = 0;
    for round in 0..killed_at_least {
        fs::copy(&old, instance.database()).unwrap();
        for rest in ["strongroom.db-wal", "strongroom.db-shm"] {
            fs::remove_file(instance.home().join(rest)).ok();
        }
        let mut child = instance.server_command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // anywhere between the first byte that it writes and the end
        let begun = wait::eventually("the migration's first write", || {
            let written = fs::metadata(instance.home().join("strongroom.db-wal")).is_ok_and(|wal| wal.len() > 0);
            let ended = child.try_wait().unwrap().is_some();
            async move { (written || ended).then_some(written) }
        });
        begun.await;
        tokio::time::sleep(Duration::from_millis(u64::try_from(round).unwrap() * 3)).await;
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.start_kill().ok();
        child.wait().await.unwrap();
        let database = Connection::open(instance.database()).unwrap();
        let version: i64 = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        let whole: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok");
        let table = if version < 2 { "functions" } else { "workloads" };
        let rows: i64 = database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, OLD_ROWS, "at version {version}");
    }
    assert!(killed > 0, "no server was killed before its end");
    let listed = instance.cli(["secrets", "list", "--json"]).await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "what was there before the migration is there after it");
    instance.close().await;
}

const OLD_ROWS: i64 = 20_000;

/// A store of the first version: today's rows of the first tables, carried back, and many functions.
async fn old_store(instance: &Instance) -> std::path::PathBuf {
    instance.command(["secrets", "set", "KEPT"]).input(instance.plant()).run().await.ok();
    let old = instance.work().join("old.db");
    let database = Connection::open(&old).unwrap();
    database.execute_batch(FIRST).unwrap();
    assert!(SECOND.contains("DROP TABLE functions"));
    database.execute("ATTACH ?1 AS now", [instance.database().to_str().unwrap()]).unwrap();
    for table in
        ["instance", "projects", "project_keys", "namespaces", "epochs", "secrets", "versions", "audit_nodes", "audit"]
    {
        let columns: String = database
            .query_row("SELECT group_concat(name, ', ') FROM pragma_table_info(?1)", [table], |row| row.get(0))
            .unwrap();
        let carry = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}");
        database.execute(&carry, []).unwrap();
    }
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {OLD_ROWS})
         INSERT INTO main.functions SELECT randomblob(16), (SELECT id FROM main.projects), 'default', 'f' || i, 1, 1, 1, 'owner', randomblob(32) FROM n"
    );
    database.execute(&fill, []).unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    drop(database);
    old
}

/// Starts a server under a limit for the size of files, which takes what a full disk takes: room to write.
#[tokio::test]
async fn attack_60_a_full_disk_refuses_writes_and_deliveries_and_loses_nothing() {
    let mut instance = Instance::start().await;
    let value = instance.plant();
    instance.owner().set("KEPT", &value).await;
    instance.stop().await;
    let before = instance.cli(["audit", "verify", "--json"]).await.ok().json();
    instance.boot().await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(instance.pid()).unwrap());
    let owner = instance.owner();
    let nothing = rustix::process::Rlimit { current: Some(0), maximum: None };
    let all = rustix::process::prlimit(pid, rustix::process::Resource::Fsize, nothing).unwrap();
    let body = json!({ "secrets": { "KEPT": instance.plant() } });
    let refused = owner.put("secrets").json(&body).send().await;
    assert!(refused.status >= 500, "a write that cannot be kept answers {}", refused.status);
    let delivery = owner.get("resolve?names=KEPT").send().await;
    assert!(delivery.status >= 500, "a value leaves without a record: {}", delivery.status);
    assert!(!delivery.text().contains(&value));
    assert!(instance.anonymous().get("/healthz").send().await.status == 200, "it lives");
    rustix::process::prlimit(pid, rustix::process::Resource::Fsize, all).unwrap();
    assert!(
        owner.resolve("default", "KEPT").await == Some(value),
        "it recovers by itself, and nothing was half-written"
    );
    owner.set("KEPT", &instance.plant()).await;
    instance.stop().await;
    let after = instance.cli(["audit", "verify", "--json"]).await.ok().json();
    assert!(after["records"].as_u64() > before["records"].as_u64());
    instance.close().await;
}

/// Root writes to whatever the mode says, so that only a mount of its own is read-only for everybody.
#[tokio::test]
async fn attack_60_a_read_only_directory_is_said_and_not_worked_around() {
    let mut instance = Instance::start().await;
    instance.owner().set("KEPT", &instance.plant()).await;
    instance.stop().await;
    let program = strongroom_e2e::binary::program();
    let script = "mount --bind \"$STRONGROOM_HOME\" \"$STRONGROOM_HOME\" && mount -o remount,ro,bind \"$STRONGROOM_HOME\" && exec \"$@\"";
    let mut command = tokio::process::Command::new("unshare");
    command.args(["--map-root-user", "--user", "--mount", "sh", "-c", script, "sh"]).arg(program);
    command.args(["server", "--listen", "127.0.0.1:0", "--functions-listen", "127.0.0.1:0"]);
    command.env_clear().env("PATH", strongroom_e2e::binary::search_path()).env("STRONGROOM_HOME", instance.home());
    let output = wait::in_time("the refusal", command.output()).await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if told.starts_with("unshare:") || told.starts_with("mount:") {
        // a system that gives no namespaces to its users: the mode of the directory must do, and root knows no modes
        assert!(!rustix::process::geteuid().is_root(), "namespaces are refused: {told}");
        return;
    }
    assert!(!output.status.success() && output.stdout.is_empty(), "the server says that it listens");
    assert!(told.contains("cannot be used") || told.contains("read-only") || told.contains("Read-only"), "{told}");
    instance.boot().await;
    instance.owner().get("resolve").send().await.expect(200);
    instance.close().await;
}
