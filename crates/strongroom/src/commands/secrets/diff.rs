//! `strongroom secrets diff`: two namespaces, name by name.

use clap::Args;
use strongroom_api::secrets::Difference;

use crate::context::Context;
use crate::errors::{Exit, Failure};

#[derive(Args)]
pub(crate) struct DiffArgs {
    /// A namespace
    #[arg(value_name = "NS1")]
    first: String,
    /// Another namespace
    #[arg(value_name = "NS2")]
    second: String,
}

pub(crate) fn run(context: &Context, args: &DiffArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let diff = session.wait(session.project().diff_secrets(&args.first, &args.second))?;
    if !context.output.is_for_people() {
        return context.output.structured(&diff.items).map(|()| Exit::DONE);
    }
    let rows = diff.items.iter().map(|item| {
        let words = match item.difference {
            Difference::OnlyFirst => format!("only in {}", args.first),
            Difference::OnlySecond => format!("only in {}", args.second),
            Difference::Equal => "equal".to_owned(),
            Difference::Different => "different".to_owned(),
            Difference::Both => "in both".to_owned(),
        };
        [item.name.clone(), words]
    });
    context.output.table(["NAME", "DIFFERENCE"], rows.collect(), "neither namespace has secrets of its own")?;
    Ok(Exit::DONE)
}
