//! Where a request points: scopes, namespaces and names from what was sent, with all problems at once.

use std::collections::HashSet;
use std::str::FromStr;

use strongroom_app::{Error, Fault};
use strongroom_model::{AppId, EndUser, NamespaceName, Scope, ScopeKind, SecretName, UserId};

use crate::failure::Failure;

/// Secrets in one write: everybody else's writes wait for its end.
const MAX_WRITTEN: usize = 10_000;

/// The parts of a scope as they were sent; an empty text means none.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) scope: Option<&'a str>,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) app: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(scope: Option<&'a String>, namespace: Option<&'a String>, app: Option<&'a String>) -> Self {
        let some = |text: Option<&'a String>| text.map(String::as_str).filter(|text| !text.is_empty());
        Self { scope: some(scope), namespace: some(namespace), app: some(app), user: None }
    }

    pub(crate) fn with_user(mut self, user: Option<&'a String>) -> Self {
        self.user = user.map(String::as_str).filter(|text| !text.is_empty());
        self
    }

    /// What the query says, completed by the body; where both say something they must agree.
    pub(crate) fn or(self, body: Self) -> Result<Self, Failure> {
        let both = |at: &str, query: Option<&'a str>, body: Option<&'a str>| match (query, body) {
            (Some(query), Some(body)) if query != body => {
                Err(Failure::invalid(at, format!("the address and the body disagree about the {at}")))
            }
            (query, body) => Ok(query.or(body)),
        };
        Ok(Self {
            scope: both("scope", self.scope, body.scope)?,
            namespace: both("namespace", self.namespace, body.namespace)?,
            app: both("app", self.app, body.app)?,
            user: both("user", self.user, body.user)?,
        })
    }

    /// The kind of scope that was named, if any.
    pub(crate) fn kind(self) -> Result<Option<ScopeKind>, Failure> {
        let Some(word) = self.scope else { return Ok(None) };
        let kind = ScopeKind::from_word(word);
        kind.map(Some)
            .ok_or_else(|| Failure::invalid("scope", "a scope is one of global, namespace, app, system and user"))
    }

    /// Exactly one scope: `global` unless an app, a namespace or a user is named.
    pub(crate) fn scope(self) -> Result<Scope, Failure> {
        let namespace: Option<NamespaceName> = optional("namespace", self.namespace)?;
        let app: Option<AppId> = optional("app", self.app)?;
        let user: Option<UserId> = optional("user", self.user)?;
        let kind = self.kind()?.unwrap_or(match (&app, &namespace, &user) {
            (Some(_), _, _) => ScopeKind::App,
            (None, Some(_), _) => ScopeKind::Namespace,
            (None, None, Some(_)) => ScopeKind::User,
            (None, None, None) => ScopeKind::Global,
        });
        match (kind, namespace, app, user) {
            (ScopeKind::Global, None, None, None) => Ok(Scope::Global),
            (ScopeKind::System, None, None, None) => Ok(Scope::System),
            (ScopeKind::User, None, None, Some(user)) => Ok(Scope::User(EndUser::unclaimed(&user))),
            (ScopeKind::Namespace, Some(namespace), None, None) => Ok(Scope::Namespace(namespace)),
            (ScopeKind::App, namespace, Some(app), None) => {
                Ok(Scope::App(namespace.unwrap_or_else(NamespaceName::default_namespace), app))
            }
            (ScopeKind::Namespace, None, ..) => Err(Failure::invalid("namespace", "scope namespace needs a namespace")),
            (ScopeKind::App, _, None, _) => Err(Failure::invalid("app", "scope app needs an app")),
            (ScopeKind::User, _, _, None) => Err(Failure::invalid("user", "scope user needs a user")),
            (kind, ..) => Err(Failure::invalid(
                "scope",
                format!("scope {kind} contradicts the namespace, app or user that is named"),
            )),
        }
    }
}

/// Parses a text that may be absent.
pub(crate) fn optional<T>(at: &str, text: Option<&str>) -> Result<Option<T>, Failure>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse().map_err(|error: T::Err| Failure::invalid(at, error))).transpose()
}

/// Parses a text.
pub(crate) fn required<T>(at: &str, text: &str) -> Result<T, Failure>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Failure::invalid(at, error))
}

/// The namespace that a workload stands in: `default` unless named.
pub(crate) fn workload_namespace(text: Option<&String>) -> Result<NamespaceName, Failure> {
    let named = optional("namespace", text.map(String::as_str).filter(|text| !text.is_empty()))?;
    Ok(named.unwrap_or_else(NamespaceName::default_namespace))
}

/// Parses many names, reporting every one that is none by its position, since what stands there may be a value.
pub(crate) fn names<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<SecretName>, Failure> {
    let (names, faults) = sorted_out(texts);
    if faults.is_empty() { Ok(names) } else { Err(Error::Invalid(faults).into()) }
}

/// The names of a write. If some are none, those that lack a grant are reported along with them: all problems at once.
pub(crate) fn names_to_set<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    allowed: &[SecretName],
) -> Result<Vec<SecretName>, Failure> {
    let (names, mut faults) = sorted_out(texts);
    if names.len() > MAX_WRITTEN {
        return Err(Failure::invalid("secrets", format!("at most {MAX_WRITTEN} secrets are written at once")));
    }
    if faults.is_empty() {
        return Ok(names);
    }
    let ungranted = names.iter().filter(|name| !allowed.contains(name));
    faults.extend(ungranted.filter_map(|name| Some(Fault::new(name.as_str(), name.risk()?.explain(name)))));
    Err(Error::Invalid(faults).into())
}

fn sorted_out<'a>(texts: impl IntoIterator<Item = &'a str>) -> (Vec<SecretName>, Vec<Fault>) {
    let (mut names, mut faults) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for (index, text) in texts.into_iter().enumerate() {
        match text.parse::<SecretName>() {
            Ok(name) if !seen.insert(name.clone()) => {
                faults.push(Fault::new(name.as_str(), format!("{name} is given twice")));
            }
            Ok(name) => names.push(name),
            Err(error) => faults.push(Fault::new(format!("name {}", index + 1), error)),
        }
    }
    (names, faults)
}

/// The secret's name in an address.
pub(crate) fn name(text: &str) -> Result<SecretName, Failure> {
    required("name", text)
}
