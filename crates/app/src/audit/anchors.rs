//! Anchors: the chains' heads, written where whoever can change the database cannot change them.
//!
//! ```text
//! server starts ──> compare the file's last anchors with the chain (loud if they do not fit) ──> write
//!       every so often, on demand, at the end ──> write, if the head has moved
//!                                                   └─ failed: log, `doctor`, `readyz`, tried again after 1 s, 2 s, 4 s …;
//!                                                      reads and writes go on
//! ```

mod file;
mod syslog;
mod webhook;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_api::trail::{AnchorTargetItem, AuditAnchor, AuditAnchors};
use strongroom_fetch::Fetcher;
use strongroom_model::{Capability, ProjectName};
use strongroom_store::{Rows, StoreError};

pub use webhook::Webhook;

use super::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;

/// Longest time that one target may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// So many of a file's last anchors are compared when a server starts.
const COMPARED: usize = 1_000;

/// Where anchors go. Named by the server's configuration alone: no caller of the API chooses a path or an address.
#[derive(Debug, Clone)]
pub enum AnchorTarget {
    /// A line of JSON at the end of a file.
    File(PathBuf),
    /// A message of RFC 5424 to a socket of the machine.
    Syslog(PathBuf),
    /// A signed POST.
    Webhook(Arc<Webhook>),
}

/// What anchors an instance writes; none unless configured.
#[derive(Debug, Clone, Default)]
pub struct AnchorConfig {
    /// Where to.
    pub targets: Vec<AnchorTarget>,
    /// How often, if the head has moved.
    pub every: Duration,
}

/// The targets with what became of them.
#[derive(Debug)]
pub(crate) struct Anchors {
    config: AnchorConfig,
    fetcher: Fetcher,
    states: Mutex<Vec<State>>,
    /// What the comparison at the start found.
    alarm: Mutex<Option<String>>,
    /// One at a time, so that anchors stand in order.
    writing: tokio::sync::Mutex<()>,
}

/// What became of one target's last anchor.
#[derive(Debug, Clone, Default)]
struct State {
    last: Vec<AuditAnchor>,
    failure: Option<String>,
    /// Attempts in a row that failed.
    failures: u32,
}

impl AnchorTarget {
    fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Syslog(_) => "syslog",
            Self::Webhook(_) => "webhook",
        }
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) | Self::Syslog(path) => path.display().to_string(),
            Self::Webhook(webhook) => webhook.place(),
        }
    }

    async fn write(&self, anchors: &[AuditAnchor], fetcher: &Fetcher, now: Timestamp) -> Result<(), String> {
        let lines: Vec<String> = anchors.iter().map(line).collect();
        let target = match self {
            Self::Webhook(webhook) => return webhook.post(fetcher, &lines, now).await,
            Self::File(path) => Local::File(path.clone()),
            Self::Syslog(path) => Local::Syslog(path.clone()),
        };
        let written = tokio::task::spawn_blocking(move || match target {
            Local::File(path) => file::append(&path, &lines),
            Local::Syslog(path) => syslog::send(&path, &lines),
        });
        match tokio::time::timeout(DEADLINE, written).await {
            Ok(Ok(result)) => result.map_err(|error| error.to_string()),
            Ok(Err(_)) => Err("the attempt broke off".to_owned()),
            Err(_) => Err(format!("it took longer than {} s", DEADLINE.as_secs())),
        }
    }
}

/// A target on this machine.
enum Local {
    File(PathBuf),
    Syslog(PathBuf),
}

/// An anchor as it is written: one line of JSON (`docs/formats/audit-anchor.md`).
fn line(anchor: &AuditAnchor) -> String {
    serde_json::to_string(anchor).expect("an anchor has text keys only")
}

impl Anchors {
    pub(crate) fn new(config: AnchorConfig, fetcher: Fetcher) -> Self {
        let states = Mutex::new(vec![State::default(); config.targets.len()]);
        Self { config, fetcher, states, alarm: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    fn states(&self) -> Vec<State> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long until the next turn: soon where a target failed, and ever later.
    fn pause(&self) -> Duration {
        let every = self.config.every.max(Duration::from_secs(1));
        let failures = self.states().iter().map(|state| state.failures).filter(|failures| *failures > 0).min();
        failures.map_or(every, |failures| every.min(Duration::from_secs(1 << (failures - 1).min(12))))
    }

    fn alarm(&self) -> Option<String> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what became of an attempt; whether that is news.
    fn note(&self, index: usize, anchors: Vec<AuditAnchor>, failure: Option<&String>) -> bool {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = states.get_mut(index) else { return false };
        let is_news = state.failure.is_some() != failure.is_some();
        state.failure = failure.cloned();
        state.failures = if failure.is_some() { state.failures.saturating_add(1) } else { 0 };
        if failure.is_none() {
            state.last = anchors;
        }
        is_news
    }
}

/// What anchors are written, and what became of the last ones.
pub async fn show(app: &App, caller: &Caller, project: &ProjectName) -> Result<AuditAnchors, Error> {
    app.enter(caller, project, Capability::AuditRead, Reach::Project).await?;
    Ok(app.shown_anchors())
}

/// Writes anchors now, behind a record of who asked for it.
pub async fn write(app: &App, caller: &Caller, project: &ProjectName) -> Result<AuditAnchors, Error> {
    app.enter(caller, project, Capability::AuditRead, Reach::Project).await?;
    if app.anchors.config.targets.is_empty() {
        return Err(Error::conflict("this server writes no anchors; start it with --audit-anchor", None));
    }
    app.audit(Record::done(app.clock.now(), caller, Some(project), "audit.anchor", &serde_json::json!({}))).await?;
    app.write_anchors().await;
    Ok(app.shown_anchors())
}

impl App {
    /// Runs until the app is dropped: compares the last anchors with the chain, and writes new ones.
    pub async fn keep_anchors(self: Arc<Self>) {
        if self.anchors.config.targets.is_empty() {
            return;
        }
        self.compare_anchors().await;
        let weak = Arc::downgrade(&self);
        drop(self);
        loop {
            let Some(app) = weak.upgrade() else { return };
            app.write_anchors().await;
            let pause = app.anchors.pause();
            drop(app);
            tokio::time::sleep(pause).await;
        }
    }

    /// What a person should know about anchors; none if all is well.
    pub fn anchor_trouble(&self) -> Option<String> {
        let failing = self.anchors.states().into_iter().zip(&self.anchors.config.targets);
        let mut failing = failing.filter_map(|(state, target)| Some((target, state.failure?)));
        let failure = failing.next().map(|(target, why)| format!("{} {}: {why}", target.kind(), target.place()));
        self.anchors.alarm().or(failure)
    }

    /// How many targets there are, and how many of them got no anchor at the last attempt.
    pub(crate) fn anchor_counts(&self) -> (usize, usize) {
        let states = self.anchors.states();
        (states.len(), states.iter().filter(|state| state.failure.is_some()).count())
    }

    fn shown_anchors(&self) -> AuditAnchors {
        let Anchors { config, .. } = &self.anchors;
        let targets = config.targets.iter().zip(self.anchors.states()).map(|(target, state)| AnchorTargetItem {
            kind: target.kind().to_owned(),
            place: target.place(),
            last: state.last,
            failure: state.failure,
        });
        AuditAnchors { every_seconds: config.every.as_secs(), targets: targets.collect(), alarm: self.anchors.alarm() }
    }

    async fn heads(&self) -> Result<Vec<AuditAnchor>, StoreError> {
        let (instance, at) = (self.instance.id().to_string(), self.clock.now());
        self.store
            .read(|rows: &mut dyn Rows| {
                let mut heads = Vec::new();
                for node in rows.audit_nodes()? {
                    let head = rows.audit_head(&node)?;
                    let (instance, link) = (Some(instance.clone()), hex::encode(head.link));
                    heads.push(AuditAnchor { instance, node, seq: head.seq, link, at: Some(at) });
                }
                Ok(heads)
            })
            .await
    }

    /// Writes the heads to every target that has not got them yet.
    pub async fn write_anchors(&self) {
        if self.anchors.config.targets.is_empty() {
            return;
        }
        let _turn = self.anchors.writing.lock().await;
        let heads = match self.heads().await {
            Ok(heads) => heads,
            Err(error) => {
                tracing::error!(%error, "audit anchors could not be written: the trail cannot be read");
                return;
            }
        };
        let states = self.anchors.states();
        for (index, (target, state)) in self.anchors.config.targets.iter().zip(states).enumerate() {
            let is_there = |head: &AuditAnchor| {
                state.last.iter().any(|last| (&last.node, last.seq, &last.link) == (&head.node, head.seq, &head.link))
            };
            if state.failure.is_none() && heads.iter().all(is_there) {
                continue;
            }
            let failure = target.write(&heads, &self.anchors.fetcher, self.clock.now()).await.err();
            let is_news = self.anchors.note(index, heads.clone(), failure.as_ref());
            self.tell_of_anchor(target, failure, is_news).await;
        }
    }

    async fn tell_of_anchor(&self, target: &AnchorTarget, failure: Option<String>, is_news: bool) {
        let (kind, place) = (target.kind(), target.place());
        match failure {
            Some(error) => {
                tracing::error!(kind, place, error, "an audit anchor could not be written");
                if is_news {
                    let text = format!("audit anchors cannot be written: {kind} {place}: {error}");
                    self.house_line("security", "error", None, text).await;
                }
            }
            None if is_news => {
                self.house_line("security", "info", None, format!("audit anchors are written again: {kind} {place}"))
                    .await;
            }
            None => {}
        }
    }

    /// Compares the last anchors of each file with the chain. An older store in place of this one is noticed here.
    async fn compare_anchors(&self) {
        for target in &self.anchors.config.targets {
            let AnchorTarget::File(path) = target else { continue };
            let (read, own) = (path.clone(), self.instance.id().to_string());
            let kept = tokio::task::spawn_blocking(move || file::last(&read, COMPARED)).await;
            let kept = match kept {
                Ok(Ok(kept)) => kept,
                Ok(Err(error)) => {
                    tracing::error!(path = %path.display(), %error, "audit anchors could not be read");
                    continue;
                }
                Err(_) => continue,
            };
            let own = kept.iter().filter(|anchor| anchor.instance.as_ref().is_none_or(|instance| *instance == own));
            match self.first_misfit(own).await {
                Ok(Some(anchor)) => self.raise_anchor_alarm(path, &anchor).await,
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "audit anchors could not be compared with the trail"),
            }
        }
    }

    async fn raise_anchor_alarm(&self, path: &std::path::Path, anchor: &AuditAnchor) {
        let text = format!(
            "the audit trail does not hold record {} of {} as {} says: an older or another store is in place",
            anchor.seq,
            anchor.node,
            path.display()
        );
        tracing::error!(path = %path.display(), seq = anchor.seq, node = anchor.node, "{text}");
        *self.anchors.alarm.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
        self.house_line("security", "error", None, text).await;
    }

    /// The first of these that the chain does not hold. What was erased behind a checkpoint is passed over.
    async fn first_misfit<'a>(
        &self,
        anchors: impl Iterator<Item = &'a AuditAnchor> + Send,
    ) -> Result<Option<AuditAnchor>, StoreError> {
        self.store
            .read(|rows: &mut dyn Rows| {
                for anchor in anchors {
                    if rows.audit_cut(&anchor.node)?.is_some_and(|cut| cut.seq >= anchor.seq) {
                        continue;
                    }
                    let record = rows.audit_after(&anchor.node, anchor.seq.saturating_sub(1), 1)?.pop();
                    let fits = |link: &[u8]| hex::encode(link).eq_ignore_ascii_case(&anchor.link);
                    if !record.is_some_and(|row| row.seq == anchor.seq && fits(&row.link)) {
                        return Ok(Some(anchor.clone()));
                    }
                }
                Ok(None)
            })
            .await
    }
}
