//! The surroundings of a test: a private data directory, with or without a server, and the real program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How commands reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Each command opens the store itself.
    InProcess,
    /// Through the local server's socket.
    Socket,
    /// Over HTTP, with a token that may do everything in the project.
    Http,
}

/// A data directory, perhaps a server, and a working directory.
pub(crate) struct World {
    pub(crate) way: Way,
    folder: TempDir,
    server: Option<Server>,
    environment: Vec<(String, String)>,
}

/// A running server; stopped with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) functions_url: String,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program under test, without an environment of its own.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.env_clear();
    #[expect(clippy::disallowed_methods, reason = "a test passes on where programs are found")]
    if let Some(path) = std::env::var_os("PATH") {
        // what setup has installed comes first
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.strongroom-tools/bin");
        let dirs = [tools].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(dirs).expect("a PATH of folders"));
    }
    command
}

impl World {
    pub(crate) fn new(way: Way) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        std::fs::create_dir(folder.path().join("work")).expect("a working directory");
        let mut world = Self { way, folder, server: None, environment: Vec::new() };
        if way != Way::InProcess {
            world.start_server();
        }
        if way == Way::Http {
            let token = world.ran(&["tokens", "create", "--name", "test", "--capability", "admin"]);
            let url = world.server().url.clone();
            world.environment.push(("STRONGROOM_URL".to_owned(), url));
            world.environment.push(("STRONGROOM_TOKEN".to_owned(), token.stdout.trim().to_owned()));
        }
        world
    }

    /// The same test every way.
    pub(crate) fn each(test: impl Fn(&World)) {
        for way in [Way::InProcess, Way::Socket, Way::Http] {
            test(&Self::new(way));
        }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder for the file");
        }
        std::fs::write(&path, content).expect("a file for the test");
        path
    }

    pub(crate) fn start_server(&mut self) {
        self.server = Some(Server::start(&self.home(), &[]));
    }

    pub(crate) fn stop_server(&mut self) {
        let mut server = self.server.take().expect("a server was started");
        assert_eq!(server.stop("-TERM"), Some(0));
    }

    /// Ends the server and starts another on the same data directory.
    pub(crate) fn restart_server(&mut self) {
        self.server = None;
        self.start_server();
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("a server was started")
    }

    /// A command in this world.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).current_dir(self.work()).env("STRONGROOM_HOME", self.home()).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command.
    pub(crate) fn ran(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs a command that must end with `exit`.
    #[track_caller]
    pub(crate) fn exits(&self, exit: i32, arguments: &[&str]) -> Ran {
        let ran = self.ran(arguments);
        assert_eq!(ran.exit, exit, "{:?} {arguments:?}: {ran:?}", self.way);
        ran
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub(crate) fn does(&self, arguments: &[&str]) -> Ran {
        self.exits(0, arguments)
    }

    /// Runs a command with `input` on its stdin.
    pub(crate) fn piped(&self, input: &[u8], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // A command that refuses early does not read its input.
        child.stdin.take().expect("a pipe").write_all(input).ok();
        Ran::from(child.wait_with_output().expect("the program ends"))
    }

    /// A command's JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.does(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", ran.stdout))
    }

    /// What a workload would get under a name.
    #[track_caller]
    pub(crate) fn value(&self, name: &str, options: &[&str]) -> String {
        let print = format!("printf %s \"${name}\"");
        let arguments = [&["run", "--only", name], options, &["--", "sh", "-c", &print]].concat();
        self.does(&arguments).stdout
    }
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().expect("the program runs"))
    }

    /// Everything it said.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl From<std::process::Output> for Ran {
    fn from(output: std::process::Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Server {
    pub(crate) fn start(home: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_on(home, "127.0.0.1:0", environment)
    }

    /// A server at an address of the test's choice.
    pub(crate) fn start_on(home: &Path, address: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = program();
        command.arg("server").args(["--listen", address, "--functions-listen", "127.0.0.1:0"]);
        command.env("STRONGROOM_HOME", home).envs(environment.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
        let mut child = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut line = |start: &str| {
            let line = lines.next().expect("a line when it is ready").expect("text");
            line.strip_prefix(start).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let url = line("listening on ");
        let functions_url = line("functions on ");
        Self { child, url, functions_url }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits; gives back its exit code.
    pub(crate) fn stop(&mut self, signal: &str) -> Option<i32> {
        Command::new("kill").args([signal, &self.id().to_string()]).status().expect("kill runs");
        until(|| self.child.try_wait().expect("a child")).code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop("-TERM");
        }
    }
}

/// Waits for something, with a deadline.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}
