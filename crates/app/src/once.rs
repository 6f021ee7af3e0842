//! Repeated requests: under a key that the caller chose, a second request answers what the first one did and does
//! nothing. Another request under the same key is refused: it would be lost and look as if it had been done.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strongroom_model::Id;
use strongroom_seal::{Instance, keyed_digest};
use strongroom_store::port::TokenRows;
use strongroom_store::{StoreError, Tx};

use crate::caller::Caller;
use crate::error::Error;
use jiff::Timestamp;

/// How long a key is remembered, in hours.
pub(crate) const KEPT_HOURS: i64 = 24;

/// A request with a key.
pub(crate) struct Once {
    /// Keys are each caller's own, and each project's and operation's.
    scope: String,
    key: String,
    /// Print of what was asked for.
    request: String,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    request: String,
    answer: serde_json::Value,
}

impl Once {
    /// The request, if it has a key. `request` is everything that it asks for, values as [`print`]s.
    pub(crate) fn of(
        instance: &Instance,
        caller: &Caller,
        project: &Id,
        operation: &str,
        request: &str,
    ) -> Option<Self> {
        let key = caller.idempotency.clone()?;
        let who = caller.identity();
        let request = print(instance, request.as_bytes());
        Some(Self { scope: format!("{operation} {project} {who}"), key, request })
    }

    /// What the first request under the key answered.
    pub(crate) fn answered<T: DeserializeOwned>(&self, tx: &mut (impl TokenRows + ?Sized)) -> Result<Option<T>, Error> {
        let Some(text) = tx.idempotent(&self.scope, &self.key)? else { return Ok(None) };
        let damaged = |_| StoreError::Damaged("idempotent answer");
        let remembered: Remembered = serde_json::from_str(&text).map_err(damaged)?;
        if remembered.request != self.request {
            return Err(Error::conflict("another request was made with this idempotency key; nothing was done", None));
        }
        Ok(Some(serde_json::from_value(remembered.answer).map_err(damaged)?))
    }

    /// Remembers the answer, in the transaction that made it true.
    pub(crate) fn remember<T: Serialize>(&self, tx: &mut dyn Tx, answer: &T, now: Timestamp) -> Result<(), Error> {
        let answer = serde_json::to_value(answer).expect("answers have text keys only");
        let remembered = Remembered { request: self.request.clone(), answer };
        let text = serde_json::to_string(&remembered).expect("answers have text keys only");
        Ok(tx.remember_idempotent(&self.scope, &self.key, &text, now)?)
    }
}

/// A keyed print, which tells nothing of what was printed.
pub(crate) fn print(instance: &Instance, bytes: &[u8]) -> String {
    hex::encode(keyed_digest(instance, "idempotency", bytes).get(..16).unwrap_or_default())
}
