//! Opening the instance of a data directory: store, root key, application. The one place where they meet.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strongroom_api::Code;
use strongroom_app::accounts::oidc::ProviderConfig;
use strongroom_app::{App, AppConfig, LogRetention, OpenError};
use strongroom_fetch::{Fetcher, Reach};
use strongroom_model::SecretName;
use strongroom_runtime::locate::{self, Places};
use strongroom_runtime::{Launcher, MAX_SCRATCH_BYTES, PrivateNet, RuntimeConfig};
use strongroom_seal::Random;
use strongroom_secret::SecretValue;
use strongroom_store::sqlite::{Durability, SqliteOptions, SqliteStore};
use strongroom_store::{Rows, Store, StoreError};

use crate::chance::KernelRandom;
use crate::commands::server::AuditChoices;
use crate::context::Context;
use crate::errors::Failure;
use crate::home::Home;
use crate::root_key::{self, Instance};
use crate::{READ_CODE, WORKER_EXEC};

/// A worker that nobody called for this long is stopped.
pub(crate) const IDLE_STOP: Duration = Duration::from_mins(15);
/// How long an invocation waits for a worker with the new values.
pub(crate) const REPLACE_WAIT: Duration = Duration::from_secs(10);

/// Where an instance answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Urls {
    /// Management pages and API.
    pub(crate) public: Option<String>,
    /// Functions; none if this process serves none.
    pub(crate) functions: Option<String>,
    /// Strongroom's own addresses, which no worker may reach.
    pub(crate) own: Vec<String>,
}

/// What differs between a server and a command that opens the store itself.
pub(crate) struct Setup {
    /// Where the instance answers.
    pub(crate) urls: Urls,
    /// Generic workers kept ready.
    pub(crate) pool_size: usize,
    /// When audit records of deliveries reach the disk.
    pub(crate) durability: Durability,
    /// How many runs of jobs go on at once.
    pub(crate) jobs_at_once: usize,
    /// How long log lines are kept.
    pub(crate) log_retention: LogRetention,
    /// Anchors and retention of the audit trail.
    pub(crate) audit: AuditChoices,
    /// Where people sign in besides.
    pub(crate) sign_in_provider: Option<Arc<ProviderConfig>>,
    /// Randomness.
    pub(crate) rng: Arc<dyn Random>,
}

/// An open instance.
pub(crate) struct Opened {
    pub(crate) app: Arc<App>,
    pub(crate) store: Arc<dyn Store>,
    /// Whether a root key was made just now.
    pub(crate) has_new_key: bool,
}

/// Opens the instance of a data directory that this process holds.
pub(crate) async fn open(context: &Context, home: &Home, setup: Setup) -> Result<Opened, Failure> {
    let options = SqliteOptions { durability: setup.durability, ..SqliteOptions::default() };
    let opened = SqliteStore::open(&home.database(), options);
    let store: Arc<dyn Store> = opened.map_err(|error| unopened(home, &error))?;
    let row =
        store.read(|rows: &mut dyn Rows| rows.instance()).await.map_err(|error: StoreError| unopened(home, &error))?;
    let instance = row.map_or(Instance::New, |row| Instance::MadeWith(row.fingerprint));
    let provided = root_key::provide(context, home, &instance)?;
    let config = AppConfig {
        rng: setup.rng,
        server_environment: server_environment(context),
        functions: functions(context, home, &setup.urls.own, setup.pool_size),
        code_reader: own_program(READ_CODE),
        functions_url: setup.urls.functions,
        public_url: setup.urls.public,
        jobs_at_once: setup.jobs_at_once,
        log_retention: setup.log_retention,
        audit_kept: setup.audit.kept,
        anchors: setup.audit.anchors,
        relaxed_audit: setup.durability != Durability::Synced,
        fetcher: Fetcher::new(reach(context)?),
        sign_in_provider: setup.sign_in_provider,
        ..AppConfig::new(Arc::clone(&store), provided.key)
    };
    let app = App::open(config).await.map_err(|error| refused(&error))?;
    Ok(Opened { app, store, has_new_key: provided.is_new })
}

impl Opened {
    /// Ends workers, writes down what waits, lets go of the database.
    pub(crate) async fn close(self) {
        self.app.close().await;
        self.store.close().await.ok();
    }
}

/// A random number, from which request ids are counted.
pub(crate) fn request_id_start() -> u64 {
    let mut bytes = [0_u8; 8];
    KernelRandom.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

fn unopened(home: &Home, error: &StoreError) -> Failure {
    Failure::failed(format!("the store {} did not open", home.database().display())).because(error)
}

fn refused(error: &OpenError) -> Failure {
    let failure = Failure::new(Code::Unavailable, "the instance did not open").because(error);
    match error {
        OpenError::WrongRootKey { wanted, .. } => failure.hint(format!(
            "give the root key with the fingerprint {wanted}: root.key in the data directory, STRONGROOM_ROOT_KEY_FILE or STRONGROOM_ROOT_KEY"
        )),
        _ => failure.hint("strongroom doctor"),
    }
}

/// How far the server's own requests go: the public internet, unless the environment says that this is a trial.
pub(crate) fn reach(context: &Context) -> Result<Reach, Failure> {
    match context.environment.text("STRONGROOM_FETCH").unwrap_or("public") {
        "public" => Ok(Reach::PublicInternet),
        "local" => Ok(Reach::Local),
        _ => Err(Failure::usage("STRONGROOM_FETCH is public or local")),
    }
}

/// `STRONGROOM_SECRET_NAME` of this process, as far as names and values are legal.
fn server_environment(context: &Context) -> Vec<(SecretName, SecretValue)> {
    let legal = |(name, value): (&str, &str)| Some((name.parse().ok()?, SecretValue::new(value.to_owned()).ok()?));
    context.environment.secrets().filter_map(legal).collect()
}

/// Where Deno is looked for.
pub(crate) fn places(context: &Context, home: Option<&Path>) -> Places {
    Places {
        named: context.environment.path("STRONGROOM_DENO"),
        home: home.map(Path::to_path_buf),
        path: context.environment.path("PATH").map(std::path::PathBuf::into_os_string),
    }
}

/// Where Node is looked for.
pub(crate) fn node_places(context: &Context, home: Option<&Path>) -> Places {
    Places { named: context.environment.path("STRONGROOM_NODE"), ..places(context, home) }
}

fn functions(context: &Context, home: &Home, own: &[String], pool_size: usize) -> strongroom_app::FunctionsConfig {
    let node = node_places(context, Some(home.path()));
    let places = places(context, Some(home.path()));
    let home = home.path().to_path_buf();
    let blocked_hosts = own.to_vec();
    let launcher = launcher();
    Arc::new(move || {
        let deno = locate::find(&places).map_err(|error| error.to_string())?;
        Ok(RuntimeConfig {
            deno: deno.program,
            scratch_dir: scratch_dir(&home),
            deno_cache_dir: home.join("cache"),
            pool_size,
            idle_stop: IDLE_STOP,
            replace_wait: REPLACE_WAIT,
            node: node.clone(),
            private_net: PrivateNet::Refused,
            blocked_hosts: blocked_hosts.clone(),
            launcher: launcher.clone(),
        })
    })
}

/// What starts workers: this program, which restricts itself first. One that cannot find itself starts its workers without
/// that second wall; `doctor` says so.
pub(crate) fn launcher() -> Option<Launcher> {
    own_program(WORKER_EXEC)
}

/// This program in another role.
fn own_program(role: &str) -> Option<Launcher> {
    std::env::current_exe().ok().map(|program| Launcher { program, args: vec![role.to_owned()] })
}

/// `run` in the data directory; beside the system's temporary files if sockets would not fit there.
fn scratch_dir(home: &Path) -> std::path::PathBuf {
    let inside = home.join("run");
    if inside.as_os_str().len() <= MAX_SCRATCH_BYTES {
        return inside;
    }
    std::env::temp_dir().join(format!("strongroom-{:016x}", request_id_start()))
}
