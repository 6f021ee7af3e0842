//! A plain HTTP proxy to a Unix socket: what any server in front of a function worker costs at least.
//!
//! It does nothing but pass requests and answers on, over connections that it keeps.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use crate::Failure;
use crate::address::listen;
use crate::arguments::Arguments;

type Sender = SendRequest<Incoming>;

/// `--port PORT --socket PATH`: serves until it is killed. Prints `listening` when it is ready.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let port = arguments.parsed("port")?.ok_or_else(|| Failure::Usage("--port is missing".to_owned()))?;
    let idle = Arc::new(Idle { socket: arguments.required("socket")?.into(), senders: Mutex::default() });
    // like a server, not like the load: as many threads as there are cores
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::system("start the async runtime"))?;
    runtime.block_on(async {
        let listener = listen(port).await?;
        writeln!(io::stdout(), "listening").map_err(Failure::system("print"))?;
        loop {
            let (stream, _) = listener.accept().await.map_err(Failure::system("accept"))?;
            tokio::spawn(serve(stream, Arc::clone(&idle)));
        }
    })
}

async fn serve(stream: TcpStream, idle: Arc<Idle>) {
    let service = service_fn(move |request| {
        let idle = Arc::clone(&idle);
        async move { Ok::<_, Infallible>(pass_on(idle, request).await) }
    });
    // without it an answer could wait for the client's delayed acknowledgement; a failure costs time only
    let _ = stream.set_nodelay(true);
    // a client that hangs up ends its connection, nothing else
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn pass_on(idle: Arc<Idle>, request: Request<Incoming>) -> Response<BoxBody<Bytes, hyper::Error>> {
    let Some(mut sender) = idle.take().await else { return bad_gateway() };
    match sender.send_request(request).await {
        Ok(answer) => answer.map(|body| Returning { body, lease: Some((sender, idle)) }.boxed()),
        Err(_) => bad_gateway(),
    }
}

fn bad_gateway() -> Response<BoxBody<Bytes, hyper::Error>> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

/// Connections to the worker that nobody uses now.
struct Idle {
    socket: PathBuf,
    senders: Mutex<Vec<Sender>>,
}

impl Idle {
    async fn take(&self) -> Option<Sender> {
        while let Some(mut sender) = self.pop() {
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
        connect(&self.socket).await
    }

    fn pop(&self) -> Option<Sender> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, sender: Sender) {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    }
}

async fn connect(socket: &Path) -> Option<Sender> {
    let stream = UnixStream::connect(socket).await.ok()?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

/// A body that gives the connection back when it is dropped.
struct Returning {
    body: Incoming,
    lease: Option<(Sender, Arc<Idle>)>,
}

impl Body for Returning {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        if let Some((sender, idle)) = self.lease.take() {
            idle.put(sender);
        }
    }
}
