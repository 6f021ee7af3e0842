//! `strongroom server`: all wiring. Listeners first, then the store, then two lines when it is ready.

use std::sync::Arc;

use strongroom_app::LogRetention;
use strongroom_app::accounts::oidc::ProviderConfig;
use strongroom_app::jobs::Slots;
use strongroom_seal::SystemRandom;
use strongroom_server::{Edge, Listener, Served, Tls, functions_router, local_router, management_router, serve};
use strongroom_store::sqlite::Durability;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::commands::server::AuditChoices;
use crate::context::Context;
use crate::edge::EdgeSettings;
use crate::errors::Failure;
use crate::home::{Home, write_private};
use crate::opening::{self, Opened, Setup, Urls, request_id_start};
use crate::{offer, output};

/// Generic workers kept ready.
const POOL_SIZE: usize = 2;

/// Where the server listens, and how it writes.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// Management pages and API.
    pub(crate) management: String,
    /// Functions.
    pub(crate) functions: String,
    /// How many runs of jobs go on at once.
    pub(crate) jobs_at_once: usize,
    /// When delivery records are on disk.
    pub(crate) durability: Durability,
    /// How long log lines are kept.
    pub(crate) log_retention: LogRetention,
    /// Anchors and retention of the audit trail.
    pub(crate) audit: AuditChoices,
    /// TLS, proxies and limits.
    pub(crate) edge: EdgeSettings,
    /// Where people sign in besides.
    pub(crate) sign_in_provider: Option<Arc<ProviderConfig>>,
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(context: &Context, listen: &Listen) -> Result<(), Failure> {
    harden();
    let home = Home::locate(context)?;
    home.prepare()?;
    let Ok(_hold) = home.hold("server", || None::<()>)? else { return Ok(()) };
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = built.map_err(|error| Failure::failed("the server could not start its runtime").because(&error))?;
    runtime.block_on(serve_all(context, &home, listen))
}

/// Nothing of this process's memory is written to disk or read by a debugger. It may open as many connections and files as
/// the system lets it.
fn harden() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, nothing) {
        tracing::warn!(%error, "core dumps could not be turned off");
    }
    let files = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "debuggers could not be kept out");
    }
}

async fn serve_all(context: &Context, home: &Home, listen: &Listen) -> Result<(), Failure> {
    let mut stops = Stops::new()?;
    let edge = listen.edge.build()?;
    let scheme = listen.edge.scheme();
    let management = bind(&listen.management, "--listen").await?;
    let functions = bind(&listen.functions, "--functions-listen").await?;
    let setup = Setup {
        urls: urls(context, scheme, &management, &functions)?,
        pool_size: POOL_SIZE,
        durability: listen.durability,
        jobs_at_once: listen.jobs_at_once,
        log_retention: listen.log_retention,
        audit: listen.audit.clone(),
        sign_in_provider: listen.sign_in_provider.clone(),
        rng: Arc::new(SystemRandom),
    };
    let opened = opening::open(context, home, setup).await?;
    let result = serve_on(home, &opened, (scheme, management, functions), edge, &mut stops).await;
    offer::end(home);
    opened.close().await;
    tracing::info!("stopped");
    result
}

async fn serve_on(
    home: &Home,
    opened: &Opened,
    (scheme, management, functions): (&str, TcpListener, TcpListener),
    (edge, tls): (Arc<Edge>, Option<Arc<Tls>>),
    stops: &mut Stops,
) -> Result<(), Failure> {
    if opened.has_new_key {
        tracing::warn!(
            path = %home.root_key().display(), fingerprint = opened.app.fingerprint(),
            "a root key was made; keep a copy elsewhere, since nothing can be opened without it"
        );
    }
    let at = url(scheme, &management)?;
    let lines = [format!("listening on {at}"), format!("functions on {}", url(scheme, &functions)?)];
    remember_address(home, &at);
    let socket = offer::listen(home, opened.app.owner_token())?;

    let served = Served::behind(opened.app.clone(), request_id_start(), Arc::clone(&edge));
    let (stop, stopped) = watch::channel(());
    let mut serving = JoinSet::new();
    let all = [
        (Listener::Tcp(management), management_router(&served)),
        (Listener::Tcp(functions), functions_router(&served)),
        (Listener::Unix(socket), local_router(&served)),
    ];
    for (listener, router) in all {
        let mut stopped = stopped.clone();
        serving.spawn(serve(listener, router, Arc::clone(&edge), async move {
            // An error means that the sender is gone, which is the end as well.
            stopped.changed().await.ok();
        }));
    }
    let jobs = tokio::spawn(opened.app.clone().run_jobs(Slots::Made));
    let house = tokio::spawn(opened.app.clone().keep_house());
    let anchors = tokio::spawn(opened.app.clone().keep_anchors());
    let expiries = tokio::spawn(opened.app.clone().watch_expiries());
    let workers = opened.app.clone();
    tokio::spawn(async move {
        if let Err(error) = workers.start_functions().await {
            tracing::warn!(%error, "functions cannot run; install what runs them with: strongroom runtime install");
        }
    });
    offer_setup(opened).await;
    lines.iter().try_for_each(|line| output::line(line))?;
    tracing::info!(fingerprint = opened.app.fingerprint(), home = %home.path().display(), "ready");
    opened.app.note_start(env!("CARGO_PKG_VERSION")).await;
    let following = tls.clone().map(|tls| tokio::spawn(tls.follow()));
    stops.wait(tls.as_deref()).await;
    tracing::info!("stopping");
    if let Some(following) = following {
        following.abort();
    }
    opened.app.note_stop().await;
    stop.send(()).ok();
    opened.app.stop_jobs();
    served.end_streams();
    serving.join_all().await;
    jobs.await.ok();
    house.abort();
    anchors.abort();
    expiries.abort();
    Ok(())
}

/// As long as there is no account: tells the person at this terminal where to make the first one.
async fn offer_setup(opened: &Opened) {
    let base = opened.app.public_url().unwrap_or_default();
    match strongroom_app::accounts::offer_setup(&opened.app).await {
        Ok(Some(code)) => output::say(&format!("Set up the first account: {base}/setup/{}", code.as_str())),
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "accounts cannot be read"),
    }
}

struct Stops {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    /// A limit for the size of files that was reached: received, it is an error of the write like a full disk, which is told
    /// and passes; not received, it is the end.
    _no_room: tokio::signal::unix::Signal,
}

impl Stops {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(|error| Failure::failed("signals could not be received").because(&error));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
            _no_room: on(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the signal to stop. SIGHUP reads the certificate again.
    async fn wait(&mut self, tls: Option<&Tls>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    if let Some(tls) = tls {
                        tls.reload_and_tell();
                    }
                }
            }
        }
    }
}

async fn bind(address: &str, option: &str) -> Result<TcpListener, Failure> {
    let failed = |error: &std::io::Error| {
        let failure = Failure::failed(format!("{option} {address} cannot be listened on")).because(error);
        match error.kind() {
            std::io::ErrorKind::InvalidInput => {
                failure.hint(format!("{option} takes an address and a port: 127.0.0.1:0"))
            }
            std::io::ErrorKind::AddrInUse => {
                failure.hint(format!("give it another port, or any free one: {option} 127.0.0.1:0"))
            }
            _ => failure,
        }
    };
    TcpListener::bind(address).await.map_err(|error| failed(&error))
}

fn url(scheme: &str, listener: &TcpListener) -> Result<String, Failure> {
    let address =
        listener.local_addr().map_err(|error| Failure::failed("a listener has no address").because(&error))?;
    Ok(format!("{scheme}://{address}"))
}

fn urls(context: &Context, scheme: &str, management: &TcpListener, functions: &TcpListener) -> Result<Urls, Failure> {
    let configured = |name: &str| context.environment.text(name).map(|url| url.trim_end_matches('/').to_owned());
    let (management, functions) = (url(scheme, management)?, url(scheme, functions)?);
    let host = |url: &str| url.split_once("://").map(|(_, host)| host.to_owned()).unwrap_or_default();
    let own = vec![host(&management), host(&functions)];
    Ok(Urls {
        public: Some(configured("STRONGROOM_PUBLIC_URL").unwrap_or(management)),
        functions: Some(configured("STRONGROOM_FUNCTIONS_URL").unwrap_or(functions)),
        own,
    })
}

fn remember_address(home: &Home, url: &str) {
    if let Err(error) = write_private(&home.last_address(), format!("{url}\n").as_bytes()) {
        tracing::warn!(%error, "the address could not be noted in the data directory");
    }
}
