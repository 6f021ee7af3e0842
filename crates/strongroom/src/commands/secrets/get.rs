//! `strongroom secrets get`: metadata, never the value.

use clap::Args;
use jiff::Timestamp;
use strongroom_api::secrets::{Reader, SecretDetail, State};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::scope::ScopeArgs;
use crate::words::{ago, expiry};

#[derive(Args)]
pub(crate) struct GetArgs {
    /// The secret's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    scope: ScopeArgs,
}

pub(crate) fn run(context: &Context, args: &GetArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let name = super::name(&args.name)?;
    let session = context.connect()?;
    let found = session.wait(session.project().secret(name.as_str(), target.selector()));
    let detail = found.map_err(|error| super::addressed(&session, "get", &name, &target, error))?;
    print(context, &detail)
}

/// Prints one secret's metadata.
pub(crate) fn print(context: &Context, detail: &SecretDetail) -> Result<Exit, Failure> {
    if !context.output.is_for_people() {
        return context.output.structured(detail).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let state = match detail.state {
        State::Set => "set",
        State::NoValue => "no value yet",
        State::ExpiringSoon => "expiring soon",
        State::Expired => "expired",
    };
    let scope = match (&detail.namespace, &detail.app) {
        (Some(namespace), Some(app)) => format!("app {namespace}/{app}"),
        (Some(namespace), None) => format!("namespace {namespace}"),
        _ => detail.scope.to_string(),
    };
    let version = detail.version.map_or_else(|| "-".to_owned(), |version| format!("v{version}"));
    let expires = detail.expires_at.map_or_else(|| "never".to_owned(), |at| format!("{at} ({})", expiry(now, at)));
    let lines = [
        ("Name", detail.name.clone()),
        ("Scope", scope),
        ("State", state.to_owned()),
        ("Version", version),
        ("Description", detail.description.clone().unwrap_or_else(|| "-".to_owned())),
        ("Expires", expires),
        ("Created", format!("{} ({})", detail.created_at, ago(now, detail.created_at))),
        ("Updated", format!("{} ({}) by {}", detail.updated_at, ago(now, detail.updated_at), detail.updated_by)),
    ];
    for (label, text) in lines {
        output::line(&format!("{label:<12} {text}"))?;
    }
    for reader in readers(&detail.used_by, now) {
        output::line(&format!("{:<12} {reader}", "Used by"))?;
    }
    Ok(Exit::DONE)
}

/// One line a workload: how it read the secret and when last, or how it could.
fn readers(used_by: &[Reader], now: Timestamp) -> Vec<String> {
    let workload = |reader: &Reader| format!("{} {}/{}", reader.kind, reader.namespace, reader.name);
    let mut lines = Vec::new();
    for (index, first) in used_by.iter().enumerate() {
        if used_by.iter().take(index).any(|earlier| workload(earlier) == workload(first)) {
            continue;
        }
        let same: Vec<_> = used_by.iter().filter(|reader| workload(reader) == workload(first)).collect();
        let read: Vec<_> = same.iter().filter(|reader| reader.last_read_at.is_some()).collect();
        let last = read.iter().filter_map(|reader| reader.last_read_at).max();
        lines.push(match last {
            None => format!("{}, not read yet", workload(first)),
            Some(at) => {
                let ways: Vec<_> = read.iter().map(|reader| reader.via.as_str()).collect();
                format!("{}, read {} ({})", workload(first), ago(now, at), ways.join(", "))
            }
        });
    }
    lines
}
