//! `strongroom secrets copy`: values from one namespace to another.

use clap::Args;
use strongroom_api::secrets::CopySecrets;

use super::delete::checked;
use super::report::{self, Change};
use super::write::preview;
use crate::context::Context;
use crate::errors::{Exit, Failure};

#[derive(Args)]
pub(crate) struct CopyArgs {
    /// The names to copy; all if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The source: a namespace, or `global`
    #[arg(long, value_name = "NAMESPACE")]
    from: String,
    /// The target: a namespace, or `global`
    #[arg(long, value_name = "NAMESPACE")]
    to: String,
    /// Replaces values that exist in the target
    #[arg(long)]
    overwrite: bool,
    /// Shows the names to add, change and leave, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(context: &Context, args: &CopyArgs) -> Result<Exit, Failure> {
    if args.from == args.to {
        return Err(Failure::usage("--from and --to are the same"));
    }
    let names = checked(&args.names)?;
    let namespace = |name: &String| (name != "global").then(|| name.clone());
    let body = CopySecrets {
        from_namespace: namespace(&args.from),
        to_namespace: namespace(&args.to),
        names: names.into_iter().map(String::from).collect(),
        overwrite: args.overwrite,
        dry_run: args.dry_run,
    };
    let session = context.connect()?;
    session.name_place(context);
    let written = session.wait(session.project().copy_secrets(&body))?;
    if args.dry_run { preview(context, &written) } else { report::written(context, &written, Change::Value) }
}
