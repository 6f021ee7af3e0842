//! `strongroom apps`.

use clap::{Args, Subcommand};
use strongroom_api::projects::{AppItem, CreateApp};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists apps
    #[command(visible_alias = "ls")]
    List(NamespaceArgs),
    /// Registers an app
    Create(CreateArgs),
    /// Shows an app
    Get(OneArgs),
    /// Deletes an app
    #[command(visible_alias = "rm")]
    Delete(OneArgs),
}

#[derive(Args)]
pub(crate) struct NamespaceArgs {
    /// The namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

#[derive(Args)]
pub(crate) struct OneArgs {
    /// The app's id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    namespace: NamespaceArgs,
}

#[derive(Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    app: OneArgs,
    /// A name for people
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let project = session.project();
    match command {
        Command::List(args) => {
            let apps = session.wait(project.apps(args.namespace.as_deref()))?;
            print(context, &apps)?;
        }
        Command::Create(CreateArgs { app: OneArgs { id, namespace }, name }) => {
            session.name_place(context);
            let app = session.wait(project.create_app(&CreateApp { id, namespace: namespace.namespace, name }))?;
            context.output.answer(&app, &format!("✔ App created: {}", app.id))?;
        }
        Command::Get(args) => {
            let app = session.wait(project.app(&args.id, args.namespace.namespace.as_deref()))?;
            if context.output.is_for_people() { print(context, &[app])? } else { context.output.structured(&app)? }
        }
        Command::Delete(args) => {
            session.name_place(context);
            let gone = session.wait(project.delete_app(&args.id, args.namespace.namespace.as_deref()))?;
            context.output.answer(&gone, &format!("✔ App deleted: {}", gone.name))?;
        }
    }
    Ok(Exit::DONE)
}

fn print(context: &Context, apps: &[AppItem]) -> Result<(), Failure> {
    if !context.output.is_for_people() {
        return context.output.structured(&apps);
    }
    let now = (context.now)();
    let rows = apps.iter().map(|app| {
        let name = app.name.clone().unwrap_or_else(|| "-".to_owned());
        [app.id.clone(), app.namespace.clone(), name, ago(now, app.created_at), app.created_by.clone()]
    });
    context.output.table(["ID", "NAMESPACE", "NAME", "CREATED", "BY"], rows.collect(), "there are no apps here yet")
}
