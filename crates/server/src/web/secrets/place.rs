//! Where a secret lives, as people choose and read it: one word in a select, one query in an address.

use strongroom_app::{apps, projects};
use strongroom_model::{AppId, NamespaceName, Scope, ScopeKind};

use crate::extract::{Needs, Scene};
use crate::failure::Failure;
use crate::place::required;

/// The query that says which scope an address means; `global` needs none.
pub(super) fn query(kind: ScopeKind, namespace: Option<&str>, app: Option<&str>) -> String {
    match (kind, namespace, app) {
        (ScopeKind::System, ..) => "?scope=system".to_owned(),
        (_, Some(namespace), Some(app)) => format!("?namespace={namespace}&app={app}"),
        (_, Some(namespace), None) => format!("?namespace={namespace}"),
        (_, None, _) => String::new(),
    }
}

/// A scope in words.
pub(super) fn words(kind: ScopeKind, namespace: Option<&str>, app: Option<&str>) -> String {
    match (kind, namespace, app) {
        (ScopeKind::System, ..) => "System".to_owned(),
        (ScopeKind::User, ..) => "User".to_owned(),
        (_, Some(namespace), Some(app)) => format!("{namespace} / {app}"),
        (_, Some(namespace), None) => namespace.to_owned(),
        (_, None, _) => "Global".to_owned(),
    }
}

/// The same for a whole scope.
pub(super) fn words_of(scope: &Scope) -> String {
    let (namespace, app) = (scope.namespace().map(NamespaceName::as_str), scope.app().map(AppId::as_str));
    words(scope.kind(), namespace, app)
}

/// One choice of a select.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) word: String,
    pub(crate) label: String,
}

/// The scopes that a visitor may choose from.
pub(super) async fn choices<N: Needs>(scene: &Scene<N>) -> Result<Vec<Choice>, Failure> {
    let may = |scope: &Scope| scene.caller.grant().is_none_or(|grant| !grant.is_limited() || changes(grant, scope));
    let mut all = vec![(Scope::Global, "Global: every namespace".to_owned())];
    for item in projects::namespaces(&scene.app, &scene.caller, &scene.project).await? {
        let name: NamespaceName = required("namespace", &item.name)?;
        all.push((Scope::Namespace(name), format!("Namespace {}", item.name)));
    }
    for item in apps::list(&scene.app, &scene.caller, &scene.project).await? {
        let (namespace, id) = (required("namespace", &item.namespace)?, required::<AppId>("app", &item.id)?);
        all.push((Scope::App(namespace, id), format!("App {} / {}", item.namespace, item.id)));
    }
    all.push((Scope::System, "System: settings that no workload lists".to_owned()));
    let choice = |(scope, label): (Scope, String)| Choice { word: word(&scope), label };
    Ok(all.into_iter().filter(|(scope, _)| may(scope)).map(choice).collect())
}

/// Whether a limited grant may change `scope`; the use case decides, this only leaves out what it would refuse.
fn changes(grant: &strongroom_model::Grant, scope: &Scope) -> bool {
    matches!(scope, Scope::Namespace(_) | Scope::App(..)) && grant.reaches(scope)
}

/// A scope as one word: `global`, `namespace:staging`, `app:staging:web`, `system`. Slugs hold no colon.
pub(super) fn word(scope: &Scope) -> String {
    match scope {
        Scope::Global | Scope::User(_) => "global".to_owned(),
        Scope::System => "system".to_owned(),
        Scope::Namespace(namespace) => format!("namespace:{namespace}"),
        Scope::App(namespace, app) => format!("app:{namespace}:{app}"),
    }
}

/// The scope that a word means.
pub(super) fn scope(word: &str) -> Result<Scope, Failure> {
    let parts: Vec<_> = word.split(':').collect();
    match parts.as_slice() {
        ["global" | ""] => Ok(Scope::Global),
        ["system"] => Ok(Scope::System),
        ["namespace", namespace] => Ok(Scope::Namespace(required("namespace", namespace)?)),
        ["app", namespace, app] => Ok(Scope::App(required("namespace", namespace)?, required("app", app)?)),
        _ => Err(Failure::invalid("place", "choose where the secret lives")),
    }
}

/// The query of an address for a scope.
pub(super) fn query_of(scope: &Scope) -> String {
    let (namespace, app) = (scope.namespace().map(NamespaceName::as_str), scope.app().map(AppId::as_str));
    query(scope.kind(), namespace, app)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_scope_comes_back_from_its_word() {
        let (namespace, app): (NamespaceName, AppId) = ("staging".parse().unwrap(), "web".parse().unwrap());
        for all in [Scope::Global, Scope::System, Scope::Namespace(namespace.clone()), Scope::App(namespace, app)] {
            assert_eq!(scope(&word(&all)).unwrap(), all);
        }
        for wrong in ["user:a", "namespace:", "namespace:A B", "app:a", "namespace:a:b:c"] {
            assert!(scope(wrong).is_err(), "{wrong}");
        }
    }
}
