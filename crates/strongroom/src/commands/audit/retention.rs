//! `strongroom audit retention`: what has served its time. A dry run: only a server that is told so when it starts erases.

use clap::Args;

use super::moment;
use crate::context::Context;
use crate::errors::{Exit, Failure};

#[derive(Args)]
pub(crate) struct RetentionArgs {
    /// Asks what would go if records were kept for so long, or from a point in time on
    #[arg(long, value_name = "AGE")]
    older_than: Option<String>,
}

pub(crate) fn run(context: &Context, args: &RetentionArgs) -> Result<Exit, Failure> {
    let before = moment(context, "--older-than", args.older_than.as_deref())?;
    let session = context.connect()?;
    let retention = session.wait(session.project().audit_retention(before.as_deref()))?;
    if !context.output.is_for_people() {
        return context.output.structured(&retention).map(|()| Exit::DONE);
    }
    let kept = match retention.kept_days {
        None => "all records are kept".to_owned(),
        Some(days) => format!("records are kept for {days} days"),
    };
    context.output.talk(&kept);
    let rows = retention.nodes.iter().map(|node| {
        let records = format!("{} to {} ({})", node.first, node.last, node.records);
        [node.node.clone(), records, node.since.to_string(), node.until.to_string()]
    });
    context.output.table(["NODE", "WOULD GO", "FIRST", "LAST"], rows.collect(), "nothing would go")?;
    Ok(Exit::DONE)
}
