//! `strongroom audit`.

mod anchors;
mod export;
mod retention;
mod verify;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use strongroom_client::AuditFilter;
use strongroom_model::Expiry;

use crate::context::Context;
use crate::errors::{Exit, Failure};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists what was done, newest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Checks that nothing was changed, removed or cut off
    Verify(verify::VerifyArgs),
    /// Writes records to stdout, oldest first, as JSON lines or as a table for spreadsheets
    Export(export::ExportArgs),
    /// Shows where the server writes the head of the trail, and what became of the last ones
    Anchors(anchors::AnchorsArgs),
    /// Shows which records have served their time; erases nothing
    Retention(retention::RetentionArgs),
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Records of the whole instance, also of projects that are gone and of none; for an admin of the instance
    #[arg(long)]
    everything: bool,
    /// Only actions that begin with this, such as secret.set
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only from then on: a point in time, or a length of time back such as 24h
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only before then: a point in time, or a length of time back
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Only records that contain this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value = "50")]
    limit: u64,
    /// Only records before this number
    #[arg(long, value_name = "SEQ")]
    before: Option<u64>,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(args) => list(context, &args),
        Command::Verify(args) => verify::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Anchors(args) => anchors::run(context, &args),
        Command::Retention(args) => retention::run(context, &args),
    }
}

fn list(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let filter = AuditFilter {
        everything: args.everything,
        action: args.action.as_deref(),
        since: since(context, args.since.as_deref())?,
        until: moment(context, "--until", args.until.as_deref())?,
        search: args.search.as_deref(),
        limit: Some(args.limit),
        before: args.before,
    };
    let session = context.connect()?;
    let page = session.wait(session.project().audit(&filter))?;
    if !context.output.is_for_people() {
        return context.output.structured(&page.items).map(|()| Exit::DONE);
    }
    let rows = page.items.iter().map(|item| {
        let target = item.target.to_string();
        [item.at.to_string(), item.actor.clone(), item.source.clone(), item.action.clone(), item.result.clone(), target]
    });
    context.output.table(["AT", "WHO", "FROM", "ACTION", "RESULT", "ON"], rows.collect(), "there are no records")?;
    Ok(Exit::DONE)
}

/// `--since` as the API takes it.
pub(crate) fn since(context: &Context, text: Option<&str>) -> Result<Option<String>, Failure> {
    moment(context, "--since", text)
}

/// A point in time as the API takes it: one that was typed, or a length of time back from now.
fn moment(context: &Context, option: &str, text: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        Failure::usage(format!(
            "{option} takes a point in time such as 2027-01-31T00:00:00Z, or a length of time such as 24h"
        ))
    };
    let parsed: Expiry = text.parse().map_err(|_| wrong())?;
    let at: Timestamp = match parsed {
        Expiry::Never => return Err(wrong()),
        Expiry::At(at) => at,
        Expiry::After(lifetime) => (context.now)().checked_sub(lifetime.duration()).map_err(|_| wrong())?,
    };
    Ok(Some(at.to_string()))
}
