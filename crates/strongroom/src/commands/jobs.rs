//! `strongroom jobs`.

mod deploy;
mod run;
mod runs;

use clap::{Args, Subcommand};
use strongroom_api::jobs::JobItem;
use strongroom_client::WorkloadKind;

use super::deploy::options::{OneKindArgs, of_kind};
use super::logs::{self, FilterArgs, Of};
use super::workloads::{self, DeleteArgs, ListArgs, OneArgs, RollbackArgs, line, print_deployments, print_reads};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::{ago, expiry};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Deploys jobs: those of strongroom.json, or one with --entry
    Deploy(OneKindArgs<deploy::JobArgs>),
    /// Lists jobs, each with its newest run
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Shows a job, what it reads, and its deployments
    Get(OneArgs),
    /// Queues a run of a job; with --wait, waits for its end and prints its result
    Run(run::RunArgs),
    /// Lists runs, newest first, or shows one
    Runs(runs::RunsArgs),
    /// Puts a dead or cancelled run back into the queue
    Retry(runs::OneRunArgs),
    /// Cancels a run, also one that is under way
    Cancel(runs::OneRunArgs),
    /// Deletes a job, its deployments and its runs
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
    /// Lets an earlier deployment run again
    Rollback(RollbackArgs),
    /// Lists what a job logged
    Logs(LogsArgs),
}

#[derive(Args)]
pub(crate) struct LogsArgs {
    /// The job's name
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Deploy(args) => of_kind(context, &args),
        Command::List(args) => list(context, &args),
        Command::Get(args) => show(context, &args),
        Command::Run(args) => run::run(context, &args),
        Command::Runs(args) => runs::run(context, &args),
        Command::Retry(args) => runs::retry(context, &args),
        Command::Cancel(args) => runs::cancel(context, &args),
        Command::Delete(args) => workloads::delete(context, WorkloadKind::Job, &args),
        Command::Rollback(args) => workloads::rollback(context, WorkloadKind::Job, &args),
        Command::Logs(args) => {
            let of = Of { category: Some("execution"), function: None, job: args.name.as_deref() };
            logs::list(context, &of, &args.filter)
        }
    }
}

fn list(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let jobs = session.wait(session.project().jobs(args.namespace.as_deref()))?;
    if !context.output.is_for_people() {
        return context.output.structured(&jobs).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let rows = jobs.iter().map(|item: &JobItem| {
        let last = item.last_run.as_ref();
        [
            item.name.clone(),
            item.namespace.clone(),
            format!("#{}", item.deployment),
            item.schedule.clone().unwrap_or_else(|| "-".to_owned()),
            item.next_run_at.map_or_else(|| "-".to_owned(), |at| expiry(now, at)),
            last.map_or_else(|| "never".to_owned(), |run| format!("{} {}", run.state, ago(now, run.created_at))),
        ]
    });
    let head = ["NAME", "NAMESPACE", "DEPLOYMENT", "SCHEDULE (UTC)", "NEXT", "LAST RUN"];
    let nothing = "there are no jobs; deploy one: strongroom jobs deploy NAME --entry FILE";
    context.output.table(head, rows.collect(), nothing)?;
    Ok(Exit::DONE)
}

fn show(context: &Context, args: &OneArgs) -> Result<Exit, Failure> {
    let namespace = args.namespace(context)?;
    let session = context.connect()?;
    let detail = session.wait(session.project().job(&args.name, &namespace))?;
    if !context.output.is_for_people() {
        return context.output.structured(&detail).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let (item, manifest) = (&detail.item, &detail.manifest);
    let schedule = item.schedule.clone().unwrap_or_else(|| "none; it runs when it is asked to".to_owned());
    let seconds = |millis: u64| std::time::Duration::from_millis(millis);
    let lines = [
        ("Name", item.name.clone()),
        ("Namespace", item.namespace.clone()),
        ("Deployment", format!("#{} ({} by {})", item.deployment, ago(now, item.updated_at), item.updated_by)),
        ("Schedule", schedule),
        ("Next run", item.next_run_at.map_or_else(|| "-".to_owned(), |at| format!("{at} ({})", expiry(now, at)))),
        ("Retries", format!("{}, the first after {:?}", manifest.retries, seconds(manifest.backoff_ms))),
        ("Limits", format!("{:?} a run, {} at once", seconds(manifest.timeout_ms), manifest.concurrency)),
    ];
    lines.iter().try_for_each(|(label, text)| line(label, text))?;
    if let Some(run) = &item.last_run {
        line("Last run", &format!("{} {} {}", run.id, run.state, ago(now, run.created_at)))?;
    }
    print_reads(now, &detail.reads)?;
    print_deployments(now, &detail.deployments, "runs")?;
    Ok(Exit::DONE)
}
