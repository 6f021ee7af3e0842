//! What stands around every page: title, menu, way back, news of what was just done.

use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

use super::nav::Menu;

/// The frame of one page. Templates extend `frame.html` and hold it in a field `frame`.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) title: String,
    /// Who is signed in.
    pub(crate) visitor: Option<String>,
    /// Goes into every form.
    pub(crate) csrf: String,
    /// The menu of the project that the page belongs to.
    pub(crate) menu: Option<Menu>,
    /// The way back, outermost first.
    pub(crate) crumbs: Vec<Crumb>,
    pub(crate) flash: Option<Flash>,
}

/// One step of the way back.
#[derive(Debug)]
pub(crate) struct Crumb {
    pub(crate) label: String,
    pub(crate) href: String,
}

impl Frame {
    /// Adds a step to the way back.
    #[must_use]
    pub(crate) fn crumb(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { label: label.into(), href: href.into() });
        self
    }
}

/// How news are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tone {
    /// It is done.
    Done,
    /// It is done, and something wants a look.
    Warning,
}

impl Tone {
    /// The word in the style.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Warning => "warning",
        }
    }
}

/// News of what a form just did: shown once, on the page that the browser is sent to. It carries names, never values.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) tone: Tone,
    /// One sentence.
    pub(crate) text: String,
    /// More, a line each.
    #[serde(default)]
    pub(crate) lines: Vec<String>,
}

const COOKIE: &str = "strongroom-flash";
/// What a browser surely keeps of one cookie, in bytes, before it is written in hexadecimal.
const MAX_BYTES: usize = 1_500;

impl Flash {
    /// It is done.
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self { tone: Tone::Done, text: text.into(), lines: Vec::new() }
    }

    /// Adds lines; the tone becomes a warning if there are any.
    #[must_use]
    pub(crate) fn warn(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        if !self.lines.is_empty() {
            self.tone = Tone::Warning;
        }
        self
    }

    /// The cookie that carries it to the next page.
    fn cookie(mut self) -> Option<HeaderValue> {
        loop {
            let json = serde_json::to_vec(&self).ok()?;
            if json.len() <= MAX_BYTES {
                let text = hex::encode(json);
                let cookie = format!("{COOKIE}={text}; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
                return HeaderValue::from_str(&cookie).ok();
            }
            self.lines.pop()?;
        }
    }

    /// Sends the browser to `address` with the news.
    pub(crate) fn at(self, address: &str) -> axum::response::Response {
        let mut response = super::go(address);
        if let Some(cookie) = self.cookie() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// The news that a request carries.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = cookie(headers, COOKIE)?;
        serde_json::from_slice(&hex::decode(text).ok()?).ok()
    }

    /// Forgets the news that were shown.
    pub(crate) fn forget() -> HeaderValue {
        HeaderValue::from_static("strongroom-flash=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
    }
}

/// A cookie of a request.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs = all.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}
