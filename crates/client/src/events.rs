//! The stream of changes: which names changed, as it happens. No values.

use std::time::Duration;

use http::{HeaderName, Method};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tokio::time::timeout;

use crate::client::Project;
use crate::error::ClientError;
use crate::transport::Answer;

/// The server pings every 15 seconds; a stream that is silent for longer than this has been cut.
const SILENCE_SECONDS: u64 = 45;
/// Longest event that is read.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Changed {
    /// The namespace in which it is seen; none means every one.
    pub namespace: Option<String>,
    /// The epoch that it made; 0 if events were lost on the way.
    pub epoch: u64,
    /// What changed; none means "something, look again".
    pub names: Vec<String>,
}

/// An open stream of changes, on a connection of its own. Dropping it closes the connection.
pub struct Events {
    body: Answer,
    address: String,
    pending: Vec<u8>,
    last_id: Option<String>,
}

impl Events {
    /// The next change; none once the server has ended the stream. After an error or the end, open a new stream with
    /// [`Events::last_id`].
    pub async fn next(&mut self) -> Result<Option<Changed>, ClientError> {
        loop {
            if let Some(end) = end_of_event(&self.pending) {
                let block: Vec<u8> = self.pending.drain(..end).collect();
                if let Some(changed) = self.read(&block)? {
                    return Ok(Some(changed));
                }
                continue;
            }
            let silence = ClientError::TimedOut { address: self.address.clone(), seconds: SILENCE_SECONDS };
            let frame = timeout(Duration::from_secs(SILENCE_SECONDS), self.body.frame()).await.map_err(|_| silence)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|source| ClientError::Broken { address: self.address.clone(), source })?;
            self.pending.extend_from_slice(&frame.into_data().unwrap_or_default());
            if self.pending.len() > MAX_EVENT_BYTES {
                return Err(ClientError::TooLong { address: self.address.clone() });
            }
        }
    }

    /// The id of the last event, for `Last-Event-ID`.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// One event, as the HTML standard, section 9.2.6, has it read; none if it is a comment or of another kind.
    fn read(&mut self, block: &[u8]) -> Result<Option<Changed>, ClientError> {
        let unreadable = || ClientError::Unreadable { address: self.address.clone() };
        let text = std::str::from_utf8(block).map_err(|_| unreadable())?;
        let (mut kind, mut data, mut id) = ("message", String::new(), None);
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => kind = value,
                "id" => id = Some(value.to_owned()),
                "data" if data.is_empty() => value.clone_into(&mut data),
                "data" => data = [data.as_str(), value].join("\n"),
                _ => {}
            }
        }
        let changed = match kind {
            "changed" => serde_json::from_str(&data).map(Some).map_err(|_| unreadable())?,
            _ => None,
        };
        // an id of 0 stands for "events were lost", which is nothing to resume from
        self.last_id = id.filter(|id| id != "0").or(self.last_id.take());
        Ok(changed)
    }
}

/// Where the first event ends, with the blank line behind it.
fn end_of_event(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2)
}

impl Project<'_> {
    /// Opens the stream of changes that are seen in `namespace`, or of all. With `last_id`, the id of an earlier event
    /// or the epoch of a resolution, it begins with one change for everything that was missed since.
    pub async fn events(&self, namespace: Option<&str>, last_id: Option<&str>) -> Result<Events, ClientError> {
        let call = self.call(Method::GET, &["events"]).query("namespace", namespace);
        let body = call.header(HeaderName::from_static("last-event-id"), last_id).stream().await?;
        Ok(Events { body, address: self.client.name(), pending: Vec::new(), last_id: last_id.map(str::to_owned) })
    }
}
