//! What `functions` and `jobs` have in common: which one is meant, deleting it, going back, and what is shown of it.

use clap::Args;
use jiff::Timestamp;
use strongroom_api::functions::{DeploymentItem, WorkloadRead};
use strongroom_client::{Deployable, WorkloadKind};

use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output::{self, ask, has_person};
use crate::words::{ago, count};

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Only of this namespace
    #[arg(long, value_name = "NAME")]
    pub(super) namespace: Option<String>,
}

#[derive(Args)]
pub(crate) struct OneArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// Its namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl OneArgs {
    /// The namespace that is meant.
    pub(super) fn namespace(&self, context: &Context) -> Result<String, Failure> {
        config::workload_namespace(context, self.namespace.as_deref())
    }
}

#[derive(Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Does not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The deployment; the one before the current if absent
    #[arg(value_name = "DEPLOYMENT")]
    deployment: Option<u64>,
}

/// The kind at the beginning of a sentence.
pub(super) fn title(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Function => "Function",
        WorkloadKind::Job => "Job",
    }
}

pub(super) fn delete(context: &Context, kind: WorkloadKind, args: &DeleteArgs) -> Result<Exit, Failure> {
    let (name, namespace) = (&args.one.name, args.one.namespace(context)?);
    if !args.yes && has_person() && !context.output.quiet {
        let what = match kind {
            WorkloadKind::Function => "all its deployments",
            WorkloadKind::Job => "all its deployments and runs",
        };
        let question = format!("Delete the {} {name} of {namespace} and {what}? [y/N]", kind.word());
        if !matches!(ask(&question).as_deref(), Some("y" | "Y" | "yes")) {
            return Err(Failure::failed("nothing was deleted").hint("--yes deletes without asking"));
        }
    }
    let session = context.connect()?;
    session.name_place(context);
    let gone = session.wait(session.project().delete_workload(Deployable { kind, namespace: &namespace, name }))?;
    context.output.answer(&gone, &format!("✔ {} deleted: {}", title(kind), gone.name))?;
    Ok(Exit::DONE)
}

pub(super) fn rollback(context: &Context, kind: WorkloadKind, args: &RollbackArgs) -> Result<Exit, Failure> {
    let (name, namespace) = (&args.one.name, args.one.namespace(context)?);
    let session = context.connect()?;
    session.name_place(context);
    let what = Deployable { kind, namespace: &namespace, name };
    let deployed = session.wait(session.project().rollback(what, args.deployment))?;
    let verb = match kind {
        WorkloadKind::Function => "serves",
        WorkloadKind::Job => "runs",
    };
    let secrets = count(u64::try_from(deployed.secrets.len()).unwrap_or(u64::MAX), "secret");
    let line =
        format!("✔ {} {verb} deployment #{} again: {} ({secrets})", title(kind), deployed.deployment, deployed.name);
    context.output.answer(&deployed, &line)?;
    Ok(Exit::DONE)
}

/// A line of what is shown of one.
pub(super) fn line(label: &str, text: &str) -> Result<(), Failure> {
    output::line(&format!("{label:<12} {text}"))
}

/// What a workload reads: each name once, with where its value comes from now, how that it is read is known, and when it
/// was read last.
pub(super) fn print_reads(now: Timestamp, reads: &[WorkloadRead]) -> Result<(), Failure> {
    for of_one in reads.chunk_by(|a, b| a.secret == b.secret) {
        let Some(read) = of_one.first() else { continue };
        let source = match (read.scope.as_deref(), read.missing.as_deref()) {
            (Some("default"), _) => "from its default".to_owned(),
            (Some("environment"), _) => "from the server's environment".to_owned(),
            (Some(scope), _) => format!("from {scope}"),
            (None, Some("no_value")) => "which has no value yet".to_owned(),
            (None, Some("expired")) => "which has EXPIRED".to_owned(),
            (None, Some("not_listed")) => "which is not in its list, so it gets none".to_owned(),
            (None, _) => "which is NOT SET".to_owned(),
        };
        let last = of_one.iter().filter_map(|read| read.last_read_at).max();
        let when = last.map_or_else(|| "not read yet".to_owned(), |at| format!("read {}", ago(now, at)));
        let via: Vec<_> = of_one.iter().map(|read| read.via.as_str()).collect();
        line("Reads", &format!("{} {source}, {when} ({})", read.secret, via.join(", ")))?;
    }
    Ok(())
}

/// Deployments, newest first; `serves` is said of the active one.
pub(super) fn print_deployments(now: Timestamp, deployments: &[DeploymentItem], serves: &str) -> Result<(), Failure> {
    for deployment in deployments {
        let mark = if deployment.active { format!(" ({serves})") } else { String::new() };
        let digest = deployment.digest.get(..12).unwrap_or(&deployment.digest);
        let age = ago(now, deployment.created_at);
        let label = format!("#{}", deployment.deployment);
        line(&label, &format!("{digest}  {age} by {}{mark}", deployment.created_by))?;
    }
    Ok(())
}
