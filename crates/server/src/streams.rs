//! Answers that stay open while nothing happens: how many each caller may have, so that none starves the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_api::Code;
use strongroom_app::Caller;

use tokio::sync::watch;

use crate::failure::Failure;

/// Open streams and long polls of one caller.
const MAX_OF_ONE: usize = 200;

/// Counts of open streams by caller.
#[derive(Default)]
pub(crate) struct Streams {
    counts: Mutex<HashMap<String, usize>>,
    over: watch::Sender<bool>,
}

/// One open stream; closed when dropped.
pub(crate) struct Open {
    streams: Arc<Streams>,
    who: String,
}

impl Streams {
    /// Counts one more of the caller's, or refuses.
    pub(crate) fn open(self: &Arc<Self>, caller: &Caller) -> Result<Open, Failure> {
        let who = caller.identity();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(who.clone()).or_default();
        if *count >= MAX_OF_ONE {
            let detail = format!("this caller has {MAX_OF_ONE} streams and long polls open already; close one first");
            return Err(Failure::new(Code::TooMany, detail));
        }
        *count += 1;
        Ok(Open { streams: Arc::clone(self), who })
    }

    /// Ends all of them: the server stops, and would wait for them.
    pub(crate) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Returns once they are to end.
    pub(crate) async fn ended(&self) {
        // the sender lives as long as this does
        self.over.subscribe().wait_for(|over| *over).await.ok();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut counts = self.streams.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.who);
            }
        }
    }
}
