//! `strongroom secrets edit`: description and expiry.

use clap::Args;
use strongroom_api::secrets::UpdateSecret;

use super::report;
use super::write::checked_expiry;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::scope::ScopeArgs;

#[derive(Args)]
pub(crate) struct EditArgs {
    /// The secret's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    scope: ScopeArgs,
    /// A new description; an empty one clears it
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    description: Option<String>,
    /// When the value runs out: 30d, 1d12h, 2027-01-31T00:00:00Z, or never
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<String>,
    /// Writes only if the secret has this version now
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
}

pub(crate) fn run(context: &Context, args: &EditArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let name = super::name(&args.name)?;
    if args.description.is_none() && args.expires.is_none() {
        return Err(Failure::usage("there is nothing to change; give --description or --expires")
            .hint(format!("a new value is set with: strongroom secrets set {name}{}", target.options())));
    }
    let body = UpdateSecret {
        description: args.description.clone().map(Some),
        expires_at: checked_expiry(args.expires.as_deref())?.map(Some),
        ..UpdateSecret::default()
    };
    let session = context.connect()?;
    session.name_place(context);
    let answer =
        session.wait(session.project().update_secret(name.as_str(), target.selector(), &body, args.if_version));
    let answer = answer.map_err(|error| super::addressed(&session, "edit", &name, &target, error))?;
    report::notes(context, &answer.written.created, &answer.written.warnings);
    if context.output.is_for_people() {
        for result in &answer.written.results {
            context.output.done(&report::line(result))?;
        }
    } else {
        context.output.structured(&answer.written)?;
    }
    Ok(report::restarts(&answer.written.live))
}
