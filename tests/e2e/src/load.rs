//! A load on one function at a steady rate, and what a change of its secret looks like from there.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What is asked, how often, and over how many connections.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The functions listener.
    pub address: SocketAddr,
    /// The function's path.
    pub path: String,
    /// A token, if the function wants one.
    pub token: Option<String>,
    /// Requests a second, begun at even intervals whatever the answers do.
    pub rate: u32,
    /// Connections that share them.
    pub connections: u32,
}

/// Which version an answer tells. Gets the body.
pub type Version = dyn Fn(&[u8]) -> Option<u64> + Send + Sync;

/// A load that runs until it is stopped.
pub struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    plan: Plan,
    version: Box<Version>,
    floor: AtomicU64,
    stop: AtomicBool,
    report: Mutex<Report>,
}

/// What the load saw.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Answers and failures together.
    pub requests: u64,
    /// Not answered, or not with 200, or not with a version.
    pub failed: u64,
    /// Answered with a version older than one whose `set` had returned before the request began.
    pub stale: u64,
    /// The first few failures, in words.
    pub complaints: Vec<String>,
    latencies: Vec<Duration>,
}

impl Load {
    /// Starts the load. `version` reads the version out of an answer's body.
    pub fn start(plan: Plan, version: Box<Version>) -> Self {
        let shared = Arc::new(Shared {
            version,
            floor: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            report: Mutex::default(),
            plan,
        });
        let mut tasks = JoinSet::new();
        for index in 0..shared.plan.connections {
            tasks.spawn(connection(Arc::clone(&shared), index));
        }
        Self { shared, tasks }
    }

    /// From now on, requests that begin must see at least this version.
    pub fn raise_floor(&self, version: u64) {
        self.shared.floor.fetch_max(version, Ordering::SeqCst);
    }

    /// Requests answered so far.
    pub fn requests(&self) -> u64 {
        self.shared.report.lock().unwrap().requests
    }

    /// Ends the load; each request that has begun is answered first.
    pub async fn stop(mut self) -> Report {
        self.shared.stop.store(true, Ordering::SeqCst);
        while self.tasks.join_next().await.is_some() {}
        self.shared.report.lock().unwrap().clone()
    }
}

impl Report {
    /// The latency below which this share of the requests stayed, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "an index below the length"
        )]
        let index = (sorted.len() as f64 * share) as usize;
        sorted.get(index).or(sorted.last()).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }

    fn complain(&mut self, why: String) {
        self.failed += 1;
        if self.complaints.len() < 8 {
            self.complaints.push(why);
        }
    }
}

async fn connection(shared: Arc<Shared>, index: u32) {
    let period = Duration::from_secs(1) * shared.plan.connections / shared.plan.rate;
    let offset = period * index / shared.plan.connections;
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + offset, period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut sender: Option<SendRequest<Full<Bytes>>> = None;
    while !shared.stop.load(Ordering::SeqCst) {
        ticks.tick().await;
        if sender.as_ref().is_none_or(SendRequest::is_closed) {
            sender = connect(&shared).await;
        }
        let Some(open) = &mut sender else { continue };
        if !ask(&shared, open).await {
            sender = None;
        }
    }
}

async fn connect(shared: &Shared) -> Option<SendRequest<Full<Bytes>>> {
    let connected = async {
        let stream = TcpStream::connect(shared.plan.address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())
    };
    match connected.await {
        Ok((sender, connection)) => {
            tokio::spawn(connection);
            Some(sender)
        }
        Err(error) => {
            let mut report = shared.report.lock().unwrap();
            report.requests += 1;
            report.complain(format!("no connection: {error}"));
            None
        }
    }
}

/// One request. Whether the connection can be used again.
async fn ask(shared: &Shared, sender: &mut SendRequest<Full<Bytes>>) -> bool {
    let mut request = Request::builder().uri(&shared.plan.path).header(header::HOST, shared.plan.address.to_string());
    if let Some(token) = &shared.plan.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::new())).unwrap();
    if sender.ready().await.is_err() {
        // closed between two requests: nothing was asked on it
        return false;
    }
    let floor = shared.floor.load(Ordering::SeqCst);
    let start = Instant::now();
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok::<_, String>((status, body.to_bytes()))
    };
    let answer = answer.await;
    let mut report = shared.report.lock().unwrap();
    report.requests += 1;
    report.latencies.push(start.elapsed());
    match answer {
        Ok((200, body)) => match (shared.version)(&body) {
            Some(version) if version < floor => report.stale += 1,
            Some(_) => {}
            None => report.complain("the answer tells no version".to_owned()),
        },
        Ok((status, _)) => report.complain(format!("status {status}")),
        Err(error) => {
            report.complain(error);
            return false;
        }
    }
    true
}
