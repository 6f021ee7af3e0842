//! The server is killed again and again while clients write: every acknowledged version is there, without gaps, and
//! opens to the value that was acknowledged.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use strongroom_e2e::functions::{open, path};
use strongroom_e2e::{Instance, canary, count, functions, processes, report, wait};
use tokio::net::TcpStream;

const WRITERS: usize = 4;

/// What one writer knows: for each version that was acknowledged, its value, and the value whose fate is unknown.
#[derive(Default, Clone)]
struct Ledger {
    acknowledged: Vec<(u64, String)>,
    uncertain: Vec<String>,
}

type Ledgers = Arc<Vec<Mutex<Ledger>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_versions_survive_kills_during_concurrent_writes() {
    let mut instance = Instance::start().await;
    let ledgers: Ledgers = Arc::new((0..WRITERS).map(|_| Mutex::default()).collect());
    for round in 0..count(5, 200) {
        let before = acknowledged(&ledgers);
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let token = instance.owner().token().unwrap().to_owned();
            writers.spawn(write_until_cut(instance.management(), token, writer, Arc::clone(&ledgers)));
        }
        let wanted = before + 10 + round % 7 * 5;
        wait::eventually("acknowledged writes", || async { (acknowledged(&ledgers) >= wanted).then_some(()) }).await;
        instance.kill().await;
        while writers.join_next().await.is_some() {}
        instance.boot().await;
        for writer in 0..WRITERS {
            check(&instance, writer, &ledgers, round).await;
        }
    }
    for writer in 0..WRITERS {
        every_version_opens(&instance, writer, &ledgers).await;
    }
    let verdict = instance.owner().get("audit/verify").send().await.expect(200).json();
    assert_eq!(verdict["ok"], true, "{verdict}");
    report(&format!("{} kills, {} acknowledged versions", count(5, 200), acknowledged(&ledgers)));
    instance.close().await;
}

fn acknowledged(ledgers: &Ledgers) -> usize {
    ledgers.iter().map(|ledger| ledger.lock().unwrap().acknowledged.len()).sum()
}

/// Sets one secret over and over on one connection until the server is gone.
async fn write_until_cut(address: std::net::SocketAddr, token: String, writer: usize, ledgers: Ledgers) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    loop {
        let value = canary::plain_value();
        let body = json!({ "secrets": { format!("CRASH_{writer}"): value } }).to_string();
        let request = Request::put("/api/v1/projects/default/secrets")
            .header(header::HOST, address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        ledgers[writer].lock().unwrap().uncertain.push(value.clone());
        let Ok(response) = sender.send_request(request).await else { return };
        let status = response.status();
        let Ok(body) = response.into_body().collect().await else { return };
        assert_eq!(status, 200, "a write was refused");
        let written: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
        let version = written["results"][0]["version"].as_u64().unwrap();
        let mut ledger = ledgers[writer].lock().unwrap();
        ledger.uncertain.pop();
        ledger.acknowledged.push((version, value));
    }
}

/// The versions are gapless, none that was acknowledged is lost, and the newest is an acknowledged value or the one that
/// was on its way.
async fn check(instance: &Instance, writer: usize, ledgers: &Ledgers, round: usize) {
    let name = format!("CRASH_{writer}");
    let ledger = ledgers[writer].lock().unwrap().clone();
    let history = instance.owner().get(&format!("secrets/{name}/history")).send().await.expect(200).json();
    let versions: Vec<u64> =
        history["items"].as_array().unwrap().iter().map(|item| item["version"].as_u64().unwrap()).collect();
    let newest = versions[0];
    let gapless: Vec<u64> = (1..=newest).rev().collect();
    assert!(versions == gapless, "round {round}: the versions of {name} have gaps: {versions:?}");
    let (last, value) = ledger.acknowledged.last().cloned().unwrap_or_default();
    assert!(newest >= last, "round {round}: version {last} of {name} was acknowledged, {newest} is the newest");
    let unknown = newest - last;
    assert!(unknown <= 1, "round {round}: {name} has {unknown} versions that nobody asked for");
    let resolved = instance.owner().resolve("default", &name).await.unwrap();
    let known = if unknown == 0 { resolved == value } else { ledger.uncertain.last() == Some(&resolved) };
    assert!(known, "round {round}: version {newest} of {name} does not open to what was written");
    let uncertain: Vec<_> = std::mem::take(&mut ledgers[writer].lock().unwrap().uncertain);
    if unknown == 1 {
        ledgers[writer].lock().unwrap().acknowledged.push((newest, uncertain.last().unwrap().clone()));
    }
}

/// Each acknowledged version, the oldest too, opens to its value.
async fn every_version_opens(instance: &Instance, writer: usize, ledgers: &Ledgers) {
    let owner = instance.owner();
    owner.call(http::Method::PATCH, ".").json(&json!({ "allow_reveal": true })).send().await.expect(200);
    let ledger = ledgers[writer].lock().unwrap().clone();
    for (version, value) in &ledger.acknowledged {
        let path = format!("secrets/CRASH_{writer}/reveal?version={version}");
        let revealed = owner.post(&path).send().await.expect(200).json();
        assert!(revealed["value"] == *value, "version {version} of CRASH_{writer} opens to another value");
    }
}

#[tokio::test]
async fn workers_do_not_outlive_a_killed_server() {
    let mut instance = Instance::start().await;
    functions::deploy(&instance.owner(), "alive", &open(), "export default () => new Response('ok');\n").await;
    instance.caller().get(&path("alive")).send().await.expect(200);
    let workers: Vec<_> = processes::family(instance.pid()).into_iter().skip(1).collect();
    assert!(!workers.is_empty(), "no worker runs");
    instance.kill().await;
    wait::eventually("the workers' end", || async {
        (!workers.iter().any(|pid| processes::is_alive(*pid))).then_some(())
    })
    .await;
    instance.boot().await;
    instance.caller().get(&path("alive")).send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_answers_what_it_has_begun_and_takes_its_workers_along() {
    let mut instance = Instance::start().await;
    let bundle = "export default async () => { await new Promise((done) => setTimeout(done, 700)); return new Response('done'); };\n";
    functions::deploy(&instance.owner(), "slow", &open(), bundle).await;
    let caller = instance.caller();
    let begun = tokio::spawn(async move { caller.get(&path("slow")).send().await.expect(200).text() });
    wait::eventually("the invocation", || async {
        let text = instance.anonymous().get("/healthz").send().await;
        (text.status == 200 && !begun.is_finished()).then_some(())
    })
    .await;
    let workers: Vec<_> = processes::family(instance.pid()).into_iter().skip(1).collect();
    // the request has been sent before this connection was made
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(instance.stop().await.code(), Some(0));
    assert_eq!(begun.await.unwrap(), "done");
    wait::eventually("the workers' end", || async {
        (!workers.iter().any(|pid| processes::is_alive(*pid))).then_some(())
    })
    .await;
    instance.close().await;
}
