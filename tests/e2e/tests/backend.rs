//! Real Express and Hono backends under `run --watch`: a key is rotated under load. With a socket that is handed over no
//! request fails; where the app opens its own port, only those that come while nobody listens.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use strongroom_e2e::{Instance, binary, canary, count, report, wait};

const CLIENTS: usize = 4;

/// Who opens the port.
enum Port {
    /// The socket stays open while the backend restarts.
    HandedOver(TcpListener),
    /// The backend does, each time that it starts.
    Own(u16),
}

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    /// Requests that nobody had taken up when the backend closed its port.
    unheard: AtomicU64,
    newest: AtomicU64,
    stop: AtomicBool,
    failures: Mutex<Vec<String>>,
}

/// The backend under `run`.
fn start(instance: &Instance, script: &str, port: Port) -> Child {
    let folder = binary::repository().join("tests/e2e/backend");
    let packages = binary::repository().join(".strongroom-tools/backend/node_modules");
    assert!(packages.join("hono").exists(), "scripts/setup.sh installs express and hono");
    let mut command = Command::new(binary::program());
    command.args(["run", "--watch", "--only", "ROTATED", "--", "node"]).arg(folder.join(script));
    command.env_clear().env("PATH", binary::search_path()).env("NODE_PATH", packages);
    command.env("STRONGROOM_HOME", instance.home()).current_dir(instance.work());
    command.stdout(Stdio::null()).stderr(File::create(instance.work().join("backend.log")).unwrap());
    match port {
        Port::HandedOver(listener) => command.stdin(Stdio::from(OwnedFd::from(listener))),
        Port::Own(port) => command.stdin(Stdio::null()).env("PORT", port.to_string()),
    };
    command.spawn().unwrap()
}

/// Why there was no answer.
enum Unanswered {
    /// Nobody listened, or the port closed with the request still in its queue: not a byte came back.
    Unheard,
    Wrong(String),
}

/// One request on a connection of its own; the number that the backend answers with.
fn ask(address: SocketAddr) -> Result<u64, Unanswered> {
    let mut answer = Vec::new();
    let mut exchange = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(wait::DEADLINE))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut answer).map(|_| ())
    };
    match exchange() {
        Err(error)
            if answer.is_empty()
                && matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                ) =>
        {
            return Err(Unanswered::Unheard);
        }
        Err(error) => return Err(Unanswered::Wrong(error.to_string())),
        Ok(()) => {}
    }
    let answer = String::from_utf8_lossy(&answer);
    let body = answer.strip_prefix("HTTP/1.1 200 OK").and_then(|rest| rest.split_once("\r\n\r\n"));
    let number = body.and_then(|(_, body)| body.parse().ok());
    number.ok_or_else(|| Unanswered::Wrong(format!("answered {answer:?}")))
}

fn load(seen: &Seen, address: SocketAddr) {
    while !seen.stop.load(Ordering::SeqCst) {
        match ask(address) {
            Ok(number) => {
                seen.newest.fetch_max(number, Ordering::SeqCst);
            }
            Err(Unanswered::Unheard) => {
                seen.unheard.fetch_add(1, Ordering::SeqCst);
            }
            Err(Unanswered::Wrong(why)) => seen.failures.lock().unwrap().push(why),
        }
        seen.requests.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_express_backend_is_rotated_under_load_and_no_request_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rotate("index.cjs", address, Port::HandedOver(listener)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hono_backend_is_rotated_under_load_and_no_request_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rotate("hono.cjs", address, Port::HandedOver(listener)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_backend_that_opens_its_own_port_only_requests_that_nobody_listened_to_fail() {
    // free a moment ago; nobody else is handed it so soon
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    rotate("hono.cjs", address, Port::Own(address.port())).await;
}

async fn rotate(script: &str, address: SocketAddr, port: Port) {
    let is_handed_over = matches!(port, Port::HandedOver(_));
    let instance = Instance::start().await;
    let owner = instance.owner();
    let numbered = |number: u64| {
        let value = format!("{number}.{}", canary::random_hex(16));
        instance.witness.plant(&value);
        value
    };
    owner.set("ROTATED", &numbered(1)).await;
    let mut backend = start(&instance, script, port);
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
    let unheard = seen.unheard.load(Ordering::SeqCst);
    assert!(!is_handed_over || unheard == 0, "{unheard} of {requests} requests were not taken up");
    report(&format!(
        "{script} under run --watch: {rotations} rotations, {requests} requests, {unheard} while nobody listened, 0 failed"
    ));
    instance.close().await;
}
