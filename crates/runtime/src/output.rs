//! What a worker writes: frames become facts, lines become masked log events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::egress::Egress;
use crate::event::{Event, Level, Stream};
use crate::jobs::ProgressOf;
use crate::lines::{Line, Lines, limited};
use crate::mask::{MIN_VALUE_BYTES, Masker};
use crate::masks::Masks;
use crate::reads::{self, Observed, Seen};
use crate::spec::{WorkerSpec, WorkloadId};
use crate::visit::{Visits, Wish};
use crate::wire::{Frame, FrameReader, Piece};
use crate::worker::Input;

/// When nothing has come for so long, what is clear of the unfinished rest is taken.
const PAUSE: Duration = Duration::from_millis(500);

/// How far a worker has come.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Spawned,
    Booted,
    Ready(Arc<Loaded>),
    Failed(String),
    Exited { code: Option<i32>, signal: Option<i32> },
}

/// What was seen while the code loaded.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) shape: String,
    pub(crate) reads: Vec<String>,
}

/// Whose output it is, once a generic worker has been assigned.
pub(crate) struct Owner {
    pub(crate) workload: WorkloadId,
    pub(crate) deployment: String,
    pub(crate) observed: Observed,
    pub(crate) masks: Arc<Masks>,
}

impl Owner {
    pub(crate) fn new(spec: &WorkerSpec, masks: Arc<Masks>) -> Self {
        let observed = Observed::new(spec.env_names.clone(), spec.env_prefixes.clone());
        Self { workload: spec.workload.clone(), deployment: spec.deployment.clone(), observed, masks }
    }
}

/// The receiving end of one worker's pipes.
pub(crate) struct Output {
    pub(crate) owner: OnceLock<Owner>,
    pub(crate) stage: watch::Sender<Stage>,
    pub(crate) pong: AtomicU64,
    pub(crate) events: mpsc::Sender<Event>,
    /// The last complaint before the code was loaded, for the reason of a failed start.
    pub(crate) complaint: Mutex<String>,
    /// Opens connections for a worker that may open none itself.
    pub(crate) egress: Option<Arc<Egress>>,
    /// Who wants to hear how far the run of a job is.
    pub(crate) progress: ProgressOf,
    /// The end users whose invocations are in it.
    pub(crate) visits: Arc<Visits>,
    /// Changes of their secrets that may be under way.
    pub(crate) changes: Arc<Semaphore>,
    /// Where answers to its wishes go.
    pub(crate) input: Arc<Input>,
}

impl Output {
    /// Reads stdout to its end.
    pub(crate) async fn stdout(self: Arc<Self>, mut pipe: impl AsyncRead + Unpin, mut frames: FrameReader) {
        let mut raw = Raw::new(Stream::Stdout);
        let mut chunk = vec![0; 16 * 1024];
        let mut pieces = Vec::new();
        loop {
            let size = match tokio::time::timeout(raw.patience(), pipe.read(&mut chunk)).await {
                Ok(Ok(size)) if size > 0 => size,
                Ok(_) => break,
                Err(_) => {
                    self.lines(raw.pause(), raw.stream).await;
                    continue;
                }
            };
            frames.feed(chunk.get(..size).unwrap_or_default(), |piece| pieces.push(piece));
            for piece in pieces.drain(..) {
                match piece {
                    Piece::Raw(bytes) => self.lines(raw.feed(&bytes, self.owner.get()), raw.stream).await,
                    Piece::Frame(frame) => self.frame(frame).await,
                    Piece::Garbage => tracing::warn!("a worker sent a broken frame"),
                }
            }
        }
        self.lines(raw.finish(), raw.stream).await;
    }

    /// Reads stderr to its end.
    pub(crate) async fn stderr(self: Arc<Self>, mut pipe: impl AsyncRead + Unpin) {
        let mut raw = Raw::new(Stream::Stderr);
        let mut chunk = vec![0; 16 * 1024];
        loop {
            match tokio::time::timeout(raw.patience(), pipe.read(&mut chunk)).await {
                Ok(Ok(size)) if size > 0 => {
                    let lines = raw.feed(chunk.get(..size).unwrap_or_default(), self.owner.get());
                    self.lines(lines, raw.stream).await;
                }
                Ok(_) => break,
                Err(_) => self.lines(raw.pause(), raw.stream).await,
            }
        }
        self.lines(raw.finish(), raw.stream).await;
    }

    async fn lines(&self, lines: Vec<Line>, stream: Stream) {
        let level = if stream == Stream::Stderr { Level::Warn } else { Level::Info };
        for line in lines {
            self.log(None, stream, level, line.text()).await;
        }
    }

    async fn frame(&self, frame: Frame) {
        match frame {
            Frame::Booted => self.advance(Stage::Booted),
            Frame::Ready { shape, r } => self.advance(Stage::Ready(Arc::new(Loaded { shape, reads: r }))),
            Frame::Failed { m } => {
                self.advance(Stage::Failed(self.masked(&m).unwrap_or_default()));
            }
            Frame::Reads { x, r } => {
                for text in &r {
                    self.read(text, x.as_deref(), false).await;
                }
            }
            Frame::Log { x, l, m, cut } => {
                let (stream, level) = match l.as_str() {
                    "debug" => (Stream::Stdout, Level::Debug),
                    "warn" => (Stream::Stderr, Level::Warn),
                    "error" => (Stream::Stderr, Level::Error),
                    _ => (Stream::Stdout, Level::Info),
                };
                let Some(owner) = self.owner.get() else { return };
                let masks = owner.masks.set();
                let masked = if cut { masks.mask_cut(&m) } else { masks.mask(&m) };
                self.log(x, stream, level, limited(masked, m.len(), cut)).await;
            }
            Frame::Progress { x, p, m } => {
                self.progress.tell(&x, p, m.and_then(|text| self.masked(&text)));
            }
            Frame::Keep(wish) => self.keep(wish).await,
            Frame::Open { i, h, p } => {
                if let Some(egress) = &self.egress {
                    egress.open(i, h, p);
                }
            }
            Frame::Lookup { i, h } => {
                if let Some(egress) = &self.egress {
                    egress.look_up(i, h);
                }
            }
            Frame::Pong { i } => {
                self.pong.fetch_max(i, Ordering::Relaxed);
                self.stage.send_modify(|_| {});
            }
        }
    }

    /// Changes an end user's secret, beside what else the worker says.
    async fn keep(&self, wish: Wish) {
        let (Some(owner), Ok(turn)) = (self.owner.get(), Arc::clone(&self.changes).acquire_owned().await) else {
            return;
        };
        let (visits, masks, input) = (Arc::clone(&self.visits), Arc::clone(&owner.masks), Arc::clone(&self.input));
        tokio::spawn(async move {
            input.write(&wish.grant(&visits, &masks).await).await;
            drop(turn);
        });
    }

    /// `text` without values; None before the worker is assigned.
    pub(crate) fn masked(&self, text: &str) -> Option<String> {
        self.owner.get().map(|owner| limited(owner.masks.set().mask(text), text.len(), false))
    }

    fn advance(&self, next: Stage) {
        self.stage.send_if_modified(|stage| {
            let ended = matches!(stage, Stage::Exited { .. });
            if !ended {
                *stage = next;
            }
            !ended
        });
    }

    /// Notes one reported read and announces it if a value was read.
    pub(crate) async fn read(&self, text: &str, execution_id: Option<&str>, module_load: bool) {
        if let Some(event) = self.note(text, execution_id, module_load) {
            let _closed = self.events.send(event).await;
        }
    }

    /// Notes one reported read; gives the event to announce, if a value was read.
    pub(crate) fn note(&self, text: &str, execution_id: Option<&str>, module_load: bool) -> Option<Event> {
        let owner = self.owner.get()?;
        let seen = reads::token(text)?;
        owner.observed.note(&seen, module_load);
        let Seen::Name { via, name, source: Some(source) } = seen else { return None };
        Some(Event::Read {
            workload: owner.workload.clone(),
            execution_id: execution_id.map(str::to_owned),
            name: name.to_owned(),
            scope: source.scope.to_owned(),
            version: source.version,
            via,
            module_load,
        })
    }

    /// Says once, by name, which values are too short to be masked.
    pub(crate) async fn name_short_values(&self) {
        let Some(owner) = self.owner.get() else { return };
        for name in owner.masks.take_short() {
            let message =
                format!("the value of {name} is shorter than {MIN_VALUE_BYTES} bytes: it is not masked in logs");
            self.log(None, Stream::Stdout, Level::Warn, message).await;
        }
    }

    /// Reports one masked line.
    async fn log(&self, execution_id: Option<String>, stream: Stream, level: Level, message: String) {
        let Some(owner) = self.owner.get() else {
            // nothing but our own boot script and the runtime has run yet
            *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = message;
            return;
        };
        if stream == Stream::Stderr && matches!(*self.stage.borrow(), Stage::Booted) {
            message.clone_into(&mut self.complaint.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let event = Event::Log {
            workload: owner.workload.clone(),
            deployment: owner.deployment.clone(),
            execution_id,
            unix_ms: unix_ms(),
            stream,
            level,
            message,
        };
        // waiting here slows the worker down rather than losing what it says
        let _closed = self.events.send(event).await;
    }
}

/// Now, in Unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "stamps of log lines, idleness and expiry follow the machine's clock; tests choose the times they hand in"
)]
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// One raw stream: masked first, then cut into lines, so that a value may stand across both chunks and lines.
struct Raw {
    stream: Stream,
    masker: Option<Masker>,
    lines: Lines,
    masked: Vec<u8>,
    /// What the last pause could show has been shown.
    is_paused: bool,
}

impl Raw {
    fn new(stream: Stream) -> Self {
        Self { stream, masker: None, lines: Lines::default(), masked: Vec::new(), is_paused: false }
    }

    fn feed(&mut self, bytes: &[u8], owner: Option<&Owner>) -> Vec<Line> {
        // before there is an owner, nothing but our own boot script has run
        let Some(owner) = owner else { return self.lines.feed(bytes) };
        let set = owner.masks.set();
        let masker = self.masker.get_or_insert_with(|| Masker::new(Arc::clone(&set)));
        self.is_paused = false;
        masker.switch(&set);
        masker.feed(bytes, &mut self.masked);
        self.take()
    }

    /// How long to wait for more before [`Raw::pause`].
    fn patience(&self) -> Duration {
        if !self.is_paused && self.masker.as_ref().is_some_and(Masker::is_holding) { PAUSE } else { Duration::MAX }
    }

    fn pause(&mut self) -> Vec<Line> {
        self.is_paused = true;
        if let Some(masker) = &mut self.masker {
            masker.idle(&mut self.masked);
        }
        self.take()
    }

    fn finish(&mut self) -> Vec<Line> {
        if let Some(masker) = &mut self.masker {
            masker.finish(&mut self.masked);
        }
        let mut lines = self.take();
        lines.extend(self.lines.rest());
        lines
    }

    fn take(&mut self) -> Vec<Line> {
        let lines = self.lines.feed(&self.masked);
        self.masked.clear();
        lines
    }
}
