//! Runs of jobs: each has a worker of its own while it lasts, so that stopping one stops nothing else.
//!
//! ```text
//! run_job ─► bench (an idle worker with current values, or a fresh one) ─► POST {job, payload} ─► handler(payload, ctx)
//!     ▲ cancel, timeout: `abort` on stdin ─► ctx.signal;  after the grace: kill        progress frames ─► JobHandle
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::bench::Hired;
use crate::connections::SendError;
use crate::event::Outcome;
use crate::output::{Output, Stage};
use crate::proxy;
use crate::runtime::Runtime;
use crate::spec::{InvocationContext, Need, WorkerSpec, WorkloadKind};
use crate::wire;
use crate::worker::{StartFailure, Worker};

/// Largest payload of a run, in bytes of JSON.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// Largest result of a run, in bytes of JSON.
pub const MAX_RESULT_BYTES: usize = 1024 * 1024;
/// Time that a run has, once it is asked to stop, before its worker is killed.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(5);

const OUTCOME: HeaderName = HeaderName::from_static("x-strongroom-outcome");
/// An answer is a result or a description of an error, which is shorter.
const MAX_ANSWER_BYTES: usize = MAX_RESULT_BYTES;
/// Longest message of a failure that is passed on, in bytes.
const MAX_MESSAGE_BYTES: usize = 4096;
/// A worker that broke off has ended after this time at the latest.
const END_WAIT: Duration = Duration::from_secs(2);

/// What the code of a run may know about it: `ctx.job`, beside the job's name.
#[derive(Debug, Clone)]
pub struct JobFacts {
    /// Id of this attempt, which its log lines carry: visible ASCII without spaces, and no other attempt's.
    pub execution_id: String,
    /// Id of the run, the same for each of its attempts: `ctx.job.id`.
    pub run_id: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The slot of the schedule that the run is for, as RFC 3339: `ctx.job.scheduledFor`. None if it was asked for.
    pub scheduled_for: Option<String>,
}

/// One attempt to run a job.
#[derive(Debug)]
pub struct JobRun {
    facts: JobFacts,
    payload: Bytes,
    grace: Duration,
    cancelled: watch::Receiver<bool>,
    progress: watch::Sender<Option<Progress>>,
}

/// Cancels an attempt and hears how far it is. Clones are for the same attempt; dropping them changes nothing.
#[derive(Debug, Clone)]
pub struct JobHandle {
    cancel: watch::Sender<bool>,
    progress: watch::Receiver<Option<Progress>>,
}

/// How far a run says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// For people; masked.
    pub message: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// The handler returned; what it returned, as JSON (`null` if nothing).
    Completed(Bytes),
    /// The handler threw. Log lines carry the whole error.
    Failed {
        /// The error's `name`, such as `TypeError` or `SecretNotFoundError`.
        class: String,
        /// The error's message, masked and cut: no stack.
        message: String,
    },
    /// [`JobHandle::cancel`] was called before it ended. The handler may have ended by itself or was killed.
    Cancelled,
    /// It took longer than [`WorkerSpec::timeout`].
    TimedOut,
    /// The worker ended beneath it, for this reason.
    Lost(String),
}

/// Why an attempt did not begin: the handler was not called.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The payload is no JSON document.
    #[error("the payload is not valid JSON")]
    Payload,
    /// The payload is too large.
    #[error("the payload is {0} bytes long; {MAX_PAYLOAD_BYTES} are accepted")]
    PayloadTooLarge(usize),
    /// An id has letters that cannot stand in a request head, or the spec is not a job's.
    #[error("the run cannot be passed on")]
    BadRun,
    /// No worker could be started.
    #[error("no worker is available")]
    Unavailable(#[source] StartFailure),
}

impl JobRun {
    /// An attempt, and the handle on it. `payload` is JSON; none at all stands for `{}`.
    pub fn new(facts: JobFacts, payload: Bytes) -> (Self, JobHandle) {
        let (cancel, cancelled) = watch::channel(false);
        let (progress, heard) = watch::channel(None);
        let run = Self { facts, payload, grace: DEFAULT_GRACE, cancelled, progress };
        (run, JobHandle { cancel, progress: heard })
    }

    /// Gives the handler this much time to end by itself once it is asked to stop.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    fn body(&self, job: &str) -> Result<Bytes, JobError> {
        let payload: &[u8] = if self.payload.is_empty() { b"{}" } else { &self.payload };
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(JobError::PayloadTooLarge(payload.len()));
        }
        serde_json::from_slice::<IgnoredAny>(payload).map_err(|_| JobError::Payload)?;
        let JobFacts { execution_id: _, run_id, attempt, scheduled_for } = &self.facts;
        let facts = Described { id: run_id, name: job, attempt: *attempt, scheduled_for: scheduled_for.as_deref() };
        let facts = serde_json::to_vec(&facts).map_err(|_| JobError::BadRun)?;
        Ok([b"{\"job\":".as_slice(), &facts, b",\"payload\":", payload, b"}"].concat().into())
    }
}

impl JobHandle {
    /// Asks the handler to stop: `ctx.signal` fires at once, and after the grace its worker is killed.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }

    /// How far the run is; the newest report replaces those that nobody looked at.
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.progress.clone()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    id: &'a str,
    name: &'a str,
    attempt: u32,
    scheduled_for: Option<&'a str>,
}

/// Where progress frames of one worker go.
#[derive(Default)]
pub(crate) struct ProgressOf(Mutex<Option<(String, watch::Sender<Option<Progress>>)>>);

impl ProgressOf {
    fn follow(&self, execution_id: &str, progress: watch::Sender<Option<Progress>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((execution_id.to_owned(), progress));
    }

    /// Passes a report on, unless it is of a run that is over.
    pub(crate) fn tell(&self, execution_id: &str, percent: u8, message: Option<String>) {
        let following = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, progress)) = following.as_ref().filter(|(current, _)| current == execution_id) {
            progress.send_replace(Some(Progress { percent: percent.min(100), message }));
        }
    }
}

/// How one exchange with a worker ended.
enum Answer {
    /// Nothing was sent: another worker may do it.
    Unsent,
    Broken,
    Ended(JobOutcome),
}

/// Longest wait for what a run that has ended said before.
const HEARING_WAIT: Duration = Duration::from_secs(1);

impl Runtime {
    /// Runs a job once in a worker that has the values of `need` or newer, and that no other run shares. The values
    /// stay as they are until the run ends. [`WorkerSpec::timeout`] bounds the whole run, but not the start of its
    /// worker. How many run at once is the caller's to bound. Dropping the future kills the run.
    pub async fn run_job(&self, spec: &Arc<WorkerSpec>, need: Need, run: JobRun) -> Result<JobOutcome, JobError> {
        let body = run.body(&spec.workload.name)?;
        let JobRun { facts, payload: _, grace, mut cancelled, progress } = run;
        let context = InvocationContext {
            execution_id: facts.execution_id,
            url: "job://run/".to_owned(),
            client: None,
            user: None,
        };
        if spec.workload.kind != WorkloadKind::Job {
            return Err(JobError::BadRun);
        }
        loop {
            let hired = tokio::select! {
                hired = self.hire(spec, need) => hired.map_err(JobError::Unavailable)?,
                () = asked_to_stop(&mut cancelled) => return Ok(JobOutcome::Cancelled),
            };
            let worker = Arc::clone(hired.worker());
            let request = request(&body, &context, worker.step()).ok_or(JobError::BadRun)?;
            worker.output.progress.follow(&context.execution_id, progress.clone());
            let mut report = self.report(spec, &context.execution_id);
            let exchange = exchange(&worker, request);
            tokio::pin!(exchange);
            let (why, outcome) = tokio::select! {
                answer = &mut exchange => match answer {
                    Answer::Unsent => {
                        report.silence();
                        continue;
                    }
                    Answer::Broken => {
                        report.finish(Outcome::Broken);
                        return Ok(JobOutcome::Lost(lost(&hired).await));
                    }
                    Answer::Ended(outcome) => {
                        // what the run said before it ended comes by another way than its answer
                        let _all_heard = worker.answers(HEARING_WAIT).await;
                        let completed = matches!(outcome, JobOutcome::Completed(_));
                        report.finish(if completed { Outcome::Completed } else { Outcome::HandlerError });
                        hired.release();
                        return Ok(outcome);
                    }
                },
                () = asked_to_stop(&mut cancelled) => ("cancelled", JobOutcome::Cancelled),
                () = tokio::time::sleep(spec.timeout) => ("timeout", JobOutcome::TimedOut),
            };
            let stopping = async {
                worker.tell(&wire::abort(&context.execution_id, why)).await;
                let _ended = exchange.await;
            };
            let _killed = tokio::time::timeout(grace, stopping).await;
            report.finish(if outcome == JobOutcome::Cancelled { Outcome::Cancelled } else { Outcome::TimedOut });
            return Ok(outcome);
        }
    }
}

// What the worker gets: the envelope, labelled as an invocation is.
fn request(body: &Bytes, context: &InvocationContext, step: u64) -> Option<Request<crate::Body>> {
    let mut request = Request::post("/").header(http::header::HOST, "job").body(proxy::full(body.clone())).ok()?;
    proxy::label(&mut request, step, context)?;
    Some(request)
}

async fn asked_to_stop(cancelled: &mut watch::Receiver<bool>) {
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        // nobody is left who could
        std::future::pending::<()>().await;
    }
}

async fn exchange(worker: &Worker, request: Request<crate::Body>) -> Answer {
    match worker.connections.send(request).await {
        Ok((response, sender)) => {
            let answer = answer(response, &worker.output).await;
            if matches!(answer, Answer::Ended(_)) {
                worker.connections.keep(sender);
            }
            answer
        }
        Err(SendError::Unsent(_)) => Answer::Unsent,
        Err(SendError::Broken(_)) => Answer::Broken,
    }
}

#[derive(Deserialize)]
struct Thrown {
    class: String,
    message: String,
}

// The bytes come from code that nobody vouches for.
async fn answer(response: Response<Incoming>, output: &Output) -> Answer {
    let completed = response.headers().get(OUTCOME).is_some_and(|outcome| outcome == "completed");
    let Ok(body) = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await else { return Answer::Broken };
    let body = body.to_bytes();
    if completed && serde_json::from_slice::<IgnoredAny>(&body).is_ok() {
        return Answer::Ended(JobOutcome::Completed(body));
    }
    let Ok(Thrown { class, message }) = serde_json::from_slice(&body) else { return Answer::Broken };
    let masked = |text: &str| output.masked(text).map(|text| cut(text, MAX_MESSAGE_BYTES)).unwrap_or_default();
    Answer::Ended(JobOutcome::Failed { class: masked(&class), message: masked(&message) })
}

fn cut(mut text: String, most_bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(most_bytes));
    text
}

// Why a worker that broke off did so.
async fn lost(hired: &Hired) -> String {
    let worker = hired.worker();
    let ended = tokio::time::timeout(END_WAIT, worker.gone()).await;
    if hired.was_over_memory() {
        return format!("it used more memory than its {} MiB", hired.spec().memory_bytes / (1024 * 1024));
    }
    match ended {
        Ok(Stage::Exited { signal: Some(signal), .. }) => format!("its worker was ended by signal {signal}"),
        Ok(Stage::Exited { code: Some(code), .. }) => format!("its worker exited with code {code}"),
        _ => "its worker broke the connection".to_owned(),
    }
}
