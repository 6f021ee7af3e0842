//! `strongroom secrets reveal`: one value, where the project allows it.

use clap::Args;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::scope::ScopeArgs;

#[derive(Args)]
pub(crate) struct RevealArgs {
    /// The secret's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    scope: ScopeArgs,
    /// An earlier version
    #[arg(long, value_name = "N")]
    version: Option<u64>,
}

pub(crate) fn run(context: &Context, args: &RevealArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let name = super::name(&args.name)?;
    let session = context.connect()?;
    let answer = session.wait(session.project().reveal_secret(name.as_str(), target.selector(), args.version));
    let revealed = answer.map_err(|error| super::addressed(&session, "reveal", &name, &target, error))?;
    if !context.output.is_for_people() {
        return context.output.structured(&revealed).map(|()| Exit::DONE);
    }
    output::bytes(revealed.value.0.expose().as_bytes())?;
    output::bytes(b"\n")?;
    Ok(Exit::DONE)
}
