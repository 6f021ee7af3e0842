//! One request through one worker: head rewritten, bodies streamed both ways, reads taken from the response head.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{Request, Response, Uri};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Sleep;

use crate::connections::{Body, BoxError};
use crate::event::{Event, Outcome};
use crate::slot::Entered;
use crate::spec::{InvocationContext, WorkerSpec};
use crate::visit::Visit;

const INTERNAL: &str = "x-strongroom-";
const INVOCATION: HeaderName = HeaderName::from_static("x-strongroom-invocation");
const READS: HeaderName = HeaderName::from_static("x-strongroom-reads");
const OUTCOME: HeaderName = HeaderName::from_static("x-strongroom-outcome");

/// The body fell silent for longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("the function sent nothing for {0:?}")]
pub struct StreamIdle(pub Duration);

/// What one invocation holds until its response is through.
pub(crate) struct Ticket {
    pub(crate) entered: Entered,
    /// Held, never looked at.
    pub(crate) _permit: OwnedSemaphorePermit,
    pub(crate) report: Report,
    /// Held, never looked at.
    pub(crate) _visit: Option<Visit>,
}

/// Tells how an invocation ended, exactly once.
pub(crate) struct Report {
    events: mpsc::Sender<Event>,
    execution_id: String,
    spec: Arc<WorkerSpec>,
    started: Instant,
    status: Option<u16>,
    done: bool,
}

impl Report {
    pub(crate) fn new(
        events: mpsc::Sender<Event>,
        spec: &Arc<WorkerSpec>,
        execution_id: String,
        started: Instant,
    ) -> Self {
        Self { events, execution_id, spec: Arc::clone(spec), started, status: None, done: false }
    }

    /// Tells nothing: the invocation goes on elsewhere.
    pub(crate) fn silence(&mut self) {
        self.done = true;
    }

    pub(crate) fn finish(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let event = Event::Finished {
            workload: self.spec.workload.clone(),
            execution_id: std::mem::take(&mut self.execution_id),
            status: self.status,
            millis: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            outcome,
        };
        announce(&self.events, event);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // nobody waited for the end
        self.finish(Outcome::Cancelled);
    }
}

/// Sends an event from where nothing may wait. If the receiver is behind, a task waits in its place.
pub(crate) fn announce(events: &mpsc::Sender<Event>, event: Event) {
    if let Err(mpsc::error::TrySendError::Full(event)) = events.try_send(event) {
        let events = events.clone();
        tokio::spawn(async move {
            let _closed = events.send(event).await;
        });
    }
}

/// Makes the request that the worker gets. None if the context cannot stand in a header.
pub(crate) fn prepare(mut request: Request<Body>, context: &InvocationContext) -> Option<Request<Body>> {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let uri = Uri::try_from(path).ok()?;
    let host = host_of(&context.url)?;
    *request.uri_mut() = uri;
    *request.version_mut() = http::Version::HTTP_11;
    strip(request.headers_mut());
    request.headers_mut().entry(HOST).or_insert(host);
    Some(request)
}

/// Names the step, the execution, the caller and the public address; and that an end user was announced for it.
pub(crate) fn label(request: &mut Request<Body>, step: u64, context: &InvocationContext) -> Option<()> {
    let InvocationContext { execution_id, url, client, user } = context;
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_word(execution_id) || !is_word(url) {
        return None;
    }
    let client = client.map_or_else(|| "0.0.0.0".to_owned(), |client| client.to_string());
    let user = if user.is_some() { " user" } else { "" };
    let value = HeaderValue::try_from(format!("{step} {execution_id} {client} {url}{user}")).ok()?;
    request.headers_mut().insert(INVOCATION, value);
    Some(())
}

/// A call for a worker that has no code yet.
pub(crate) fn rehearsal() -> Request<Body> {
    let body = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut request = Request::new(body);
    request.headers_mut().insert(HOST, HeaderValue::from_static("rehearsal"));
    request.headers_mut().insert(INVOCATION, HeaderValue::from_static("0 rehearsal 0.0.0.0 http://rehearsal/"));
    request
}

/// Turns the worker's response head into the caller's, and announces the reads that it carries.
pub(crate) fn deliver(response: Response<Incoming>, sender: SendRequest<Body>, mut ticket: Ticket) -> Response<Body> {
    let (mut head, incoming) = response.into_parts();
    ticket.report.status = Some(head.status.as_u16());
    let failed = head.headers.get(OUTCOME).is_some();
    if let Some(reads) = head.headers.get(READS).and_then(|reads| reads.to_str().ok()) {
        let output = &ticket.entered.0.worker.output;
        for token in reads.split(',') {
            if let Some(event) = output.note(token, Some(&ticket.report.execution_id), false) {
                announce(&ticket.report.events, event);
            }
        }
    }
    strip(&mut head.headers);
    let idle = ticket.entered.0.spec.stream_idle;
    let mut body = WorkerBody { incoming, lease: Some((ticket, sender)), idle, silence: None, failed };
    if body.incoming.is_end_stream() {
        body.end();
    }
    Response::from_parts(head, body.boxed_unsync())
}

// Internal headers, and those that are about one connection.
fn strip(headers: &mut HeaderMap) {
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(INTERNAL)).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

fn host_of(url: &str) -> Option<HeaderValue> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    HeaderValue::from_str(host).ok()
}

/// A worker's response body. Gives its connection back at the end; drops it, which cancels, when dropped earlier.
struct WorkerBody {
    incoming: Incoming,
    lease: Option<(Ticket, SendRequest<Body>)>,
    idle: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    failed: bool,
}

impl WorkerBody {
    fn end(&mut self) {
        if let Some((mut ticket, sender)) = self.lease.take() {
            ticket.report.finish(if self.failed { Outcome::HandlerError } else { Outcome::Completed });
            ticket.entered.0.worker.connections.keep(sender);
        }
    }

    fn fail(&mut self, outcome: Outcome) {
        if let Some((mut ticket, _sender)) = self.lease.take() {
            ticket.report.finish(outcome);
        }
    }

    fn silent(&mut self, cx: &mut Context<'_>) -> bool {
        let idle = self.idle;
        let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        silence.as_mut().poll(cx).is_ready()
    }
}

impl http_body::Body for WorkerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.incoming).poll_frame(cx);
        if polled.is_pending() {
            if this.silent(cx) {
                this.fail(Outcome::StreamIdle);
                return Poll::Ready(Some(Err(Box::new(StreamIdle(this.idle)))));
            }
            return Poll::Pending;
        }
        this.silence = None;
        match ready!(polled) {
            Some(Ok(frame)) => {
                if this.incoming.is_end_stream() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                this.fail(Outcome::Broken);
                Poll::Ready(Some(Err(Box::new(error))))
            }
            None => {
                this.end();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// An empty body.
pub fn empty() -> Body {
    http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body of these bytes.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}
