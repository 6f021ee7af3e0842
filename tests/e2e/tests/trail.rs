//! The audit trail against whoever can write to the database: a thousand random edits, deletions, swaps and truncations, and
//! the anchors that tell of an end that is missing and of an older store.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::hmac;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use strongroom_e2e::{Instance, Setup, count, report, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Numbers that look random and are the same in every run (xorshift64, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::try_from(below).unwrap()).cast_signed()
    }
}

/// One column's text or bytes with one byte changed.
fn flip(database: &Connection, dice: &mut Dice, column: &str, place: i64) {
    let read = format!("SELECT CAST({column} AS BLOB) FROM audit WHERE place = ?1");
    let mut bytes: Vec<u8> = database.query_row(&read, [place], |row| row.get(0)).unwrap();
    if bytes.is_empty() {
        bytes.push(b'x');
    } else {
        let at = usize::try_from(dice.roll(bytes.len().try_into().unwrap())).unwrap();
        let byte = bytes.get_mut(at).unwrap();
        *byte ^= 1 << dice.roll(7);
    }
    let cast = if column == "link" { "?2" } else { "CAST(?2 AS TEXT)" };
    let write = format!("UPDATE audit SET {column} = {cast} WHERE place = ?1");
    assert_eq!(database.execute(&write, params![place, bytes]).unwrap(), 1);
}

/// Does one thing to the trail that its writer did not do, and says what.
fn tamper(database: &Connection, dice: &mut Dice, kind: usize) -> String {
    let mut query = database.prepare("SELECT place FROM audit ORDER BY place").unwrap();
    let places: Vec<i64> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let (first, last) = (*places.first().unwrap(), *places.last().unwrap());
    let any = |dice: &mut Dice| {
        let index = usize::try_from(dice.roll(places.len().try_into().unwrap())).unwrap();
        *places.get(index).unwrap()
    };
    let place = any(dice);
    let change = |sql: &str, places: &[i64]| {
        assert!(database.execute(sql, rusqlite::params_from_iter(places)).unwrap() >= 1, "{sql} changes nothing");
    };
    match kind {
        0 | 1 => flip(database, dice, "record", place),
        2 => flip(database, dice, "link", place),
        3 => flip(database, dice, "action", place),
        4 => flip(database, dice, "project", place),
        5 => change("UPDATE audit SET at = at + ?2 WHERE place = ?1", &[place, 1 + dice.roll(100_000)]),
        6 => change("DELETE FROM audit WHERE place = ?1", &[place]),
        7 => {
            let other = (place - first + 1 + dice.roll(last - first)) % (last - first + 1) + first;
            change("UPDATE audit SET place = -1 WHERE place = ?1", &[place]);
            change("UPDATE audit SET place = ?2 WHERE place = ?1", &[other, place]);
            change("UPDATE audit SET place = ?2 WHERE place = ?1", &[-1, other]);
        }
        8 => change("DELETE FROM audit WHERE place >= ?1", &[place]),
        9 => change("DELETE FROM audit WHERE place <= ?1", &[place]),
        10 => {
            change("DELETE FROM audit WHERE place < ?1", &[place.max(first + 1)]);
            let forged = "INSERT INTO audit_cuts SELECT 1, (place % 281474976710656) - 1, link, at, zeroblob(32) FROM audit ORDER BY place LIMIT 1";
            change(forged, &[]);
        }
        11 => {
            let copy = "INSERT INTO audit SELECT ?2, at, project, action, record, link FROM audit WHERE place = ?1";
            change(copy, &[place, last + 1 + dice.roll(3)]);
        }
        12 => change("UPDATE audit SET place = place + ?2 WHERE place = ?1", &[last, 1 + dice.roll(9)]),
        13 => change("UPDATE audit_nodes SET node = node || 'x'", &[]),
        14 => change("UPDATE audit_nodes SET number = 2 + ?1", &[dice.roll(9)]),
        15 => change("DELETE FROM audit_nodes", &[]),
        _ => {
            // the end is cut off, and other records of this store take its place
            let from = place.clamp(first + 1, last);
            change("DELETE FROM audit WHERE place >= ?1", &[from]);
            let refill = "INSERT INTO audit SELECT place + ?1, at, project, action, record, link FROM audit WHERE place + ?1 <= ?2 AND place + ?1 >= ?3";
            database.execute(refill, [1 + dice.roll(3), last, from]).unwrap();
        }
    }
    format!("kind {kind} at {place} of {first} to {last}")
}

/// The kinds that [`tamper`] knows.
const KINDS: usize = 17;

/// Puts a database in place, alone.
fn put(instance: &Instance, copy: &Path) {
    fs::copy(copy, instance.database()).unwrap();
    for rest in ["strongroom.db-wal", "strongroom.db-shm"] {
        fs::remove_file(instance.home().join(rest)).ok();
    }
}

/// The database of a stopped instance as one file of its own.
fn keep(instance: &Instance, name: &str) -> PathBuf {
    let copy = instance.work().join(name);
    let database = Connection::open(instance.database()).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    fs::copy(instance.database(), &copy).unwrap();
    copy
}

async fn anchored() -> Instance {
    Setup::default().word("--audit-anchor").word("file:work/anchors").start().await
}

#[tokio::test]
async fn attack_58_each_of_many_random_changes_of_the_trail_is_found() {
    let mut instance = anchored().await;
    for number in 0..12 {
        instance.owner().set(&format!("NAME_{number}"), &instance.plant()).await;
    }
    instance.stop().await;
    let older = keep(&instance, "older.db");
    instance.boot().await;
    for number in 0..12 {
        instance.owner().set(&format!("NAME_{number}"), &instance.plant()).await;
        instance.owner().get("resolve").send().await.expect(200);
    }
    instance.stop().await;
    let whole = keep(&instance, "whole.db");
    let verify = ["audit", "verify", "--anchor", "anchors", "--json"];
    let untouched = instance.cli(verify).await.ok().json();
    assert!(untouched["anchors"].as_u64().unwrap() >= 2, "{untouched}");
    let (rounds, mut dice) = (count(68, 1_000), Dice(0x5eed_0000_0000_0058));
    for round in 0..rounds {
        put(&instance, &whole);
        let what = {
            let database = Connection::open(instance.database()).unwrap();
            database.pragma_update(None, "foreign_keys", false).unwrap();
            tamper(&database, &mut dice, round % KINDS)
        };
        let told = instance.cli(verify).await;
        assert_eq!(told.code, Some(1), "round {round}: {what} is not found: {}", told.stdout);
    }
    put(&instance, &older);
    let told = instance.cli(["audit", "verify", "--anchor", "anchors"]).await.expect(1);
    assert!(told.stderr.contains("the last anchor that fits is"), "{}", told.stderr);
    report(&format!("audit verify found each of {rounds} random changes of the trail, and an older store"));
    put(&instance, &whole);
    instance.cli(verify).await.ok();
    instance.close().await;
}

/// What the server says that it keeps elsewhere.
async fn anchors(instance: &Instance) -> Value {
    instance.owner().get("audit/anchors").send().await.expect(200).json()
}

async fn readiness(instance: &Instance) -> String {
    instance.anonymous().get("/readyz").send().await.expect(200).text()
}

#[tokio::test]
async fn a_server_notices_that_an_older_store_was_put_in_its_place() {
    let mut instance = anchored().await;
    let value = instance.plant();
    instance.owner().set("KEPT", &value).await;
    instance.stop().await;
    let older = keep(&instance, "older.db");
    instance.boot().await;
    instance.owner().set("LOST", &instance.plant()).await;
    let written = instance.cli(["audit", "anchors", "--now", "--json"]).await.ok().json();
    assert_eq!((&written["alarm"], &written["targets"][0]["failure"]), (&Value::Null, &Value::Null), "{written}");
    instance.cli(["audit", "verify", "--anchor", "anchors"]).await.ok();
    assert!(!readiness(&instance).await.contains("note"));
    instance.stop().await;
    put(&instance, &older);
    instance.boot().await;
    let alarm =
        wait::eventually("the alarm", || async { anchors(&instance).await["alarm"].as_str().map(str::to_owned) });
    assert!(alarm.await.contains("an older or another store"));
    assert!(instance.log().contains("an older or another store"), "the log is silent");
    assert!(readiness(&instance).await.contains("note: audit anchors"));
    let doctor = instance.cli(["doctor"]).await.expect(1);
    assert!(doctor.stdout.contains("audit anchors"), "{}", doctor.stdout);
    assert!(instance.owner().resolve("default", "KEPT").await == Some(value), "what is there is served all the same");
    // it goes on from the older state: later anchors fit the new chain, and the earlier ones still tell
    instance.owner().set("LOST", &instance.plant()).await;
    instance.owner().set("LOST", &instance.plant()).await;
    instance.cli(["audit", "anchors", "--now"]).await.expect(1);
    let told = instance.cli(["audit", "verify", "--anchor", "anchors"]).await.expect(1);
    let tells = told.stderr.contains("was replaced") || told.stderr.contains("go back");
    assert!(tells, "{}", told.stderr);
    instance.close().await;
}

#[tokio::test]
async fn an_anchor_that_cannot_be_written_is_loud_and_stops_nothing() {
    let instance = Setup::default().env("STRONGROOM_AUDIT_ANCHOR", "file:later/anchors, syslog:none").start().await;
    wait::eventually("both failures", || async {
        let all = anchors(&instance).await;
        all["targets"].as_array().unwrap().iter().all(|target| target["failure"].is_string()).then_some(())
    })
    .await;
    assert!(readiness(&instance).await.contains("note: audit anchors"));
    assert!(instance.log().contains("an audit anchor could not be written"));
    let value = instance.plant();
    instance.owner().set("A", &value).await;
    assert!(instance.owner().resolve("default", "A").await == Some(value));
    // a listener of its own kind for the one, a folder for the other
    let socket = std::os::unix::net::UnixDatagram::bind(instance.folder().join("none")).unwrap();
    fs::create_dir(instance.folder().join("later")).unwrap();
    instance.cli(["audit", "anchors", "--now"]).await.ok();
    assert_eq!(readiness(&instance).await, "ready\n");
    let mut message = vec![0; 1_000];
    let length = socket.recv(&mut message).unwrap();
    let message = String::from_utf8(message.get(..length).unwrap().to_vec()).unwrap();
    assert!(message.starts_with("<109>1 - - strongroom - audit-anchor - {\"instance\":"), "{message}");
    let file = fs::read_to_string(instance.folder().join("later/anchors")).unwrap();
    assert!(message.ends_with(file.trim_end()), "{message} and {file}");
    // what syslog keeps serves as anchors too
    fs::write(instance.work().join("messages"), format!("Nov 22 10:00:00 host strongroom: {message}\nother\n"))
        .unwrap();
    instance.cli(["audit", "verify", "--anchor", "messages"]).await.ok();
    instance.close().await;
}

const KEY: &str = "0123456789abcdef0123456789abcdef-of-the-receiver";

/// Somebody else's machine: takes anchors whose signature fits and appends them to a file, once it is told to.
struct Receiver {
    address: std::net::SocketAddr,
    is_open: Arc<AtomicBool>,
    kept: PathBuf,
}

impl Receiver {
    async fn start(kept: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, is_open) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let (opened, file) = (Arc::clone(&is_open), kept.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !is_whole(&request) {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0, "the request broke off");
                }
                let status = if opened.load(Ordering::SeqCst) { keep_signed(&request, &file) } else { "503 Later" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.ok();
            }
        });
        Self { address, is_open, kept }
    }
}

fn parts(request: &[u8]) -> Option<(String, &[u8])> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((String::from_utf8(request[..end].to_vec()).unwrap(), &request[end + 4..]))
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
    line.unwrap_or_else(|| panic!("{name} is missing")).1
}

fn is_whole(request: &[u8]) -> bool {
    parts(request).is_some_and(|(head, body)| header(&head, "content-length") == body.len().to_string())
}

/// As the guide says to do it.
fn keep_signed(request: &[u8], file: &Path) -> &'static str {
    let (head, body) = parts(request).unwrap();
    assert!(head.starts_with("POST /anchors?team=a HTTP/1.1\r\n"), "{head}");
    let (at, signature) = header(&head, "strongroom-signature").split_once(",v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let signed = [at.strip_prefix("t=").unwrap().as_bytes(), b".", body].concat();
    if hmac::verify(&key, &signed, &hex::decode(signature).unwrap()).is_err() {
        return "401 Unauthorized";
    }
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(body).unwrap();
    "204 No Content"
}

#[tokio::test]
async fn a_webhook_gets_signed_anchors_until_it_has_them_and_tells_of_an_end_that_is_missing() {
    let kept = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(kept.path().join("anchors")).await;
    let url = format!("webhook:http://{}/anchors?team=a", receiver.address);
    let setup = Setup::default().env("STRONGROOM_FETCH", "local").word("--audit-anchor").word(&url);
    let setup = setup.word("--audit-anchor-key").word("work/key").word("--audit-anchor-every").word("2s");
    let mut instance = setup.prepare();
    fs::write(instance.work().join("key"), format!("{KEY}\n")).unwrap();
    instance.watch(KEY);
    instance.boot().await;
    let state = async || anchors(&instance).await["targets"][0].clone();
    let failure = wait::eventually("the refusal", || async { state().await["failure"].as_str().map(str::to_owned) });
    assert_eq!(failure.await, "127.0.0.1 answered 503");
    assert_eq!((&state().await["kind"], &state().await["place"]), (&json!("webhook"), &json!("127.0.0.1")));
    assert!(readiness(&instance).await.contains("note: audit anchors"));
    let doctor = instance.cli(["doctor"]).await.expect(1);
    assert!(doctor.stdout.contains("webhook 127.0.0.1 cannot be written"), "{}", doctor.stdout);
    let figures = async || instance.owner().get("/metrics").send().await.expect(200).text();
    assert!(figures().await.contains("strongroom_audit_anchors_failing 1"));
    // it holds up nothing, and is tried again without anybody asking
    let value = instance.plant();
    instance.owner().set("A", &value).await;
    assert!(instance.owner().resolve("default", "A").await == Some(value));
    receiver.is_open.store(true, Ordering::SeqCst);
    wait::eventually("an anchor", || async { state().await["failure"].is_null().then_some(()) }).await;
    assert!(figures().await.contains("strongroom_audit_anchors_failing 0"));
    instance.stop().await;
    let older = keep(&instance, "older.db");
    instance.boot().await;
    instance.owner().set("LOST", &instance.plant()).await;
    // the server writes the last head when it stops
    instance.stop().await;
    fs::copy(&receiver.kept, instance.work().join("received")).unwrap();
    instance.cli(["audit", "verify", "--anchor", "received"]).await.ok();
    put(&instance, &older);
    let told = instance.cli(["audit", "verify", "--anchor", "received"]).await.expect(1);
    assert!(told.stderr.contains("the last anchor that fits is"), "{}", told.stderr);
    instance.close().await;
}

#[tokio::test]
async fn a_webhook_goes_to_no_private_address_and_needs_a_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let start = |url: String| Setup::default().word("--audit-anchor").word(&url).word("--audit-anchor-key").word("key");
    let mut instance = start(format!("webhook:https://{}/", listener.local_addr().unwrap())).prepare();
    fs::write(instance.folder().join("key"), "too short").unwrap();
    assert!(!instance.try_boot().await, "a short key is taken");
    assert!(instance.log().contains("shorter than 32 bytes"), "{}", instance.log());
    fs::write(instance.folder().join("key"), KEY).unwrap();
    instance.boot().await;
    let refused = wait::eventually("the refusal", || async {
        anchors(&instance).await["targets"][0]["failure"].as_str().map(str::to_owned)
    });
    assert!(refused.await.contains("is not in the public internet"));
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
    instance.close().await;
    for url in ["http://example.com/", "https://user@example.com/", "file:///etc/passwd", ""] {
        let mut instance = start(format!("webhook:{url}")).prepare();
        fs::write(instance.folder().join("key"), KEY).unwrap();
        assert!(!instance.try_boot().await, "{url} is taken");
    }
}

#[tokio::test]
async fn an_export_holds_every_record_oldest_first() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let batch: serde_json::Map<_, _> = (0..60).map(|n| (format!("N_{n}"), json!(instance.plant()))).collect();
    for _ in 0..10 {
        owner.put("secrets").json(&json!({ "secrets": batch, "force": true })).send().await.expect(200);
    }
    owner.post("namespaces").json(&json!({ "name": "late" })).send().await.expect(201);
    let text = instance.cli(["audit", "export"]).await.ok().stdout;
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seqs: Vec<u64> = records.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted() && seqs.len() >= 600, "{} records", seqs.len());
    let only = instance.cli(["audit", "export", "--action", "namespace.create", "--since", "1h"]).await.ok().stdout;
    assert_eq!(only.lines().count(), 1, "{only}");
    let none = instance.cli(["audit", "export", "--until", "2020-01-01T00:00:00Z"]).await.ok().stdout;
    assert_eq!(none, "");
    let table =
        instance.cli(["audit", "export", "--format", "csv", "--until", "2020-01-01T00:00:00Z"]).await.ok().stdout;
    assert_eq!(table, "node,seq,at,actor,source,action,project,target,result,request_id,token\r\n");
    instance.close().await;
}
