//! `strongroom run`: becomes the command, with the secrets in its environment.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use clap::Args;
use strongroom_api::Code;
use strongroom_api::resolve::{Missing, MissingReason, Resolved};
use strongroom_client::Workload;
use strongroom_model::SecretName;
use strongroom_model::manifest::SecretRef;

use super::secrets::resolve::{say_left_out, unresolved, why};
use crate::config;
use crate::context::Context;
use crate::environment::{CREDENTIALS, SECRET_PREFIX};
use crate::errors::{Exit, Failure, at};
use crate::processes::unstarted;

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The app whose secrets are wanted
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// The namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only these names, all of which must have a value
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Adds every secret also as `STRONGROOM_SECRET_NAME`
    #[arg(long)]
    prefixed: bool,
    /// The command and its arguments, after --
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<std::ffi::OsString>,
}

pub(crate) fn run(context: &Context, args: &RunArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
    let wanted = wanted(context, args)?;
    let names: Vec<_> = wanted.iter().flatten().map(|entry| entry.name.to_string()).collect();
    let resolved = {
        let session = context.connect()?;
        let workload = Workload { namespace: Some(&namespace), app: args.app.as_deref() };
        let resolved = session.wait(session.project().resolve(workload, &names));
        resolved.map_err(|error| unresolved(error, &namespace, args.app.as_deref()))?
    };
    report_missing(context, &resolved, wanted.as_deref(), &namespace, args.app.as_deref())?;
    let (program, arguments) =
        args.command.split_first().ok_or_else(|| Failure::usage("there is no command to run"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    for name in CREDENTIALS {
        command.env_remove(name);
    }
    inject(&mut command, &resolved, wanted.as_deref(), args.prefixed);
    drop(resolved);
    context.output.settle();
    Err(unstarted(&command.exec()))
}

/// What the run is limited to: `--only`, else the app's list in the project file, else everything.
fn wanted(context: &Context, args: &RunArgs) -> Result<Option<Vec<SecretRef>>, Failure> {
    if !args.only.is_empty() {
        let entry = |text: &String| {
            let name: Result<SecretName, _> = text.parse();
            name.map(|name| SecretRef { name, alias: None, required: Some(true), default: None, via: None })
        };
        let entries: Result<Vec<_>, _> = args.only.iter().map(entry).collect();
        return entries.map(Some).map_err(|error| Failure::usage(format!("--only: {error}")));
    }
    let Some(app) = &args.app else { return Ok(None) };
    let file = context.project_file()?;
    let found = file.and_then(|file| file.content.apps.iter().find(|entry| entry.id.as_str() == app));
    Ok(found.and_then(|entry| entry.secrets.clone()))
}

/// Stops before anything runs if a wanted name has no value; says which others were left out.
fn report_missing(
    context: &Context,
    resolved: &Resolved,
    wanted: Option<&[SecretRef]>,
    namespace: &str,
    app: Option<&str>,
) -> Result<(), Failure> {
    let entry =
        |missing: &Missing| wanted.and_then(|list| list.iter().find(|entry| entry.name.as_str() == missing.name));
    // A default stands in for "not set" and "no value yet" only.
    let stops = |missing: &&Missing| {
        entry(missing).is_some_and(|entry| {
            entry.is_required() || (entry.default.is_some() && missing.reason == MissingReason::Expired)
        })
    };
    let required: Vec<_> = resolved.missing.iter().filter(stops).collect();
    if required.is_empty() {
        say_left_out(context, &resolved.missing);
        return Ok(());
    }
    let options = match (namespace, app) {
        ("default", None) => String::new(),
        ("default", Some(app)) => format!(" --app {app}"),
        (namespace, Some(app)) => format!(" --namespace {namespace} --app {app}"),
        (namespace, None) => format!(" --namespace {namespace}"),
    };
    let errors = required.iter().map(|missing| {
        at(&missing.name, format!("{}; set it: strongroom secrets set {}{options}", why(missing), missing.name))
    });
    Err(Failure::new(Code::SecretsMissing, "the command was not run: it needs secrets that have no value")
        .each(errors.collect()))
}

fn inject(command: &mut Command, resolved: &Resolved, wanted: Option<&[SecretRef]>, prefixed: bool) {
    let mut set = |name: &str, value: &str| {
        command.env(name, value);
        if prefixed {
            command.env(format!("{SECRET_PREFIX}{name}"), value);
        }
    };
    let value = |name: &str| resolved.secrets.0.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    match wanted {
        None => resolved.secrets.0.iter().for_each(|(name, value)| set(name, value.expose())),
        Some(list) => {
            for entry in list {
                match (value(entry.name.as_str()), &entry.default) {
                    (Some(value), _) => set(entry.target().as_str(), value.expose()),
                    (None, Some(default)) => set(entry.target().as_str(), default),
                    (None, None) => {}
                }
            }
        }
    }
}
