//! The values of a project's workloads: the store's, covered by `.env`, covered by the shell. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::resolve::MissingReason;
use strongroom_model::SecretName;
use strongroom_model::manifest::SecretRef;
use strongroom_secret::SecretValue;

/// A value and its number, which rises whenever the value differs from the one before: that is how workers learn that
/// it changed.
pub(super) struct Numbered {
    pub(super) value: SecretValue,
    pub(super) number: u64,
}

/// Names with their values.
#[derive(Default)]
pub(super) struct Values(pub(super) BTreeMap<String, Numbered>);

impl Values {
    /// These values, numbered on from the ones before.
    pub(super) fn after(before: &Self, values: impl IntoIterator<Item = (String, SecretValue)>) -> Self {
        let numbered = values.into_iter().map(|(name, value)| {
            let number = number(before.0.get(&name), &value, 1);
            (name, Numbered { value, number })
        });
        Self(numbered.collect())
    }
}

/// The number of a value that the store calls version `version`. A deleted and made-again secret begins at 1 again.
pub(super) fn number(before: Option<&Numbered>, value: &SecretValue, version: u64) -> u64 {
    match before {
        Some(before) if before.value.expose() == value.expose() => before.number,
        Some(before) if before.number >= version => before.number + 1,
        _ => version,
    }
}

/// One value of the store.
pub(super) struct StoredItem {
    pub(super) numbered: Numbered,
    pub(super) scope: String,
    pub(super) expires_at: Option<Timestamp>,
}

/// What the store resolves for the functions and jobs of a namespace, or for one app.
#[derive(Default)]
pub(super) struct Stored {
    /// The store's epoch.
    pub(super) epoch: u64,
    pub(super) items: BTreeMap<String, StoredItem>,
    pub(super) missing: BTreeMap<String, MissingReason>,
}

/// All values at one moment.
#[derive(Default)]
pub(super) struct Layers {
    /// Rises with every change on this machine or in the store.
    pub(super) epoch: u64,
    /// For functions and jobs.
    pub(super) code: Arc<Stored>,
    /// By app.
    pub(super) apps: BTreeMap<String, Arc<Stored>>,
    /// Secrets of scope `system`, for `secrets.getSystem`.
    pub(super) system: Arc<Values>,
    pub(super) dotenv: Arc<Values>,
    pub(super) shell: Arc<Values>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A scope of the store.
    Store(String),
    /// `.env` beside `strongroom.json`.
    DotEnv,
    /// `STRONGROOM_SECRET_NAME` of the shell.
    Shell,
    /// `default` in `strongroom.json`.
    Default,
}

/// What stands behind a name.
pub(super) enum State<'a> {
    Value(&'a str),
    Missing(MissingReason),
}

/// One name of one workload.
pub(super) struct Given<'a> {
    /// The name that the code sees.
    pub(super) target: &'a str,
    /// The name in the store.
    pub(super) name: &'a str,
    pub(super) origin: Origin,
    pub(super) state: State<'a>,
    pub(super) number: u64,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) default: Option<&'a str>,
    /// A start without it is refused.
    pub(super) stops: bool,
}

/// What a workload may have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wants {
    /// The app's id; none for functions and jobs.
    pub(super) app: Option<String>,
    /// Its list; none means everything that resolves.
    pub(super) list: Option<Vec<SecretRef>>,
}

impl Layers {
    fn stored(&self, wants: &Wants) -> &Stored {
        let of_app = wants.app.as_ref().and_then(|app| self.apps.get(app));
        of_app.unwrap_or(&self.code)
    }

    /// Every name of a workload, sorted by the name that the code sees.
    pub(super) fn given<'a>(&'a self, wants: &'a Wants, now: Timestamp) -> Vec<Given<'a>> {
        let stored = self.stored(wants);
        let mut all: Vec<Given<'a>> = if let Some(list) = &wants.list {
            list.iter().map(|entry| self.entry(stored, entry, now)).collect()
        } else {
            let local = self.dotenv.0.keys().chain(self.shell.0.keys());
            let names: BTreeSet<&String> = stored.items.keys().chain(stored.missing.keys()).chain(local).collect();
            names.into_iter().map(|name| self.look_up(stored, name, now)).collect()
        };
        all.sort_by(|a, b| a.target.cmp(b.target));
        all
    }

    fn entry<'a>(&'a self, stored: &'a Stored, entry: &'a SecretRef, now: Timestamp) -> Given<'a> {
        let mut given = self.look_up(stored, entry.name.as_str(), now);
        given.target = entry.target().as_str();
        given.default = entry.default.as_deref();
        // a default stands in for "not set" and "no value yet" only
        given.stops = match given.state {
            State::Value(_) => false,
            State::Missing(MissingReason::Expired) => entry.is_required() || entry.default.is_some(),
            State::Missing(_) => entry.is_required() && entry.default.is_none(),
        };
        if let (State::Missing(MissingReason::NotSet | MissingReason::NoValue), Some(_)) = (&given.state, given.default)
        {
            given.origin = Origin::Default;
        }
        given
    }

    fn look_up<'a>(&'a self, stored: &'a Stored, name: &'a str, now: Timestamp) -> Given<'a> {
        let given = |origin, state, number, expires_at| Given {
            target: name,
            name,
            origin,
            state,
            number,
            expires_at,
            default: None,
            stops: false,
        };
        for (origin, values) in [(Origin::Shell, &self.shell), (Origin::DotEnv, &self.dotenv)] {
            if let Some(found) = values.0.get(name) {
                return given(origin, State::Value(found.value.expose()), found.number, None);
            }
        }
        if let Some(item) = stored.items.get(name) {
            let is_over = item.expires_at.is_some_and(|at| at <= now);
            let state = if is_over {
                State::Missing(MissingReason::Expired)
            } else {
                State::Value(item.numbered.value.expose())
            };
            return given(Origin::Store(item.scope.clone()), state, item.numbered.number, item.expires_at);
        }
        let reason = stored.missing.get(name).copied().unwrap_or(MissingReason::NotSet);
        given(Origin::Store(String::new()), State::Missing(reason), 0, None)
    }

    /// The next moment at which something expires.
    pub(super) fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        let all = std::iter::once(&self.code).chain(self.apps.values());
        let times = all.flat_map(|stored| stored.items.values()).filter_map(|item| item.expires_at);
        times.filter(|at| *at > now).min()
    }

    /// Every name that a workload may know, and every value, for what must not reach others.
    pub(super) fn every(&self) -> impl Iterator<Item = (&str, &SecretValue)> {
        let stored = std::iter::once(&self.code).chain(self.apps.values()).flat_map(|stored| stored.items.iter());
        let stored = stored.map(|(name, item)| (name.as_str(), &item.numbered.value));
        let local = [&self.system, &self.dotenv, &self.shell].into_iter().flat_map(|values| values.0.iter());
        stored.chain(local.map(|(name, numbered)| (name.as_str(), &numbered.value)))
    }

    /// The same values, as a new moment.
    pub(super) fn again(&self) -> Self {
        Self {
            epoch: self.epoch + 1,
            code: Arc::clone(&self.code),
            apps: self.apps.clone(),
            system: Arc::clone(&self.system),
            dotenv: Arc::clone(&self.dotenv),
            shell: Arc::clone(&self.shell),
        }
    }

    /// The names in which this moment differs from an older one, for one workload.
    pub(super) fn changed(&self, now: Timestamp, older: (&Self, Timestamp), wants: &Wants) -> BTreeSet<String> {
        let fact = |given: &Given<'_>| {
            let value = match given.state {
                State::Value(_) => Ok((given.origin.clone(), given.number)),
                State::Missing(reason) => Err((reason, given.default.map(str::to_owned))),
            };
            (given.target.to_owned(), value)
        };
        let facts = |layers: &Self, at| -> BTreeMap<_, _> { layers.given(wants, at).iter().map(fact).collect() };
        let (old, new) = (facts(older.0, older.1), facts(self, now));
        let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
        names.into_iter().filter(|name| old.get(name) != new.get(name)).collect()
    }
}

/// Whether a name of `.env` may become a variable of a workload.
pub(super) fn is_injectable(name: &str) -> bool {
    name.parse::<SecretName>().is_ok_and(|name| name.risk().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> SecretValue {
        SecretValue::new(text.to_owned()).expect("a legal value")
    }

    fn values(pairs: &[(&str, &str)]) -> Arc<Values> {
        let pairs = pairs.iter().map(|(name, text)| ((*name).to_owned(), value(text)));
        Arc::new(Values::after(&Values::default(), pairs))
    }

    fn stored(pairs: &[(&str, &str, Option<i64>)]) -> Arc<Stored> {
        let item = |(name, text, expires): &(&str, &str, Option<i64>)| {
            let numbered = Numbered { value: value(text), number: 1 };
            let expires_at = expires.map(|second| Timestamp::from_second(second).expect("in range"));
            ((*name).to_owned(), StoredItem { numbered, scope: "global".to_owned(), expires_at })
        };
        let missing = BTreeMap::from([("EMPTY".to_owned(), MissingReason::NoValue)]);
        Arc::new(Stored { epoch: 1, items: pairs.iter().map(item).collect(), missing })
    }

    fn entry(text: &str) -> SecretRef {
        serde_json::from_str(text).expect("an entry")
    }

    fn seen(layers: &Layers, wants: &Wants) -> Vec<String> {
        let now = Timestamp::from_second(100).expect("in range");
        let shown = |given: &Given<'_>| match given.state {
            State::Value(text) => format!("{}={text} {:?}", given.target, given.origin),
            State::Missing(reason) => format!("{} {reason:?} {}", given.target, given.stops),
        };
        layers.given(wants, now).iter().map(shown).collect()
    }

    #[test]
    fn the_shell_covers_dotenv_and_dotenv_covers_the_store() {
        let layers = Layers {
            code: stored(&[("A", "stored", None), ("B", "stored", None), ("C", "stored", None)]),
            dotenv: values(&[("B", "file"), ("C", "file"), ("D", "file")]),
            shell: values(&[("C", "shell")]),
            ..Layers::default()
        };
        assert_eq!(
            seen(&layers, &Wants::default()),
            ["A=stored Store(\"global\")", "B=file DotEnv", "C=shell Shell", "D=file DotEnv", "EMPTY NoValue false"]
        );
        let list = Some(vec![entry(r#"{"name":"B","as":"X"}"#)]);
        assert_eq!(seen(&layers, &Wants { app: None, list }), ["X=file DotEnv"]);
    }

    #[test]
    fn an_expired_secret_is_covered_by_no_default_and_stops_a_start() {
        let layers = Layers { code: stored(&[("A", "old", Some(99))]), ..Layers::default() };
        let list = Some(vec![
            entry(r#"{"name":"A","default":"x"}"#),
            entry(r#"{"name":"B","default":"x"}"#),
            entry(r#"{"name":"C"}"#),
            entry(r#"{"name":"EMPTY","required":false}"#),
        ]);
        let expected = ["A Expired true", "B NotSet false", "C NotSet true", "EMPTY NoValue false"];
        assert_eq!(seen(&layers, &Wants { app: None, list }), expected);
    }

    #[test]
    fn a_value_that_changes_has_a_new_number_whatever_its_version() {
        let before = Numbered { value: value("one"), number: 3 };
        assert_eq!(number(Some(&before), &value("one"), 1), 3);
        assert_eq!(number(Some(&before), &value("two"), 1), 4);
        assert_eq!(number(Some(&before), &value("two"), 7), 7);
        assert_eq!(number(None, &value("two"), 2), 2);
    }

    #[test]
    fn names_that_steer_a_runtime_are_not_taken_from_dotenv() {
        assert!(is_injectable("API_KEY") && is_injectable("__proto__"));
        for name in ["PATH", "NODE_OPTIONS", "PORT", "VITE_KEY", "STRONGROOM_TOKEN", "a-b", "1A"] {
            assert!(!is_injectable(name), "{name}");
        }
    }

    #[test]
    fn only_what_a_workload_sees_counts_as_its_change() {
        let now = Timestamp::from_second(100).expect("in range");
        let older = Layers { dotenv: values(&[("A", "1"), ("B", "1")]), ..Layers::default() };
        let dotenv = Values::after(&older.dotenv, [("A".to_owned(), value("2")), ("B".to_owned(), value("1"))]);
        let newer = Layers { dotenv: Arc::new(dotenv), ..Layers::default() };
        let of = |name: &str| Wants { app: None, list: Some(vec![entry(&format!("{{\"name\":\"{name}\"}}"))]) };
        assert_eq!(newer.changed(now, (&older, now), &of("A")).into_iter().collect::<Vec<_>>(), ["A"]);
        assert!(newer.changed(now, (&older, now), &of("B")).is_empty());
    }
}
