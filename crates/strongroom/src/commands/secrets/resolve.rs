//! `strongroom secrets resolve`: which names a workload gets, and from where.

use clap::Args;
use strongroom_api::resolve::{Missing, MissingReason};
use strongroom_client::{ClientError, Workload};

use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::expiry;

#[derive(Args)]
pub(crate) struct ResolveArgs {
    /// The workload's namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The workload's id, if it is an app
    #[arg(long, value_name = "ID")]
    app: Option<String>,
}

pub(crate) fn run(context: &Context, args: &ResolveArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
    let workload = Workload { namespace: Some(&namespace), app: args.app.as_deref() };
    let session = context.connect()?;
    let answer = session.wait(session.project().resolution(workload));
    let answer = answer.map_err(|error| unresolved(error, &namespace, args.app.as_deref()))?;
    if !context.output.is_for_people() {
        return context.output.structured(&answer).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let rows = answer.items.iter().map(|item| {
        let version = item.version.map_or_else(|| "-".to_owned(), |version| format!("v{version}"));
        let expires = item.expires_at.map_or_else(|| "-".to_owned(), |at| expiry(now, at));
        [item.name.clone(), item.scope.clone(), version, expires]
    });
    let nothing = format!("nothing resolves in {namespace}");
    context.output.table(["NAME", "SCOPE", "VERSION", "EXPIRES"], rows.collect(), &nothing)?;
    say_left_out(context, &answer.missing);
    Ok(Exit::DONE)
}

/// The failure of a resolution; if the namespace or app is not there, with the command that makes it.
pub(crate) fn unresolved(error: ClientError, namespace: &str, app: Option<&str>) -> Failure {
    let lacks = |what: &str| matches!(&error, ClientError::Problem(problem) if problem.detail.starts_with(what));
    let hint = match app {
        Some(app) if lacks("app ") => Some(format!("strongroom apps create {app} --namespace {namespace}")),
        _ if lacks("namespace ") => Some(format!("strongroom namespaces create {namespace}")),
        _ => None,
    };
    Failure::from(error).hint_if_none(|| hint)
}

/// Says which names were left out, one line for each reason.
pub(crate) fn say_left_out(context: &Context, missing: &[Missing]) {
    for reason in [MissingReason::NotSet, MissingReason::NoValue, MissingReason::Expired] {
        let names: Vec<_> =
            missing.iter().filter(|missing| missing.reason == reason).map(|missing| missing.name.as_str()).collect();
        let why = match reason {
            MissingReason::NotSet => "not set",
            MissingReason::NoValue => "no value yet",
            MissingReason::Expired => "expired",
        };
        if !names.is_empty() {
            context.output.talk(&format!("left out ({why}): {}", names.join(", ")));
        }
    }
}

/// Why a name has no value.
pub(crate) fn why(missing: &Missing) -> &'static str {
    match missing.reason {
        MissingReason::NotSet => "not set",
        MissingReason::NoValue => "has no value yet",
        MissingReason::Expired => "expired",
    }
}
