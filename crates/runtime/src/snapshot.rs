//! The resolved values that a worker is handed, and how two of them differ.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use strongroom_secret::SecretValue;

use crate::spec::WorkerSpec;

/// A boxed future, as [`SnapshotSource`] returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where values come from: resolves, opens and audits them. Called for each hand-over to a worker.
pub trait SnapshotSource: Send + Sync {
    /// Everything that this deployment of the workload resolves now. The snapshot's epoch is read before its values are.
    fn snapshot(&self, spec: &WorkerSpec) -> BoxFuture<'_, Result<Snapshot, SnapshotError>>;
}

/// Values could not be had. The text is for the log and names no value.
#[derive(Debug, Clone, thiserror::Error)]
#[error("values could not be resolved: {0}")]
pub struct SnapshotError(pub String);

/// What one workload resolves at one epoch.
#[derive(Debug)]
pub struct Snapshot {
    /// The epoch that these values belong to.
    pub epoch: u64,
    /// The earliest expiry among them, in Unix milliseconds: from then on this snapshot is stale.
    pub valid_until_unix_ms: Option<i64>,
    /// The workload's own resolution.
    pub entries: Vec<Entry>,
    /// Secrets of scope `system`.
    pub system: Vec<Entry>,
}

/// One name and what stands behind it.
#[derive(Debug)]
pub struct Entry {
    /// The name as the code sees it.
    pub name: String,
    /// Its value, or why it has none.
    pub state: EntryState,
    /// Stands in when there is no value yet, or (with [`EntryState::NoValue`]) when nothing is set at all.
    pub default: Option<String>,
    /// Scope that it came from, for the log: one lower-case word.
    pub scope: String,
    /// Version, for the log.
    pub version: u64,
}

/// What stands behind a name.
#[derive(Debug)]
pub enum EntryState {
    /// A value.
    Value(SecretValue),
    /// Its time is over; nothing stands in for it.
    Expired,
    /// Declared without a value.
    NoValue,
}

/// The part of an [`Entry`] that tells whether it changed, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    state: StateKind,
    default: Option<String>,
    scope: String,
    version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StateKind {
    Value,
    Expired,
    NoValue,
}

/// What a worker was told, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    main: BTreeMap<String, Fact>,
    system: BTreeMap<String, Fact>,
}

/// The difference between what a worker was told and a newer snapshot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) set: Vec<String>,
    pub(crate) unset: Vec<String>,
    pub(crate) system_set: Vec<String>,
    pub(crate) system_unset: Vec<String>,
    /// A value that the worker has is no longer to be used.
    pub(crate) removes: bool,
}

impl Facts {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self { main: by_name(&snapshot.entries), system: by_name(&snapshot.system) }
    }

    /// What must be told to a worker that holds `self` so that it holds `newer`.
    pub(crate) fn difference(&self, newer: &Self) -> Difference {
        let mut removes = false;
        let (set, unset) = differing(&self.main, &newer.main, &mut removes);
        let (system_set, system_unset) = differing(&self.system, &newer.system, &mut removes);
        Difference { set, unset, system_set, system_unset, removes }
    }
}

impl Difference {
    pub(crate) fn is_empty(&self) -> bool {
        self.names().next().is_none()
    }

    /// Every name that differs.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        [&self.set, &self.unset, &self.system_set, &self.system_unset].into_iter().flatten().map(String::as_str)
    }
}

fn by_name(entries: &[Entry]) -> BTreeMap<String, Fact> {
    entries.iter().map(|entry| (entry.name.clone(), fact(entry))).collect()
}

fn fact(entry: &Entry) -> Fact {
    let state = match entry.state {
        EntryState::Value(_) => StateKind::Value,
        EntryState::Expired => StateKind::Expired,
        EntryState::NoValue => StateKind::NoValue,
    };
    Fact { state, default: entry.default.clone(), scope: entry.scope.clone(), version: entry.version }
}

fn differing(
    old: &BTreeMap<String, Fact>,
    new: &BTreeMap<String, Fact>,
    removes: &mut bool,
) -> (Vec<String>, Vec<String>) {
    let mut set = Vec::new();
    for (name, fact) in new {
        let before = old.get(name);
        if before == Some(fact) {
            continue;
        }
        let had_value = before.is_some_and(|before| before.state == StateKind::Value);
        *removes |= had_value && fact.state != StateKind::Value;
        set.push(name.clone());
    }
    let unset: Vec<String> = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    *removes |= unset.iter().any(|name| old.get(name).is_some_and(|fact| fact.state == StateKind::Value));
    (set, unset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, state: EntryState, version: u64) -> Entry {
        Entry { name: name.to_owned(), state, default: None, scope: "global".to_owned(), version }
    }

    fn value(text: &str) -> EntryState {
        SecretValue::new(text.to_owned()).map_or(EntryState::NoValue, EntryState::Value)
    }

    fn facts(entries: Vec<Entry>) -> Facts {
        Facts::of(&Snapshot { epoch: 1, valid_until_unix_ms: None, entries, system: Vec::new() })
    }

    #[test]
    fn equal_snapshots_do_not_differ() {
        let one = facts(vec![entry("A", value("x"), 1)]);
        assert!(one.difference(&one.clone()).is_empty());
    }

    #[test]
    fn a_new_version_is_set_and_removes_nothing() {
        let difference = facts(vec![entry("A", value("x"), 1)]).difference(&facts(vec![entry("A", value("y"), 2)]));
        assert_eq!(difference.set, ["A"]);
        assert!(!difference.removes);
    }

    #[test]
    fn expiry_and_deletion_remove() {
        let before = facts(vec![entry("A", value("x"), 1)]);
        assert!(before.difference(&facts(vec![entry("A", EntryState::Expired, 1)])).removes);
        let gone = before.difference(&facts(Vec::new()));
        assert!(gone.removes);
        assert_eq!(gone.unset, ["A"]);
    }

    #[test]
    fn a_name_without_value_that_goes_removes_nothing() {
        let before = facts(vec![entry("A", EntryState::NoValue, 0)]);
        assert!(!before.difference(&facts(Vec::new())).removes);
    }
}
