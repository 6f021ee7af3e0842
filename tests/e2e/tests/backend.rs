//! A real Express backend under `run --watch`: its key is rotated under load, and no request fails.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use strongroom_e2e::{Instance, binary, canary, count, report, wait};

const CLIENTS: usize = 4;

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    newest: AtomicU64,
    stop: AtomicBool,
    failures: Mutex<Vec<String>>,
}

/// The backend under `run`, with a socket that stays open while it restarts.
fn start(instance: &Instance, listener: TcpListener) -> Child {
    let folder = binary::repository().join("tests/e2e/backend");
    let packages = binary::repository().join(".strongroom-tools/backend/node_modules");
    assert!(packages.join("express").exists(), "scripts/setup.sh installs express");
    let mut command = Command::new(binary::program());
    command.args(["run", "--watch", "--only", "ROTATED", "--", "node"]).arg(folder.join("index.cjs"));
    command.env_clear().env("PATH", binary::search_path()).env("NODE_PATH", packages);
    command.env("STRONGROOM_HOME", instance.home()).current_dir(instance.work());
    command.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::null());
    command.stderr(File::create(instance.work().join("backend.log")).unwrap());
    command.spawn().unwrap()
}

/// One request on a connection of its own; the number that the backend answers with.
fn ask(address: SocketAddr) -> Result<u64, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(text)?;
    stream.set_read_timeout(Some(wait::DEADLINE)).map_err(text)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let body = answer.strip_prefix("HTTP/1.1 200 OK").and_then(|rest| rest.split_once("\r\n\r\n"));
    body.and_then(|(_, body)| body.parse().ok()).ok_or_else(|| format!("answered {answer:?}"))
}

fn load(seen: &Seen, address: SocketAddr) {
    while !seen.stop.load(Ordering::SeqCst) {
        match ask(address) {
            Ok(number) => seen.newest.fetch_max(number, Ordering::SeqCst),
            Err(why) => {
                seen.failures.lock().unwrap().push(why);
                0
            }
        };
        seen.requests.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_is_rotated_under_load_and_no_request_fails() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let numbered = |number: u64| {
        let value = format!("{number}.{}", canary::random_hex(16));
        instance.witness.plant(&value);
        value
    };
    owner.set("ROTATED", &numbered(1)).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut backend = start(&instance, listener);
    let seen = Arc::new(Seen::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || load(&seen, address))
        })
        .collect();
    let rotations = u64::try_from(count(5, 50)).unwrap();
    for number in 1..=rotations {
        let is_live = || async { (seen.newest.load(Ordering::SeqCst) >= number).then_some(()) };
        wait::eventually("the backend with the newest value", is_live).await;
        owner.set("ROTATED", &numbered(number + 1)).await;
    }
    let is_live = || async { (seen.newest.load(Ordering::SeqCst) > rotations).then_some(()) };
    wait::eventually("the backend with the last value", is_live).await;
    seen.stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    kill_process(Pid::from_child(&backend), Signal::TERM).unwrap();
    assert_eq!(backend.wait().unwrap().code(), Some(0));
    let requests = seen.requests.load(Ordering::SeqCst);
    let failures = seen.failures.lock().unwrap().clone();
    assert_eq!(failures, Vec::<String>::new(), "of {requests} requests");
    report(&format!("Express under run --watch: {rotations} rotations, {requests} requests, 0 failed"));
    instance.close().await;
}
