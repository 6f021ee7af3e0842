//! Deploying, changing and deleting at the same time, and what a worker is handed: on a real Deno.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use strongroom_app::functions::{self, Deployment, Invocation, InvokeRefusal, Manifest};
use strongroom_app::secrets::{self, Change, Presence, Write};
use strongroom_app::{App, AppConfig, Caller, Error, WorkloadKind, audit, projects};
use strongroom_model::{NamespaceName, ProjectName, Scope, WorkloadName};
use strongroom_runtime::{RuntimeConfig, locate};
use strongroom_seal::{RootKey, SystemRandom};
use strongroom_secret::SecretValue;
use strongroom_store::port::{BoxFuture, Promise, ReadJob, RecordJob, WriteJob};
use strongroom_store::sqlite::{SqliteOptions, SqliteStore};
use strongroom_store::{Store, StoreError};

/// A store whose writes fail once a budget is used up.
struct Flaky {
    inner: Arc<dyn Store>,
    writes_left: AtomicI64,
}

impl Flaky {
    fn is_full(&self) -> bool {
        self.writes_left.fetch_sub(1, Ordering::SeqCst) <= 0
    }
}

fn disk_full() -> StoreError {
    StoreError::Unavailable("the disk is full".to_owned())
}

impl Store for Flaky {
    fn submit(&self, job: WriteJob) -> BoxFuture<'static, Result<bool, StoreError>> {
        if self.is_full() { Box::pin(async { Err(disk_full()) }) } else { self.inner.submit(job) }
    }

    fn submit_record(
        &self,
        node: &'static str,
        job: RecordJob,
        promise: Promise,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        if self.is_full() {
            return Box::pin(async { Err(disk_full()) });
        }
        self.inner.submit_record(node, job, promise)
    }

    fn query<'a>(&'a self, job: ReadJob<'a>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.query(job)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}

struct House {
    app: Arc<App>,
    store: Arc<Flaky>,
    home: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "tests are told in the environment which Deno to use")]
fn deno() -> std::path::PathBuf {
    let named = std::env::var_os("STRONGROOM_DENO").map(std::path::PathBuf::from);
    let places = locate::Places { named, home: None, path: std::env::var_os("PATH") };
    match locate::find(&places) {
        Ok(deno) => deno.program,
        Err(error) => panic!("these tests need a real Deno: {error}"),
    }
}

fn project() -> ProjectName {
    ProjectName::default_project()
}

fn owner() -> Caller {
    Caller::owner("process", "test")
}

impl House {
    async fn new() -> Self {
        let home = tempfile::Builder::new().prefix("sr").tempdir().unwrap();
        let inner = SqliteStore::open(&home.path().join("strongroom.db"), SqliteOptions::default()).unwrap();
        let store = Arc::new(Flaky { inner, writes_left: AtomicI64::new(i64::MAX) });
        let config = RuntimeConfig {
            deno: deno(),
            scratch_dir: home.path().join("run"),
            deno_cache_dir: home.path().join("cache"),
            pool_size: 1,
            idle_stop: Duration::from_mins(10),
            replace_wait: Duration::from_secs(10),
            node: locate::Places::default(),
            private_net: strongroom_runtime::PrivateNet::Refused,
            blocked_hosts: Vec::new(),
            launcher: None,
        };
        let app = App::open(AppConfig {
            functions: Arc::new(move || Ok(config.clone())),
            functions_url: None,
            password_cost: strongroom_app::PasswordCost::LEAST,
            ..AppConfig::new(Arc::<Flaky>::clone(&store), RootKey::generate(&SystemRandom))
        });
        Self { app: app.await.unwrap(), store, home }
    }

    async fn set(&self, scope: Scope, name: &str, value: &str) -> Result<(), Error> {
        let change = Change {
            name: name.parse().unwrap(),
            value: Some(SecretValue::new(value.to_owned()).unwrap()),
            description: None,
            expires: None,
        };
        let write = Write {
            scope,
            changes: vec![change],
            presence: Presence::Any,
            force: false,
            if_version: None,
            allowed: Vec::new(),
            dry_run: false,
        };
        secrets::write(&self.app, &owner(), &project(), write).await.map(drop)
    }

    /// Deploys `function` into `namespace` with this manifest beside `"auth": "public"`; gives its number.
    async fn deploy(&self, namespace: &str, bundle: &str, manifest: Value) -> Result<u64, Error> {
        let mut manifest = manifest;
        manifest["auth"] = "public".into();
        let deployment = Deployment {
            namespace: namespace.parse().unwrap(),
            name: name(),
            manifest: Manifest::Function(serde_json::from_value(manifest).unwrap()),
            bundle: bundle.to_owned(),
            allow_patterns: Vec::new(),
            force: false,
            dry_run: false,
        };
        let deployed = functions::deploy(&self.app, &owner(), &project(), deployment).await?;
        Ok(deployed.deployment)
    }

    /// What `function` in `namespace` answers.
    async fn invoke(&self, namespace: &str) -> Result<String, InvokeRefusal> {
        let route = format!("default/{namespace}/f");
        let call = Invocation {
            bearer: None,
            user_token: None,
            route: &route,
            caller: None,
            execution_id: "test".to_owned(),
            url: "http://localhost/".to_owned(),
            client: None,
            request: http::Request::builder().uri("/").body(strongroom_runtime::empty()).unwrap(),
        };
        let answer = functions::invoke(&self.app, call).await?;
        Ok(String::from_utf8_lossy(&answer.into_body().collect().await.unwrap().to_bytes()).into_owned())
    }

    async fn deliveries(&self) -> usize {
        let query = audit::Query { action: Some("values.worker".to_owned()), limit: 1_000, ..audit::Query::default() };
        audit::list(&self.app, &owner(), &project(), query).await.unwrap().len()
    }
}

fn name() -> WorkloadName {
    "f".parse().unwrap()
}

fn namespace(text: &str) -> NamespaceName {
    text.parse().unwrap()
}

/// A module that takes a while to load and answers with the secret as it was in the environment then.
const SLOW: &str = "const key = Deno.env.get('KEY');\nawait new Promise((done) => setTimeout(done, 700));\n\
                    export default () => new Response(key);\n";
const READS: &str = "export default () => new Response(secrets.get('KEY'));\n";

#[tokio::test]
async fn a_change_during_a_deploy_is_seen_by_what_was_deployed() {
    let house = House::new().await;
    house.set(Scope::Global, "KEY", "before").await.unwrap();
    let change = async {
        // the worker that is tried has the old value
        while house.deliveries().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        house.set(Scope::Global, "KEY", "after").await.unwrap();
    };
    let (deployed, ()) = tokio::join!(house.deploy("default", SLOW, json!({})), change);
    assert_eq!(deployed.unwrap(), 1);
    assert_eq!(house.invoke("default").await.unwrap(), "after");
    house.app.close().await;
}

#[tokio::test]
async fn a_function_deployed_while_its_namespace_is_deleted_does_not_stay() {
    let house = House::new().await;
    house.set(Scope::Namespace(namespace("brief")), "KEY", "value").await.unwrap();
    let delete = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        projects::delete_namespace(&house.app, &owner(), &project(), &namespace("brief")).await.unwrap();
    };
    let (deployed, ()) = tokio::join!(house.deploy("brief", SLOW, json!({})), delete);
    assert!(matches!(deployed, Err(Error::NotFound { .. })), "{deployed:?}");
    let answer = house.invoke("brief").await;
    assert!(matches!(answer, Err(InvokeRefusal::Error(Error::NotFound { .. }))), "{answer:?}");
    house.app.close().await;
}

#[tokio::test]
async fn a_function_deleted_while_it_is_rolled_back_does_not_come_back() {
    let house = House::new().await;
    house.set(Scope::Global, "KEY", "value").await.unwrap();
    house.deploy("default", SLOW, json!({})).await.unwrap();
    house.deploy("default", READS, json!({})).await.unwrap();
    let (caller, default) = (owner(), project());
    let rollback = functions::rollback(
        &house.app,
        &caller,
        &default,
        (WorkloadKind::Function, namespace("default"), name()),
        None,
    );
    let delete = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        functions::delete(&house.app, &owner(), &project(), (WorkloadKind::Function, &namespace("default"), &name()))
            .await
            .unwrap();
    };
    let (_either, ()) = tokio::join!(rollback, delete);
    let answer = house.invoke("default").await;
    assert!(matches!(answer, Err(InvokeRefusal::Error(Error::NotFound { .. }))), "{answer:?}");
    house.app.close().await;
}

#[tokio::test]
async fn two_deploys_at_once_are_two_deployments() {
    let house = House::new().await;
    house.set(Scope::Global, "KEY", "value").await.unwrap();
    let (first, second) =
        tokio::join!(house.deploy("default", SLOW, json!({})), house.deploy("default", READS, json!({})));
    let mut numbers = [first.unwrap(), second.unwrap()];
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(house.invoke("default").await.unwrap(), "value");
    house.app.close().await;
}

#[tokio::test]
async fn a_delivery_whose_record_failed_is_recorded_before_it_is_tried_again() {
    let house = House::new().await;
    house.set(Scope::Global, "KEY", "one").await.unwrap();
    house.deploy("default", READS, json!({})).await.unwrap();
    assert_eq!(house.invoke("default").await.unwrap(), "one");
    let before = house.deliveries().await;
    // the change itself is written; the record of its delivery is not
    house.store.writes_left.store(1, Ordering::SeqCst);
    house.set(Scope::Global, "KEY", "two").await.unwrap();
    house.store.writes_left.store(i64::MAX, Ordering::SeqCst);
    assert_eq!(house.invoke("default").await.unwrap(), "two");
    assert!(house.deliveries().await > before, "values were handed over without a record");
    house.app.close().await;
}

#[tokio::test]
async fn one_secret_under_two_names_is_handed_over_once_each() {
    let house = House::new().await;
    house.set(Scope::Global, "KEY", "value").await.unwrap();
    let manifest = json!({ "secrets": [{ "name": "KEY" }, { "name": "KEY", "as": "OTHER" }] });
    let bundle = "export default () => new Response(secrets.get('KEY') + ' ' + secrets.get('OTHER'));\n";
    house.deploy("default", bundle, manifest).await.unwrap();
    assert_eq!(house.invoke("default").await.unwrap(), "value value");
    let query = audit::Query { action: Some("values.worker".to_owned()), limit: 1, ..audit::Query::default() };
    let record = audit::list(&house.app, &owner(), &project(), query).await.unwrap().remove(0);
    assert_eq!(record.target.get("names"), Some(&json!(["KEY", "OTHER"])));
    house.app.close().await;
}

#[tokio::test]
async fn code_that_throws_a_value_while_it_loads_does_not_put_it_into_the_refusal() {
    let house = House::new().await;
    house.set(Scope::Global, "KEY", "canary-7f3a9c51d2").await.unwrap();
    let bundle = "throw new Error('key ' + Deno.env.get('KEY'));\nexport default () => new Response('');\n";
    let Err(Error::Conflict(refusal)) = house.deploy("default", bundle, json!({})).await else { panic!("it starts") };
    assert!(!refusal.detail.contains("canary"), "{}", refusal.detail);
    assert!(refusal.detail.contains("main.js:1"), "{}", refusal.detail);
    let home = house.home.path().to_str().unwrap();
    assert!(!refusal.detail.contains(home), "{}", refusal.detail);
    house.app.close().await;
}
