//! `strongroom secrets`.

mod copy;
mod create;
pub(crate) mod delete;
mod diff;
mod edit;
mod envfile;
mod export;
pub(crate) mod get;
mod history;
mod import;
pub(crate) mod list;
pub(crate) mod report;
pub(crate) mod resolve;
mod restore;
mod reveal;
mod rollback;
pub(crate) mod set;
mod stats;
mod wait;
pub(crate) mod write;

use clap::Subcommand;
use strongroom_client::{ClientError, SecretFilter, Selector};
use strongroom_model::SecretName;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::scope::{Target, options};
use crate::session::Session;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sets values: NAME VALUE, NAME=VALUE …, NAME alone (prompt or stdin), or --env-file
    Set(set::SetArgs),
    /// Changes description or expiry; the value and its version stay
    Edit(edit::EditArgs),
    /// Lists names, never values
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Shows a secret's metadata, never its value
    Get(get::GetArgs),
    /// Deletes secrets; `restore` brings them back
    #[command(visible_alias = "rm")]
    Delete(delete::DeleteArgs),
    /// Shows a secret's versions
    History(history::HistoryArgs),
    /// Makes the value of an earlier version the newest
    Rollback(rollback::RollbackArgs),
    /// Registers names without values, for people to fill in
    Create(create::CreateArgs),
    /// Brings a deleted secret back
    Restore(restore::RestoreArgs),
    /// Shows which names a workload gets, and from which scope
    Resolve(resolve::ResolveArgs),
    /// Sets values from a file: dotenv, JSON, YAML, or an export of another product
    Import(import::ImportArgs),
    /// Prints the values of one scope
    Export(export::ExportArgs),
    /// Compares two namespaces by name
    Diff(diff::DiffArgs),
    /// Copies values from one namespace to another
    Copy(copy::CopyArgs),
    /// Counts secrets
    Stats,
    /// Prints one value, where the project allows it
    Reveal(reveal::RevealArgs),
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Set(args) => set::run(context, args),
        Command::Edit(args) => edit::run(context, &args),
        Command::List(args) => list::run(context, &args),
        Command::Get(args) => get::run(context, &args),
        Command::Delete(args) => delete::run(context, &args),
        Command::History(args) => history::run(context, &args),
        Command::Rollback(args) => rollback::run(context, &args),
        Command::Create(args) => create::run(context, &args),
        Command::Restore(args) => restore::run(context, &args),
        Command::Resolve(args) => resolve::run(context, &args),
        Command::Import(args) => import::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Diff(args) => diff::run(context, &args),
        Command::Copy(args) => copy::run(context, &args),
        Command::Stats => stats::run(context),
        Command::Reveal(args) => reveal::run(context, &args),
    }
}

/// A name that was typed, checked before anything is asked.
fn name(text: &str) -> Result<SecretName, Failure> {
    text.parse().map_err(|error: strongroom_model::name::NameError| Failure::usage(error.to_string()))
}

/// The failure of an operation on one secret in one scope; if it is not there, it says who else has the name.
fn addressed(session: &Session, verb: &str, name: &SecretName, target: &Target, error: ClientError) -> Failure {
    let is_missing = error.is_not_found();
    let other = if is_missing { elsewhere(session, verb, name, target) } else { None };
    let failure = Failure::from(error);
    match other {
        Some(command) => failure.hint(command),
        None => failure.hint_if_none(|| is_missing.then(|| "strongroom secrets list".to_owned())),
    }
}

/// The command that finds the name in another scope.
fn elsewhere(session: &Session, verb: &str, name: &SecretName, target: &Target) -> Option<String> {
    let filter = SecretFilter { search: Some(name.as_str()), ..SecretFilter::default() };
    let found = session.wait(session.project().secrets(filter)).ok()?;
    let here = target.selector();
    let other = found.into_iter().find(|item| {
        let at = Selector {
            scope: Some(item.scope.as_str()),
            namespace: item.namespace.as_deref(),
            app: item.app.as_deref(),
        };
        item.name == name.as_str() && (at.scope, at.namespace, at.app) != (here.scope, here.namespace, here.app)
    })?;
    let options = options(other.scope, other.namespace.as_deref(), other.app.as_deref());
    let options = if options.is_empty() { " --scope global".to_owned() } else { options };
    Some(format!("another scope has the name: strongroom secrets {verb} {name}{options}"))
}
