//! Anchors to an address on the web: signed, by https, never to a private address unless the server is told to.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use strongroom_fetch::{Fetcher, Outgoing, Target};
use strongroom_seal::NoticeKey;
use zeroize::Zeroizing;

/// The header with the time and the signature.
const SIGNATURE: HeaderName = HeaderName::from_static("strongroom-signature");

/// Where anchors are posted, and the key that they are signed with.
#[derive(Debug)]
pub struct Webhook {
    target: Target,
    key: NoticeKey,
}

impl Webhook {
    /// The receiver has the key too.
    pub fn new(target: Target, key: NoticeKey) -> Self {
        Self { target, key }
    }

    /// The host: what follows it in the address may be a secret of the receiver's.
    pub(super) fn place(&self) -> String {
        self.target.host().to_owned()
    }

    /// Posts each line, in one body that can be appended to a file of anchors as it is. Whatever 2xx is answered means that
    /// it is kept.
    pub(super) async fn post(&self, fetcher: &Fetcher, lines: &[String], now: Timestamp) -> Result<(), String> {
        let body: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        let seconds = now.as_second();
        let signature = format!("t={seconds},v1={}", self.key.signature(seconds, body.as_bytes()));
        let signature = HeaderValue::from_str(&signature).map_err(|error| error.to_string())?;
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
            (SIGNATURE, signature),
        ]);
        let outgoing = Outgoing { method: Method::POST, headers, body: Zeroizing::new(body.into_bytes()) };
        let answer = fetcher.send(&self.target, outgoing).await.map_err(|error| told(&error))?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(format!("{} answered {}", self.target.host(), answer.status.as_u16()))
        }
    }
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source()).map(|cause| format!(": {cause}"));
    format!("{error}{}", causes.collect::<String>())
}
