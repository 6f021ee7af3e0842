//! `strongroom secrets history`.

use clap::Args;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::scope::ScopeArgs;
use crate::words::ago;

#[derive(Args)]
pub(crate) struct HistoryArgs {
    /// The secret's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    scope: ScopeArgs,
}

pub(crate) fn run(context: &Context, args: &HistoryArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let name = super::name(&args.name)?;
    let session = context.connect()?;
    let found = session.wait(session.project().secret_history(name.as_str(), target.selector()));
    let history = found.map_err(|error| super::addressed(&session, "history", &name, &target, error))?;
    if !context.output.is_for_people() {
        return context.output.structured(&history.items).map(|()| Exit::DONE);
    }
    let now = (context.now)();
    let rows = history.items.iter().map(|version| {
        let kind = match version.from_version {
            Some(from) => format!("{} to v{from}", version.kind),
            None => version.kind.clone(),
        };
        let current = if version.current { "current" } else { "" };
        [
            format!("v{}", version.version),
            kind,
            ago(now, version.created_at),
            version.created_by.clone(),
            current.to_owned(),
        ]
    });
    let nothing = format!("{name} has no value yet; set it: strongroom secrets set {name}{}", target.options());
    context.output.table(["VERSION", "KIND", "WHEN", "BY", ""], rows.collect(), &nothing)?;
    Ok(Exit::DONE)
}
