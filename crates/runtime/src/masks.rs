//! The values whose traces are masked in output: those in force and those replaced of late.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use strongroom_secret::SecretValue;

use crate::mask::{MaskSet, is_maskable};
use crate::snapshot::{EntryState, Snapshot};

/// A replaced value is masked for so long: a worker that started with it may still be writing.
const KEEP_REPLACED: Duration = Duration::from_hours(1);
/// So many replaced values are masked; above that the oldest go.
const MAX_REPLACED: usize = 1_000;

/// A value that an invocation for an end user held is masked for so long after the last one.
const KEEP_RETURNED: Duration = Duration::from_mins(10);
/// So many of those are masked; above that the oldest go. Never one that an invocation holds.
const MAX_RETURNED: usize = 256;

/// The values whose traces are masked in somebody's output: those in force, those replaced during the last hour, and those
/// of end users whose invocations run or ended of late.
#[derive(Default)]
pub struct Masks(Mutex<State>);

#[derive(Default)]
struct State {
    /// Each with the time since when it is no longer in force.
    values: Vec<(SecretValue, Option<Instant>)>,
    /// End users' own, while invocations hold them and for a while after.
    lent: Vec<Lent>,
    built: Option<Arc<MaskSet>>,
    /// Names whose values are too short to be masked, and whether that has been told.
    short: BTreeMap<String, bool>,
}

impl Masks {
    /// Adds what `snapshot` holds; what it no longer holds is kept for a while.
    pub(crate) fn update(&self, snapshot: &Snapshot) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.update(snapshot, Instant::now());
    }

    /// These values are in force from now on; those before that are not among them are kept for a while.
    pub fn hold<'a>(&self, values: impl IntoIterator<Item = &'a SecretValue>) {
        let fresh = values.into_iter().map(SecretValue::expose).collect();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.hold(fresh, Instant::now());
    }

    /// These values of an end user are held by one more invocation.
    pub(crate) fn lend<'a>(&self, values: impl Iterator<Item = &'a SecretValue>) {
        let (mut state, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        values.for_each(|value| state.lend(value, now));
    }

    /// An invocation that held these values is over.
    pub(crate) fn take_back<'a>(&self, values: impl Iterator<Item = &'a SecretValue>) {
        let (mut state, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        values.for_each(|value| state.take_back(value, now));
    }

    /// This value came up for a moment.
    pub(crate) fn remember(&self, value: Option<&SecretValue>) {
        self.lend(value.into_iter());
        self.take_back(value.into_iter());
    }

    /// Names whose values are too short to be masked, each once.
    pub(crate) fn take_short(&self) -> Vec<String> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = state.short.iter_mut().filter_map(|(name, told)| (!std::mem::replace(told, true)).then_some(name));
        untold.cloned().collect()
    }

    /// What is to be masked now.
    pub fn set(&self) -> Arc<MaskSet> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { values, lent, built, .. } = &mut *state;
        let all = || values.iter().map(|(value, _)| value).chain(lent.iter().map(|lent| &lent.value));
        Arc::clone(built.get_or_insert_with(|| Arc::new(MaskSet::new(all()))))
    }
}

/// A value of an end user.
struct Lent {
    value: SecretValue,
    holders: usize,
    /// Since when nobody holds it.
    returned: Option<Instant>,
}

impl State {
    fn lend(&mut self, value: &SecretValue, now: Instant) {
        if !is_maskable(value) {
            return;
        }
        if let Some(known) = self.lent.iter_mut().find(|known| known.value.expose() == value.expose()) {
            known.holders += 1;
            known.returned = None;
            return;
        }
        self.lent.retain(|lent| lent.returned.is_none_or(|at| now.duration_since(at) < KEEP_RETURNED));
        let returned = self.lent.iter().filter(|lent| lent.returned.is_some()).count();
        if returned >= MAX_RETURNED {
            let oldest = self.lent.iter().enumerate().filter_map(|(index, lent)| Some((lent.returned?, index))).min();
            if let Some((_, index)) = oldest {
                self.lent.swap_remove(index);
            }
        }
        self.lent.push(Lent { value: value.duplicate(), holders: 1, returned: None });
        self.built = None;
    }

    fn take_back(&mut self, value: &SecretValue, now: Instant) {
        if let Some(known) = self.lent.iter_mut().find(|known| known.value.expose() == value.expose()) {
            known.holders = known.holders.saturating_sub(1);
            if known.holders == 0 {
                known.returned = Some(now);
            }
        }
    }

    fn update(&mut self, snapshot: &Snapshot, now: Instant) {
        let mut fresh: HashSet<&str> = HashSet::new();
        for entry in snapshot.entries.iter().chain(&snapshot.system) {
            if let EntryState::Value(value) = &entry.state {
                fresh.insert(value.expose());
                if !value.is_empty() && !is_maskable(value) {
                    self.short.entry(entry.name.clone()).or_default();
                }
            }
        }
        self.hold(fresh, now);
    }

    fn hold(&mut self, mut fresh: HashSet<&str>, now: Instant) {
        for (value, replaced) in &mut self.values {
            let in_force = fresh.remove(value.expose());
            *replaced = if in_force { None } else { replaced.or(Some(now)) };
        }
        self.values.retain(|(_, replaced)| replaced.is_none_or(|at| now.duration_since(at) < KEEP_REPLACED));
        self.values.extend(fresh.into_iter().filter_map(|text| Some((SecretValue::new(text.to_owned()).ok()?, None))));
        self.drop_oldest();
        // built again by the next line, off the path of a push
        self.built = None;
    }

    fn drop_oldest(&mut self) {
        let replaced = self.values.iter().filter(|(_, replaced)| replaced.is_some()).count();
        if replaced > MAX_REPLACED {
            self.values.sort_by_key(|(_, replaced)| (replaced.is_none(), *replaced));
            self.values.drain(..replaced - MAX_REPLACED);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::mask::MASK;
    use crate::snapshot::Entry;

    fn snapshot(text: &str) -> Snapshot {
        let state = EntryState::Value(SecretValue::new(text.to_owned()).unwrap());
        let entry = Entry { name: "A".to_owned(), state, default: None, scope: "global".to_owned(), version: 1 };
        Snapshot { epoch: 1, valid_until_unix_ms: None, entries: vec![entry], system: Vec::new() }
    }

    fn mask(state: &State, text: &str) -> String {
        Arc::new(MaskSet::new(state.values.iter().map(|(value, _)| value))).mask(text)
    }

    #[test]
    fn a_replaced_value_is_masked_for_an_hour_and_a_returned_one_for_good() {
        let mut state = State::default();
        let start = Instant::now();
        state.update(&snapshot("first-value"), start);
        state.update(&snapshot("second-value"), start);
        assert_eq!(mask(&state, "first-value second-value"), format!("{MASK} {MASK}"));
        state.update(&snapshot("first-value"), start + KEEP_REPLACED / 2);
        state.update(&snapshot("first-value"), start + KEEP_REPLACED * 2);
        assert_eq!(mask(&state, "first-value second-value"), format!("{MASK} second-value"));
    }

    fn value(text: &str) -> SecretValue {
        SecretValue::new(text.to_owned()).unwrap()
    }

    fn lent(state: &State) -> Vec<&str> {
        state.lent.iter().map(|lent| lent.value.expose()).collect()
    }

    #[test]
    fn a_users_value_is_masked_while_invocations_hold_it_and_ten_minutes_longer() {
        let (mut state, start) = (State::default(), Instant::now());
        let (one, other) = (value("value-of-one"), value("value-of-another"));
        state.lend(&one, start);
        state.lend(&one, start);
        state.take_back(&one, start);
        state.lend(&other, start + KEEP_RETURNED * 3);
        assert_eq!(lent(&state), ["value-of-one", "value-of-another"]);
        state.take_back(&one, start + KEEP_RETURNED * 3);
        state.lend(&value("a-third-value"), start + KEEP_RETURNED * 5);
        assert_eq!(lent(&state), ["value-of-another", "a-third-value"]);
    }

    #[test]
    fn no_number_of_returned_values_pushes_out_one_that_is_held() {
        let (mut state, start) = (State::default(), Instant::now());
        state.lend(&value("held-all-the-time"), start);
        for n in 0..MAX_RETURNED + 10 {
            let (passing, now) = (value(&format!("passing-{n}")), start + Duration::from_millis(n.try_into().unwrap()));
            state.lend(&passing, now);
            state.take_back(&passing, now);
        }
        assert_eq!(state.lent.len(), MAX_RETURNED + 1);
        assert!(lent(&state).contains(&"held-all-the-time") && !lent(&state).contains(&"passing-3"));
    }

    #[test]
    fn a_user_who_comes_again_has_no_search_built_anew() {
        let masks = Masks::default();
        let own = value("value-of-one");
        masks.lend([&own].into_iter());
        let built = masks.set();
        masks.take_back([&own].into_iter());
        masks.lend([&own].into_iter());
        assert!(Arc::ptr_eq(&built, &masks.set()));
        assert_eq!(built.mask("it is value-of-one"), format!("it is {MASK}"));
    }

    #[test]
    fn a_value_too_short_to_be_masked_is_named_once() {
        let masks = Masks::default();
        masks.update(&snapshot("abc"));
        masks.update(&snapshot("abcd"));
        assert_eq!(masks.take_short(), ["A"]);
        assert_eq!(masks.take_short(), [""; 0]);
    }

    #[test]
    fn replaced_values_are_bounded_in_number() {
        let mut state = State::default();
        let start = Instant::now();
        for n in 0..MAX_REPLACED + 10 {
            state.update(&snapshot(&format!("value-number-{n}")), start + Duration::from_millis(n.try_into().unwrap()));
        }
        assert_eq!(state.values.len(), MAX_REPLACED + 1);
        assert_eq!(mask(&state, "value-number-1009"), MASK);
        assert_eq!(mask(&state, "value-number-3"), "value-number-3");
    }
}
