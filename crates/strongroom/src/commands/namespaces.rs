//! `strongroom namespaces`.

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists namespaces
    #[command(visible_alias = "ls")]
    List,
    /// Creates a namespace
    Create(NameArgs),
    /// Deletes an empty namespace
    #[command(visible_alias = "rm")]
    Delete(NameArgs),
}

#[derive(Args)]
pub(crate) struct NameArgs {
    /// The namespace's name
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let project = session.project();
    let output = &context.output;
    match command {
        Command::List => {
            let namespaces = session.wait(project.namespaces())?;
            if !output.is_for_people() {
                return output.structured(&namespaces).map(|()| Exit::DONE);
            }
            let now = (context.now)();
            let rows =
                namespaces.iter().map(|item| [item.name.clone(), ago(now, item.created_at), item.created_by.clone()]);
            output.table(["NAME", "CREATED", "BY"], rows.collect(), "there are no namespaces")?;
        }
        Command::Create(args) => {
            session.name_place(context);
            let item = session.wait(project.create_namespace(&args.name))?;
            context.output.answer(&item, &format!("✔ Namespace created: {}", item.name))?;
        }
        Command::Delete(args) => {
            session.name_place(context);
            let gone = session.wait(project.delete_namespace(&args.name))?;
            context.output.answer(&gone, &format!("✔ Namespace deleted: {}", gone.name))?;
        }
    }
    Ok(Exit::DONE)
}
