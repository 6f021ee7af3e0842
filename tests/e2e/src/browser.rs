//! A real Chromium, driven by `tests/browser/driver.cjs` with Playwright: people at their windows.
//!
//! Each page that is opened or reached is looked over: no error in the console, no script error, no request to another
//! host, nothing that axe objects to, nothing wider than the window. What the page holds (document, fields, storage,
//! address) goes to the witness, so that [`crate::Instance::close`] finds planted values there too.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::instance::Instance;
use crate::witness::Witness;
use crate::{binary, wait};

/// A browser takes its time on a busy machine, and so does axe on a long page.
const PATIENCE: Duration = wait::DEADLINE.saturating_mul(3);

/// A running browser.
pub struct Browser {
    driver: Mutex<Driver>,
    host: String,
    witness: Arc<Witness>,
}

struct Driver {
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// How a person's window looks.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Dark colours instead of light ones.
    pub is_dark: bool,
    /// In pixels.
    pub width: u32,
    /// Whether scripts run.
    pub has_script: bool,
}

impl Window {
    /// A desk's screen by day.
    pub const DESK: Self = Self { is_dark: false, width: 1280, has_script: true };
    /// A phone by night.
    pub const PHONE: Self = Self { is_dark: true, width: 390, has_script: true };
    /// A browser whose scripts are off.
    pub const WITHOUT_SCRIPT: Self = Self { is_dark: false, width: 1280, has_script: false };
}

/// A person with a window and cookies of its own.
pub struct Person<'a> {
    browser: &'a Browser,
    name: String,
}

impl Browser {
    /// Starts it for the pages of an instance.
    pub async fn start(instance: &Instance) -> Self {
        let host = instance.management().to_string();
        let packages = binary::repository().join(".strongroom-tools/browser/node_modules");
        assert!(packages.join("playwright-core").exists(), "scripts/setup.sh installs playwright-core and axe-core");
        let mut command = Command::new("node");
        command.arg(binary::repository().join("tests/browser/driver.cjs")).env_clear();
        command.env("PATH", binary::search_path()).env("NODE_PATH", packages);
        command.env("HOME", instance.folder().join("user")).env("TMPDIR", instance.folder().join("tmp"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let driver = Mutex::new(Driver { _process: process, commands, answers });
        let browser = Self { driver, host, witness: Arc::clone(&instance.witness) };
        let program = binary::variable("CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
        let start = json!({ "do": "start", "program": program.to_string_lossy(), "host": browser.host });
        browser.tell(&start).await.expect("Chromium starts");
        browser
    }

    /// People of this browser go to another host too, on purpose.
    pub async fn visits(&self, host: std::net::SocketAddr) {
        let visit = json!({ "do": "visits", "host": host.to_string() });
        self.tell(&visit).await.expect("a host can be added");
    }

    /// A person nobody knows yet.
    pub async fn person(&self, name: &str, window: Window) -> Person<'_> {
        let scheme = if window.is_dark { "dark" } else { "light" };
        let height = if window.width < 600 { 844 } else { 860 };
        let person = Person { browser: self, name: name.to_owned() };
        let window = json!({ "scheme": scheme, "width": window.width, "height": height, "script": window.has_script });
        person.must("person", window).await;
        person
    }

    /// One command and its answer.
    async fn tell(&self, command: &Value) -> Result<Value, String> {
        let mut driver = self.driver.lock().await;
        driver.commands.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let line = tokio::time::timeout(PATIENCE, driver.answers.next_line()).await;
        let line = line.expect("the browser's driver answers in time").unwrap().expect("the browser's driver lives");
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }
}

impl Person<'_> {
    async fn ask(&self, verb: &str, mut details: Value) -> Result<Value, String> {
        details["do"] = verb.into();
        details["page"] = self.name.clone().into();
        self.browser.tell(&details).await
    }

    async fn must(&self, verb: &str, details: Value) -> Value {
        match self.ask(verb, details).await {
            Ok(answer) => answer,
            Err(error) => {
                let at = self.ask("texts", json!({ "selector": "h1, [role=alert], [role=status]" })).await;
                panic!("{} could not {verb}: {error}\nthe page says: {}", self.name, at.unwrap_or_default());
            }
        }
    }

    /// Carries a token with every request, as programs do.
    pub async fn carries(&self, token: &str) {
        self.must("carries", json!({ "token": token })).await;
    }

    /// Opens a path of the server, or a whole address, looks it over, and gives the answer's status.
    pub async fn open(&self, address: &str) -> u16 {
        let url = if address.starts_with('/') {
            format!("http://{}{address}", self.browser.host)
        } else {
            address.to_owned()
        };
        let answer = self.must("open", json!({ "url": url })).await;
        let policy = answer["headers"]["content-security-policy"].as_str().unwrap_or_default();
        assert!(
            policy.contains("default-src 'none'") || policy.contains("default-src 'self'"),
            "{address}: the policy is {policy:?}"
        );
        self.look().await;
        u16::try_from(answer["status"].as_u64().unwrap()).unwrap()
    }

    /// Looks the page over, and gives its path with its query.
    pub async fn look(&self) -> String {
        let mut seen = self.must("inspect", json!({})).await;
        let at = seen["at"].take().as_str().unwrap_or_default().to_owned();
        self.browser.witness.hear(format!("the page {at} of {}", self.name), seen["held"].to_string().as_bytes());
        for text in ["url", "html", "fields", "storage"] {
            let held = seen["held"][text].as_str().unwrap_or_default();
            self.browser.witness.hear(format!("{text} of the page {at} of {}", self.name), held.as_bytes());
        }
        let problems: Vec<_> = seen["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert!(problems.is_empty(), "the page {at} as {} sees it:\n  {}", self.name, problems.join("\n  "));
        for cookie in seen["held"]["cookies"].as_array().into_iter().flatten() {
            assert!(
                cookie["httpOnly"] == true && cookie["sameSite"] != "None",
                "{at} leaves a cookie to scripts or others: {cookie}"
            );
        }
        at
    }

    /// Types into the field with this label.
    pub async fn fill(&self, label: &str, text: &str) {
        self.must("fill", json!({ "name": label, "text": text })).await;
    }

    /// Chooses from the list with this label.
    pub async fn choose(&self, label: &str, option: &str) {
        self.must("choose", json!({ "name": label, "option": option })).await;
    }

    /// Ticks the box with this label.
    pub async fn tick(&self, label: &str) {
        self.must("tick", json!({ "name": label })).await;
    }

    /// Puts a file into the field with this label.
    pub async fn upload(&self, label: &str, file: &Path) {
        self.must("upload", json!({ "name": label, "file": file })).await;
    }

    /// Presses the button with these words, and looks over what comes.
    pub async fn press(&self, words: &str) -> String {
        self.press_in("body", words).await
    }

    /// Presses the button with these words in a part of the page, and looks over what comes.
    pub async fn press_in(&self, part: &str, words: &str) -> String {
        self.must("press", json!({ "role": "button", "name": words, "within": part })).await;
        self.look().await
    }

    /// Follows the link with these words, and looks over what comes.
    pub async fn follow(&self, words: &str) -> String {
        self.must("press", json!({ "role": "link", "name": words })).await;
        self.look().await
    }

    /// Presses a key, such as `Tab` or `Enter`.
    pub async fn key(&self, key: &str) {
        self.must("key", json!({ "key": key })).await;
    }

    /// Gives the keyboard to the link with these words.
    pub async fn focus_link(&self, words: &str) {
        self.must("focus", json!({ "role": "link", "name": words })).await;
    }

    /// Whether what has the keyboard stands in such a part of the page.
    pub async fn is_within(&self, selector: &str) -> bool {
        self.must("within", json!({ "selector": selector })).await == true
    }

    /// Walks the page with the Tab key: everything that can be used is reached, in the order in which it stands, and shows
    /// that it has the keyboard. Gives how many that are.
    pub async fn walk(&self) -> u64 {
        let walked = self.must("walk", json!({})).await;
        let problems: Vec<_> = walked["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert!(problems.is_empty(), "{} walks with the keyboard:\n  {}", self.name, problems.join("\n  "));
        walked["count"].as_u64().unwrap()
    }

    /// What stands in the field with this label that shows something to be copied.
    pub async fn shown(&self, label: &str) -> String {
        self.must("shown", json!({ "name": label })).await.as_str().unwrap_or_default().to_owned()
    }

    /// Whether the field with this label holds anything.
    pub async fn has_text(&self, label: &str) -> bool {
        self.must("filled", json!({ "name": label })).await == true
    }

    /// What has the keyboard: its text, else its name.
    pub async fn focused(&self) -> String {
        self.must("focused", json!({})).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page shows this text.
    pub async fn sees(&self, text: &str) {
        self.must("wait", json!({ "text": text })).await;
    }

    /// How many of these are to be seen.
    pub async fn count(&self, selector: &str) -> u64 {
        self.must("count", json!({ "selector": selector })).await.as_u64().unwrap()
    }

    /// The texts of all of these.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.must("texts", json!({ "selector": selector })).await;
        texts.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What this field holds.
    pub async fn value(&self, selector: &str) -> String {
        self.must("value", json!({ "selector": selector })).await.as_str().unwrap_or_default().to_owned()
    }

    /// Where all of these links lead.
    pub async fn links(&self, selector: &str) -> Vec<String> {
        let links = self.must("links", json!({ "selector": selector })).await;
        links.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Milliseconds from the request of the page: until its first byte, its last byte, and until it was shown.
    pub async fn timing(&self) -> [f64; 3] {
        let timing = self.must("timing", json!({})).await;
        ["answered", "received", "shown"].map(|moment| timing[moment].as_f64().unwrap())
    }

    /// A picture of the whole page.
    pub async fn picture(&self, file: &Path) {
        self.must("picture", json!({ "file": file })).await;
    }
}
