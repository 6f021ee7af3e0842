//! Resolution: which secret a workload sees under a name. A straight line, most specific first, that never fails open.

use crate::scope::ScopeKind;
use jiff::Timestamp;

use crate::expiry::is_expired;

/// One secret that could answer a name: where it stands, and what state it is in. `T` is the caller's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<T> {
    /// The kind of scope it lives in; the caller has already left out rows of other namespaces and apps.
    pub scope: ScopeKind,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// The current version's sealed value, or none if the secret is only declared.
    pub value: Option<T>,
}

/// What a name resolves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<T> {
    /// A value from this scope.
    Value {
        /// The scope that answered.
        scope: ScopeKind,
        /// The sealed value.
        value: T,
        /// When it runs out.
        expires_at: Option<Timestamp>,
    },
    /// The most specific secret has expired. Wider scopes are not asked.
    Expired {
        /// The scope that answered.
        scope: ScopeKind,
    },
    /// The most specific secret is declared and has no value yet. Wider scopes are not asked.
    NoValue {
        /// The scope that answered.
        scope: ScopeKind,
    },
    /// No scope has the name.
    NotSet,
}

/// Resolves one name among its candidates at `now`: app, then namespace, then global, then nothing.
///
/// The most specific candidate decides alone, whatever its state: an expired production override must never turn into
/// the global default. `system` and `user` candidates never answer here.
pub fn resolve<T>(candidates: impl IntoIterator<Item = Candidate<T>>, now: Timestamp) -> Resolution<T> {
    let rank = |kind: ScopeKind| match kind {
        ScopeKind::App => Some(0),
        ScopeKind::Namespace => Some(1),
        ScopeKind::Global => Some(2),
        ScopeKind::System | ScopeKind::User => None,
    };
    let first = candidates
        .into_iter()
        .filter_map(|candidate| rank(candidate.scope).map(|rank| (rank, candidate)))
        .min_by_key(|(rank, _)| *rank);
    match first {
        None => Resolution::NotSet,
        Some((_, Candidate { scope, expires_at, .. })) if is_expired(expires_at, now) => Resolution::Expired { scope },
        Some((_, Candidate { scope, value: None, .. })) => Resolution::NoValue { scope },
        Some((_, Candidate { scope, value: Some(value), expires_at })) => {
            Resolution::Value { scope, value, expires_at }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    fn candidate(scope: ScopeKind, value: Option<&'static str>) -> Candidate<&'static str> {
        Candidate { scope, expires_at: None, value }
    }

    #[test]
    fn the_most_specific_scope_wins_in_any_order() {
        let all = [
            candidate(ScopeKind::Global, Some("g")),
            candidate(ScopeKind::App, Some("a")),
            candidate(ScopeKind::Namespace, Some("n")),
        ];
        let expected = Resolution::Value { scope: ScopeKind::App, value: "a", expires_at: None };
        assert_eq!(resolve(all.clone(), at(0)), expected);
        assert_eq!(resolve(all.into_iter().rev(), at(0)), expected);
    }

    #[test]
    fn an_expired_override_never_falls_through() {
        let expired = Candidate { scope: ScopeKind::Namespace, expires_at: Some(at(10)), value: Some("old") };
        let global = candidate(ScopeKind::Global, Some("default"));
        assert_eq!(resolve([global, expired], at(10)), Resolution::Expired { scope: ScopeKind::Namespace });
    }

    #[test]
    fn a_declared_secret_never_falls_through() {
        let declared = candidate(ScopeKind::App, None);
        let global = candidate(ScopeKind::Global, Some("default"));
        assert_eq!(resolve([global, declared], at(0)), Resolution::NoValue { scope: ScopeKind::App });
    }

    #[test]
    fn system_and_user_secrets_do_not_answer() {
        let others = [candidate(ScopeKind::System, Some("s")), candidate(ScopeKind::User, Some("u"))];
        assert_eq!(resolve(others, at(0)), Resolution::NotSet);
    }
}
