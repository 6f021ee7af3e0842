//! One operation on the wire: address, JSON body, answer or problem.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_api::{Page, Problem};
use tokio::time::timeout;

use crate::client::Client;
use crate::error::ClientError;
use crate::transport::Answer;
use crate::wiping::WipingBuffer;

/// Longest wait for an answer: a write waits at most 10 s for workers, a long poll at most 30 s.
const ANSWER_SECONDS: u64 = 120;
/// Longest answer that is read: a bundle or a page of logs is far smaller.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A whole list, page by page of at most `limit` items; `call` asks for one.
pub(crate) async fn every<'a, T: DeserializeOwned>(
    limit: u32,
    call: impl Fn() -> Call<'a>,
) -> Result<Vec<T>, ClientError> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page: Page<T> =
            call().query("limit", Some(&limit.to_string())).query("cursor", cursor.as_deref()).send().await?;
        all.extend(page.items);
        match page.next_cursor {
            Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => return Ok(all),
        }
    }
}

/// A request in the making.
pub(crate) struct Call<'a> {
    client: &'a Client,
    method: Method,
    target: String,
    has_query: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    fault: Option<ClientError>,
    /// Whether no credential goes with it.
    is_anonymous: bool,
}

impl<'a> Call<'a> {
    /// `segments` are the parts of the path; each is encoded.
    pub(crate) fn new(client: &'a Client, method: Method, segments: &[&str]) -> Self {
        let mut target = String::new();
        for segment in segments {
            target.push('/');
            encode(&mut target, segment);
        }
        // A client that normalises `..` away would ask for something else.
        let steps = segments.iter().any(|segment| matches!(*segment, "" | "." | ".."));
        let fault = steps.then_some(ClientError::Request { what: "a name" });
        Self {
            client,
            method,
            target,
            has_query: false,
            headers: Vec::new(),
            body: Bytes::new(),
            fault,
            is_anonymous: false,
        }
    }

    /// Sends no credential, also if there is one: for what lets somebody in.
    pub(crate) fn anonymous(mut self) -> Self {
        self.is_anonymous = true;
        self
    }

    /// Adds a path that is already encoded, such as the rest of a function's address.
    pub(crate) fn raw_path(mut self, path: &str) -> Self {
        self.target.push_str(path);
        self.has_query = path.contains('?');
        self
    }

    /// Adds a query parameter, if it has a value.
    pub(crate) fn query(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.target.push(if self.has_query { '&' } else { '?' });
            self.has_query = true;
            self.target.push_str(name);
            self.target.push('=');
            encode(&mut self.target, value);
        }
        self
    }

    /// Adds a query parameter that is a number, if it is there.
    pub(crate) fn query_number(self, name: &str, value: Option<u64>) -> Self {
        self.query(name, value.map(|number| number.to_string()).as_deref())
    }

    /// Adds `name=true`, if `value` is.
    pub(crate) fn query_flag(self, name: &str, value: bool) -> Self {
        self.query(name, value.then_some("true"))
    }

    /// Adds a header, if it has a value.
    pub(crate) fn header(mut self, name: HeaderName, value: Option<&str>) -> Self {
        match value.map(HeaderValue::from_str) {
            None => {}
            Some(Ok(value)) => self.headers.push((name, value)),
            Some(Err(_)) => self.fault = Some(ClientError::Request { what: "a header" }),
        }
        self
    }

    /// The body, as it stands.
    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// The body as JSON, in memory that is wiped once it is sent.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        let mut buffer = WipingBuffer::with_capacity(1024);
        if serde_json::to_writer(&mut buffer, body).is_err() {
            self.fault = Some(ClientError::Request { what: "the body" });
        }
        self.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        self.body = buffer.into_bytes();
        self
    }

    /// Sends it and decodes the answer.
    pub(crate) async fn send<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let client = self.client;
        let work = async {
            let answer = self.exchange().await?;
            decode(client, answer).await
        };
        timeout(Duration::from_secs(ANSWER_SECONDS), work)
            .await
            .map_err(|_| ClientError::TimedOut { address: client.name(), seconds: ANSWER_SECONDS })?
    }

    /// Sends it and decodes the answer with its entity tag; nothing if the server says that what is known still holds.
    pub(crate) async fn send_unless_known<T: DeserializeOwned>(
        self,
    ) -> Result<Option<(T, Option<String>)>, ClientError> {
        let client = self.client;
        let work = async {
            let answer = self.exchange().await?;
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            let tag = answer.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
            Ok(Some((decode(client, answer).await?, tag)))
        };
        timeout(Duration::from_secs(ANSWER_SECONDS), work)
            .await
            .map_err(|_| ClientError::TimedOut { address: client.name(), seconds: ANSWER_SECONDS })?
    }

    /// Sends it and decodes the answer; nothing if the server says that it is not there yet (202).
    pub(crate) async fn send_unless_waiting<T: DeserializeOwned>(self) -> Result<Option<T>, ClientError> {
        let client = self.client;
        let work = async {
            let answer = self.exchange().await?;
            if answer.status() == StatusCode::ACCEPTED { Ok(None) } else { decode(client, answer).await.map(Some) }
        };
        timeout(Duration::from_secs(ANSWER_SECONDS), work)
            .await
            .map_err(|_| ClientError::TimedOut { address: client.name(), seconds: ANSWER_SECONDS })?
    }

    /// Sends it and gives the answer as it comes, whatever its status.
    pub(crate) async fn exchange(self) -> Result<Response<Answer>, ClientError> {
        let client = self.client;
        client.transport.exchange(self.into_request()?).await
    }

    /// Sends it on a connection of its own, which an answer without end would keep from others, and gives the body of a
    /// good answer.
    pub(crate) async fn stream(self) -> Result<Answer, ClientError> {
        let client = self.client;
        let wait = Duration::from_secs(ANSWER_SECONDS);
        let late = ClientError::TimedOut { address: client.name(), seconds: ANSWER_SECONDS };
        let transport = client.transport.anew();
        let exchange = timeout(wait, transport.as_ref().unwrap_or(&client.transport).exchange(self.into_request()?));
        let answer = exchange.await.map_err(|_| late)??;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let status = answer.status().as_u16();
        let body = timeout(wait, collect(client, answer.into_body())).await;
        let body = body.map_err(|_| ClientError::TimedOut { address: client.name(), seconds: ANSWER_SECONDS })??;
        let foreign = |_| ClientError::NotStrongroom { address: client.name(), status };
        let problem: Problem = serde_json::from_slice(body.as_slice()).map_err(foreign)?;
        Err(ClientError::Problem(Box::new(problem)))
    }

    fn into_request(self) -> Result<Request<Full<Bytes>>, ClientError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let wrong = |_| ClientError::Request { what: "the address" };
        let mut request =
            Request::builder().method(self.method).uri(self.target).body(Full::new(self.body)).map_err(wrong)?;
        let headers = request.headers_mut();
        let host = HeaderValue::from_str(&self.client.transport.authority());
        headers.insert(header::HOST, host.map_err(|_| ClientError::Request { what: "the host" })?);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("strongroom/", env!("CARGO_PKG_VERSION"))));
        // who brings a credential of his own along does not show ours
        let brings_own = self.headers.iter().any(|(name, _)| *name == header::AUTHORIZATION);
        if !self.is_anonymous && !brings_own {
            headers.insert(header::AUTHORIZATION, bearer(self.client)?);
        }
        headers.extend(self.client.agent.clone().map(|name| (HeaderName::from_static("x-strongroom-agent"), name)));
        headers.extend(self.headers);
        Ok(request)
    }
}

fn bearer(client: &Client) -> Result<HeaderValue, ClientError> {
    let credential = client.credential.as_ref();
    let credential = credential.ok_or_else(|| ClientError::NoCredential { address: client.name() })?;
    let token = credential.for_address(client.address.as_ref());
    let token = token.ok_or_else(|| ClientError::ForeignCredential { address: client.name() })?;
    let mut text = WipingBuffer::with_capacity(7 + token.len());
    text.extend(b"Bearer ");
    text.extend(token.as_bytes());
    let value = HeaderValue::from_maybe_shared(text.into_bytes());
    let mut value = value.map_err(|_| ClientError::Request { what: "the token" })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3.
fn encode(target: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            target.push(char::from(byte));
        } else {
            write!(target, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
}

async fn decode<T: DeserializeOwned>(client: &Client, answer: Response<Answer>) -> Result<T, ClientError> {
    let status = answer.status();
    let body = collect(client, answer.into_body()).await?;
    if status.is_success() {
        // The error of serde_json could quote the body, so it is dropped.
        return serde_json::from_slice(body.as_slice()).map_err(|_| unreadable(client, status));
    }
    let foreign = |_| ClientError::NotStrongroom { address: client.name(), status: status.as_u16() };
    let problem: Problem = serde_json::from_slice(body.as_slice()).map_err(foreign)?;
    Err(ClientError::Problem(Box::new(problem)))
}

fn unreadable(client: &Client, status: StatusCode) -> ClientError {
    match (status, client.address.is_some()) {
        (StatusCode::OK, true) => ClientError::NotStrongroom { address: client.name(), status: status.as_u16() },
        _ => ClientError::Unreadable { address: client.name() },
    }
}

async fn collect(client: &Client, mut body: Answer) -> Result<WipingBuffer, ClientError> {
    let mut buffer = WipingBuffer::with_capacity(4096);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| ClientError::Broken { address: client.name(), source })?;
        let Ok(chunk) = frame.into_data() else { continue };
        if buffer.as_slice().len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(ClientError::TooLong { address: client.name() });
        }
        buffer.extend(&chunk);
    }
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_unreserved_characters_is_encoded() {
        let mut target = String::new();
        encode(&mut target, "A-b_c.d~/?#%&= ä");
        assert_eq!(target, "A-b_c.d~%2F%3F%23%25%26%3D%20%C3%A4");
    }
}
