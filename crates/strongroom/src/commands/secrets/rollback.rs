//! `strongroom secrets rollback`.

use clap::Args;

use super::report::{self, Change};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::scope::ScopeArgs;

#[derive(Args)]
pub(crate) struct RollbackArgs {
    /// The secret's name
    #[arg(value_name = "NAME")]
    name: String,
    /// The version whose value becomes the newest
    #[arg(value_name = "VERSION")]
    version: String,
    #[command(flatten)]
    scope: ScopeArgs,
}

pub(crate) fn run(context: &Context, args: &RollbackArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let name = super::name(&args.name)?;
    let number = args.version.strip_prefix('v').unwrap_or(&args.version);
    let version: u64 = number.parse().map_err(|_| {
        Failure::usage("a version is a whole number from 1")
            .hint(format!("strongroom secrets history {name}{}", target.options()))
    })?;
    let session = context.connect()?;
    session.name_place(context);
    let answer = session.wait(session.project().rollback_secret(name.as_str(), target.selector(), version));
    let answer = answer.map_err(|error| super::addressed(&session, "rollback", &name, &target, error))?;
    report::written(context, &answer.written, Change::Value)
}
