//! `strongroom namespaces`.

use clap::{Args, Subcommand};
use strongroom_api::projects::{CreateNamespace, UpdateNamespace};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists namespaces
    #[command(visible_alias = "ls")]
    List,
    /// Creates a namespace
    Create(CreateArgs),
    /// Protects a namespace: values, writes and deploys then need a membership or token that names it
    Protect(NameArgs),
    /// Takes a namespace's protection away
    Unprotect(NameArgs),
    /// Deletes an empty namespace
    #[command(visible_alias = "rm")]
    Delete(NameArgs),
}

#[derive(Args)]
pub(crate) struct CreateArgs {
    /// The namespace's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Values, writes and deploys in it need a membership or token that names it
    #[arg(long)]
    protected: bool,
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
            let rows = namespaces.iter().map(|item| {
                let protected = if item.protected { "yes" } else { "no" };
                [item.name.clone(), protected.to_owned(), ago(now, item.created_at), item.created_by.clone()]
            });
            output.table(["NAME", "PROTECTED", "CREATED", "BY"], rows.collect(), "there are no namespaces")?;
        }
        Command::Create(args) => {
            session.name_place(context);
            let body = CreateNamespace { name: args.name, protected: args.protected };
            let item = session.wait(project.create_namespace(&body))?;
            let protected = if item.protected { " (protected)" } else { "" };
            context.output.answer(&item, &format!("✔ Namespace created: {}{protected}", item.name))?;
        }
        Command::Protect(args) => {
            session.name_place(context);
            let item = session.wait(project.update_namespace(&args.name, &UpdateNamespace { protected: true }))?;
            context.output.answer(&item, &format!("✔ Namespace protected: {}", item.name))?;
            context.output.talk(&format!(
                "values, writes and deploys in {} now need a membership or token that names it, or an admin",
                item.name
            ));
        }
        Command::Unprotect(args) => {
            session.name_place(context);
            let item = session.wait(project.update_namespace(&args.name, &UpdateNamespace { protected: false }))?;
            context.output.answer(&item, &format!("✔ Namespace no longer protected: {}", item.name))?;
        }
        Command::Delete(args) => {
            session.name_place(context);
            let gone = session.wait(project.delete_namespace(&args.name))?;
            context.output.answer(&gone, &format!("✔ Namespace deleted: {}", gone.name))?;
        }
    }
    Ok(Exit::DONE)
}
