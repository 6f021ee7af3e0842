//! Published keys of issuers: fetched when needed, kept for a while, looked for anew when a token names one that is not
//! there, and that not often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use strongroom_fetch::{Answer, FetchError, Fetcher, Outgoing, Reach, Target, TargetError};

use super::jwt::{KeySet, NoKeySet};

/// Keys are taken as current for so long.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// Where an issuer does not answer, its keys are used for so long; then none of its tokens is believed.
const STALE: SignedDuration = SignedDuration::from_hours(1);
/// An issuer is asked no more often, whatever tokens name.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// More issuers than a sane instance has.
const MAX_KEPT: usize = 10_000;

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The address of the keys is none that may be asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No answer.
    #[error(transparent)]
    Fetch(#[from] Arc<FetchError>),
    /// An answer that is no success.
    #[error("{host} answered with status {status}")]
    Status {
        /// Who answered.
        host: String,
        /// With what.
        status: u16,
    },
    /// An answer without keys.
    #[error(transparent)]
    Document(#[from] NoKeySet),
    /// The issuer does not say where its keys are.
    #[error("the discovery document is of another issuer, or names no keys")]
    Discovery,
    /// It is too early to ask again.
    #[error("the issuer was asked a moment ago and gave no keys")]
    Pause,
}

impl KeysError {
    /// Whether asking again gives the same: the address is not one that the server may ask.
    pub(super) fn is_for_good(&self) -> bool {
        match self {
            Self::Target(_) => true,
            Self::Fetch(error) => matches!(**error, FetchError::NotPublic { .. }),
            Self::Status { .. } | Self::Document(_) | Self::Discovery | Self::Pause => false,
        }
    }
}

#[derive(Clone)]
struct Kept {
    at: Timestamp,
    keys: Arc<KeySet>,
}

/// The keys of every issuer that was asked for, by address.
pub(crate) struct Published {
    fetcher: Fetcher,
    kept: RwLock<HashMap<String, Kept>>,
    /// When each address was asked last; its lock is held while it is being asked.
    asked: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Timestamp>>>>>,
}

impl Published {
    pub(crate) fn new(fetcher: Fetcher) -> Self {
        Self { fetcher, kept: RwLock::default(), asked: Mutex::default() }
    }

    /// Which addresses may be asked.
    pub(crate) fn reach(&self) -> Reach {
        self.fetcher.reach()
    }

    /// The keys at `url`. No request is made and nothing is waited for while those that are kept are fresh.
    pub(crate) async fn keys(&self, url: &str, now: Timestamp) -> Result<Arc<KeySet>, KeysError> {
        let kept = self.kept(url);
        if let Some(kept) = kept.as_ref().filter(|kept| now.duration_since(kept.at) < FRESH) {
            return Ok(Arc::clone(&kept.keys));
        }
        match (self.ask(url, now).await, kept) {
            (Ok(keys), _) => Ok(keys),
            (Err(_), Some(kept)) if now.duration_since(kept.at) < STALE => Ok(kept.keys),
            (Err(error), _) => Err(error),
        }
    }

    /// The keys at `url` after a token named one that was not among `missed`; asked for anew if that may be.
    pub(crate) async fn anew(&self, url: &str, missed: &Arc<KeySet>, now: Timestamp) -> Result<Arc<KeySet>, KeysError> {
        match self.kept(url) {
            Some(kept) if !Arc::ptr_eq(&kept.keys, missed) => Ok(kept.keys),
            _ => self.ask(url, now).await,
        }
    }

    fn kept(&self, url: &str) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    /// Asks, one caller at a time, and not again within [`PAUSE`].
    async fn ask(&self, url: &str, now: Timestamp) -> Result<Arc<KeySet>, KeysError> {
        let turn = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.len() >= MAX_KEPT {
                asked.clear();
            }
            Arc::clone(asked.entry(url.to_owned()).or_default())
        };
        let mut last = turn.lock().await;
        if last.is_some_and(|last| now.duration_since(last) < PAUSE) {
            // somebody else asked meanwhile, or has just asked in vain
            let kept = self.kept(url).filter(|kept| Some(kept.at) >= *last);
            return kept.map(|kept| kept.keys).ok_or(KeysError::Pause);
        }
        *last = Some(now);
        let body = self.get(url).await?;
        let keys = Arc::new(KeySet::published(&body)?);
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_KEPT {
            all.clear();
        }
        all.insert(url.to_owned(), Kept { at: now, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    /// Sends one of the server's own requests.
    pub(crate) async fn send(&self, target: &Target, outgoing: Outgoing) -> Result<Answer, FetchError> {
        self.fetcher.send(target, outgoing).await
    }

    /// The body of a document of an issuer.
    pub(crate) async fn get(&self, url: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, KeysError> {
        let target = Target::parse(url, self.reach())?;
        let answer = self.fetcher.send(&target, Outgoing::get()).await.map_err(Arc::new)?;
        if !answer.status.is_success() {
            return Err(KeysError::Status { host: target.host().to_owned(), status: answer.status.as_u16() });
        }
        Ok(answer.body)
    }

    /// Where an issuer publishes its keys, as it says itself (`OpenID` Connect Discovery 1.0, section 4).
    pub(crate) async fn discover(&self, issuer: &str) -> Result<String, KeysError> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Discovered = serde_json::from_slice(&self.get(&url).await?).map_err(|_| KeysError::Discovery)?;
        if found.issuer != issuer {
            return Err(KeysError::Discovery);
        }
        Target::parse(&found.jwks_uri, self.reach())?;
        Ok(found.jwks_uri)
    }
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
