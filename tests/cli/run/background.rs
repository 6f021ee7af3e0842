//! A command that runs while the test goes on.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::world::until;

/// A running command and what it has written so far. Killed with the value.
pub(crate) struct Background {
    pub(crate) child: Child,
    stdout: Collected,
    stderr: Collected,
}

/// What came out of a pipe so far.
struct Collected {
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Background {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdout = collected(child.stdout.take().expect("a pipe"));
        let stderr = collected(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.text.lock().expect("no panic").clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text.lock().expect("no panic").clone()
    }

    /// Waits until it has written this to stdout.
    #[track_caller]
    pub(crate) fn until_out(&self, text: &str) {
        self.until(|| self.stdout().contains(text), text);
    }

    /// Waits until it has written this to stderr.
    #[track_caller]
    pub(crate) fn until_err(&self, text: &str) {
        self.until(|| self.stderr().contains(text), text);
    }

    #[track_caller]
    fn until(&self, is_there: impl Fn() -> bool, text: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_there() {
            let said = || format!("{text}:\n{}\n{}", self.stdout(), self.stderr());
            assert!(Instant::now() < deadline, "{}", said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Waits for its end, and for what it wrote until then; gives back its exit code. A process that it leaves behind may
    /// hold the pipes open, which is waited for a moment only.
    pub(crate) fn ends(&mut self) -> i32 {
        let code = until(|| self.child.try_wait().expect("a child")).code().unwrap_or(-1);
        let deadline = Instant::now() + Duration::from_secs(2);
        while !(self.stdout.reader.is_finished() && self.stderr.reader.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        code
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Sends a signal.
pub(crate) fn send(signal: &str, pid: u32) {
    Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
}

/// Whether a process runs; one that has ended and waits to be noticed does not.
pub(crate) fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn collected(mut pipe: impl std::io::Read + Send + 'static) -> Collected {
    let text = Arc::new(Mutex::new(String::new()));
    let filled = Arc::clone(&text);
    let reader = std::thread::spawn(move || {
        let mut chunk = [0_u8; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut chunk) {
            filled.lock().expect("no panic").push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
    });
    Collected { text, reader }
}
