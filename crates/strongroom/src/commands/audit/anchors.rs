//! `strongroom audit anchors`: where the head of the trail is kept besides.

use clap::Args;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;

#[derive(Args)]
pub(crate) struct AnchorsArgs {
    /// Has the server write them now
    #[arg(long)]
    now: bool,
}

pub(crate) fn run(context: &Context, args: &AnchorsArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let project = session.project();
    let anchors =
        if args.now { session.wait(project.write_audit_anchors())? } else { session.wait(project.audit_anchors())? };
    let is_bad = anchors.alarm.is_some() || anchors.targets.iter().any(|target| target.failure.is_some());
    let exit = if is_bad { Exit::FAILED } else { Exit::DONE };
    if !context.output.is_for_people() {
        return context.output.structured(&anchors).map(|()| exit);
    }
    let rows = anchors.targets.iter().map(|target| {
        let heads: Vec<_> = target.last.iter().map(|last| format!("{}:{}", last.node, last.seq)).collect();
        let at = target.last.first().and_then(|last| last.at).map(|at| at.to_string()).unwrap_or_default();
        let state = if target.failure.is_some() { "failing" } else { "ok" };
        [target.kind.clone(), target.place.clone(), state.to_owned(), heads.join(" "), at]
    });
    let nothing = "this server writes no anchors; start it with --audit-anchor file:PATH, or with syslog";
    context.output.table(["KIND", "WHERE", "STATE", "HEAD", "AT"], rows.collect(), nothing)?;
    let failures = anchors.targets.iter().filter_map(|target| {
        let failure = target.failure.as_ref()?;
        Some(format!("error: {} {}: {failure}", target.kind, target.place))
    });
    failures.for_each(|failure| output::say(&failure));
    if let Some(alarm) = &anchors.alarm {
        output::say(&format!("error: {alarm}\nhint: strongroom audit verify --anchor FILE"));
    }
    Ok(exit)
}
