//! `strongroom functions`.

mod deploy;
mod invoke;

use clap::{Args, Subcommand};
use strongroom_api::functions::FunctionItem;

use super::logs::{self, FilterArgs, Of};
use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output::{self, ask, has_person};
use crate::words::{ago, count};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Deploys functions: those of strongroom.json, or one with --entry
    Deploy(deploy::DeployArgs),
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
pub(crate) struct ListArgs {
    /// Only of this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

#[derive(Args)]
pub(crate) struct OneArgs {
    /// The function's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Its namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

#[derive(Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    function: OneArgs,
    /// Does not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    function: OneArgs,
    /// The deployment; the one before the current if absent
    #[arg(value_name = "DEPLOYMENT")]
    deployment: Option<u64>,
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
        Command::Deploy(args) => deploy::run(context, &args),
        Command::List(args) => list(context, &args),
        Command::Get(args) => show(context, &args),
        Command::Invoke(args) => invoke::run(context, &args),
        Command::Delete(args) => delete(context, &args),
        Command::Rollback(args) => rollback(context, &args),
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
    let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
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
    lines.iter().try_for_each(|(label, text)| output::line(&format!("{label:<12} {text}")))?;
    for read in &detail.reads {
        let when = read.last_read_at.map_or_else(|| "not read yet".to_owned(), |at| format!("read {}", ago(now, at)));
        output::line(&format!("{:<12} {} via {}, {when}", "Reads", read.secret, read.via))?;
    }
    for deployment in &detail.deployments {
        let mark = if deployment.active { " (serves)" } else { "" };
        let digest = deployment.digest.get(..12).unwrap_or(&deployment.digest);
        let age = ago(now, deployment.created_at);
        output::line(&format!(
            "{:<12} {digest}  {age} by {}{mark}",
            format!("#{}", deployment.deployment),
            deployment.created_by
        ))?;
    }
    Ok(Exit::DONE)
}

fn delete(context: &Context, args: &DeleteArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.function.namespace.as_deref())?;
    let name = &args.function.name;
    if !args.yes && has_person() && !context.output.quiet {
        let question = format!("Delete the function {name} of {namespace} and all its deployments? [y/N]");
        if !matches!(ask(&question).as_deref(), Some("y" | "Y" | "yes")) {
            return Err(Failure::failed("nothing was deleted").hint("--yes deletes without asking"));
        }
    }
    let session = context.connect()?;
    session.name_place(context);
    let gone = session.wait(session.project().delete_function(name, &namespace))?;
    context.output.answer(&gone, &format!("✔ Function deleted: {}", gone.name))?;
    Ok(Exit::DONE)
}

fn rollback(context: &Context, args: &RollbackArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.function.namespace.as_deref())?;
    let session = context.connect()?;
    session.name_place(context);
    let project = session.project();
    let deployed = session.wait(project.rollback_function(&args.function.name, &namespace, args.deployment))?;
    if !context.output.is_for_people() {
        return context.output.structured(&deployed).map(|()| Exit::DONE);
    }
    let secrets = count(u64::try_from(deployed.secrets.len()).unwrap_or(u64::MAX), "secret");
    context
        .output
        .done(&format!("✔ Function serves deployment #{} again: {} ({secrets})", deployed.deployment, deployed.name))?;
    Ok(Exit::DONE)
}
