//! The request that a load repeats, and what its answer must hold.

use std::fs;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;

use crate::Failure;
use crate::address::{Address, Connection};
use crate::arguments::Arguments;
use crate::sample::{self, NAME_PREFIX, Picks};

/// What an answer must hold, besides a status of 200 to 204.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Nothing.
    Status,
    /// The value that `fill` wrote.
    Value,
    /// Every name; counted in the first answer of a connection, later ones must be as long.
    Names,
    /// Every name, over as many pages as the answers' `next_cursor` asks for.
    Pages,
}

/// A request with holes: `{name}` in the path and the body, `{value}` in the body.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    method: Method,
    path: String,
    body: Option<String>,
    headers: HeaderMap,
    names: u64,
    check: Check,
}

/// What one connection remembers.
pub(crate) struct Turn {
    picks: Picks,
    generation: u64,
    listing_bytes: Option<usize>,
}

impl Turn {
    /// Connections with different seeds pick different names and write different values.
    pub(crate) fn new(seed: u64) -> Self {
        Self { picks: Picks::new(seed), generation: seed.wrapping_shl(32), listing_bytes: None }
    }
}

impl Template {
    /// `--method --path --body --headers FILE --names --check`.
    pub(crate) fn of(arguments: &Arguments, address: &Address) -> Result<Self, Failure> {
        let check = match arguments.optional("check").unwrap_or("status") {
            "status" => Check::Status,
            "value" => Check::Value,
            "names" => Check::Names,
            "pages" => Check::Pages,
            other => return Err(Failure::Usage(format!("--check `{other}` is not known"))),
        };
        let mut headers = HeaderMap::new();
        if let Some(path) = arguments.optional("headers") {
            read_headers(path, &mut headers)?;
        }
        headers.insert(http::header::HOST, header_value(&address.host())?);
        let body = arguments.optional("body").map(str::to_owned);
        if body.is_some() || arguments.optional("batch").is_some() {
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(Self {
            method: arguments.parsed_or("method", Method::GET)?,
            path: arguments.required("path")?.to_owned(),
            body,
            headers,
            names: arguments.parsed_or("names", 1)?,
            check,
        })
    }

    /// How many names there are.
    pub(crate) fn names(&self) -> u64 {
        self.names
    }

    /// The path, holes and all.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// One request, or one listing of several pages, with its answer checked.
    pub(crate) async fn perform(&self, connection: &mut Connection, turn: &mut Turn) -> Result<(), Failure> {
        let number = turn.picks.below(self.names);
        turn.generation = turn.generation.wrapping_add(1);
        match self.check {
            Check::Status => self.ask(connection, number, turn.generation, "").await.map(drop),
            Check::Value => {
                let body = self.ask(connection, number, 0, "").await?;
                let expected = sample::value(number, 0);
                let is_there = sample::count(&body, expected.as_bytes()) == 1;
                if is_there { Ok(()) } else { Err(self.wrong("does not hold the value that was written")) }
            }
            Check::Names => {
                let body = self.ask(connection, number, 0, "").await?;
                match turn.listing_bytes {
                    Some(bytes) if body.len().abs_diff(bytes) <= 64 => Ok(()),
                    Some(_) => Err(self.wrong("is a listing of another length")),
                    None => {
                        turn.listing_bytes = Some(body.len());
                        self.expect_all(sample::count(&body, NAME_PREFIX.as_bytes()))
                    }
                }
            }
            Check::Pages => self.all_pages(connection).await,
        }
    }

    async fn all_pages(&self, connection: &mut Connection) -> Result<(), Failure> {
        let mut cursor = String::new();
        let mut names = 0;
        loop {
            let body = self.ask(connection, 0, 0, &cursor).await?;
            names += sample::count(&body, b"\"name\":");
            match next_cursor(&body) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return self.expect_all(names),
            }
        }
    }

    /// Performs the request for secret `number` and gives the answer's body.
    pub(crate) async fn ask(
        &self,
        connection: &mut Connection,
        number: u64,
        generation: u64,
        query_end: &str,
    ) -> Result<Bytes, Failure> {
        let name = sample::name(number);
        let path = self.path.replace("{name}", &name) + query_end;
        let body = match &self.body {
            Some(body) => body.replace("{name}", &name).replace("{value}", &sample::value(number, generation)),
            None => String::new(),
        };
        self.send(connection, &path, body).await
    }

    /// Sends one request with this body and expects success.
    pub(crate) async fn send(&self, connection: &mut Connection, path: &str, body: String) -> Result<Bytes, Failure> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = path.parse().map_err(|_| Failure::Usage(format!("`{path}` is no path")))?;
        request.headers_mut().clone_from(&self.headers);
        let (status, body) = connection.ask(request).await?;
        let is_success = matches!(status, StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT);
        if is_success { Ok(body) } else { Err(self.wrong(&format!("has status {status}"))) }
    }

    fn expect_all(&self, found: usize) -> Result<(), Failure> {
        let is_all = u64::try_from(found).is_ok_and(|found| found == self.names);
        if is_all { Ok(()) } else { Err(self.wrong(&format!("lists {found} of {} names", self.names))) }
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::Answer(format!("the answer to {} {} {what}", self.method, self.path))
    }
}

/// The text behind the last `"next_cursor":`, if it is no null.
fn next_cursor(body: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"next_cursor\":\"";
    let at = body.windows(KEY.len()).rposition(|window| window == KEY)?;
    let text = body.get(at + KEY.len()..)?.split(|byte| *byte == b'"').next()?;
    String::from_utf8(text.to_vec()).ok()
}

/// One `name: value` a line. A file, because a token in an argument would stand in the process list.
fn read_headers(path: &str, headers: &mut HeaderMap) -> Result<(), Failure> {
    let text = fs::read_to_string(path).map_err(Failure::system(format!("read {path}")))?;
    for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        let name = name.parse::<HeaderName>().map_err(|_| Failure::Usage(format!("{path} holds a bad header name")))?;
        headers.insert(name, header_value(value)?);
    }
    Ok(())
}

fn header_value(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| Failure::Usage("a header's value is not understood".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_of_the_last_page_is_none() {
        assert_eq!(next_cursor(br#"{"items":[],"next_cursor":"abc"}"#).as_deref(), Some("abc"));
        assert_eq!(next_cursor(br#"{"items":[],"next_cursor":null}"#), None);
    }
}
