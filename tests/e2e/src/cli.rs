//! The command line: the real program, started like a person starts it, with nothing of this test's environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::wait;
use crate::witness::Witness;
use crate::{binary, canary};

/// Commands whose output carries values because the caller asked for them.
const TELLING: [&str; 4] = ["export", "reveal", "run", "invoke"];

/// A command line in the making.
pub struct Cli {
    words: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    folder: PathBuf,
    input: Option<Vec<u8>>,
    witness: Arc<Witness>,
}

/// What a command said and how it ended.
pub struct Output {
    /// The command, for messages. Its words are not planted values.
    pub line: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl Cli {
    pub(crate) fn new(home: &Path, folder: &Path, witness: Arc<Witness>) -> Self {
        let mut environment = binary::network();
        environment.extend([
            ("PATH".to_owned(), binary::search_path()),
            ("HOME".to_owned(), folder.join("user").into_os_string()),
            ("STRONGROOM_HOME".to_owned(), home.as_os_str().to_owned()),
            ("NO_COLOR".to_owned(), "1".into()),
        ]);
        Self { words: Vec::new(), environment, folder: folder.to_path_buf(), input: None, witness }
    }

    /// The words behind `strongroom`.
    #[must_use]
    pub fn words<W: AsRef<str>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(|word| OsString::from(word.as_ref())));
        self
    }

    /// One more variable, or another value for one.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// What is piped in.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Where the command is typed.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = folder.to_path_buf();
        self
    }

    /// The command as the operating system starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary::program());
        command.args(&self.words).env_clear().envs(self.environment.iter().cloned()).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs it to its end.
    pub async fn run(self) -> Output {
        let line = self.line();
        let mut child = self.command().spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = self.input.clone().unwrap_or_default();
        // a program that does not read its input has closed it
        let feed = tokio::spawn(async move { stdin.write_all(&input).await.is_ok() });
        let done = wait::in_time(&line, child.wait_with_output()).await.unwrap();
        feed.abort();
        let output = Output {
            code: done.status.code(),
            stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
            line,
        };
        let tells = self.words.iter().any(|word| TELLING.iter().any(|command| word == command));
        if !tells {
            self.witness.hear(format!("stdout of {}", output.line), output.stdout.as_bytes());
        }
        self.witness.hear(format!("stderr of {}", output.line), output.stderr.as_bytes());
        output
    }

    /// The line for messages, with planted values taken out.
    fn line(&self) -> String {
        let search = self.witness.search();
        let shown = |word: &OsString| {
            let text = word.to_string_lossy();
            let planted = self.witness.planted() > 0 && !search.bytes("", text.as_bytes()).is_empty();
            if planted { "[planted]".to_owned() } else { text.into_owned() }
        };
        format!("strongroom {}", self.words.iter().map(shown).collect::<Vec<_>>().join(" "))
    }
}

impl Output {
    /// The output, if the command ended with this code.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "the exit code alone is often all that matters")]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.line, self.stderr);
        self
    }

    /// The output of a command that succeeded.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "that it succeeded is often all that matters")]
    pub fn ok(self) -> Self {
        self.expect(0)
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("{}: stdout ({} bytes) is not JSON: {error}", self.line, self.stdout.len()),
        }
    }

    /// Stderr as problem details.
    #[track_caller]
    pub fn problem(&self) -> Value {
        let start = self.stderr.find('{').unwrap_or(0);
        match serde_json::from_str(self.stderr.get(start..).unwrap_or_default()) {
            Ok(value) => value,
            Err(error) => panic!("{}: stderr is not JSON: {error}\n{}", self.line, self.stderr),
        }
    }

    /// Stdout without its last line end.
    pub fn text(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }

    /// Whether stdout is exactly this value; told without showing either.
    pub fn is_value(&self, value: &str) -> bool {
        canary::digest(self.text()) == canary::digest(value)
    }
}
