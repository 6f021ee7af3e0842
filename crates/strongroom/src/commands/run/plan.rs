//! What a run is to get, and whether a resolution gives it.

use strongroom_api::Code;
use strongroom_api::resolve::{Missing, MissingReason, Resolved};
use strongroom_client::Workload;
use strongroom_model::SecretName;
use strongroom_model::manifest::SecretRef;
use strongroom_secret::SecretValue;

use super::super::secrets::resolve::why;
use super::RunArgs;
use crate::config;
use crate::context::Context;
use crate::environment::SECRET_PREFIX;
use crate::errors::{Failure, at};

/// Who asks, for which names, and how the values are called in the end.
pub(super) struct Plan {
    pub(super) namespace: String,
    pub(super) app: Option<String>,
    wanted: Option<Vec<SecretRef>>,
    /// The names to ask for; none means everything that resolves.
    pub(super) names: Vec<String>,
    prefixed: bool,
}

impl Plan {
    /// Reads the arguments and the project file.
    pub(super) fn new(context: &Context, args: &RunArgs) -> Result<Self, Failure> {
        let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
        let wanted = wanted(context, args)?;
        let names = wanted.iter().flatten().map(|entry| entry.name.to_string()).collect();
        Ok(Self { namespace, app: args.app.clone(), wanted, names, prefixed: args.prefixed })
    }

    /// The workload to resolve for.
    pub(super) fn workload(&self) -> Workload<'_> {
        Workload { namespace: Some(&self.namespace), app: self.app.as_deref() }
    }

    /// Whether there is a list, and it is empty: then there is nothing to ask for.
    pub(super) fn wants_nothing(&self) -> bool {
        self.wanted.as_ref().is_some_and(Vec::is_empty)
    }

    /// Why the command must not run with this resolution: names that it needs have no value. All of them at once.
    pub(super) fn lacks(&self, resolved: &Resolved) -> Option<Failure> {
        let required: Vec<_> = resolved.missing.iter().filter(|missing| self.stops(missing)).collect();
        if required.is_empty() {
            return None;
        }
        let options = match (self.namespace.as_str(), &self.app) {
            ("default", None) => String::new(),
            ("default", Some(app)) => format!(" --app {app}"),
            (namespace, Some(app)) => format!(" --namespace {namespace} --app {app}"),
            (namespace, None) => format!(" --namespace {namespace}"),
        };
        let errors = required.iter().map(|missing| {
            at(&missing.name, format!("{}; set it: strongroom secrets set {}{options}", why(missing), missing.name))
        });
        let message = "the command was not run: it needs secrets that have no value";
        Some(Failure::new(Code::SecretsMissing, message).each(errors.collect()))
    }

    /// A default stands in for "not set" and "no value yet" only.
    fn stops(&self, missing: &Missing) -> bool {
        let entry = self.wanted.iter().flatten().find(|entry| entry.name.as_str() == missing.name);
        entry.is_some_and(|entry| {
            entry.is_required() || (entry.default.is_some() && missing.reason == MissingReason::Expired)
        })
    }

    /// The secrets by the names that the command sees.
    pub(super) fn secrets(&self, resolved: Resolved) -> Vec<(String, SecretValue)> {
        let resolved = resolved.secrets.0;
        let mut named = match &self.wanted {
            None => resolved,
            Some(list) => {
                let value = |name: &str| resolved.iter().find(|(known, _)| known == name).map(|(_, value)| value);
                let entry = |entry: &SecretRef| {
                    let default = || SecretValue::new(entry.default.clone()?).ok();
                    let value = value(entry.name.as_str()).map(SecretValue::duplicate).or_else(default)?;
                    Some((entry.target().to_string(), value))
                };
                list.iter().filter_map(entry).collect()
            }
        };
        if self.prefixed {
            let prefixed =
                |(name, value): &(String, SecretValue)| (format!("{SECRET_PREFIX}{name}"), value.duplicate());
            let more: Vec<_> = named.iter().map(prefixed).collect();
            named.extend(more);
        }
        named
    }
}

/// What the run is limited to: `--only`, else the app's list in the project file, else everything.
fn wanted(context: &Context, args: &RunArgs) -> Result<Option<Vec<SecretRef>>, Failure> {
    if !args.only.is_empty() {
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        for (index, text) in args.only.iter().enumerate() {
            let name: Result<SecretName, _> = text.trim().parse();
            match name {
                Ok(name) => {
                    entries.push(SecretRef {
                        name,
                        alias: None,
                        required: Some(true),
                        default: None,
                        via: None,
                        user: None,
                    });
                }
                Err(error) => problems.push(at(format!("--only number {}", index + 1), error)),
            }
        }
        return match problems.as_slice() {
            [] => Ok(Some(entries)),
            [only] => Err(Failure::usage(format!("--only: {}", only.detail))),
            several => Err(Failure::usage(format!("--only: {} names are wrong", several.len())).each(problems)),
        };
    }
    let Some(app) = &args.app else { return Ok(None) };
    let file = context.project_file()?;
    let found = file.and_then(|file| file.content.apps.iter().find(|entry| entry.id.as_str() == app));
    Ok(found.and_then(|entry| entry.secrets.clone()))
}
