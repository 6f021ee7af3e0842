//! Hearing of changes: the server's events, resumed after a cut; for a store that no server serves, its files.
//!
//! ```text
//! Lost ──(wait with backoff and jitter)──> look again ──> Heard from events | Files | Asked now and then
//!   ▲                                                          │
//!   └───────────── the stream ends or breaks ──────────────────┘
//! ```
//! Whoever uses this looks again whenever [`Changes::next`] returns, and hands the session with which he did so to
//! [`Changes::renew`] first, so that nothing falls between looking and listening.

use std::path::Path;
use std::time::{Duration, SystemTime};

use strongroom_client::{ClientError, Events};
use strongroom_seal::Random as _;
use tokio::time::sleep;

use crate::chance::KernelRandom;
use crate::context::Context;
use crate::errors::Failure;
use crate::home::Home;
use crate::session::Session;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often the files of a local store are looked at: a `stat` of two files.
const FILES_STEP: Duration = Duration::from_millis(500);
/// How often a caller who may not hear events asks.
const ASK_STEP: Duration = Duration::from_secs(5);

/// What is listened to.
enum Feed {
    /// Nothing now; a new try after this wait.
    Lost(Duration),
    /// The server's stream.
    Events(Box<Events>),
    /// A token that may read values and not list names hears no events.
    Asked,
    /// The files of the local store, as they were.
    Files(Box<Files>),
}

/// The state of the local store's files.
struct Files {
    home: Home,
    seen: [Option<(SystemTime, u64)>; 2],
    has_server: bool,
}

/// A listener.
pub(crate) struct Changes {
    namespace: Option<String>,
    feed: Feed,
    failures: u32,
    last_id: Option<String>,
}

impl Changes {
    /// Listens for what is seen in a namespace. The first [`Changes::next`] returns at once.
    pub(crate) fn new(namespace: Option<&str>) -> Self {
        Self { namespace: namespace.map(str::to_owned), feed: Feed::Lost(Duration::ZERO), failures: 0, last_id: None }
    }

    /// Returns when something may have changed. May be dropped half-way without losing anything.
    pub(crate) async fn next(&mut self) {
        match &mut self.feed {
            Feed::Lost(wait) => {
                sleep(*wait).await;
                *wait = Duration::ZERO;
            }
            Feed::Asked => sleep(ASK_STEP).await,
            Feed::Files(files) => files.changed().await,
            Feed::Events(events) => {
                let next = events.next().await;
                self.last_id = events.last_id().map(str::to_owned).or(self.last_id.take());
                if !matches!(next, Ok(Some(_))) {
                    self.lose();
                    if let Feed::Lost(wait) = &mut self.feed {
                        sleep(*wait).await;
                        *wait = Duration::ZERO;
                    }
                }
            }
        }
    }

    /// The server is away, or has refused: a new try after a while.
    pub(crate) fn lose(&mut self) {
        let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(10)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        self.feed = Feed::Lost(jittered(wait));
    }

    /// Opens the stream with this session if it is not open. Events that happen from now on are heard.
    pub(crate) async fn renew(&mut self, session: &Session) -> Result<(), ClientError> {
        if matches!(self.feed, Feed::Events(_) | Feed::Asked) || session.is_in_process() {
            return Ok(());
        }
        match session.project().events(self.namespace.as_deref(), self.last_id.as_deref()).await {
            Ok(events) => self.feed = Feed::Events(Box::new(events)),
            Err(ClientError::Problem(problem)) if problem.code == strongroom_api::Code::Forbidden => {
                self.feed = Feed::Asked;
            }
            Err(error) => return Err(error),
        }
        self.failures = 0;
        Ok(())
    }

    /// A look has been taken; its session ends here. A store that was open in this process is watched by its files.
    pub(crate) fn looked(&mut self, context: &Context, session: Session) -> Result<(), Failure> {
        let was_in_process = session.is_in_process();
        drop(session);
        if was_in_process {
            self.failures = 0;
            self.feed = Feed::Files(Box::new(Files::now(Home::locate(context)?)));
        }
        Ok(())
    }
}

impl Files {
    fn now(home: Home) -> Self {
        let mut files = Self { home, seen: [None; 2], has_server: false };
        files.seen = files.look();
        files.has_server = files.home.socket().exists();
        files
    }

    fn look(&self) -> [Option<(SystemTime, u64)>; 2] {
        let database = self.home.database();
        let log = database.with_extension("db-wal");
        [state(&database), state(&log)]
    }

    async fn changed(&mut self) {
        loop {
            sleep(FILES_STEP).await;
            let (seen, has_server) = (self.look(), self.home.socket().exists());
            if seen != self.seen || has_server != self.has_server {
                (self.seen, self.has_server) = (seen, has_server);
                return;
            }
        }
    }
}

fn state(path: &Path) -> Option<(SystemTime, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

/// Between half of `wait` and all of it, so that a thousand commands do not come back at once.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [0_u8];
    KernelRandom.fill(&mut byte);
    let [byte] = byte;
    wait / 2 + wait / 2 * u32::from(byte) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_never_agree_too_well() {
        let mut changes = Changes::new(None);
        for longest in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            changes.lose();
            let Feed::Lost(wait) = &changes.feed else { unreachable!("lost") };
            let longest = Duration::from_millis(longest);
            assert!(*wait >= longest / 2 && *wait <= longest, "{wait:?} of {longest:?}");
        }
    }
}
