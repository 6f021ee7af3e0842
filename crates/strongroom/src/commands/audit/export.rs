//! `strongroom audit export`: the records on stdout, as they come.

use clap::{Args, ValueEnum};
use strongroom_client::AuditFilter;

use super::{moment, since};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// JSON lines, or a table for spreadsheets in which no cell is a formula
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "jsonl")]
    format: Form,
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
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Jsonl,
    Csv,
}

pub(crate) fn run(context: &Context, args: &ExportArgs) -> Result<Exit, Failure> {
    let filter = AuditFilter {
        everything: args.everything,
        action: args.action.as_deref(),
        since: since(context, args.since.as_deref())?,
        until: moment(context, "--until", args.until.as_deref())?,
        search: args.search.as_deref(),
        ..AuditFilter::default()
    };
    let format = match args.format {
        Form::Jsonl => "jsonl",
        Form::Csv => "csv",
    };
    let session = context.connect()?;
    session.wait(async {
        let mut records = session.project().export_audit(format, &filter).await?;
        while let Some(piece) = records.next().await? {
            output::bytes(&piece)?;
        }
        Ok(Exit::DONE)
    })
}
