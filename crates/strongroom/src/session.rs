//! One command's connection: to a server, to the local server's socket, or to the store opened in this process.

use std::future::Future;
use std::rc::Rc;

use strongroom_client::{Address, Client, Credential, Project};
use tokio::runtime::Runtime;

use crate::config::{self, NamedBy};
use crate::context::Context;
use crate::credentials::Credentials;
use crate::errors::Failure;
use crate::home::Home;
use crate::local::{self, Local};

/// A connected client with the runtime that drives it.
pub(crate) struct Session {
    client: Client,
    local: Option<Local>,
    project: String,
    /// Where writes go, when that is not obvious from what was typed.
    place: Option<String>,
    runtime: Rc<Runtime>,
}

impl Session {
    /// Connects as options, environment and project file say.
    pub(crate) fn open(context: &Context) -> Result<Self, Failure> {
        Self::open_on(context, Rc::new(runtime()?))
    }

    /// Connects, and lives on a runtime that outlives it.
    pub(crate) fn open_on(context: &Context, runtime: Rc<Runtime>) -> Result<Self, Failure> {
        let project = config::project(context)?;
        if let Some((client, place)) = remote(context)? {
            return Ok(Self { client, local: None, project, place, runtime });
        }
        let opened = runtime.block_on(local::open(context, "command"))?;
        Ok(Self { client: opened.client, local: opened.local, project, place: opened.place, runtime })
    }

    /// Drives one operation to its end.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// From now on the audit trail names this coding agent beside whose credential it is.
    pub(crate) fn act_for_agent(&mut self, name: &str) {
        self.client.act_for_agent(name);
    }

    /// After a lost connection: finds the local server anew, if one runs; it has another socket and another token. A
    /// server at an address is connected to by the next operation. Never opens the store.
    pub(crate) fn reconnect(&mut self, context: &Context) -> Result<(), Failure> {
        if config::address(context)?.is_none()
            && let Some(client) = local::running(&Home::locate(context)?)
        {
            self.client = client;
        }
        Ok(())
    }

    /// The client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The project that the command is about.
    pub(crate) fn project(&self) -> Project<'_> {
        self.client.project(&self.project)
    }

    /// Says where a write goes, unless that is obvious.
    pub(crate) fn name_place(&self, context: &Context) {
        let project = (self.project != "default" && context.globals.project.is_none())
            .then(|| format!("project {}", self.project));
        let parts: Vec<_> = project.into_iter().chain(self.place.clone()).collect();
        if !parts.is_empty() {
            context.output.talk(&format!("in {}", parts.join(", ")));
        }
    }

    /// Runs a run of a job to its end, if the store is open in this very process: then nobody else does.
    pub(crate) async fn work_off(&self, run: &str) -> Result<(), Failure> {
        let Some(local) = &self.local else { return Ok(()) };
        let project = self.project.parse().map_err(|error| Failure::usage(format!("{error}")))?;
        let worked = local.app().work_off(&project, run).await;
        worked.map_err(|error| Failure::failed("the run could not be worked on").because(&error))
    }

    /// Whether the store is open in this very process, so that nothing listens anywhere.
    pub(crate) fn is_in_process(&self) -> bool {
        self.local.is_some()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(local) = self.local.take() {
            self.runtime.block_on(local.close());
        }
    }
}

/// A client for the server that options, environment or project file name, and where that is said; none if none is named.
pub(crate) fn remote(context: &Context) -> Result<Option<(Client, Option<String>)>, Failure> {
    let Some((address, named_by)) = config::address(context)? else { return Ok(None) };
    let place = match named_by {
        NamedBy::Option => None,
        NamedBy::Environment => Some(format!("{address} (from STRONGROOM_URL)")),
        NamedBy::File => Some(format!("{address} (from strongroom.json)")),
    };
    let credential = match context.environment.secret("STRONGROOM_TOKEN").map(Credential::from_environment) {
        Some(credential) => Some(credential),
        None => kept(context, &address)?,
    };
    Ok(Some((Client::http(address, credential), place)))
}

/// What `strongroom login` keeps for this address.
fn kept(context: &Context, address: &Address) -> Result<Option<Credential>, Failure> {
    if context.environment.path("HOME").is_none() {
        return Ok(None);
    }
    let token = Credentials::load(context)?.of(&address.origin());
    Ok(token.map(|token| Credential::issued_by(address, token)))
}

/// A runtime on this thread.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::failed("the program could not start its runtime").because(&error))
}
