//! `strongroom secrets restore`.

use clap::Args;

use super::report::{self, Change};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::scope::ScopeArgs;

#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The deleted secret's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    scope: ScopeArgs,
}

pub(crate) fn run(context: &Context, args: &RestoreArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let name = super::name(&args.name)?;
    let session = context.connect()?;
    session.name_place(context);
    let answer = session.wait(session.project().restore_secret(name.as_str(), target.selector()))?;
    report::written(context, &answer.written, Change::Presence)
}
