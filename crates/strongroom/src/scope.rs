//! Which scope a command is about.

use strongroom_client::Selector;
use strongroom_model::{AppId, NamespaceName, Scope, ScopeKind};

use crate::errors::Failure;

/// `--scope`, `--namespace` and `--app`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ScopeArgs {
    /// `global`, `namespace` or `app`; told by --namespace and --app if absent
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// The namespace; alone it means --scope namespace
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The app; alone it means --scope app, in the namespace `default` unless given
    #[arg(long, value_name = "ID")]
    pub(crate) app: Option<String>,
}

/// One scope of the project: global, a namespace or an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    scope: Scope,
}

impl ScopeArgs {
    /// The one scope that the options name together.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let kind = self.kind()?;
        let namespace: Option<NamespaceName> = parsed(self.namespace.as_deref())?;
        let app: Option<AppId> = parsed(self.app.as_deref())?;
        let contradiction = |text: &str| Err(Failure::usage(text));
        let scope = match (kind, namespace, app) {
            (None | Some(ScopeKind::Global), None, None) => Scope::Global,
            (None | Some(ScopeKind::Namespace), Some(namespace), None) => Scope::Namespace(namespace),
            (None | Some(ScopeKind::App), namespace, Some(app)) => {
                Scope::App(namespace.unwrap_or_else(NamespaceName::default_namespace), app)
            }
            (Some(ScopeKind::Global), ..) => {
                return contradiction("--scope global contradicts --namespace and --app; leave one of them out");
            }
            (Some(ScopeKind::Namespace), None, None) => {
                return contradiction("--scope namespace needs --namespace NAME");
            }
            (Some(ScopeKind::Namespace), _, Some(_)) => {
                return contradiction("--scope namespace contradicts --app; leave one of them out");
            }
            (Some(ScopeKind::App), _, None) => return contradiction("--scope app needs --app ID"),
            (Some(ScopeKind::System | ScopeKind::User), ..) => {
                return Err(Failure::usage("system and user secrets are kept with `strongroom settings secrets`")
                    .hint("strongroom settings secrets --help"));
            }
        };
        Ok(Target { scope })
    }

    /// The kind of scope that `--scope` names.
    pub(crate) fn kind(&self) -> Result<Option<ScopeKind>, Failure> {
        let word = |word: &String| {
            let refused = || Failure::usage("--scope takes one of: global, namespace, app");
            ScopeKind::from_word(word).ok_or_else(refused)
        };
        self.scope.as_ref().map(word).transpose()
    }
}

/// An option's value as a name, checked here so that a wrong one needs no server.
fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Failure>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse().map_err(|error: T::Err| Failure::usage(error.to_string()))).transpose()
}

impl Target {
    /// For the client.
    pub(crate) fn selector(&self) -> Selector<'_> {
        Selector {
            scope: Some(self.scope.kind().as_str()),
            namespace: self.scope.namespace().map(NamespaceName::as_str),
            app: self.scope.app().map(AppId::as_str),
        }
    }

    /// The parts as a request body takes them.
    pub(crate) fn parts(&self) -> (Option<String>, Option<String>, Option<String>) {
        let Selector { scope, namespace, app } = self.selector();
        (scope.map(str::to_owned), namespace.map(str::to_owned), app.map(str::to_owned))
    }

    /// The kind of scope.
    pub(crate) fn kind(&self) -> ScopeKind {
        self.scope.kind()
    }

    /// Whether it is the global scope.
    pub(crate) fn is_global(&self) -> bool {
        self.scope == Scope::Global
    }

    /// The options that name this scope, with a leading space.
    pub(crate) fn options(&self) -> String {
        options(
            self.scope.kind(),
            self.scope.namespace().map(NamespaceName::as_str),
            self.scope.app().map(AppId::as_str),
        )
    }

    /// In words: `global (all namespaces)`, `namespace production`, `app default/abc123`.
    pub(crate) fn words(&self) -> String {
        if self.is_global() { "global (all namespaces)".to_owned() } else { self.scope.to_string() }
    }
}

/// The options that name a scope, with a leading space.
pub(crate) fn options(kind: ScopeKind, namespace: Option<&str>, app: Option<&str>) -> String {
    match (kind, namespace, app) {
        (ScopeKind::Namespace, Some(namespace), _) => format!(" --namespace {namespace}"),
        (ScopeKind::App, Some("default") | None, Some(app)) => format!(" --app {app}"),
        (ScopeKind::App, Some(namespace), Some(app)) => format!(" --namespace {namespace} --app {app}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scope: Option<&str>, namespace: Option<&str>, app: Option<&str>) -> Option<String> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let args = ScopeArgs { scope: owned(scope), namespace: owned(namespace), app: owned(app) };
        args.target().ok().map(|target| target.words())
    }

    #[test]
    fn namespace_and_app_alone_tell_the_scope() {
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(words(None, None, None), is("global (all namespaces)"));
        assert_eq!(words(Some("global"), None, None), is("global (all namespaces)"));
        assert_eq!(words(None, Some("production"), None), is("namespace production"));
        assert_eq!(words(Some("namespace"), Some("production"), None), is("namespace production"));
        assert_eq!(words(None, None, Some("abc123")), is("app default/abc123"));
        assert_eq!(words(None, Some("staging"), Some("abc123")), is("app staging/abc123"));
        assert_eq!(words(Some("app"), Some("staging"), Some("abc123")), is("app staging/abc123"));
    }

    #[test]
    fn contradictions_are_errors() {
        for (scope, namespace, app) in [
            (Some("global"), Some("production"), None),
            (Some("global"), None, Some("abc123")),
            (Some("namespace"), None, None),
            (Some("namespace"), Some("production"), Some("abc123")),
            (Some("app"), Some("production"), None),
            (Some("system"), None, None),
            (Some("else"), None, None),
            (None, Some("Not A Name"), None),
        ] {
            assert_eq!(words(scope, namespace, app), None, "{scope:?} {namespace:?} {app:?}");
        }
    }
}
