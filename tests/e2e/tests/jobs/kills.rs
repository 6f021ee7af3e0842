//! The server is killed again and again while runs are queued and worked on: each that was acknowledged is worked on to
//! its end, and retries and dead letters add up.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use strongroom_e2e::jobs::{deploy, show};
use strongroom_e2e::{Client, Instance, count, report, wait};
use tokio::net::TcpStream;

const WRITERS: usize = 2;
/// One in ten never succeeds, one in ten fails once.
const BUNDLE: &str = "export default ({ n }, ctx) => {
  if (n % 10 === 0) throw new Error('never: ' + n);
  if (n % 10 === 1 && ctx.job.attempt === 1) throw new Error('not at first: ' + n);
  return n;
};\n";
const RETRIES: u64 = 2;

/// Runs that were acknowledged: their ids and what they work on.
type Ledger = Arc<Mutex<Vec<(String, usize)>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_run_comes_to_its_end_across_kills() {
    let (jobs, kills) = (count(300, 10_000), count(2, 5));
    let mut instance = Instance::start().await;
    let manifest = json!({ "retries": RETRIES, "backoff_ms": 20, "max_backoff_ms": 100, "concurrency": 8 });
    deploy(&instance.owner(), "numbers", &manifest, BUNDLE).await;
    let ledger: Ledger = Arc::default();
    for kill in 1..=kills {
        let wanted = jobs * kill / (kills + 1);
        let writers = write(&instance, &ledger, wanted);
        wait::eventually("runs that have ended", || async {
            let ended = some_ended(&instance.owner()).await;
            (ended && ledger.lock().unwrap().len() >= wanted * 9 / 10).then_some(())
        })
        .await;
        instance.kill().await;
        writers.await.unwrap();
        instance.boot().await;
    }
    write(&instance, &ledger, jobs).await.unwrap();
    let runs = ledger.lock().unwrap().clone();
    assert!(runs.len() >= jobs, "only {} were acknowledged", runs.len());
    all_ended(&instance.owner()).await;
    let counted = check(&instance.owner(), &runs).await;
    report(&format!("{} acknowledged runs, {kills} kills: {counted}", runs.len()));
    let verdict = instance.owner().get("audit/verify").send().await.expect(200).json();
    assert_eq!(verdict["ok"], true, "{verdict}");
    instance.close().await;
}

/// Queues runs until so many are acknowledged, or the server is gone.
fn write(instance: &Instance, ledger: &Ledger, wanted: usize) -> tokio::task::JoinHandle<()> {
    let (address, token) = (instance.management(), instance.owner().token().unwrap().to_owned());
    let ledger = Arc::clone(ledger);
    tokio::spawn(async move {
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(write_until_cut(address, token.clone(), Arc::clone(&ledger), wanted));
        }
        while let Some(done) = writers.join_next().await {
            done.unwrap();
        }
    })
}

async fn write_until_cut(address: SocketAddr, token: String, ledger: Ledger, wanted: usize) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    loop {
        let n = ledger.lock().unwrap().len();
        if n >= wanted {
            return;
        }
        let body = json!({ "payload": { "n": n } }).to_string();
        let request = Request::post("/api/v1/projects/default/jobs/numbers/runs")
            .header(header::HOST, address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let Ok(response) = sender.send_request(request).await else { return };
        let status = response.status();
        let Ok(body) = response.into_body().collect().await else { return };
        assert_eq!(status, 202, "a run was refused");
        let run: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
        ledger.lock().unwrap().push((run["id"].as_str().unwrap().to_owned(), n));
    }
}

async fn some_ended(owner: &Client) -> bool {
    let ended = owner.get("runs?state=succeeded&limit=1").send().await.expect(200).json();
    !ended["items"].as_array().unwrap().is_empty()
}

/// Waits until nothing is left to do, as long as something goes on.
async fn all_ended(owner: &Client) {
    let (mut newest, mut since) = (Value::Null, Instant::now());
    loop {
        let mut left = 0;
        for state in ["queued", "retrying", "running"] {
            let runs = owner.get(&format!("runs?state={state}&limit=1")).send().await.expect(200).json();
            left += runs["items"].as_array().unwrap().len();
        }
        if left == 0 {
            return;
        }
        let waiting = owner.get("runs?state=queued&limit=1000").send().await.expect(200).json();
        if waiting != newest {
            (newest, since) = (waiting, Instant::now());
        }
        assert!(since.elapsed() < wait::DEADLINE, "the queue stands still");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Each run against what it works on; how many there are of each kind.
async fn check(owner: &Client, runs: &[(String, usize)]) -> String {
    let (mut first, mut retried, mut dead) = (0, 0, 0);
    for (id, n) in runs {
        let run = show(owner, id).await;
        let attempts = run["attempts"].as_u64().unwrap();
        match n % 10 {
            0 => {
                assert_eq!((&run["state"], &run["error"]), (&json!("dead"), &json!(format!("never: {n}"))), "{run}");
                assert!(attempts > RETRIES, "{run}");
                dead += 1;
            }
            rest => {
                assert_eq!((&run["state"], &run["result"]), (&json!("succeeded"), &json!(n)), "{run}");
                assert!(attempts > u64::from(rest == 1), "{run}");
                *(if rest == 1 { &mut retried } else { &mut first }) += 1;
            }
        }
    }
    format!("{first} succeeded, {retried} after a retry, {dead} dead letters")
}
