//! One attempt at a run: what it needs, the worker, and what comes of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use strongroom_model::manifest::JobManifest;
use strongroom_runtime::{JobError, JobFacts, JobOutcome, JobRun, Need, Progress};
use strongroom_seal::{Random, RunPart};
use strongroom_store::port::{RunEnd, RunRow, RunState, SealedRun};
use strongroom_store::{Rows, Tx};
use tokio::sync::watch;

use crate::error::Error;
use crate::functions::{Entry, Manifest, require_secrets, without_folders};
use crate::open::App;

/// Servers that may end during one run before it is given up: it may be what ends them.
const MOST_LOST: u64 = 20;
/// Progress is written down at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// Pause before the end of an attempt is written down again, where the store refused it.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How an attempt ended.
enum Ending {
    Succeeded(Bytes),
    /// Another attempt may do better.
    Failed(String),
    /// No attempt will.
    Hopeless(String),
    /// It is no longer this process's to end.
    Void,
}

impl App {
    /// Makes one attempt at a run that was claimed, and writes down what came of it.
    pub(super) async fn attempt(self: Arc<Self>, entry: Arc<Entry>, run: RunRow) {
        let facts = JobFacts {
            execution_id: execution_id(&run),
            run_id: run.id.to_string(),
            attempt: u32::try_from(run.attempts).unwrap_or(u32::MAX),
            scheduled_for: run.slot.map(|slot| slot.to_string()),
        };
        let ending = match self.work_on(&entry, &run, facts).await {
            Ok(ending) => ending,
            Err(error) => Ending::Failed(told(&error)),
        };
        self.scheduler.forget(&run.id);
        let Manifest::Job(manifest) = &entry.manifest else { return };
        let Some(end) = self.end_of(&entry, &run, manifest, ending) else { return };
        self.log_end(&entry, &run, &end);
        while let Err(error) = self.write_end(end.clone()).await {
            tracing::error!(%error, run = %run.id, "the end of a run could not be written down; trying again");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    async fn work_on(self: &Arc<Self>, entry: &Arc<Entry>, run: &RunRow, facts: JobFacts) -> Result<Ending, Error> {
        if run.lost >= MOST_LOST {
            return Ok(Ending::Hopeless(format!("the server ended {} times while it ran", run.lost)));
        }
        let (sealed, current) = self
            .store
            .read(|rows: &mut dyn Rows| -> Result<_, Error> {
                Ok((rows.sealed_run(&run.id)?, rows.run(&run.project, &run.id)?))
            })
            .await?;
        // cancelled since it was claimed: whoever does so later finds the handle
        let Some((sealed, _)) = sealed.zip(current).filter(|(_, now)| is_same(run, now)) else {
            return Ok(Ending::Void);
        };
        let payload = match payload(entry, run, &sealed) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%error, run = %run.id, "the payload of a run does not open");
                return Ok(Ending::Hopeless(
                    "its payload does not open; it was not written by this instance".to_owned(),
                ));
            }
        };
        if self.clock.now().as_millisecond() >= entry.valid_until.load(Ordering::SeqCst) {
            self.expire(&entry.project).await?;
        }
        let need = Need { epoch: entry.epoch.load(Ordering::SeqCst) };
        let answer = self.function_answer(entry).await?;
        require_secrets(self, entry, &answer)?;
        let (job, handle) = JobRun::new(facts, payload);
        let progress = handle.progress();
        if !self.scheduler.begin(&run.id, handle) {
            return Ok(Ending::Void);
        }
        let runtime = self.runtime().await?;
        let outcome = self.following(run, progress, runtime.run_job(&entry.spec, need, job)).await;
        Ok(match outcome {
            Ok(JobOutcome::Completed(result)) => Ending::Succeeded(result),
            Ok(JobOutcome::Failed { class, message }) => Ending::Failed(named(&class, &message)),
            Ok(JobOutcome::TimedOut) => Ending::Failed(format!("it took longer than {:?}", entry.spec.timeout)),
            Ok(JobOutcome::Lost(reason)) => Ending::Failed(reason),
            Ok(JobOutcome::Cancelled) => Ending::Void,
            Err(error @ (JobError::Payload | JobError::PayloadTooLarge(_) | JobError::BadRun)) => {
                Ending::Hopeless(error.to_string())
            }
            Err(JobError::Unavailable(failure)) => Ending::Failed(without_folders(&failure.to_string())),
        })
    }

    /// Drives `work` to its end and writes down how far it says that it is.
    async fn following<T>(
        &self,
        run: &RunRow,
        mut progress: watch::Receiver<Option<Progress>>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut written = None;
        let follow = async {
            while progress.changed().await.is_ok() {
                let told = progress.borrow_and_update().clone();
                self.write_progress(run, told.clone()).await;
                written = told;
                tokio::time::sleep(PROGRESS_EVERY).await;
            }
            std::future::pending::<T>().await
        };
        let done = tokio::select! {
            done = work => done,
            never = follow => never,
        };
        let last = progress.borrow().clone();
        if last != written {
            self.write_progress(run, last).await;
        }
        done
    }

    async fn write_progress(&self, run: &RunRow, told: Option<Progress>) {
        let Some(Progress { percent, message }) = told else { return };
        let (id, holder) = (run.id, self.scheduler.holder().to_owned());
        let write = self.store.write(move |tx: &mut dyn Tx| {
            tx.report_progress(&id, &holder, u64::from(percent), message.as_deref()).map_err(Error::from)
        });
        if let Err(error) = write.await {
            tracing::warn!(%error, run = %run.id, "how far a run is could not be written down");
        }
    }

    /// What is to be written down; nothing for what is no longer this process's.
    fn end_of(&self, entry: &Entry, run: &RunRow, manifest: &JobManifest, ending: Ending) -> Option<RunEnd> {
        let now = self.clock.now();
        let end = |state, run_at, result, error| RunEnd {
            id: run.id,
            holder: self.scheduler.holder().to_owned(),
            attempt: run.attempts,
            state,
            run_at,
            result,
            error,
            at: now,
        };
        match ending {
            Ending::Void => None,
            Ending::Hopeless(error) => Some(end(RunState::Dead, now, None, Some(error))),
            Ending::Failed(error) => {
                let used = run.attempts.saturating_sub(run.spared);
                if used > u64::from(manifest.retries) {
                    return Some(end(RunState::Dead, now, None, Some(error)));
                }
                let pause = SignedDuration::try_from(pause(manifest, used, &*self.rng)).unwrap_or(SignedDuration::MAX);
                let run_at = now.checked_add(pause).unwrap_or(Timestamp::MAX);
                Some(end(RunState::Retrying, run_at, None, Some(error)))
            }
            Ending::Succeeded(result) => {
                let sealed = entry.project.seal_run((&run.job, &run.id), RunPart::Result, &result, &*self.rng);
                Some(match sealed {
                    Ok(sealed) => end(RunState::Succeeded, now, Some(sealed), None),
                    Err(_) => end(RunState::Dead, now, None, Some("its result could not be sealed".to_owned())),
                })
            }
        }
    }

    fn log_end(&self, entry: &Entry, run: &RunRow, end: &RunEnd) {
        let why = end.error.as_deref().unwrap_or_default();
        let (level, text) = match end.state {
            RunState::Retrying => {
                ("warn", format!("attempt {} failed: {why}; next one at {}", run.attempts, end.run_at))
            }
            RunState::Dead => ("error", format!("attempt {} failed: {why}; no more are made", run.attempts)),
            RunState::Queued | RunState::Running | RunState::Succeeded | RunState::Cancelled => {
                ("info", format!("attempt {} succeeded", run.attempts))
            }
        };
        self.line(&entry.spec.workload, Some(execution_id(run)), end.at.as_millisecond(), level, text);
    }

    async fn write_end(&self, end: RunEnd) -> Result<bool, Error> {
        self.store.write(move |tx: &mut dyn Tx| tx.end_run(&end).map_err(Error::from)).await
    }
}

fn payload(entry: &Entry, run: &RunRow, sealed: &SealedRun) -> Result<Bytes, Error> {
    let opened = entry.project.open_run((&run.job, &run.id), RunPart::Payload, &sealed.payload)?;
    Ok(Bytes::copy_from_slice(&opened))
}

/// The id of an attempt in the logs: the run's, and which attempt.
fn execution_id(run: &RunRow) -> String {
    format!("{}.{}", run.id, run.attempts)
}

/// Whether the attempt that was claimed is the one that is under way.
fn is_same(claimed: &RunRow, now: &RunRow) -> bool {
    now.state == RunState::Running && (now.attempts, &now.holder) == (claimed.attempts, &claimed.holder)
}

fn named(class: &str, message: &str) -> String {
    match class {
        "" | "Error" => message.to_owned(),
        class => format!("{class}: {message}"),
    }
}

/// Why an attempt could not begin, for who looks at the run.
fn told(error: &Error) -> String {
    match error {
        Error::Missing { missing, hint } => {
            let names: Vec<_> =
                missing.iter().map(|missing| format!("{} ({})", missing.name, missing.reason)).collect();
            format!("it needs secrets that do not resolve: {}; set them with: {hint}", names.join(", "))
        }
        error => {
            tracing::error!(%error, "an attempt at a run could not begin");
            error.to_string()
        }
    }
}

/// The pause after `used` failed attempts: twice as long each time up to the longest, and a random half of it taken off,
/// so that what failed together does not come back together.
fn pause(manifest: &JobManifest, used: u64, rng: &dyn Random) -> Duration {
    let doublings = u32::try_from(used.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 1_u64.checked_shl(doublings).filter(|factor| *factor != 0).unwrap_or(u64::MAX);
    let whole = manifest.backoff_ms.saturating_mul(factor).min(manifest.max_backoff_ms);
    let mut bytes = [0_u8; 8];
    rng.fill(&mut bytes);
    let off = u64::from_le_bytes(bytes).checked_rem(whole / 2 + 1).unwrap_or(0);
    Duration::from_millis(whole - off)
}

#[cfg(test)]
mod tests {
    use strongroom_seal::SystemRandom;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_differ() {
        let manifest = JobManifest { backoff_ms: 1_000, max_backoff_ms: 60_000, ..JobManifest::default() };
        for (used, whole) in [(1, 1_000), (2, 2_000), (5, 16_000), (7, 60_000), (64, 60_000), (u64::MAX, 60_000)] {
            let pauses: Vec<_> = (0..50).map(|_| pause(&manifest, used, &SystemRandom)).collect();
            let least = Duration::from_millis(whole / 2);
            assert!(pauses.iter().all(|pause| (least..=Duration::from_millis(whole)).contains(pause)), "{pauses:?}");
            assert!(pauses.iter().min() != pauses.iter().max(), "no jitter after {used}");
        }
    }
}
