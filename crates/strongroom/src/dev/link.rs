//! The connection to the store: to a server, through the local server's socket, or to the store opened in this process,
//! which then answers other commands through the same socket, as a server does.

use std::sync::Arc;

use rustix::fs::Mode;
use strongroom_app::jobs::Slots;
use strongroom_client::{Client, ClientError};
use strongroom_server::{Edge, Listener, Served, local_router, serve};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::store::Place;
use crate::context::Context;
use crate::errors::Failure;
use crate::home::Home;
use crate::local::{self, Local};
use crate::opening::request_id_start;
use crate::{offer, session};

/// A connection.
pub(super) struct Link {
    pub(super) client: Arc<Client>,
    /// Where it leads, for people.
    pub(super) place: String,
    /// The data directory of a local store.
    home: Option<Home>,
    held: Option<Held>,
}

/// The store, open in this process.
struct Held {
    local: Local,
    home: Home,
    stop: watch::Sender<()>,
    serving: JoinHandle<()>,
    jobs: JoinHandle<()>,
    upkeep: JoinSet<()>,
}

impl Link {
    /// Connects as options, environment and project file say.
    pub(super) async fn open(context: &Context) -> Result<Self, Failure> {
        if let Some((client, place)) = session::remote(context)? {
            let place = place.unwrap_or_else(|| client.name());
            return Ok(Self { client: Arc::new(client), place, home: None, held: None });
        }
        let home = Home::locate(context)?;
        let place = format!("the local store {}", home.path().display());
        let connected = local::open(context, "dev").await?;
        let client = Arc::new(connected.client);
        let Some(local) = connected.local else { return Ok(Self { client, place, home: Some(home), held: None }) };
        let app = Arc::clone(local.app());
        let socket = offer::listen(&home, app.owner_token())?;
        let (stop, mut stopped) = watch::channel(());
        let router = local_router(&Served::new(Arc::clone(&app), request_id_start()));
        let serving = tokio::spawn(serve(Listener::Unix(socket), router, Edge::plain(), async move {
            // An error means that the sender is gone, which is the end as well.
            stopped.changed().await.ok();
        }));
        // schedules of what is deployed are the server's; what somebody asks for is done
        let jobs = tokio::spawn(Arc::clone(&app).run_jobs(Slots::Left));
        let mut upkeep = JoinSet::new();
        upkeep.spawn(Arc::clone(&app).keep_house());
        upkeep.spawn(app.watch_expiries());
        let held = Held { local, home: home.clone(), stop, serving, jobs, upkeep };
        Ok(Self { client, place, home: Some(home), held: Some(held) })
    }

    /// Connects anew, once the connection was lost. A local store that another dev or command held is taken over; one that
    /// a server held is left to the next server.
    pub(super) async fn renew(&mut self, context: &Context) -> Result<(), Failure> {
        let Some(home) = self.home.as_ref().filter(|_| self.held.is_none()) else { return Ok(()) };
        let was_server = home.holder().is_some_and(|holder| holder.ends_with("(server)"));
        if !was_server {
            *self = Self::open(context).await?;
        } else if let Some(client) = local::running(home) {
            self.client = Arc::new(client);
        }
        Ok(())
    }

    /// The umask for programs that this process starts, where this process has another.
    pub(super) fn umask(&self) -> Option<Mode> {
        self.held.as_ref().map(|held| held.local.umask())
    }

    /// Lets other commands' requests finish, and lets go of the store.
    pub(super) async fn close(self) {
        let Some(Held { local, home, stop, serving, jobs, mut upkeep }) = self.held else { return };
        offer::end(&home);
        stop.send(()).ok();
        local.app().stop_jobs();
        serving.await.ok();
        jobs.await.ok();
        upkeep.shutdown().await;
        local.close().await;
    }
}

/// What is heard of the store.
pub(super) enum Heard {
    /// Something changed.
    Changed,
    /// The stream of changes was cut, for this reason.
    Lost(String),
}

/// Listens for changes after `epoch`, until the stream is cut.
pub(super) fn follow(client: Arc<Client>, place: Place, epoch: u64, heard: mpsc::Sender<Heard>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let lost = match listen(&client, &place, epoch, &heard).await {
            Ok(()) => "it ended the connection".to_owned(),
            Err(error) => super::calls::with_causes(&error),
        };
        heard.send(Heard::Lost(lost)).await.ok();
    })
}

async fn listen(client: &Client, place: &Place, epoch: u64, heard: &mpsc::Sender<Heard>) -> Result<(), ClientError> {
    let project = client.project(&place.project);
    let mut events = project.events(Some(&place.namespace), Some(&epoch.to_string())).await?;
    while events.next().await?.is_some() {
        if heard.send(Heard::Changed).await.is_err() {
            break;
        }
    }
    Ok(())
}
