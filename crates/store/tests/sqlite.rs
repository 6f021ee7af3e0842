//! The conformance suite on the embedded backend.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom_store::sqlite::{Durability, SqliteOptions, SqliteStore};
use strongroom_store::{Store, conformance};
use tempfile::TempDir;

/// Makes stores in directories that live as long as it does.
#[derive(Default)]
struct Stores {
    directories: Mutex<Vec<TempDir>>,
}

impl Stores {
    fn fresh(&self, options: SqliteOptions) -> Arc<dyn Store> {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path: PathBuf = directory.path().join("store.db");
        self.directories.lock().expect("no test panics while it holds this").push(directory);
        SqliteStore::open(&path, options).expect("a new store opens")
    }
}

macro_rules! suite {
    ($($test:ident = $noun:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let stores = Stores::default();
            conformance::$noun(&async || stores.fresh(SqliteOptions::default())).await;
        }
    )+};
}

suite! {
    transactions_behave = transactions;
    projects_behave = projects;
    secrets_behave = secrets;
    workloads_behave = workloads;
    runs_behave = runs;
    tokens_behave = tokens;
    links_behave = links;
    people_behave = people;
    trusts_behave = trusts;
    audit_chains_behave = audit;
    logs_behave = logs;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_behaves_where_relaxed_records_are_synced_at_intervals() {
    let stores = Stores::default();
    let durability = Durability::Interval(Duration::from_millis(1));
    conformance::run_all(async || stores.fresh(SqliteOptions { durability, ..SqliteOptions::default() })).await;
}
