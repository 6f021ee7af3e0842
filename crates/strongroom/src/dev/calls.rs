//! Calls of functions and triggers of jobs, over the runtime.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde_json::Value;
use strongroom_api::Code;
use strongroom_runtime::{
    Body, InvocationContext, InvokeError, JobError, JobFacts, JobOutcome, JobRun, Need, WorkerSpec, WorkloadId,
    WorkloadKind, full,
};
use strongroom_server::{DevCall, DevCalls, DevRefusal, DevTarget};

use super::code::{Loaded, Shared};
use super::print::{From, Tone};
use super::store::Place;

/// Largest payload that is read for a job.
const MAX_PAYLOAD_BYTES: usize = strongroom_runtime::MAX_PAYLOAD_BYTES;

/// What answers calls.
pub(super) fn calls(shared: &Arc<Shared>, place: &Place) -> DevCalls {
    let (shared, place) = (Arc::clone(shared), place.clone());
    Box::new(move |call| {
        let (shared, place) = (Arc::clone(&shared), place.clone());
        Box::pin(async move { answer(&shared, &place, call).await })
    })
}

async fn answer(shared: &Arc<Shared>, place: &Place, call: DevCall) -> Result<Response<Body>, DevRefusal> {
    let (kind, name) = match &call.target {
        DevTarget::Index => return index(shared),
        DevTarget::Job(name) => (WorkloadKind::Job, name.as_str()),
        DevTarget::ShortFunction(name) => (WorkloadKind::Function, name.as_str()),
        DevTarget::Function(path) => {
            let prefix = format!("{}/{}/", place.project, place.namespace);
            let name = path.strip_prefix(&prefix).ok_or_else(|| elsewhere(place))?;
            (WorkloadKind::Function, name)
        }
    };
    let id = workload(place, kind, name);
    let spec = ready(shared, &id)?;
    match kind {
        WorkloadKind::Function => invoke(shared, &spec, call).await,
        WorkloadKind::Job => {
            let payload = payload(call.request.into_body()).await?;
            let run = Run { id: call.execution_id, payload, scheduled_for: None };
            let (shared, spec) = (Arc::clone(shared), Arc::clone(&spec));
            // the run goes on if its caller hangs up
            let running = tokio::spawn(async move { run_job(&shared, &spec, run).await });
            running.await.unwrap_or_else(|_| Err(unavailable("the run was cut short")))
        }
    }
}

/// The whole body of a trigger.
async fn payload(mut body: Body) -> Result<Bytes, DevRefusal> {
    let mut payload = Vec::new();
    while let Some(frame) = body.frame().await {
        let broken = |_| DevRefusal { code: Code::Invalid, detail: "the payload broke off".to_owned() };
        payload.extend_from_slice(&frame.map_err(broken)?.into_data().unwrap_or_default());
        if payload.len() > MAX_PAYLOAD_BYTES {
            let detail = format!("a payload has at most {MAX_PAYLOAD_BYTES} bytes");
            return Err(DevRefusal { code: Code::TooLarge, detail });
        }
    }
    Ok(payload.into())
}

/// The workload of a name.
pub(super) fn workload(place: &Place, kind: WorkloadKind, name: &str) -> WorkloadId {
    let Place { project, namespace } = place.clone();
    WorkloadId { project, namespace, kind, name: name.to_owned() }
}

fn ready(shared: &Shared, id: &WorkloadId) -> Result<Arc<WorkerSpec>, DevRefusal> {
    let what = if id.kind == WorkloadKind::Job { "job" } else { "function" };
    match shared.loaded(id).as_deref() {
        Some(Loaded::Ready(spec)) => Ok(Arc::clone(spec)),
        Some(Loaded::Broken) => {
            Err(unavailable(&format!("the {what} {} could not be loaded; dev's terminal says why", id.name)))
        }
        None => Err(DevRefusal {
            code: Code::NotFound,
            detail: format!("dev serves no {what} of this name; GET / lists what there is"),
        }),
    }
}

fn elsewhere(place: &Place) -> DevRefusal {
    let Place { project, namespace } = place;
    DevRefusal { code: Code::NotFound, detail: format!("dev serves /fn/{project}/{namespace}/… and nothing else") }
}

fn unavailable(detail: &str) -> DevRefusal {
    DevRefusal { code: Code::Unavailable, detail: detail.to_owned() }
}

async fn invoke(shared: &Arc<Shared>, spec: &Arc<WorkerSpec>, call: DevCall) -> Result<Response<Body>, DevRefusal> {
    let started = Instant::now();
    let name = &spec.workload.name;
    let method = call.request.method().clone();
    // the query may carry a key
    let path = call.request.uri().path().to_owned();
    let need = Need { epoch: shared.layers().epoch };
    let context = InvocationContext { execution_id: call.execution_id, url: call.url, client: call.client, user: None };
    let runtime = shared.runtime.get().ok_or_else(|| unavailable("dev is starting"))?;
    let answered = runtime.invoke(spec, need, context, call.request).await;
    let millis = started.elapsed().as_millis();
    match answered {
        Ok(response) => {
            let status = response.status().as_u16();
            let tone = if status >= 500 { Tone::Warn } else { Tone::Info };
            shared.printer.say(From::About(name), tone, &format!("{method} {path} {status} in {millis} ms"));
            Ok(response)
        }
        Err(error) => {
            let text = with_causes(&error);
            shared.printer.say(From::About(name), Tone::Error, &format!("{method} {path} failed: {text}"));
            Err(refusal(&error, name))
        }
    }
}

fn refusal(error: &InvokeError, name: &str) -> DevRefusal {
    let detail = |text: &str| format!("{name}: {text}; dev's terminal says more");
    match error {
        InvokeError::Timeout(_) => DevRefusal { code: Code::Timeout, detail: detail("no answer in time") },
        InvokeError::BadRequest => {
            DevRefusal { code: Code::Invalid, detail: "the request cannot be passed to the function".to_owned() }
        }
        _ => unavailable(&detail("it has no worker that answers")),
    }
}

/// One run of a job.
pub(super) struct Run {
    pub(super) id: String,
    pub(super) payload: Bytes,
    pub(super) scheduled_for: Option<String>,
}

#[derive(Serialize)]
struct RunAnswer<'a> {
    run_id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Runs a job once, tells how it goes, and answers when it has ended.
pub(super) async fn run_job(
    shared: &Arc<Shared>,
    spec: &Arc<WorkerSpec>,
    run: Run,
) -> Result<Response<Body>, DevRefusal> {
    let (name, printer) = (&spec.workload.name, &shared.printer);
    let runtime = shared.runtime.get().ok_or_else(|| unavailable("dev is starting"))?;
    let Run { id, payload, scheduled_for } = run;
    let facts = JobFacts { execution_id: id.clone(), run_id: id.clone(), attempt: 1, scheduled_for };
    let (attempt, handle) = JobRun::new(facts, payload);
    let started = Instant::now();
    printer.say(From::About(name), Tone::Info, &format!("run {id} begins"));
    let mut progress = handle.progress();
    let (teller, told_of) = (printer.clone(), name.clone());
    let following = tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let Some(now) = progress.borrow_and_update().clone() else { continue };
            let message = now.message.map(|text| format!(" {text}")).unwrap_or_default();
            teller.say(From::About(&told_of), Tone::Info, &format!("{}%{message}", now.percent));
        }
    });
    let need = Need { epoch: shared.layers().epoch };
    let ended = runtime.run_job(spec, need, attempt).await;
    following.abort();
    let millis = started.elapsed().as_millis();
    let (status, error, result) = match ended {
        Ok(JobOutcome::Completed(result)) => ("completed", None, Some(result)),
        Ok(JobOutcome::Failed { class, message }) => ("failed", Some(format!("{class}: {message}")), None),
        Ok(JobOutcome::Cancelled) => ("cancelled", None, None),
        Ok(JobOutcome::TimedOut) => ("timed_out", Some(format!("it took longer than {:?}", spec.timeout)), None),
        Ok(JobOutcome::Lost(reason)) => ("lost", Some(reason), None),
        Err(error @ (JobError::Payload | JobError::PayloadTooLarge(_) | JobError::BadRun)) => {
            return Err(DevRefusal { code: Code::Invalid, detail: error.to_string() });
        }
        Err(error) => {
            printer.say(From::About(name), Tone::Error, &format!("run {id} did not begin: {}", with_causes(&error)));
            return Err(unavailable(&format!("{name}: no worker could be started; dev's terminal says why")));
        }
    };
    let told = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let tone = if status == "completed" { Tone::Info } else { Tone::Error };
    printer.say(From::About(name), tone, &format!("run {id} {status} in {millis} ms{told}"));
    let result: Option<Value> = result.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    // an error may name what is nobody else's to know, and the terminal has it
    let error = error.map(|error| printer.masked(&error));
    let http_status = if status == "completed" { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    json(http_status, &RunAnswer { run_id: &id, status, result, error })
}

#[derive(Serialize)]
struct Index {
    functions: Vec<String>,
    jobs: Vec<String>,
}

fn index(shared: &Shared) -> Result<Response<Body>, DevRefusal> {
    let all = shared.workloads();
    let of = |kind| all.iter().filter(move |id| id.kind == kind);
    let address = |id: &WorkloadId| format!("/fn/{}/{}/{}", id.project, id.namespace, id.name);
    json(
        StatusCode::OK,
        &Index {
            functions: of(WorkloadKind::Function).map(address).collect(),
            jobs: of(WorkloadKind::Job).map(|id| format!("/jobs/{}", id.name)).collect(),
        },
    )
}

fn json(status: StatusCode, body: &impl Serialize) -> Result<Response<Body>, DevRefusal> {
    let body = serde_json::to_vec(body).map_err(|_| unavailable("the answer could not be written"))?;
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(full(body)).map_err(|_| unavailable("the answer could not be written"))
}

/// An error with its causes, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
