//! `strongroom secrets list`.

use clap::Args;
use jiff::Timestamp;
use strongroom_api::secrets::{SecretItem, State};
use strongroom_client::{SecretFilter, Selector};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::scope::ScopeArgs;
use crate::words::{ago, expiry};

/// What stands for a value. Its width says nothing.
const MASK: &str = "••••••••";

#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Only names that contain this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

pub(crate) fn run(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let scope = args.scope.kind()?.map(strongroom_model::ScopeKind::as_str);
    if scope == Some("global") || (scope == Some("namespace") && args.scope.app.is_some()) {
        args.scope.target()?;
    }
    let within = Selector { scope, namespace: args.scope.namespace.as_deref(), app: args.scope.app.as_deref() };
    let filter = SecretFilter { within, search: args.search.as_deref(), user: None };
    let session = context.connect()?;
    if context.output.quiet && context.output.is_for_people() {
        let names = session.wait(session.project().secret_names(filter))?;
        names.iter().try_for_each(|name| output::line(name))?;
        return Ok(Exit::DONE);
    }
    let items = session.wait(session.project().secrets(filter))?;
    print(context, &items, &nothing(args))
}

/// What is said instead of an empty table.
fn nothing(args: &ListArgs) -> String {
    if args.search.is_some() {
        return "no secret's name contains that".to_owned();
    }
    let options = args.scope.target().map(|target| target.options()).unwrap_or_default();
    format!("there are no secrets here yet; set one: strongroom secrets set NAME{options}")
}

/// Prints secrets as a table, or as JSON.
pub(crate) fn print(context: &Context, items: &[SecretItem], nothing: &str) -> Result<Exit, Failure> {
    if !context.output.is_for_people() {
        return context.output.structured(&items).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let rows = items.iter().map(|item| row(item, now)).collect();
    let head = ["NAME", "SCOPE", "VERSION", "SET", "EXPIRES", "BY", "USED BY", "VALUE"];
    context.output.table(head, rows, nothing)?;
    Ok(Exit::DONE)
}

fn row(item: &SecretItem, now: Timestamp) -> [String; 8] {
    let scope = match (&item.namespace, &item.app, &item.user) {
        (Some(namespace), Some(app), _) => format!("app {namespace}/{app}"),
        (Some(namespace), None, _) => format!("namespace {namespace}"),
        (None, _, Some(user)) => format!("user {user}"),
        _ => item.scope.to_string(),
    };
    let verb = if item.state == State::NoValue { "declared" } else { "set" };
    let value = match (item.state, &item.hint) {
        (State::NoValue, _) => "(no value)".to_owned(),
        (_, Some(hint)) => format!("{MASK}{hint}"),
        (_, None) => MASK.to_owned(),
    };
    [
        item.name.clone(),
        scope,
        item.version.map_or_else(|| "-".to_owned(), |version| format!("v{version}")),
        format!("{verb} {}", ago(now, item.updated_at)),
        item.expires_at.map_or_else(|| "-".to_owned(), |at| expiry(now, at)),
        item.updated_by.clone(),
        item.used_by.to_string(),
        if item.overridden { format!("{value} (environment wins)") } else { value },
    ]
}
