//! What a worker writes: frames become facts, lines become masked log events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use strongroom_secret::SecretValue;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, watch};

use crate::event::{Event, Level, Stream};
use crate::jobs::ProgressOf;
use crate::mask::Masker;
use crate::reads::{self, Observed, Seen};
use crate::snapshot::{EntryState, Snapshot};
use crate::spec::{WorkerSpec, WorkloadId};
use crate::wire::{Frame, FrameReader, Piece};

/// Longest line that is kept whole.
const MAX_LINE_BYTES: usize = 1 << 20;
/// A replaced value is masked for so long.
const KEEP_REPLACED: Duration = Duration::from_mins(10);

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
    /// Who wants to hear how far the run of a job is.
    pub(crate) progress: ProgressOf,
}

impl Output {
    /// Reads stdout to its end.
    pub(crate) async fn stdout(self: Arc<Self>, mut pipe: impl AsyncRead + Unpin, mut frames: FrameReader) {
        let mut lines = Lines::default();
        let mut chunk = vec![0; 16 * 1024];
        let mut pieces = Vec::new();
        while let Ok(size) = pipe.read(&mut chunk).await {
            if size == 0 {
                break;
            }
            frames.feed(chunk.get(..size).unwrap_or_default(), |piece| pieces.push(piece));
            for piece in pieces.drain(..) {
                match piece {
                    Piece::Raw(bytes) => self.raw(&mut lines, &bytes, Stream::Stdout).await,
                    Piece::Frame(frame) => self.frame(frame).await,
                    Piece::Garbage => tracing::warn!("a worker sent a broken frame"),
                }
            }
        }
        self.line(lines.rest(), Stream::Stdout).await;
    }

    /// Reads stderr to its end.
    pub(crate) async fn stderr(self: Arc<Self>, mut pipe: impl AsyncRead + Unpin) {
        let mut lines = Lines::default();
        let mut chunk = vec![0; 4 * 1024];
        while let Ok(size) = pipe.read(&mut chunk).await {
            if size == 0 {
                break;
            }
            self.raw(&mut lines, chunk.get(..size).unwrap_or_default(), Stream::Stderr).await;
        }
        self.line(lines.rest(), Stream::Stderr).await;
    }

    async fn raw(&self, lines: &mut Lines, bytes: &[u8], stream: Stream) {
        for line in lines.feed(bytes) {
            self.line(Some(line), stream).await;
        }
    }

    async fn line(&self, line: Option<Line>, stream: Stream) {
        let Some(line) = line else { return };
        let text = String::from_utf8_lossy(&line.bytes);
        let level = if stream == Stream::Stderr { Level::Warn } else { Level::Info };
        self.log(None, stream, level, &text, line.cut).await;
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
                self.log(x, stream, level, &m, cut).await;
            }
            Frame::Progress { x, p, m } => {
                self.progress.tell(&x, p, m.and_then(|text| self.masked(&text)));
            }
            Frame::Pong { i } => {
                self.pong.fetch_max(i, Ordering::Relaxed);
                self.stage.send_modify(|_| {});
            }
        }
    }

    /// `text` without values; None before the worker is assigned.
    pub(crate) fn masked(&self, text: &str) -> Option<String> {
        self.owner.get().map(|owner| owner.masks.mask(text, false))
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

    async fn log(&self, execution_id: Option<String>, stream: Stream, level: Level, text: &str, cut: bool) {
        let Some(owner) = self.owner.get() else {
            // nothing but our own boot script and the runtime has run yet
            text.clone_into(&mut self.complaint.lock().unwrap_or_else(PoisonError::into_inner));
            return;
        };
        let message = owner.masks.mask(text, cut);
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

struct Line {
    bytes: Vec<u8>,
    cut: bool,
}

/// Puts chunks together to lines, so that a value split over chunks is masked.
#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
    skipping: bool,
}

impl Lines {
    fn feed(&mut self, mut bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = bytes.split_at(end);
            self.append(head);
            bytes = tail.get(1..).unwrap_or_default();
            lines.extend(self.rest());
            self.skipping = false;
        }
        self.append(bytes);
        lines
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.pending.len());
        self.skipping |= bytes.len() > room;
        self.pending.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn rest(&mut self) -> Option<Line> {
        if self.pending.is_empty() {
            return None;
        }
        Some(Line { bytes: std::mem::take(&mut self.pending), cut: self.skipping })
    }
}

/// The values whose traces are masked in one workload's output: those in force and those replaced of late.
#[derive(Default)]
pub(crate) struct Masks(Mutex<MaskState>);

#[derive(Default)]
struct MaskState {
    values: Vec<(SecretValue, Option<Instant>)>,
    built: Option<Arc<Masker>>,
}

impl Masks {
    /// Adds what `snapshot` holds; what it no longer holds is kept for a while.
    pub(crate) fn update(&self, snapshot: &Snapshot) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let fresh: Vec<&SecretValue> = snapshot
            .entries
            .iter()
            .chain(&snapshot.system)
            .filter_map(|entry| if let EntryState::Value(value) = &entry.state { Some(value) } else { None })
            .collect();
        for (value, replaced) in &mut state.values {
            let current = fresh.iter().any(|each| each.expose() == value.expose());
            *replaced = if current { None } else { replaced.or(Some(now)) };
        }
        state.values.retain(|(_, replaced)| replaced.is_none_or(|at| now.duration_since(at) < KEEP_REPLACED));
        for value in fresh {
            if !state.values.iter().any(|(known, _)| known.expose() == value.expose()) {
                state.values.push((value.duplicate(), None));
            }
        }
        // built again by the next line, off the path of a push
        state.built = None;
    }

    /// `text`, masked. If it was cut, the end that may hold part of a value is dropped.
    pub(crate) fn mask(&self, text: &str, cut: bool) -> String {
        let masker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let MaskState { values, built } = &mut *state;
            Arc::clone(built.get_or_insert_with(|| Arc::new(Masker::new(values.iter().map(|(value, _)| value)))))
        };
        if !cut {
            return masker.mask(text);
        }
        let keep = text.floor_char_boundary(text.len().saturating_sub(masker.longest_bytes()));
        let mut kept = masker.mask(text.get(..keep).unwrap_or_default());
        kept.push_str(" [cut]");
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: Vec<Line>) -> Vec<String> {
        lines.into_iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
    }

    #[test]
    fn lines_are_put_together_over_chunks() {
        let mut lines = Lines::default();
        assert!(lines.feed(b"ab").is_empty());
        assert_eq!(texts(lines.feed(b"c\nd\ne")), ["abc", "d"]);
        assert_eq!(texts(lines.rest().into_iter().collect()), ["e"]);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let mut lines = Lines::default();
        lines.feed(&vec![b'x'; MAX_LINE_BYTES + 5]);
        let done = lines.feed(b"yy\nnext\n");
        assert_eq!(
            done.iter().map(|line| (line.bytes.len(), line.cut)).collect::<Vec<_>>(),
            [(MAX_LINE_BYTES, true), (4, false)]
        );
    }
}
