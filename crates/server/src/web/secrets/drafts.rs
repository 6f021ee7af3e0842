//! Imports between their preview and the word to write them.
//!
//! What was pasted is in no page, so it waits here: in memory that is wiped, for ten minutes, for the one who pasted it,
//! one import each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_model::{Id, ProjectName, Scope, SecretName};
use strongroom_secret::SecretValue;

/// How long an import waits.
const WAIT: Duration = Duration::from_mins(10);
/// Imports that wait at once, each of at most 1 MiB.
const MAX_WAITING: usize = 64;

/// An import whose names were shown.
pub(crate) struct Draft {
    pub(super) scope: Scope,
    /// Names, values, and whether the name has another value now.
    pub(super) entries: Vec<Entry>,
}

/// One secret of an import.
pub(super) struct Entry {
    pub(super) name: SecretName,
    pub(super) value: SecretValue,
    /// Whether there is a secret of that name with another value.
    pub(super) changes: bool,
}

/// Who imports into what.
pub(super) type Key = (String, ProjectName);

/// The imports that wait.
pub(crate) struct Drafts {
    waiting: Mutex<HashMap<Key, (Id, Draft)>>,
    wait: Duration,
}

impl Default for Drafts {
    fn default() -> Self {
        Self { waiting: Mutex::default(), wait: WAIT }
    }
}

impl Drafts {
    /// Keeps a draft under an id; the one before it of the same person is wiped. `None` if too many wait.
    pub(super) fn keep(self: &Arc<Self>, key: Key, id: Id, draft: Draft) -> Option<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING && !waiting.contains_key(&key) {
            return None;
        }
        waiting.insert(key.clone(), (id, draft));
        let drafts = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(drafts.wait).await;
            drafts.take(&key, id)
        });
        Some(())
    }

    /// The draft of that id, once.
    pub(super) fn take(&self, key: &Key, id: Id) -> Option<Draft> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.get(key).is_none_or(|(known, _)| *known != id) {
            return None;
        }
        waiting.remove(key).map(|(_, draft)| draft)
    }

    /// Wipes what somebody pasted, who has signed out.
    pub(crate) fn forget(&self, who: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(whose, _), _| whose != who);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft { scope: Scope::Global, entries: Vec::new() }
    }

    #[tokio::test]
    async fn a_draft_is_taken_once_by_its_owner_and_is_gone_after_a_while() {
        let drafts = Arc::new(Drafts::default());
        let key = |who: &str| (who.to_owned(), ProjectName::default_project());
        let (first, second) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        drafts.keep(key("ada"), first, draft()).unwrap();
        assert!(drafts.take(&key("eve"), first).is_none());
        drafts.keep(key("ada"), second, draft()).unwrap();
        assert!(drafts.take(&key("ada"), first).is_none(), "a newer import replaces it");
        assert!(drafts.take(&key("ada"), second).is_some());
        assert!(drafts.take(&key("ada"), second).is_none());
        drafts.keep(key("ada"), first, draft()).unwrap();
        drafts.keep(key("eve"), second, draft()).unwrap();
        drafts.forget("ada");
        assert!(drafts.take(&key("ada"), first).is_none(), "it outlives the session");
        assert!(drafts.take(&key("eve"), second).is_some());
        let short = Arc::new(Drafts { wait: Duration::from_millis(1), ..Drafts::default() });
        short.keep(key("ada"), first, draft()).unwrap();
        let gone = async {
            while !short.waiting.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
    }
}
