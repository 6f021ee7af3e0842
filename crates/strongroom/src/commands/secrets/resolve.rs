//! `strongroom secrets resolve`: which names a workload gets, and from where.

use clap::Args;
use strongroom_api::resolve::{Missing, MissingReason};
use strongroom_client::Workload;

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
    let answer = session.wait(session.project().resolution(workload))?;
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
    for missing in &answer.missing {
        context.output.talk(&format!("left out: {}: {}", missing.name, why(missing)));
    }
    Ok(Exit::DONE)
}

/// Why a name has no value.
pub(crate) fn why(missing: &Missing) -> &'static str {
    match missing.reason {
        MissingReason::NotSet => "not set",
        MissingReason::NoValue => "has no value yet",
        MissingReason::Expired => "expired",
    }
}
