//! Lines and read facts on their way to the store, bounded so that nobody's flood fills memory or drowns others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_runtime::Event;
use strongroom_store::port::{LogRow, ReadFact};
use tokio::sync::{Notify, mpsc};

/// Lines that wait for the store before new ones are dropped and counted.
const MAX_WAITING: usize = 50_000;
/// Bytes that wait for the store before new lines are dropped and counted.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// Longest wait for events that are on their way.
const SETTLE: Duration = Duration::from_millis(250);

/// A source may write so many lines and bytes at once,
const BURST: Amount = Amount { lines: 10_000, bytes: 8 << 20 };
/// and goes on at so many a second.
const A_SECOND: Amount = Amount { lines: 1_000, bytes: 256 << 10 };
/// One execution may write so much.
const AN_EXECUTION: Amount = Amount { lines: 10_000, bytes: 4 << 20 };
/// Executions whose amounts are remembered.
const MAX_EXECUTIONS: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amount {
    lines: u64,
    bytes: u64,
}

/// Lines and read facts on their way to the store.
#[derive(Default)]
pub(crate) struct Journal {
    waiting: Mutex<Waiting>,
    /// Held while a batch is written.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// The way in for the runtime's events, to tell when all that came has been taken.
    pub(super) events: OnceLock<mpsc::Sender<Event>>,
    /// Told whenever lines have been stored.
    pub(super) stored: Notify,
    /// Bytes of messages that were handed to the store since somebody asked.
    written: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    batch: Batch,
    bytes: usize,
    sources: HashMap<Source, Allowance>,
    executions: HashMap<Arc<str>, Amount>,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<LogRow>,
    pub(super) reads: Vec<ReadFact>,
    pub(super) dropped: u64,
}

/// Who writes lines: a workload, or the house about a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Source([u8; 16], String, String, String);

/// What a source may still write.
struct Allowance {
    left: Amount,
    at: Timestamp,
    dropped: u64,
    /// The first line that was dropped stands for what the line about it says.
    sample: Option<LogRow>,
}

impl Journal {
    /// Adds a line, unless its source or its execution has written too much. `now` is when it came.
    pub(super) fn add(&self, line: LogRow, now: Timestamp) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let size = line.message.len() + 200;
        if waiting.batch.lines.len() >= MAX_WAITING || waiting.bytes + size > MAX_WAITING_BYTES {
            waiting.batch.dropped += 1;
            return;
        }
        if !waiting.admits_source(&line, now) {
            return;
        }
        let Some(line) = waiting.within_execution(line) else { return };
        waiting.bytes += size;
        waiting.batch.lines.push(line);
    }

    pub(super) fn add_read(&self, fact: ReadFact) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &&mut ReadFact| {
            (&other.workload, &other.secret, &other.via) == (&fact.workload, &fact.secret, &fact.via)
                && (other.project, &other.namespace, other.kind) == (fact.project, &fact.namespace, fact.kind)
        };
        match waiting.batch.reads.iter_mut().find(same) {
            Some(known) => known.last_read_at = fact.last_read_at,
            None => waiting.batch.reads.push(fact),
        }
    }

    /// An execution has ended.
    pub(super) fn ended(&self, execution: &str) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).executions.remove(execution);
    }

    /// Waits until every event that was reported so far has become a line, for a moment at most.
    pub(crate) async fn settle(&self) {
        let Some(events) = self.events.get() else { return };
        let settled = async {
            while events.capacity() < events.max_capacity() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        if tokio::time::timeout(SETTLE, settled).await.is_err() {
            tracing::debug!("log lines are still being taken");
        }
    }

    /// Whether so many bytes were written since it last was so.
    pub(crate) fn has_written(&self, bytes: u64) -> bool {
        let has = self.written.load(Ordering::Relaxed) >= bytes;
        if has {
            self.written.store(0, Ordering::Relaxed);
        }
        has
    }

    /// What waits, with a line for each source of which lines were dropped.
    pub(super) fn take(&self, now: Timestamp) -> Batch {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.written.fetch_add(u64::try_from(waiting.bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
        waiting.bytes = 0;
        let mut batch = std::mem::take(&mut waiting.batch);
        waiting.sources.retain(|_, allowance| {
            allowance.refill(now);
            batch.lines.extend(allowance.report(now));
            allowance.left != BURST
        });
        batch
    }
}

impl Waiting {
    fn admits_source(&mut self, line: &LogRow, now: Timestamp) -> bool {
        let place = if line.category == "execution" { &line.kind } else { &line.category };
        let source = Source(*line.project.as_bytes(), place.clone(), line.namespace.clone(), line.workload.clone());
        let fresh = || Allowance { left: BURST, at: now, dropped: 0, sample: None };
        let allowance = self.sources.entry(source).or_insert_with(fresh);
        allowance.refill(now);
        let bytes = u64::try_from(line.message.len()).unwrap_or(u64::MAX);
        if allowance.left.lines == 0 || allowance.left.bytes < bytes {
            allowance.dropped += 1;
            allowance.sample.get_or_insert_with(|| LogRow { message: String::new(), ..line.clone() });
            return false;
        }
        allowance.left.lines -= 1;
        allowance.left.bytes -= bytes;
        true
    }

    /// The line, or the one that says that no more are kept of its execution, or nothing.
    fn within_execution(&mut self, line: LogRow) -> Option<LogRow> {
        let Some(execution) = &line.execution else { return Some(line) };
        if self.executions.len() >= MAX_EXECUTIONS && !self.executions.contains_key(execution.as_str()) {
            self.executions.clear();
        }
        let written = self.executions.entry(execution.as_str().into()).or_insert(Amount { lines: 0, bytes: 0 });
        let fitted = written.lines < AN_EXECUTION.lines && written.bytes < AN_EXECUTION.bytes;
        // the last words of an execution are kept: they say how it ended
        if !fitted && line.stream.is_empty() {
            return Some(line);
        }
        written.lines += 1;
        written.bytes += u64::try_from(line.message.len()).unwrap_or(u64::MAX);
        let still_fits = written.lines < AN_EXECUTION.lines && written.bytes < AN_EXECUTION.bytes;
        if still_fits {
            return Some(line);
        }
        let (lines, bytes) = (AN_EXECUTION.lines, AN_EXECUTION.bytes >> 20);
        let message =
            format!("… [truncated: this execution has written {lines} lines or {bytes} MiB; no more is kept]");
        fitted.then(|| LogRow { level: "warn".to_owned(), message, ..line })
    }
}

impl Allowance {
    fn refill(&mut self, now: Timestamp) {
        let millis = u64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(0);
        let lines = self.left.lines + A_SECOND.lines * millis / 1_000;
        let bytes = self.left.bytes + A_SECOND.bytes * millis / 1_000;
        if millis > 0 {
            self.left = Amount { lines: lines.min(BURST.lines), bytes: bytes.min(BURST.bytes) };
            self.at = now;
        }
    }

    /// The line that says how many were dropped, once the source has room again.
    fn report(&mut self, now: Timestamp) -> Option<LogRow> {
        if self.left.lines == 0 || self.left.bytes == 0 {
            return None;
        }
        let sample = self.sample.take()?;
        let dropped = std::mem::take(&mut self.dropped);
        let (lines, kib) = (A_SECOND.lines, A_SECOND.bytes >> 10);
        let message = format!("… [{dropped} lines dropped: more than {lines} lines or {kib} KiB a second]");
        Some(LogRow { at: now, execution: None, level: "warn".to_owned(), stream: String::new(), message, ..sample })
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use strongroom_model::Id;

    use super::*;

    fn line(workload: &str, execution: Option<&str>, message: &str) -> LogRow {
        LogRow {
            id: 0,
            at: Timestamp::UNIX_EPOCH,
            project: Id::from_bytes([1; 16]),
            category: "execution".to_owned(),
            namespace: "default".to_owned(),
            kind: "function".to_owned(),
            workload: workload.to_owned(),
            execution: execution.map(str::to_owned),
            stream: "stdout".to_owned(),
            level: "info".to_owned(),
            message: message.to_owned(),
        }
    }

    fn after(millis: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millis)
    }

    #[test]
    fn a_flood_of_one_function_is_dropped_and_counted_and_another_one_is_heard() {
        let journal = Journal::default();
        for n in 0..BURST.lines + 500 {
            journal.add(line("loud", None, &n.to_string()), after(0));
        }
        journal.add(line("quiet", None, "hello"), after(0));
        let batch = journal.take(after(0));
        assert_eq!(u64::try_from(batch.lines.len()), Ok(BURST.lines + 1));
        assert_eq!(batch.lines.last().map(|line| line.message.as_str()), Some("hello"));
        let later = journal.take(after(1_000)).lines;
        let [report] = later.as_slice() else { panic!("one line says how many") };
        assert_eq!((report.workload.as_str(), report.level.as_str()), ("loud", "warn"));
        assert_eq!(report.message, "… [500 lines dropped: more than 1000 lines or 256 KiB a second]");
        for n in 0..A_SECOND.lines + 500 {
            journal.add(line("loud", None, &n.to_string()), after(1_000));
        }
        assert_eq!(u64::try_from(journal.take(after(1_000)).lines.len()), Ok(A_SECOND.lines));
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let journal = Journal::default();
        let big = "x".repeat(16 << 10);
        for n in 0..20_000 {
            journal.add(line(&format!("fn{}", n % 400), None, &big), after(0));
        }
        let batch = journal.take(after(0));
        assert!(batch.lines.iter().map(|line| line.message.len()).sum::<usize>() <= MAX_WAITING_BYTES);
        assert!(batch.dropped > 0);
    }

    #[test]
    fn an_execution_that_writes_without_end_is_truncated_once_and_its_end_is_kept() {
        let journal = Journal::default();
        for n in 0..AN_EXECUTION.lines + 100 {
            let at = after(i64::try_from(n).unwrap_or(0) * 10);
            journal.add(line("loud", Some("e1"), "x"), at);
            if n % 1_000 == 0 {
                journal.add(line("loud", Some("e2"), "y"), at);
            }
        }
        journal.add(LogRow { stream: String::new(), ..line("loud", Some("e1"), "failed") }, after(2_000_000));
        let lines = journal.take(after(2_000_000)).lines;
        let of_first: Vec<_> = lines.iter().filter(|line| line.execution.as_deref() == Some("e1")).collect();
        assert_eq!(u64::try_from(of_first.len()), Ok(AN_EXECUTION.lines + 1));
        assert_eq!(of_first.iter().filter(|line| line.message.contains("[truncated: ")).count(), 1);
        assert_eq!(of_first.last().map(|line| line.message.as_str()), Some("failed"));
        assert_eq!(lines.iter().filter(|line| line.execution.as_deref() == Some("e2")).count(), 11);
        journal.ended("e1");
        journal.add(line("loud", Some("e1"), "again"), after(2_000_000));
        assert_eq!(journal.take(after(2_000_000)).lines.len(), 1);
    }
}
