//! The local store: through the running server's socket, or opened in this process over the same router.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::fs::Mode;
use strongroom_app::{App, LogRetention};
use strongroom_client::{Client, Credential, InProcess};
use strongroom_server::{Served, local_router};
use strongroom_store::sqlite::Durability;
use zeroize::Zeroizing;

use crate::chance::KernelRandom;
use crate::commands::server::AuditChoices;
use crate::context::Context;
use crate::errors::Failure;
use crate::home::{Hold, Home};
use crate::opening::{self, Opened, Setup, Urls, request_id_start};

/// A client for the local store.
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// The store, if it is open in this process.
    pub(crate) local: Option<Local>,
    /// Where writes go, if the person did not name the data directory.
    pub(crate) place: Option<String>,
}

/// A store that is open in this process, and the hold on its directory.
pub(crate) struct Local {
    opened: Opened,
    umask: Mode,
    _hold: Hold,
}

impl Local {
    /// The instance.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.opened.app
    }

    /// The umask that was in force before, which is the one for programs that this process starts.
    pub(crate) fn umask(&self) -> Mode {
        self.umask
    }

    /// Finishes what is under way and lets go of the directory.
    pub(crate) async fn close(self) {
        self.opened.close().await;
        rustix::process::umask(self.umask);
    }
}

/// Connects to the local store, and makes one if there is none. `kind` says in other commands' messages who holds it.
pub(crate) async fn open(context: &Context, kind: &str) -> Result<Connected, Failure> {
    let home = Home::locate(context)?;
    let place = (!home.is_named()).then(|| format!("the local store {}", home.path().display()));
    if context.environment.path("STRONGROOM_TOKEN").is_some() {
        context.output.talk("note: STRONGROOM_TOKEN is set, but no server is named; this is the local store");
    }
    home.check_owner()?;
    if let Some(client) = running(&home) {
        return Ok(Connected { client, local: None, place });
    }
    let is_new = !home.has_store();
    if is_new && context.environment.is_on("CI") {
        return Err(Failure::failed(format!("CI is set, and there is no local store in {}", home.path().display()))
            .hint("name the server with --server or STRONGROOM_URL, or make a store first with: strongroom server"));
    }
    let umask = home.prepare()?;
    let hold = match home.hold(kind, || running(&home))? {
        Ok(hold) => hold,
        Err(client) => {
            rustix::process::umask(umask);
            return Ok(Connected { client, local: None, place });
        }
    };
    let urls = Urls { public: Some(public_url(context, &home)), ..Urls::default() };
    let setup = Setup {
        urls,
        pool_size: 1,
        durability: Durability::Synced,
        jobs_at_once: 1,
        log_retention: LogRetention::default(),
        audit: AuditChoices::default(),
        sign_in_provider: None,
        rng: Arc::new(KernelRandom),
    };
    let opened = opening::open(context, &home, setup).await?;
    if is_new {
        context.output.talk(&format!("made a local store in {}", home.path().display()));
    }
    let credential = Credential::local(Zeroizing::new(opened.app.owner_token().to_owned()));
    let router = local_router(&Served::new(opened.app.clone(), request_id_start()));
    let client = Client::in_process(InProcess::new(router), credential);
    Ok(Connected { client, local: Some(Local { opened, umask, _hold: hold }), place })
}

/// A client of the server that serves this directory, if one does.
pub(crate) fn running(home: &Home) -> Option<Client> {
    UnixStream::connect(home.socket()).ok()?;
    let token = Zeroizing::new(std::fs::read_to_string(home.owner_token()).ok()?);
    let token = Zeroizing::new(token.trim().to_owned());
    Some(Client::unix(home.socket(), Credential::local(token)))
}

/// Where people reach the pages of this directory's server: as configured, else where it listened last.
fn public_url(context: &Context, home: &Home) -> String {
    let last = || std::fs::read_to_string(home.last_address()).ok().map(|text| text.trim().to_owned());
    let configured = context.environment.text("STRONGROOM_PUBLIC_URL").map(str::to_owned);
    let url = configured.or_else(last).unwrap_or_else(|| "http://127.0.0.1:7876".to_owned());
    url.trim_end_matches('/').to_owned()
}
