//! `strongroom projects`.

use clap::{Args, Subcommand};
use strongroom_api::projects::{ProjectItem, UpdateProject};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output::{self, ask, has_person};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists projects
    #[command(visible_alias = "ls")]
    List,
    /// Creates a project with a key of its own
    Create(NameArgs),
    /// Deletes a project, its secrets and its key for good
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
    /// Shows or changes what a project allows
    Settings(SettingsArgs),
}

#[derive(Args)]
pub(crate) struct NameArgs {
    /// The project's name
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Args)]
pub(crate) struct DeleteArgs {
    /// The project's name
    #[arg(value_name = "NAME")]
    name: String,
    /// The project's name again, instead of being asked for it
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

#[derive(Args)]
pub(crate) struct SettingsArgs {
    /// The project's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Whether `secrets reveal` answers at all
    #[arg(long, value_name = "BOOL")]
    allow_reveal: Option<bool>,
    /// Whether lists show the last four characters of values of 20 or more
    #[arg(long, value_name = "BOOL")]
    value_hints: Option<bool>,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List => list(context)?,
        Command::Create(args) => {
            let session = context.connect()?;
            let item = session.wait(session.client().create_project(&args.name))?;
            context.output.answer(&item, &format!("✔ Project created: {}", item.name))?;
        }
        Command::Delete(args) => delete(context, &args)?,
        Command::Settings(args) => settings(context, &args)?,
    }
    Ok(Exit::DONE)
}

fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect()?;
    let projects = session.wait(session.client().projects())?;
    if !context.output.is_for_people() {
        return context.output.structured(&projects);
    }
    let now = (context.now)();
    let rows = projects.iter().map(|item| [item.name.clone(), ago(now, item.created_at), item.created_by.clone()]);
    context.output.table(["NAME", "CREATED", "BY"], rows.collect(), "there are no projects")
}

fn delete(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let again = || {
        Failure::usage("nothing was deleted: to delete a project, give its name again")
            .hint(format!("strongroom projects delete {0} --confirm {0}", args.name))
    };
    let confirm = match &args.confirm {
        Some(confirm) => confirm.clone(),
        None if has_person() => {
            let question = format!("This destroys the key and every secret of {}. Type its name to go on:", args.name);
            ask(&question).ok_or_else(again)?
        }
        None => return Err(again()),
    };
    if confirm != args.name {
        return Err(again());
    }
    let session = context.connect()?;
    let gone = session.wait(session.client().project(&args.name).delete(&confirm))?;
    context.output.answer(&gone, &format!("✔ Project deleted: {}", gone.name))
}

fn settings(context: &Context, args: &SettingsArgs) -> Result<(), Failure> {
    let session = context.connect()?;
    let project = session.client().project(&args.name);
    let item: ProjectItem = if args.allow_reveal.is_none() && args.value_hints.is_none() {
        session.wait(project.about())?
    } else {
        let body = UpdateProject { allow_reveal: args.allow_reveal, value_hints: args.value_hints };
        session.wait(project.update(&body))?
    };
    if !context.output.is_for_people() {
        return context.output.structured(&item);
    }
    output::line(&format!("allow-reveal  {}", item.settings.allow_reveal))?;
    output::line(&format!("value-hints   {}", item.settings.value_hints))
}
