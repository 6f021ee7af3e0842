//! `strongroom functions`.

mod deploy;
mod invoke;

use clap::{Args, Subcommand};
use strongroom_api::functions::FunctionItem;
use strongroom_client::WorkloadKind;

use super::deploy::options::{OneKindArgs, of_kind};
use super::logs::{self, FilterArgs, Of};
use super::workloads::{self, DeleteArgs, ListArgs, OneArgs, RollbackArgs, line, print_deployments, print_reads};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Deploys functions: those of strongroom.json, or one with --entry
    Deploy(OneKindArgs<deploy::FunctionArgs>),
    /// Lists functions
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Shows a function, what it reads, and its deployments
    Get(OneArgs),
    /// Calls a function; prints its answer's body on stdout, the status on stderr
    Invoke(invoke::InvokeArgs),
    /// Deletes a function and its deployments
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
    /// Lets an earlier deployment serve again
    Rollback(RollbackArgs),
    /// Lists what a function logged
    Logs(LogsArgs),
}

#[derive(Args)]
pub(crate) struct LogsArgs {
    /// The function's name
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
        Command::Invoke(args) => invoke::run(context, &args),
        Command::Delete(args) => workloads::delete(context, WorkloadKind::Function, &args),
        Command::Rollback(args) => workloads::rollback(context, WorkloadKind::Function, &args),
        Command::Logs(args) => {
            let function = args.name.as_deref();
            // what became of its workers is told beside what it wrote
            let category = function.is_none().then_some("execution");
            logs::list(context, &Of { category, function, job: None }, &args.filter)
        }
    }
}

fn list(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let functions = session.wait(session.project().functions(args.namespace.as_deref()))?;
    if !context.output.is_for_people() {
        return context.output.structured(&functions).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let rows = functions.iter().map(|item: &FunctionItem| {
        [
            item.name.clone(),
            item.namespace.clone(),
            format!("#{}", item.deployment),
            item.auth.clone(),
            ago(now, item.updated_at),
            item.updated_by.clone(),
            item.url.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let head = ["NAME", "NAMESPACE", "DEPLOYMENT", "CALLERS", "DEPLOYED", "BY", "URL"];
    let nothing = "there are no functions; deploy one: strongroom functions deploy NAME --entry FILE";
    context.output.table(head, rows.collect(), nothing)?;
    Ok(Exit::DONE)
}

fn show(context: &Context, args: &OneArgs) -> Result<Exit, Failure> {
    let namespace = args.namespace(context)?;
    let session = context.connect()?;
    let detail = session.wait(session.project().function(&args.name, &namespace))?;
    if !context.output.is_for_people() {
        return context.output.structured(&detail).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let item = &detail.item;
    let lines = [
        ("Name", item.name.clone()),
        ("Namespace", item.namespace.clone()),
        ("Deployment", format!("#{} ({} by {})", item.deployment, ago(now, item.updated_at), item.updated_by)),
        ("Callers", item.auth.clone()),
        ("URL", item.url.clone().unwrap_or_else(|| "-".to_owned())),
    ];
    lines.iter().try_for_each(|(label, text)| line(label, text))?;
    print_reads(now, &detail.reads)?;
    print_deployments(now, &detail.deployments, "serves")?;
    Ok(Exit::DONE)
}
