//! `strongroom secrets delete`: acts on each name, and reports each.

use clap::Args;
use strongroom_api::secrets::{WriteResult, WriteStatus, Written};
use strongroom_client::{ClientError, Deletion};
use strongroom_model::SecretName;

use super::report::{self, Change};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output::{ask, has_person};
use crate::scope::{ScopeArgs, Target};

#[derive(Args)]
pub(crate) struct DeleteArgs {
    /// The secrets' names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    asking: AskingArgs,
    #[command(flatten)]
    reach: ReachArgs,
}

#[derive(Args)]
pub(crate) struct AskingArgs {
    /// Does not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Is content if a secret is not there
    #[arg(long)]
    pub(crate) if_exists: bool,
}

#[derive(Args)]
struct ReachArgs {
    /// Deletes also what a workload requires
    #[arg(long)]
    force: bool,
    /// Erases the secret from the live store; it cannot be restored
    #[arg(long)]
    purge: bool,
}

/// What came of a deletion of several names.
#[derive(Default)]
pub(crate) struct Tally {
    written: Written,
    failures: Vec<Failure>,
}

pub(crate) fn run(context: &Context, args: &DeleteArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let names = checked(&args.names)?;
    confirm(context, &names, &target.words(), args.asking.yes)?;
    let session = context.connect()?;
    session.name_place(context);
    let options = Deletion { force: args.reach.force, purge: args.reach.purge };
    let mut tally = Tally::default();
    for name in &names {
        let answer = session.wait(session.project().delete_secret(name.as_str(), target.selector(), options));
        tally.add(
            name,
            answer,
            || missing(name, &target),
            |error| super::addressed(&session, "delete", name, &target, error),
        );
    }
    tally.report(context, args.asking.if_exists)
}

/// Every name, checked before the first is deleted.
pub(crate) fn checked(names: &[String]) -> Result<Vec<SecretName>, Failure> {
    let mut checked: Vec<SecretName> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let parsed: Result<SecretName, _> = name.parse();
        let name =
            parsed.map_err(|error| Failure::usage(format!("nothing was deleted: name {}: {error}", index + 1)))?;
        if !checked.contains(&name) {
            checked.push(name);
        }
    }
    Ok(checked)
}

/// Asks a person; nobody else.
pub(crate) fn confirm(context: &Context, names: &[SecretName], place: &str, yes: bool) -> Result<(), Failure> {
    if yes || !has_person() || context.output.quiet {
        return Ok(());
    }
    let listed: Vec<_> = names.iter().map(SecretName::as_str).collect();
    match ask(&format!("Delete {} from {place}? [y/N]", listed.join(", "))).as_deref() {
        Some("y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::failed("nothing was deleted").hint("--yes deletes without asking")),
    }
}

impl Tally {
    /// Notes the answer for one name.
    pub(crate) fn add(
        &mut self,
        name: &SecretName,
        answer: Result<Written, ClientError>,
        missing: impl FnOnce() -> WriteResult,
        explain: impl FnOnce(ClientError) -> Failure,
    ) {
        match answer {
            Ok(written) => {
                self.written.results.extend(written.results);
                self.written.warnings.extend(written.warnings);
                self.written.live.functions = self.written.live.functions.max(written.live.functions);
                merge(&mut self.written.live.restarted, written.live.restarted);
                merge(&mut self.written.live.restart_failed, written.live.restart_failed);
            }
            Err(error) if error.is_not_found() => {
                self.written.results.push(missing());
                let failure = explain(error);
                self.written.warnings.extend(failure.hint_text().map(|hint| format!("{name}: {hint}")));
            }
            Err(error) => self.failures.push(explain(error)),
        }
    }

    /// Reports every name. Exit 3 if one was missing, unless that is fine; another failure goes first.
    pub(crate) fn report(mut self, context: &Context, if_exists: bool) -> Result<Exit, Failure> {
        let is_missing = |result: &WriteResult| result.status == WriteStatus::Missing;
        let any_missing = self.written.results.iter().any(is_missing);
        let exit = report::written(context, &self.written, Change::Presence)?;
        let last = self.failures.pop();
        for failure in &self.failures {
            context.output.failure(failure);
        }
        match last {
            Some(failure) => Err(failure),
            None if any_missing && !if_exists => Ok(Exit::NOT_FOUND),
            None => Ok(exit),
        }
    }
}

fn merge(all: &mut Vec<String>, more: Vec<String>) {
    for name in more {
        if !all.contains(&name) {
            all.push(name);
        }
    }
}

fn missing(name: &SecretName, target: &Target) -> WriteResult {
    let (_, namespace, app) = target.parts();
    WriteResult {
        name: name.to_string(),
        scope: target.kind(),
        namespace,
        app,
        version: None,
        status: WriteStatus::Missing,
        now_resolves_to: None,
    }
}
