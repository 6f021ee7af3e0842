//! `strongroom dev`: code and values are live, apps are kept and ended, and nothing of a value is shown.

mod apps;
mod code;
mod shop;
mod start;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::world::World;

/// Long enough for a busy machine: bundling, starting Deno, and a worker with new values.
const DEADLINE: Duration = Duration::from_secs(90);

/// A running dev; killed with the value.
struct Dev {
    child: Child,
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    url: String,
}

impl Dev {
    /// Starts it and waits until functions answer.
    fn serving(world: &World, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut dev = Self::start(world, environment, arguments);
        let line = dev.hears("functions on http://");
        let (_, url) = line.split_once("functions on http://").expect("an address");
        url.trim().clone_into(&mut dev.url);
        dev
    }

    fn start(world: &World, environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = world.command(&[&["dev", "--listen", "127.0.0.1:0"], arguments].concat());
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("dev starts");
        let said = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            listen(&said, child.stdout.take().expect("a pipe")),
            listen(&said, child.stderr.take().expect("a pipe")),
        ];
        Self { child, said, readers, url: String::new() }
    }

    fn said(&self) -> String {
        self.said.lock().expect("no reader panics").clone()
    }

    /// Waits for a line that has `text`, and gives it.
    #[track_caller]
    fn hears(&self, text: &str) -> String {
        self.waits(text, || self.said().lines().find(|line| line.contains(text)).map(str::to_owned))
    }

    /// Waits until something comes about; `what` stands in the message if it does not.
    #[track_caller]
    fn waits<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(Instant::now() < deadline, "{what} did not come about:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a request and gives the whole answer.
    fn asks(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.url).expect("dev listens");
        let host = if head.contains("Host:") { "" } else { "Host: localhost\r\n" };
        let length = body.len();
        let request = format!("{head}\r\n{host}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn gets(&self, path: &str) -> String {
        self.asks(&format!("GET {path} HTTP/1.1"), "")
    }

    /// Waits until a function answers with `text`.
    #[track_caller]
    fn answers(&self, path: &str, text: &str) {
        self.waits(text, || self.gets(path).contains(text).then_some(()));
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
    }

    /// Waits for its end and gives its exit code and everything that it said.
    fn ends(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child") {
                // nothing holds the pipes any more
                for reader in self.readers.drain(..) {
                    reader.join().expect("no reader panics");
                }
                return (status.code(), self.said());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("dev did not end:\n{}", self.said());
    }

    /// Asks it to stop as Ctrl-C does.
    fn stops(self) -> (Option<i32>, String) {
        self.signal("-INT");
        self.ends()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn listen(said: &Arc<Mutex<String>>, pipe: impl std::io::Read + Send + 'static) -> JoinHandle<()> {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = said.lock().expect("no reader panics");
            said.push_str(&line);
            said.push('\n');
        }
    })
}

fn has_deno(world: &World) -> bool {
    world.ran(&["runtime", "status"]).exit == 0
}

/// Whether a process runs; one that was killed and waits for its parent does not.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
