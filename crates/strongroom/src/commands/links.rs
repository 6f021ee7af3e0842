//! `strongroom links`.

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::{ago, expiry};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists fill-in links, without their addresses
    #[command(visible_alias = "ls")]
    List,
    /// Revokes fill-in links at once
    Revoke(RevokeArgs),
}

#[derive(Args)]
pub(crate) struct RevokeArgs {
    /// The links' ids, as `links list` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List => list(context)?,
        Command::Revoke(args) => revoke(context, &args)?,
    }
    Ok(Exit::DONE)
}

fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect()?;
    let links = session.wait(session.project().links())?;
    if !context.output.is_for_people() {
        return context.output.structured(&links);
    }
    let now = (context.now)();
    let rows = links.iter().map(|link| {
        let place = match (link.scope, &link.namespace, &link.app) {
            (None, ..) => String::new(),
            (Some(_), Some(namespace), Some(app)) => format!("{namespace}/{app}"),
            (Some(_), Some(namespace), None) => namespace.clone(),
            (Some(kind), None, _) => kind.to_string(),
        };
        let filled = link.filled_at.map(|at| match &link.filled_from {
            Some(from) => format!("{} from {from}", ago(now, at)),
            None => ago(now, at),
        });
        [
            link.id.clone(),
            link.state.clone(),
            link.names.join(","),
            place,
            if link.replace { "yes" } else { "no" }.to_owned(),
            expiry(now, link.expires_at),
            link.created_by.clone(),
            filled.unwrap_or_else(|| "never".to_owned()),
        ]
    });
    let head = ["ID", "STATE", "ASKS FOR", "SCOPE", "REPLACES", "EXPIRES", "BY", "FILLED"];
    let empty = "there are no links; make one: strongroom secret create --secret NAME --link";
    context.output.table(head, rows.collect(), empty)
}

fn revoke(context: &Context, args: &RevokeArgs) -> Result<(), Failure> {
    let session = context.connect()?;
    session.name_place(context);
    let mut revoked = Vec::new();
    for id in &args.ids {
        let item = session.wait(session.project().revoke_link(id))?;
        let what = if item.state == "filled" { "• Link was used already" } else { "✔ Link revoked" };
        context.output.done(&format!("{what}: {}", item.id))?;
        revoked.push(item);
    }
    if context.output.is_for_people() { Ok(()) } else { context.output.structured(&revoked) }
}
