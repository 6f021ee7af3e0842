//! What a form sends: fields in order, wiped when dropped, read once in front of every handler.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use strongroom_api::Code;
use strongroom_secret::{SecretValue, ValueError};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::router::Served;

/// The fields of a form that passed the gate.
#[derive(Clone)]
pub(crate) struct Form(Arc<Vec<(String, Zeroizing<String>)>>);

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(..)")
    }
}

impl Form {
    /// Reads `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(bytes);
        Self(Arc::new(pairs.map(|(name, text)| (name.into_owned(), Zeroizing::new(text.into_owned()))).collect()))
    }

    /// A field as it was sent.
    fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }

    /// A line of text, without white space around it; none if it is absent or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The same, empty if absent.
    pub(crate) fn line(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// Every text that one name has, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, text)| text.as_str())
    }

    /// Whether a box is ticked or a button was pressed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Text of several lines. Browsers send every line break of a text area as CR LF, whatever was pasted; a line ends
    /// with LF here.
    pub(crate) fn lines(&self, name: &str) -> Option<Zeroizing<String>> {
        let text = self.raw(name).filter(|text| !text.is_empty())?;
        Some(Zeroizing::new(text.replace("\r\n", "\n")))
    }

    /// A secret's value from a password field `name` or its text area `name.lines`; none if both are empty.
    pub(crate) fn value(&self, name: &str) -> Result<Option<SecretValue>, Failure> {
        let (one, many) = (self.raw(name).filter(|text| !text.is_empty()), self.lines(&format!("{name}.lines")));
        let value = match (one, many) {
            (Some(_), Some(_)) => {
                return Err(Failure::invalid(name, "a value stands in both fields; leave one of them empty"));
            }
            (Some(one), None) => SecretValue::new(one.to_owned()),
            (None, Some(many)) => SecretValue::new(many.as_str().to_owned()),
            (None, None) => return Ok(None),
        };
        value.map(Some).map_err(|error: ValueError| Failure::invalid(name, error))
    }
}

impl FromRequestParts<Arc<Served>> for Form {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Served>) -> Result<Self, Failure> {
        let form = parts.extensions.get::<Self>().cloned();
        form.ok_or_else(|| Failure::new(Code::UnsupportedMedia, "this address takes a form"))
    }
}
