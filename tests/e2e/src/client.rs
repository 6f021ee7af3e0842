//! HTTP as it stands on the wire: no product code between a test and the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};

use crate::wait;
use crate::witness::Witness;

/// Where a client connects to.
#[derive(Debug, Clone)]
pub enum Target {
    /// A listener.
    Tcp(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
}

/// A caller: an address and perhaps a token. Relative paths are below `/api/v1/projects/default/`; `.` is the project.
#[derive(Clone)]
pub struct Client {
    target: Target,
    token: Option<String>,
    base: String,
    witness: Arc<Witness>,
}

/// One request in the making.
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    witnessed: bool,
}

/// A whole answer.
pub struct Answer {
    /// The request's line, for messages.
    pub line: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A caller without a credential.
    pub fn new(target: Target, witness: Arc<Witness>) -> Self {
        Self { target, token: None, base: "/api/v1/projects/default".to_owned(), witness }
    }

    /// The same with this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same without a token.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same with relative paths below another project.
    #[must_use]
    pub fn in_project(&self, project: &str) -> Self {
        Self { base: format!("/api/v1/projects/{project}"), ..self.clone() }
    }

    /// Where it connects to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The token it sends.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A request.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.base) };
        let path = match path.split_once("/.?") {
            Some((before, query)) => format!("{before}?{query}"),
            None => path.trim_end_matches("/.").to_owned(),
        };
        Call { client: self.clone(), method, path, headers: HeaderMap::new(), body: Bytes::new(), witnessed: true }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST`.
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// `PUT`.
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Sets one secret of global scope; the answer was 200.
    pub async fn set(&self, name: &str, value: &str) -> Value {
        let answer = self.put("secrets").json(&serde_json::json!({ "secrets": { name: value } })).send().await;
        answer.expect(200).json()
    }

    /// The value that `name` resolves to in a namespace, or none.
    pub async fn resolve(&self, namespace: &str, name: &str) -> Option<String> {
        let path = format!("resolve?namespace={namespace}&names={name}");
        let answer = self.get(&path).send().await.expect(200).json();
        answer["secrets"].get(name).and_then(Value::as_str).map(str::to_owned)
    }
}

impl Call {
    /// A JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Bytes::from(body.to_string());
        self
    }

    /// A body of bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    /// The answer may hold values, as the caller asked for.
    #[must_use]
    pub fn unwitnessed(mut self) -> Self {
        self.witnessed = false;
        self
    }

    /// Sends it and collects the answer.
    pub async fn send(self) -> Answer {
        let (method, path, witnessed) = (self.method.clone(), self.path.clone(), self.is_witnessed());
        let witness = Arc::clone(&self.client.witness);
        let line = format!("{method} {path}");
        let answer = wait::in_time(&line, async {
            let (status, headers, mut stream) = self.stream().await;
            let body = stream.rest().await;
            Answer { line: line.clone(), status, headers, body }
        });
        let answer = answer.await;
        if witnessed {
            witness.hear(format!("answer to {line}"), &answer.body);
            witness.hear(format!("headers of {line}"), format!("{:?}", answer.headers).as_bytes());
        }
        answer
    }

    fn is_witnessed(&self) -> bool {
        let path = self.path.split('?').next().unwrap();
        let carries_values = ["/resolve", "/export", "/reveal"].iter().any(|end| path.ends_with(end));
        self.witnessed && !carries_values
    }

    /// Sends it and leaves the body where it is.
    pub async fn stream(self) -> (u16, HeaderMap, Stream) {
        let (mut sender, host) = match &self.client.target {
            Target::Tcp(address) => (handshake(TcpStream::connect(address).await.unwrap()).await, address.to_string()),
            Target::Unix(path) => (handshake(UnixStream::connect(path).await.unwrap()).await, "localhost".to_owned()),
        };
        let mut request = Request::builder().method(self.method).uri(&self.path).body(Full::new(self.body)).unwrap();
        *request.headers_mut() = self.headers;
        let headers = request.headers_mut();
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, HeaderValue::from_str(&host).unwrap());
        }
        if let Some(token) = self.client.token.filter(|_| !headers.contains_key(header::AUTHORIZATION)) {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        }
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status.as_u16(), parts.headers, Stream { body, _connection: sender })
    }
}

async fn handshake<I>(stream: I) -> http1::SendRequest<Full<Bytes>>
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A body on its way. Dropping it closes the connection.
pub struct Stream {
    body: Incoming,
    _connection: http1::SendRequest<Full<Bytes>>,
}

impl Stream {
    /// The next piece, or none at the end.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        loop {
            let frame = wait::in_time("the next piece of a body", self.body.frame()).await?;
            if let Ok(chunk) = frame.unwrap().into_data() {
                return Some(chunk);
            }
        }
    }

    /// The rest of it; what has come so far if the other side breaks off.
    pub async fn rest(&mut self) -> Bytes {
        let mut whole = Vec::new();
        while let Some(Ok(frame)) = self.body.frame().await {
            if let Ok(chunk) = frame.into_data() {
                whole.extend_from_slice(&chunk);
            }
        }
        whole.into()
    }

    /// Reads text until it contains `wanted`, and returns what was read.
    pub async fn until(&mut self, wanted: &str) -> String {
        let mut text = String::new();
        while !text.contains(wanted) {
            match self.chunk().await {
                Some(chunk) => text.push_str(&String::from_utf8_lossy(&chunk)),
                None => panic!("the stream ended before {wanted:?}: {text}"),
            }
        }
        text
    }
}

impl Answer {
    /// The answer, if it has this status.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "the status alone is often all that matters")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.line, self.explanation());
        self
    }

    /// What may be shown of an unexpected answer: the text of a problem, never a value.
    fn explanation(&self) -> String {
        let problem = serde_json::from_slice::<Value>(&self.body).ok().filter(|body| body.get("code").is_some());
        problem.map_or_else(|| format!("{} bytes", self.body.len()), |problem| problem.to_string())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{}: the answer ({} bytes) is not JSON: {error}", self.line, self.body.len()),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Problem details of this status and code, in the promised shape. Returns them.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.line, self.explanation());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.line);
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}: {problem}", self.line);
        assert_eq!(problem["status"], status, "{}", self.line);
        for field in ["type", "title", "detail", "request_id"] {
            let text = problem[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{}: {field} is missing in {problem}", self.line);
        }
        assert_eq!(self.header("x-request-id"), problem["request_id"].as_str().unwrap(), "{}", self.line);
        problem
    }
}
