//! `strongroom apps`.

use clap::{Args, Subcommand};
use serde::Serialize;
use strongroom_api::projects::{AppItem, CreateApp};
use strongroom_api::resolve::{Missing, ResolvedName};
use strongroom_api::secrets::SecretItem;
use strongroom_client::{SecretFilter, Workload};

use super::secrets::resolve::say_left_out;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::Session;
use crate::words::{ago, count, expiry};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists apps
    #[command(visible_alias = "ls")]
    List(NamespaceArgs),
    /// Registers an app
    Create(CreateArgs),
    /// Shows an app, the names that it gets, and which are missing
    Get(OneArgs),
    /// Deletes an app
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
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

#[derive(Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    app: OneArgs,
    /// Destroys the app's own secrets with it
    #[arg(long)]
    force: bool,
}

/// `apps get`: the app, and what it resolves to.
#[derive(Serialize)]
struct AppDetail<'a> {
    #[serde(flatten)]
    app: &'a AppItem,
    secrets: Vec<AppSecret<'a>>,
    missing: &'a [Missing],
}

/// One name that an app gets.
#[derive(Serialize)]
struct AppSecret<'a> {
    #[serde(flatten)]
    resolved: &'a ResolvedName,
    /// How many functions, jobs and apps read the same secret.
    used_by: Option<u64>,
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
        Command::Get(args) => get(context, &session, &args)?,
        Command::Delete(DeleteArgs { app: args, force }) => {
            session.name_place(context);
            let gone = session.wait(project.delete_app(&args.id, args.namespace.namespace.as_deref(), force))?;
            context.output.answer(&gone, &format!("✔ App deleted: {}", gone.name))?;
        }
    }
    Ok(Exit::DONE)
}

fn get(context: &Context, session: &Session, args: &OneArgs) -> Result<(), Failure> {
    let (project, namespace) = (session.project(), args.namespace.namespace.as_deref());
    let app = session.wait(project.app(&args.id, namespace))?;
    let answer = session.wait(project.resolution(Workload { namespace, app: Some(&args.id) }))?;
    let known = session.wait(project.secrets(SecretFilter::default()))?;
    let used_by = |resolved: &ResolvedName| {
        let is_it = |item: &&SecretItem| {
            let place = item.namespace.as_deref().is_none_or(|own| own == app.namespace);
            let owner = item.app.as_deref().is_none_or(|own| own == app.id);
            item.name == resolved.name && item.scope.to_string() == resolved.scope && place && owner
        };
        known.iter().find(is_it).map(|item| item.used_by)
    };
    let secrets = answer.items.iter().map(|resolved| AppSecret { resolved, used_by: used_by(resolved) }).collect();
    let detail = AppDetail { app: &app, secrets, missing: &answer.missing };
    if !context.output.is_for_people() {
        return context.output.structured(&detail);
    }
    print(context, std::slice::from_ref(&app))?;
    output::line("")?;
    let now = (context.now)();
    let rows = detail.secrets.iter().map(|AppSecret { resolved, used_by }| {
        let version = resolved.version.map_or_else(|| "-".to_owned(), |version| format!("v{version}"));
        let expires = resolved.expires_at.map_or_else(|| "-".to_owned(), |at| expiry(now, at));
        let used = used_by.map_or_else(|| "-".to_owned(), |number| count(number, "workload"));
        [resolved.name.clone(), resolved.scope.clone(), version, expires, used]
    });
    let head = ["SECRET", "FROM", "VERSION", "EXPIRES", "READ BY"];
    context.output.table(head, rows.collect(), "nothing resolves for this app yet")?;
    say_left_out(context, &answer.missing);
    Ok(())
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
