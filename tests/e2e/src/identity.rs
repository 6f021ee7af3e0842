//! Issuers of end users' tokens, as a customer's application has them: keys, tokens, and a server of published keys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::canary;
use crate::client::Client;
use crate::instance::Instance;

/// What the tokens of these tests are meant for.
pub const AUDIENCE: &str = "shop";

/// Somebody who signs tokens.
pub struct Issuer {
    /// Its `iss`.
    pub url: String,
    /// The id of its key.
    pub key_id: String,
    key: Key,
}

enum Key {
    Shared(String),
    Published(EcdsaKeyPair),
}

impl Issuer {
    /// One that shares a key with those who believe it.
    pub fn shared(url: &str) -> Self {
        Self { url: url.to_owned(), key_id: "shared".to_owned(), key: Key::Shared(canary::random_hex(32)) }
    }

    /// One that publishes its key.
    pub fn published(url: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { url: url.to_owned(), key_id: canary::random_hex(4), key: Key::Published(pair) }
    }

    /// The shared key.
    pub fn shared_key(&self) -> &str {
        match &self.key {
            Key::Shared(key) => key,
            Key::Published(_) => panic!("{} shares no key", self.url),
        }
    }

    /// The set of its published keys.
    pub fn document(&self) -> Value {
        json!({ "keys": [self.published_key()] })
    }

    /// Its published key.
    pub fn published_key(&self) -> Value {
        let Key::Published(pair) = &self.key else { panic!("{} publishes no key", self.url) };
        let point: Vec<u8> = pair.public_key().as_ref().to_vec();
        let part = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.key_id, "x": part(1), "y": part(33) })
    }

    /// Its private key, for an issuer that publishes more than it should.
    pub fn private_part(&self) -> String {
        let Key::Published(pair) = &self.key else { panic!("{} publishes no key", self.url) };
        let bytes: aws_lc_rs::encoding::EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().unwrap();
        URL_SAFE_NO_PAD.encode(bytes.as_ref())
    }

    /// What a good token says of this subject.
    pub fn claims(&self, subject: &str) -> Value {
        let now = now();
        json!({ "iss": self.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600 })
    }

    /// The header of a good token.
    pub fn header(&self) -> Value {
        let algorithm = match self.key {
            Key::Shared(_) => "HS256",
            Key::Published(_) => "ES256",
        };
        json!({ "alg": algorithm, "typ": "JWT", "kid": self.key_id })
    }

    /// A good token for this subject.
    pub fn token(&self, subject: &str) -> String {
        self.sign(&self.header(), &self.claims(subject))
    }

    /// Signs whatever these say, with the algorithm of its key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = match &self.key {
            Key::Shared(key) => return with_hmac(&signed, key.as_bytes()),
            Key::Published(pair) => pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Lets a project trust it; published keys are fetched from `keys`.
    pub async fn trusted_by(&self, owner: &Client, keys: Option<&KeyServer>) -> Value {
        let mut body = json!({ "name": canary::random_hex(4), "issuer": self.url, "audience": AUDIENCE });
        match keys {
            Some(keys) => body["jwks_url"] = json!(keys.url),
            None => body["shared_key"] = json!(self.shared_key()),
        }
        owner.post("issuers").json(&body).send().await.expect(201).json()
    }
}

/// A part of a token.
pub fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// What is signed, with an HMAC of SHA-256 behind it.
pub fn with_hmac(signed: &str, key: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "tokens of tests are good by the clock of the server, which is this machine's"
)]
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// An instance whose project `default` trusts one issuer with a shared key.
pub async fn instance() -> (Instance, Issuer) {
    let (instance, issuer) = (Instance::start().await, Issuer::shared("https://login.example.com"));
    instance.watch(issuer.shared_key());
    issuer.trusted_by(&instance.owner(), None).await;
    (instance, issuer)
}

/// A server of published keys on loopback, which gives whatever it was told to.
pub struct KeyServer {
    /// Where the keys are.
    pub url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl KeyServer {
    /// One that gives this document.
    pub async fn start(document: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (given, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = given.lock().unwrap().clone();
                tokio::spawn(reply(stream, answer));
            }
        });
        let server = Self { url, answer, asked, task };
        server.give(document);
        server
    }

    /// Gives this document from now on.
    pub fn give(&self, document: &Value) {
        self.give_raw("200 OK", "content-type: application/json", &document.to_string());
    }

    /// Gives this answer from now on.
    pub fn give_raw(&self, status: &str, header: &str, body: &str) {
        let length = body.len();
        let text =
            format!("HTTP/1.1 {status}\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        *self.answer.lock().unwrap() = text.into_bytes();
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reply(mut stream: TcpStream, answer: Vec<u8>) {
    let mut heard = Vec::new();
    while !heard.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => heard.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    // whoever has heard enough hangs up
    stream.write_all(&answer).await.ok();
}
