//! One server with a data directory of its own.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::canary::{self, Finding};
use crate::cli::{Cli, Output};
use crate::client::{Client, Target};
use crate::witness::Witness;
use crate::{binary, processes, wait};

/// How a server is started.
#[derive(Clone, Default)]
pub struct Setup {
    words: Vec<String>,
    environment: Vec<(String, OsString)>,
}

/// A running server, its data directory and everything it has said.
pub struct Instance {
    folder: TempDir,
    setup: Setup,
    process: Option<Process>,
    starts: usize,
    /// What was planted and what was said.
    pub witness: Arc<Witness>,
}

struct Process {
    child: Child,
    pid: u32,
    management: SocketAddr,
    functions: SocketAddr,
}

impl Setup {
    /// One more variable in the server's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// One more word behind `strongroom server`.
    #[must_use]
    pub fn word(mut self, word: &str) -> Self {
        self.words.push(word.to_owned());
        self
    }

    /// Starts it.
    pub async fn start(self) -> Instance {
        let mut instance = self.prepare();
        instance.boot().await;
        instance
    }

    /// A folder without a running server.
    pub fn prepare(self) -> Instance {
        let folder = tempfile::Builder::new().prefix("sre2e").tempdir().unwrap();
        for name in ["user", "tmp", "work"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        if let Some(settings) = binary::npm_settings() {
            std::fs::copy(settings, folder.path().join("user/.npmrc")).unwrap();
        }
        Instance { folder, setup: self, process: None, starts: 0, witness: Arc::default() }
    }
}

impl Instance {
    /// A running server.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// The folder that everything of this instance is in: data directory, logs, temporary files, work.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    pub fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    /// A folder to work in.
    pub fn work(&self) -> PathBuf {
        self.folder().join("work")
    }

    /// The embedded store's database.
    pub fn database(&self) -> PathBuf {
        self.home().join("strongroom.db")
    }

    /// The command that starts the server.
    pub fn server_command(&self) -> Command {
        let mut command = Command::new(binary::program());
        let listen = ["server", "--listen", "127.0.0.1:0", "--functions-listen", "127.0.0.1:0"];
        command.args(listen).args(&self.setup.words).env_clear();
        let folder = self.folder();
        let variables: [(&str, OsString); 6] = [
            ("PATH", binary::search_path()),
            ("HOME", folder.join("user").into()),
            ("TMPDIR", folder.join("tmp").into()),
            ("STRONGROOM_HOME", self.home().into()),
            ("STRONGROOM_LOG", "trace".into()),
            ("RUST_BACKTRACE", "1".into()),
        ];
        command.envs(variables).envs(self.setup.environment.iter().cloned()).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Starts the server on the data directory as it is, and waits until it listens.
    pub async fn boot(&mut self) {
        assert!(self.try_boot().await, "the server did not start:\n{}", self.log());
    }

    /// Starts the server on the data directory as it is. Whether it listens; if not, it has ended.
    pub async fn try_boot(&mut self) -> bool {
        assert!(self.process.is_none(), "the server runs already");
        self.starts += 1;
        let log = File::create(self.folder().join(format!("server-{}.log", self.starts))).unwrap();
        let mut child = self.server_command().stderr(log).spawn().unwrap();
        let pid = child.id().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let ready =
            async { (announced(&mut lines, "listening on ").await, announced(&mut lines, "functions on ").await) };
        let (Some(management), Some(functions)) = wait::in_time("the server's two lines", ready).await else {
            wait::in_time("the server's end", child.wait()).await.unwrap();
            return false;
        };
        let witness = Arc::clone(&self.witness);
        tokio::spawn(async move {
            let mut line = String::new();
            while lines.read_line(&mut line).await.is_ok_and(|length| length > 0) {
                witness.hear("the server's stdout", line.as_bytes());
                line.clear();
            }
        });
        self.process = Some(Process { child, pid, management, functions });
        true
    }

    /// What the server has logged, all starts together.
    pub fn log(&self) -> String {
        let file = |start| std::fs::read(self.folder().join(format!("server-{start}.log"))).unwrap_or_default();
        (1..=self.starts).map(|start| String::from_utf8_lossy(&file(start)).into_owned()).collect()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.process().pid
    }

    /// The management listener.
    pub fn management(&self) -> SocketAddr {
        self.process().management
    }

    /// The functions listener.
    pub fn functions(&self) -> SocketAddr {
        self.process().functions
    }

    /// A caller without a credential.
    pub fn anonymous(&self) -> Client {
        Client::new(Target::Tcp(self.management()), Arc::clone(&self.witness))
    }

    /// The owner, who can read the data directory.
    pub fn owner(&self) -> Client {
        let token = std::fs::read_to_string(self.home().join("owner.token")).unwrap();
        self.anonymous().with_token(token.trim())
    }

    /// The owner on the functions listener, without a credential. Paths begin with `/fn/`.
    pub fn caller(&self) -> Client {
        Client::new(Target::Tcp(self.functions()), Arc::clone(&self.witness))
    }

    /// A caller on the local socket without a credential.
    pub fn socket(&self) -> Client {
        Client::new(Target::Unix(self.home().join("strongroom.sock")), Arc::clone(&self.witness))
    }

    /// Makes a token of the project `default` with these capabilities, and returns its text and its record.
    pub async fn mint(&self, capabilities: &[&str]) -> (String, Value) {
        self.mint_with(&json!({ "name": canary::random_hex(4), "capabilities": capabilities })).await
    }

    /// Makes a token from a whole request.
    pub async fn mint_with(&self, body: &Value) -> (String, Value) {
        let mut record = self.owner().post("tokens").json(body).unwitnessed().send().await.expect(201).json();
        let token = record["token"].as_str().unwrap().to_owned();
        record.as_object_mut().unwrap().remove("token");
        self.witness.plant(&token);
        (token, record)
    }

    /// A caller with these capabilities in the project `default`.
    pub async fn client(&self, capabilities: &[&str]) -> Client {
        let (token, _) = self.mint(capabilities).await;
        self.anonymous().with_token(&token)
    }

    /// A fresh value that must turn up nowhere.
    pub fn plant(&self) -> String {
        let value = canary::value();
        self.witness.plant(&value);
        value
    }

    /// A fresh value of letters and digits that must turn up nowhere.
    pub fn plant_plain(&self) -> String {
        let value = canary::plain_value();
        self.witness.plant(&value);
        value
    }

    /// A text that must turn up nowhere from now on.
    pub fn watch(&self, text: &str) {
        self.witness.plant(text);
    }

    /// A command line on this data directory, typed in the work folder.
    pub fn command<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>) -> Cli {
        Cli::new(&self.home(), self.folder(), Arc::clone(&self.witness)).folder(&self.work()).words(words)
    }

    /// Runs a command line on this data directory.
    pub async fn cli<const N: usize>(&self, words: [&str; N]) -> Output {
        self.command(words).run().await
    }

    /// Sends the server a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ends the server as a power cut does.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Asks the server to stop, and waits until it has.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Waits for the server's end.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the server runs");
        wait::in_time("the server's end", process.child.wait()).await.unwrap()
    }

    /// Whether the server has been started and not ended.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Where planted values stand now: files, logs, answers, outputs, processes.
    pub fn findings(&self) -> Vec<Finding> {
        let search = self.witness.search();
        let mut findings = search.folder(self.folder());
        findings.retain(|finding| !finding.place.starts_with(&self.work().display().to_string()));
        findings.extend(self.witness.findings(&search));
        if let Some(process) = &self.process {
            findings.extend(processes::findings(process.pid, &search));
        }
        findings
    }

    /// Ends a test: nothing planted stands anywhere while the server runs, it stops cleanly, and nothing stands anywhere
    /// after that.
    pub async fn close(mut self) {
        let mut findings = self.findings();
        if self.is_running() {
            let status = self.stop().await;
            assert_eq!(status.code(), Some(0), "the server did not stop cleanly:\n{}", self.log_tail());
            findings.extend(self.findings());
        }
        assert!(findings.is_empty(), "planted values were found: {findings:#?}");
    }

    /// The last lines of the log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }
}

async fn announced(lines: &mut BufReader<ChildStdout>, start: &str) -> Option<SocketAddr> {
    let mut line = String::new();
    lines.read_line(&mut line).await.unwrap();
    let url = line.trim_end().strip_prefix(start)?;
    url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?.parse().ok()
}
