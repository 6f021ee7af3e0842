//! `strongroom jobs runs`, `retry` and `cancel`.

use clap::Args;
use strongroom_api::jobs::{RunDetail, RunItem};
use strongroom_client::RunFilter;

use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::words::ago;

#[derive(Args)]
pub(crate) struct RunsArgs {
    /// One run to show, with its result
    #[arg(value_name = "RUN", conflicts_with_all = ["job", "state", "limit"])]
    run: Option<String>,
    /// Only of this job
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Only of jobs in this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only in this state: queued, running, retrying, succeeded, dead, cancelled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// At most this many, the newest
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Args)]
pub(crate) struct OneRunArgs {
    /// The run's id
    #[arg(value_name = "RUN")]
    run: String,
}

pub(crate) fn run(context: &Context, args: &RunsArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    if let Some(id) = &args.run {
        let run = session.wait(session.project().run(id))?;
        if !context.output.is_for_people() {
            return context.output.structured(&run).map(|()| Exit::DONE);
        }
        return print_run(context, &run).map(|()| Exit::DONE);
    }
    // a job's name means one job: that of the namespace in which workloads are
    let namespace = match (&args.job, &args.namespace) {
        (Some(_), None) => Some(config::workload_namespace(context, None)?),
        (_, namespace) => namespace.clone(),
    };
    let filter = RunFilter {
        job: args.job.as_deref(),
        namespace: namespace.as_deref(),
        state: args.state.as_deref(),
        limit: args.limit,
    };
    let page = session.wait(session.project().runs(filter))?;
    if !context.output.is_for_people() {
        return context.output.structured(&page.items).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let rows = page.items.iter().map(|run: &RunItem| {
        [
            run.id.clone(),
            format!("{}/{}", run.namespace, run.job),
            run.progress
                .as_ref()
                .filter(|_| run.state == "running")
                .map_or_else(|| run.state.clone(), |progress| format!("{} {} %", run.state, progress.percent)),
            run.attempts.to_string(),
            ago(now, run.created_at),
            run.created_by.clone(),
            shortened(run.error.as_deref().unwrap_or("-")),
        ]
    });
    let head = ["RUN", "JOB", "STATE", "ATTEMPTS", "QUEUED", "BY", "ERROR"];
    context.output.table(head, rows.collect(), "there are no such runs; queue one: strongroom jobs run NAME")?;
    if page.next_cursor.is_some() {
        context.output.talk("there are more; --limit shows up to 1000");
    }
    Ok(Exit::DONE)
}

pub(crate) fn retry(context: &Context, args: &OneRunArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    session.name_place(context);
    let run = session.wait(session.project().retry_run(&args.run))?;
    context.output.answer(&run, &format!("✔ Run queued again: {} of {}", run.id, run.job))?;
    if session.is_in_process() {
        context.output.talk("no server is running here; the next one runs it: strongroom server");
    }
    Ok(Exit::DONE)
}

pub(crate) fn cancel(context: &Context, args: &OneRunArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    session.name_place(context);
    let run = session.wait(session.project().cancel_run(&args.run))?;
    context.output.answer(&run, &format!("✔ Run cancelled: {} of {}", run.id, run.job))?;
    Ok(Exit::DONE)
}

/// A run in lines.
pub(super) fn print_run(context: &Context, detail: &RunDetail) -> Result<(), Failure> {
    let (run, now) = (&detail.run, (context.now)());
    let mut lines = vec![
        ("Run", run.id.clone()),
        ("Job", format!("{}/{}", run.namespace, run.job)),
        ("State", run.state.clone()),
        ("Attempts", run.attempts.to_string()),
        ("Queued", format!("{} by {}", ago(now, run.created_at), run.created_by)),
    ];
    lines.extend(run.scheduled_for.map(|at| ("Slot", at.to_string())));
    lines.extend(run.next_attempt_at.map(|at| ("Next attempt", at.to_string())));
    lines.extend(run.finished_at.map(|at| ("Over", ago(now, at))));
    let progress = run.progress.as_ref();
    lines.extend(progress.map(|progress| {
        ("Progress", format!("{} % {}", progress.percent, progress.message.as_deref().unwrap_or_default()))
    }));
    lines.extend(run.error.as_ref().map(|error| ("Error", error.clone())));
    lines.extend(detail.result.as_ref().map(|result| ("Result", result.to_string())));
    lines.iter().try_for_each(|(label, text)| output::line(&format!("{label:<12} {}", printable(text))))?;
    if matches!(run.state.as_str(), "dead" | "cancelled") {
        context.output.talk(&format!("put it back: strongroom jobs retry {}", run.id));
    }
    Ok(())
}

/// What code has said, without power over the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// The beginning of a line.
fn shortened(text: &str) -> String {
    const WIDTH: usize = 60;
    let mut line: String = printable(text);
    if line.chars().count() > WIDTH {
        line = line.chars().take(WIDTH - 1).collect();
        line.push('…');
    }
    line
}
