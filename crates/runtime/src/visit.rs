//! Invocations for an end user of the customer's own application: what they bring along, and how their code changes it.
//!
//! ```text
//! supervisor: lend the values to the mask ──> `user` frame, then the request, which names it ──> answer ──> take back
//! worker:     AsyncLocalStorage holds the user for this one invocation
//!             ctx.userSecrets.set ──> `keep` frame, which names the execution ──> keeper ──> `kept` frame
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use strongroom_secret::SecretValue;

use crate::masks::Masks;
use crate::output::Output;
use crate::snapshot::{BoxFuture, Entry, EntryState};
use crate::wire::{self, Control};
use crate::worker::Worker;

/// Changes asked for by one worker's code that are under way at once; further ones wait, and with them what it says.
pub(crate) const MAX_CHANGES: usize = 16;

/// Sets (a value) or deletes (none) one secret of the end user whom an invocation was made for, and gives the new version.
/// The error is for the code: it names no value.
pub type Keeper = Arc<dyn Fn(String, Option<SecretValue>) -> BoxFuture<'static, Result<u64, String>> + Send + Sync>;

/// The end user of one invocation, and what is his.
pub struct Visitor {
    /// Who says who he is.
    pub issuer: String,
    /// His id there.
    pub id: String,
    /// His own secrets, by name.
    pub secrets: Vec<Entry>,
    /// Names as the code sees them, each with the user's own secret that wins there if he has it.
    pub overrides: Vec<(String, String)>,
    /// Changes his secrets; none where the function may not.
    pub keeper: Option<Keeper>,
}

/// Without values.
impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").field("id", &self.id).field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

impl Visitor {
    fn values(&self) -> impl Iterator<Item = &SecretValue> {
        self.secrets.iter().filter_map(|entry| match &entry.state {
            EntryState::Value(value) => Some(value),
            EntryState::Expired | EntryState::NoValue => None,
        })
    }
}

/// The end users whose invocations are in one worker, by execution.
#[derive(Default)]
pub(crate) struct Visits(Mutex<HashMap<String, Arc<Visitor>>>);

impl Visits {
    fn add(&self, execution_id: &str, visitor: &Arc<Visitor>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(execution_id.to_owned(), Arc::clone(visitor));
    }

    fn remove(&self, execution_id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(execution_id);
    }

    fn of(&self, execution_id: &str) -> Option<Arc<Visitor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(execution_id).cloned()
    }
}

/// One invocation's end user in one worker, from before its request is sent until its answer is through.
pub(crate) struct Visit {
    output: Arc<Output>,
    masks: Arc<Masks>,
    execution_id: String,
    visitor: Arc<Visitor>,
}

impl Visit {
    /// Announces the user to the worker. Only then may a request name him.
    pub(crate) async fn begin(worker: &Worker, masks: &Arc<Masks>, execution_id: &str, visitor: &Arc<Visitor>) -> Self {
        masks.lend(visitor.values());
        worker.output.visits.add(execution_id, visitor);
        let visit = Self {
            output: Arc::clone(&worker.output),
            masks: Arc::clone(masks),
            execution_id: execution_id.to_owned(),
            visitor: Arc::clone(visitor),
        };
        let (input, message) = (Arc::clone(&worker.input), wire::user(execution_id, visitor));
        // a caller who goes away must not leave half a message behind
        let told = tokio::spawn(async move { input.write(&message).await });
        let _whole = told.await;
        visit
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.output.visits.remove(&self.execution_id);
        self.masks.take_back(self.visitor.values());
    }
}

/// A change that a worker's code asks for.
#[derive(Deserialize, PartialEq, Eq)]
pub(crate) struct Wish {
    /// In which execution.
    x: String,
    /// The question's number.
    i: u64,
    /// The secret's name.
    n: String,
    /// Its new value; none deletes it.
    v: Option<String>,
}

/// Without the value.
impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wish").field("x", &self.x).field("i", &self.i).finish_non_exhaustive()
    }
}

impl Wish {
    /// Does it, and gives the answer for the worker.
    pub(crate) async fn grant(self, visits: &Visits, masks: &Masks) -> Control {
        let id = self.i;
        match self.tried(visits, masks).await {
            Ok(version) => wire::kept(id, version),
            Err(why) => wire::not_kept(id, &why),
        }
    }

    async fn tried(self, visits: &Visits, masks: &Masks) -> Result<u64, String> {
        let value = self.v.map(SecretValue::new).transpose().map_err(|error| error.to_string())?;
        masks.remember(value.as_ref());
        let over = "the invocation is over: ctx.userSecrets works until its answer has been sent";
        let visitor = visits.of(&self.x).ok_or(over)?;
        let keeper = visitor.keeper.as_ref().ok_or("this function may not change its users' secrets")?;
        keeper(self.n, value).await
    }
}
