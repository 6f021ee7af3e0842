//! Handlers, one file a noun: parse, call one use case, answer.

pub(crate) mod access;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod copies;
pub(crate) mod events;
pub(crate) mod factor;
pub(crate) mod functions;
pub(crate) mod instance;
pub(crate) mod issuers;
pub(crate) mod jobs;
pub(crate) mod links;
pub(crate) mod logins;
pub(crate) mod logs;
pub(crate) mod me;
pub(crate) mod members;
pub(crate) mod metrics;
pub(crate) mod projects;
pub(crate) mod resolve;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod tokens;
pub(crate) mod trusts;
pub(crate) mod users;
pub(crate) mod workloads;

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strongroom_api::Page;
use strongroom_model::{Expiry, Id, Lifetime, SecretName};

use crate::extract::Json;
use crate::failure::Failure;

/// Items of a page unless asked otherwise.
pub(crate) const DEFAULT_LIMIT: usize = 100;

/// Which scope a request means. An empty text means none.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScopeParams {
    /// `global` unless a namespace or app is named.
    pub(crate) scope: Option<String>,
    /// The namespace.
    pub(crate) namespace: Option<String>,
    /// The app.
    pub(crate) app: Option<String>,
}

/// No parameters: one that is given is refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// Which part of a list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// At most this many: 100 unless given, 1000 at most.
    pub(crate) limit: Option<usize>,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

/// What a cursor says: the list that gave it, and the place of the last item.
#[derive(Serialize, Deserialize)]
struct Place<K>(String, K);

impl PageParams {
    /// The page of a whole list in the order of `key`, which tells its items apart. What was deleted since the page before
    /// takes nothing else away, and what came into being is on a page if its place is still ahead.
    pub(crate) fn of<T, K>(
        &self,
        list: &str,
        mut items: Vec<T>,
        key: impl Fn(&T) -> K,
    ) -> Result<Json<Page<T>>, Failure>
    where
        K: Ord + Serialize + DeserializeOwned,
    {
        let most = limit(self.limit, 1_000)?;
        if let Some(text) = self.cursor.as_ref().filter(|cursor| !cursor.is_empty()) {
            let place = hex::decode(text).ok().and_then(|bytes| serde_json::from_slice::<Place<K>>(&bytes).ok());
            let Place(_, after) = place.filter(|place| place.0 == list).ok_or_else(unknown_cursor)?;
            items.retain(|item| key(item) > after);
        }
        items.sort_by_cached_key(&key);
        let more = items.len() > most;
        items.truncate(most);
        let place = |item| serde_json::to_vec(&Place(list.to_owned(), key(item))).unwrap_or_default();
        let next_cursor = items.last().filter(|_| more).map(|item| hex::encode(place(item)));
        Ok(Json(Page { items, next_cursor }))
    }
}

/// The key of a list whose newest items come first.
pub(crate) fn newest(created_at: Timestamp, id: &str) -> (Reverse<Timestamp>, String) {
    (Reverse(created_at), id.to_owned())
}

/// A workload's namespace.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NamespaceParams {
    /// `default` unless named.
    pub(crate) namespace: Option<String>,
}

/// A page size within bounds.
pub(crate) fn limit(asked: Option<usize>, most: usize) -> Result<usize, Failure> {
    match asked {
        None => Ok(DEFAULT_LIMIT.min(most)),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(_) => Err(Failure::invalid("limit", format!("limit lies between 1 and {most}"))),
    }
}

/// The position of a page: where the page before ended.
#[derive(Serialize, Deserialize)]
struct Cursor(SecretName, Id);

pub(crate) fn to_cursor(after: (SecretName, Id)) -> String {
    hex::encode(serde_json::to_vec(&Cursor(after.0, after.1)).unwrap_or_default())
}

pub(crate) fn from_cursor(text: &str) -> Result<(SecretName, Id), Failure> {
    let bytes = hex::decode(text).ok();
    let cursor = bytes.and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok());
    let Cursor(name, id) = cursor.ok_or_else(unknown_cursor)?;
    Ok((name, id))
}

pub(crate) fn unknown_cursor() -> Failure {
    Failure::invalid("cursor", "this cursor was not given by this list; begin without one")
}

/// An expiry as it was sent: absent and empty leave it, unless `clears` says that an empty text clears.
pub(crate) fn expiry(text: Option<&str>) -> Result<Option<Expiry>, Failure> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|error| Failure::invalid("expires_at", error)),
    }
}

/// A point in time, or a length of time before `now`.
pub(crate) fn moment(at: &str, text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(Some(timestamp));
    }
    let length = text.parse::<Lifetime>().map(Lifetime::duration);
    let length: SignedDuration = length.map_err(|_| {
        Failure::invalid(at, "this is a point in time such as 2027-01-31T00:00:00Z or a length of time such as 2h")
    })?;
    Ok(now.checked_sub(length).ok())
}
