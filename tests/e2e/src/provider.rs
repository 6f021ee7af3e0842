//! A real `OpenID` provider on this machine, and a person who signs in there without a browser's window.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::client::Answer;
use crate::instance::{Instance, Setup};
use crate::witness::Witness;
use crate::{binary, canary, wait};

/// A running provider that nobody may use before [`Provider::serve`].
pub struct Provider {
    issuer: String,
    _process: Child,
    commands: ChildStdin,
    /// Held, since a program whose words nobody can hear any more ends.
    _words: Lines<BufReader<ChildStdout>>,
    /// What the server proves itself with, and a folder with a file that holds it.
    secret: String,
    folder: TempDir,
}

impl Provider {
    /// Starts it.
    pub async fn start() -> Self {
        let packages = binary::repository().join(".strongroom-tools/provider/node_modules");
        assert!(packages.join("oidc-provider").exists(), "scripts/setup.sh installs oidc-provider");
        let mut command = Command::new("node");
        command.arg(binary::repository().join("tests/e2e/provider/index.cjs")).env_clear();
        command.env("PATH", binary::search_path()).env("NODE_PATH", packages);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let commands = process.stdin.take().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = wait::in_time("the provider's address", lines.next_line()).await.unwrap().unwrap();
        let (secret, folder) = (canary::random_hex(32), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("client-secret"), format!("{secret}\n")).unwrap();
        Self { issuer, _process: process, commands, _words: lines, secret, folder }
    }

    /// What it is called.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.issuer.trim_start_matches("http://").parse().unwrap()
    }

    /// How a server is started that people sign in to with it.
    pub fn setup(&self) -> Setup {
        Setup::default()
            .env("STRONGROOM_FETCH", "local")
            .env("STRONGROOM_OIDC_ISSUER", &self.issuer)
            .env("STRONGROOM_OIDC_CLIENT_ID", "strongroom")
            .env("STRONGROOM_OIDC_CLIENT_SECRET_FILE", self.folder.path().join("client-secret"))
            .env("STRONGROOM_OIDC_NAME", "Example Login")
    }

    /// Serves an instance's people: what is claimed of each of them.
    pub async fn serve(&mut self, instance: &Instance, accounts: &Value) {
        self.serve_with(instance, accounts, true).await;
    }

    /// The same; whether the ID token itself names the address, or `userinfo` alone.
    pub async fn serve_with(&mut self, instance: &Instance, accounts: &Value, is_in_token: bool) {
        instance.watch(&self.secret);
        let redirect = format!("http://{}/sign-in/oidc/callback", instance.management());
        let begin = json!({ "issuer": self.issuer, "redirect": redirect, "secret": self.secret, "accounts": accounts, "claimsInToken": is_in_token });
        self.commands.write_all(format!("{begin}\n").as_bytes()).await.unwrap();
    }
}

/// A browser without a window: cookies for each host, and one request at a time.
pub struct Wanderer {
    cookies: BTreeMap<SocketAddr, BTreeMap<String, String>>,
    witness: Arc<Witness>,
}

impl Wanderer {
    /// One whom nobody knows yet.
    pub fn new(instance: &Instance) -> Self {
        Self { cookies: BTreeMap::new(), witness: Arc::clone(&instance.witness) }
    }

    /// The cookies of a host, to be taken away or put elsewhere.
    pub fn cookies(&mut self, host: SocketAddr) -> &mut BTreeMap<String, String> {
        self.cookies.entry(host).or_default()
    }

    /// Opens an address as a click on a page of the same server does.
    pub async fn open(&mut self, url: &str) -> Answer {
        self.send("GET", url, None, "same-origin").await
    }

    /// Opens an address as another site's link does.
    pub async fn come_from_elsewhere(&mut self, url: &str) -> Answer {
        self.send("GET", url, None, "cross-site").await
    }

    /// Sends a form of a page of the same server.
    pub async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Answer {
        let body = form.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect::<Vec<_>>().join("&");
        self.send("POST", url, Some(body), "same-origin").await
    }

    async fn send(&mut self, method: &str, url: &str, body: Option<String>, site: &str) -> Answer {
        let rest = url.strip_prefix("http://").unwrap();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host: SocketAddr = authority.parse().unwrap();
        let jar = self.cookies.entry(host).or_default();
        let cookies: Vec<_> = jar.iter().map(|(name, text)| format!("{name}={text}")).collect();
        let mut request = Request::builder().method(method).uri(if path.is_empty() { "/" } else { path });
        request =
            request.header(header::HOST, authority).header("sec-fetch-site", site).header(header::ACCEPT, "text/html");
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = wait::in_time("an answer", sender.send_request(request)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, text) = pair.split_once('=').unwrap();
            if text.is_empty() {
                jar.remove(name)
            } else {
                jar.insert(name.to_owned(), text.to_owned())
            };
        }
        let line = format!("{method} {}", url.split('?').next().unwrap());
        self.witness.hear(format!("answer to {line}"), &body);
        Answer { line, status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Signs in at the provider whose address is `url`, as `name`, and gives the address that the browser is sent back
    /// to, without opening it.
    pub async fn sign_in_there(&mut self, url: &str, name: &str) -> String {
        let provider = origin(url);
        let mut at = url.to_owned();
        for _ in 0..10 {
            let answer = self.open(&at).await;
            at = match answer.status {
                302 | 303 => absolute(&provider, answer.header("location")),
                200 => absolute(&provider, self.post(&at, &[("account", name)]).await.header("location")),
                status => panic!("{} answers {status}: {}", answer.line, answer.text()),
            };
            if !at.starts_with(&provider) {
                return at;
            }
        }
        panic!("the provider sends {name} round in a circle, last to {at}");
    }
}

fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn absolute(origin: &str, location: &str) -> String {
    if location.starts_with('/') { format!("{origin}{location}") } else { location.to_owned() }
}

/// A text within a form or a query.
pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
