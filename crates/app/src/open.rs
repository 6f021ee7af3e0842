//! Opening an instance: making it on first use, or proving that the root key fits what is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use strongroom_fetch::{Fetcher, Reach};
use strongroom_model::{Id, NamespaceName, ProjectName, SecretName};
use strongroom_runtime::{Launcher, Runtime, RuntimeConfig};
use strongroom_seal::{Instance, PasswordCost, Random, RootKey, RootKeyError, SealError, SystemRandom, token};
use strongroom_secret::SecretValue;
use strongroom_store::port::{InstanceRow, NamespaceRow, ProjectKeyRow, ProjectRow};
use strongroom_store::{Rows, Store, StoreError, Tx};
use tokio::sync::broadcast;
use zeroize::Zeroizing;

use crate::accounts::Accounts;
use crate::accounts::oidc::ProviderConfig;
use crate::audit::anchors::{AnchorConfig, Anchors};
use crate::audit::{Denials, Record};
use crate::caller::Caller;
use crate::clock::{Clock, SystemClock};
use crate::epochs::Epochs;
use crate::error::Error;
use crate::functions::Routes;
use crate::housekeeping::LogRetention;
use crate::identity::Identity;
use crate::jobs::Scheduler;
use crate::keys::Projects;
use crate::live::ChangeEvent;
use crate::logs::Journal;
use crate::resolve::Spaces;
use crate::rows::Authenticated as _;
use crate::tokens::Credentials;

/// What an instance is opened with.
pub struct AppConfig {
    /// Where rows live.
    pub store: Arc<dyn Store>,
    /// The root key.
    pub root: RootKey,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Random>,
    /// `STRONGROOM_SECRET_NAME` of this process's environment, without the prefix: they win over stored values for
    /// functions and jobs of the projects in `environment_projects`.
    pub server_environment: Vec<(SecretName, SecretValue)>,
    /// The projects that the server's environment reaches; `default` unless configured.
    pub environment_projects: Vec<ProjectName>,
    /// How functions run here.
    pub functions: FunctionsConfig,
    /// What reads code in a process of its own, by `strongroom_runtime::references::answer`; none reads it here.
    pub code_reader: Option<Launcher>,
    /// Where functions answer, without a final slash.
    pub functions_url: Option<String>,
    /// Where the management pages and the API answer, without a final slash.
    pub public_url: Option<String>,
    /// How long a deleted secret can be restored.
    pub restore_window: Duration,
    /// How many runs of jobs go on at once.
    pub jobs_at_once: usize,
    /// How long log lines are kept.
    pub log_retention: LogRetention,
    /// Whether delivery records may be written without waiting for the disk (`audit.sync = interval`).
    pub relaxed_audit: bool,
    /// How long audit records are kept; none keeps all.
    pub audit_kept: Option<Duration>,
    /// Where the heads of the audit chains are kept besides.
    pub anchors: AnchorConfig,
    /// What hashing a password costs.
    pub password_cost: PasswordCost,
    /// What sends the server's own requests.
    pub fetcher: Fetcher,
    /// Where people sign in besides.
    pub sign_in_provider: Option<Arc<ProviderConfig>>,
}

impl AppConfig {
    /// The built-in settings: the system's clock and randomness, nothing of this process's environment, no addresses and no
    /// functions.
    pub fn new(store: Arc<dyn Store>, root: RootKey) -> Self {
        Self {
            store,
            root,
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRandom),
            server_environment: Vec::new(),
            environment_projects: vec![ProjectName::default_project()],
            functions: Arc::new(|| Err("no functions run here".to_owned())),
            code_reader: None,
            functions_url: None,
            public_url: None,
            restore_window: RESTORE_WINDOW,
            jobs_at_once: 8,
            log_retention: LogRetention::default(),
            relaxed_audit: false,
            audit_kept: None,
            anchors: AnchorConfig::default(),
            password_cost: PasswordCost::default(),
            fetcher: Fetcher::new(Reach::PublicInternet),
            sign_in_provider: None,
        }
    }
}

/// How long a deleted secret can be restored unless configured otherwise.
const RESTORE_WINDOW: Duration = Duration::from_hours(7 * 24);

/// Gives the runtime's settings when a function runs for the first time, or says why none can.
pub type FunctionsConfig = Arc<dyn Fn() -> Result<RuntimeConfig, String> + Send + Sync>;

/// Why an instance did not open. No variant makes a new key over existing data.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed.
    #[error("the store did not open")]
    Store(#[from] StoreError),
    /// The root key is not the one this instance was made with.
    #[error("this root key has the fingerprint {given}, but the store was made with {wanted}; nothing was changed")]
    WrongRootKey {
        /// Fingerprint of the given key.
        given: String,
        /// Fingerprint of the right one.
        wanted: String,
    },
    /// No usable root key.
    #[error("the root key cannot be used")]
    RootKey(#[from] RootKeyError),
    /// A row does not say what was signed.
    #[error("the store's first rows do not open")]
    Sealed(#[from] SealError),
    /// A first write failed.
    #[error("the instance could not be made")]
    First(#[source] Box<Error>),
}

/// An open instance: the one thing that every use case takes.
pub struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Random>,
    pub(crate) fingerprint: String,
    pub(crate) projects: Projects,
    pub(crate) epochs: Epochs,
    pub(crate) spaces: Spaces,
    pub(crate) credentials: Credentials,
    pub(crate) accounts: Accounts,
    pub(crate) routes: Routes,
    pub(crate) changes: broadcast::Sender<ChangeEvent>,
    pub(crate) runtime: tokio::sync::OnceCell<Runtime>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) scheduler: Scheduler,
    pub(crate) functions_config: FunctionsConfig,
    pub(crate) code_reader: Option<Launcher>,
    pub(crate) functions_url: Option<String>,
    pub(crate) public_url: Option<String>,
    pub(crate) environment: HashMap<SecretName, SecretValue>,
    pub(crate) environment_projects: Vec<ProjectName>,
    pub(crate) restore_window: Duration,
    pub(crate) log_retention: LogRetention,
    pub(crate) relaxed_audit: bool,
    pub(crate) counts: crate::metrics::Counts,
    pub(crate) audit_kept: Option<Duration>,
    pub(crate) anchors: Anchors,
    pub(crate) anonymous_denials: Denials,
    pub(crate) identity: Identity,
    /// When it was opened: what ran out before needs no announcement.
    pub(crate) opened_at: jiff::Timestamp,
    /// The last expiry that was announced, for each project; held while one is.
    pub(crate) expired_until: tokio::sync::Mutex<HashMap<Id, jiff::Timestamp>>,
}

impl App {
    /// Opens the instance in the store, or makes it if the store is empty. Two processes that make one at the same time
    /// agree on one winner; the other one's root key is then judged like any other.
    pub async fn open(config: AppConfig) -> Result<Arc<Self>, OpenError> {
        let fingerprint = config.root.fingerprint().to_string();
        let known = config.store.read(|rows: &mut dyn Rows| rows.instance()).await?;
        let row = match known {
            Some(row) => row,
            None => make_instance(&config).await?,
        };
        if config.root.verify_check(&row.id, &row.key_check).is_err() {
            return Err(OpenError::WrongRootKey { given: fingerprint, wanted: row.fingerprint });
        }
        let instance = Arc::new(config.root.unlock(row.id));
        let owner = token::generate(&*config.rng);
        let opened_at = config.clock.now();
        let app = Arc::new(Self {
            credentials: Credentials::new(&instance, owner),
            accounts: Accounts::new(config.password_cost, Arc::clone(&config.clock), config.sign_in_provider),
            journal: Arc::new(Journal::default()),
            scheduler: Scheduler::new(new_id(&*config.rng).to_string(), config.jobs_at_once),
            store: config.store,
            instance,
            clock: config.clock,
            rng: config.rng,
            fingerprint,
            projects: Projects::default(),
            epochs: Epochs::default(),
            spaces: Spaces::default(),
            routes: Routes::default(),
            changes: broadcast::channel(1_024).0,
            runtime: tokio::sync::OnceCell::new(),
            functions_config: config.functions,
            code_reader: config.code_reader,
            functions_url: config.functions_url,
            public_url: config.public_url,
            environment: config.server_environment.into_iter().collect(),
            environment_projects: config.environment_projects,
            restore_window: config.restore_window,
            log_retention: config.log_retention,
            relaxed_audit: config.relaxed_audit,
            counts: crate::metrics::Counts::default(),
            audit_kept: config.audit_kept,
            anchors: Anchors::new(config.anchors, config.fetcher),
            anonymous_denials: Denials::default(),
            identity: Identity::new(config.fetcher),
            opened_at,
            expired_until: tokio::sync::Mutex::default(),
        });
        app.ensure_default_project().await.map_err(|error| OpenError::First(Box::new(error)))?;
        Ok(app)
    }

    /// The bearer token that proves the local owner. Made anew at each opening.
    pub fn owner_token(&self) -> &str {
        self.credentials.owner_token()
    }

    /// Fingerprint of the root key.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where functions answer, without a final slash.
    pub fn functions_url(&self) -> Option<&str> {
        self.functions_url.as_deref()
    }

    /// Where the management pages and the API answer, without a final slash.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// The same, for an address that is handed to somebody: without one it would lead nowhere.
    pub fn reached_at(&self) -> Result<&str, Error> {
        self.public_url().ok_or_else(|| {
            let hint = "start `strongroom server`, or say where people reach it with STRONGROOM_PUBLIC_URL";
            Error::conflict("nobody could open the address: no server has listened here yet", Some(hint.to_owned()))
        })
    }

    /// What changes, as it happens. A receiver that lags misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<ChangeEvent> {
        self.changes.subscribe()
    }

    /// The instance's clock.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// A value that nobody has seen: 32 random bytes as 43 letters, digits, `-` and `_`.
    pub fn generated_value(&self) -> SecretValue {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        self.rng.fill(bytes.as_mut_slice());
        SecretValue::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())).expect("base64 text is short and has no NUL")
    }

    /// Forgets every proved token and session; each is looked up again. Nothing is lost but a little time.
    pub fn forget_credentials(&self) {
        self.credentials.forget_all();
        self.accounts.sessions.forget_all();
    }

    /// Sixteen random bytes that nobody can guess.
    pub fn new_id(&self) -> Id {
        new_id(&*self.rng)
    }

    async fn ensure_default_project(self: &Arc<Self>) -> Result<(), Error> {
        let name = ProjectName::default_project();
        let wanted = name.clone();
        if self.store.read(move |rows: &mut dyn Rows| rows.project(&wanted)).await?.is_some() {
            return Ok(());
        }
        let caller = Caller::owner("process", "first-start");
        match crate::projects::create(self, &caller, &name).await {
            Ok(_) | Err(Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Sixteen random bytes as an id.
pub(crate) fn new_id(rng: &dyn Random) -> Id {
    let mut bytes = [0_u8; 16];
    rng.fill(&mut bytes);
    Id::from_bytes(bytes)
}

async fn make_instance(config: &AppConfig) -> Result<InstanceRow, StoreError> {
    let id = new_id(&*config.rng);
    let row = InstanceRow {
        id,
        key_check: config.root.key_check_value(&id).to_vec(),
        fingerprint: config.root.fingerprint().to_string(),
        created_at: config.clock.now(),
    };
    config
        .store
        .write(move |tx: &mut dyn Tx| match tx.instance()? {
            Some(winner) => Ok(winner),
            None => tx.insert_instance(&row).map(|()| row),
        })
        .await
}

/// The rows of a new project with its first key and its `default` namespace.
pub(crate) struct NewProject {
    pub(crate) project: ProjectRow,
    key: ProjectKeyRow,
    namespace: NamespaceRow,
}

impl NewProject {
    /// Makes the rows; the key is wrapped and forgotten.
    pub(crate) fn make(app: &App, caller: &Caller, name: &ProjectName) -> Result<Self, Error> {
        let (id, at) = (app.new_id(), app.clock.now());
        let key = app.instance.new_project_key(&*app.rng);
        let wrapped = app.instance.wrap(&id, 1, &key, &*app.rng).map_err(Error::damaged("new project key"))?;
        let settings = serde_json::to_string(&strongroom_api::projects::ProjectSettings::default())
            .expect("settings have text keys only");
        let created_by = caller.actor.clone();
        let project = ProjectRow { id, name: name.clone(), settings, created_at: at, created_by, mac: Vec::new() };
        Ok(Self {
            project: project.signed(&app.instance),
            key: ProjectKeyRow { project: id, version: 1, wrapped, created_at: at },
            namespace: NamespaceRow {
                project: id,
                name: NamespaceName::default_namespace(),
                created_at: at,
                created_by: caller.actor.clone(),
            },
        })
    }

    /// Writes them with their audit record.
    pub(crate) fn insert(&self, tx: &mut dyn Tx, instance: &Instance, record: Record) -> Result<(), Error> {
        tx.insert_project(&self.project)?;
        tx.insert_project_key(&self.key)?;
        tx.insert_namespace(&self.namespace)?;
        record.append(tx, instance)
    }
}
