//! `strongroom functions deploy`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use strongroom_api::functions::{Deploy, Deployed};
use strongroom_api::{Code, FieldError};
use strongroom_client::ClientError;
use strongroom_model::manifest::{CallAuth, FunctionManifest, OnChange, Runtime, Workload};
use strongroom_project::{in_units, memory_bytes, secret_ref, time_ms};
use strongroom_runtime::bundle::bundle;
use strongroom_runtime::locate;

use super::plan::{self, Plan};
use crate::commands::secrets::resolve::say_left_out;
use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure, at};
use crate::home::Home;
use crate::opening::places;
use crate::output::has_person;

#[derive(Args)]
pub(crate) struct DeployArgs {
    /// The functions of strongroom.json to deploy, all if none is given; with --entry, the name of one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The source file: deploys one function without a project file
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    #[command(flatten)]
    one: OneArgs,
    #[command(flatten)]
    mode: ModeArgs,
}

/// The configuration of one function on the command line.
#[derive(Args)]
pub(crate) struct OneArgs {
    /// A secret it gets, under its name or ALIAS; everything that resolves if none is given
    #[arg(long = "secret", value_name = "NAME[:ALIAS]", requires = "entry")]
    secrets: Vec<String>,
    /// Lets anyone call it
    #[arg(long, requires = "entry")]
    public: bool,
    /// A variable that is no secret
    #[arg(long, value_name = "NAME=VALUE", requires = "entry")]
    env: Vec<String>,
    /// A host it may reach; the public internet if none is given
    #[arg(long, value_name = "HOST", requires = "entry")]
    allow_net: Vec<String>,
    /// How long it may take to answer, such as 30s
    #[arg(long, value_name = "TIME", requires = "entry")]
    timeout: Option<String>,
    /// How much memory it may use, such as 256MB
    #[arg(long, value_name = "SIZE", requires = "entry")]
    memory: Option<String>,
    /// Requests at once
    #[arg(long, value_name = "N", requires = "entry")]
    concurrency: Option<u32>,
    /// What happens to its workers after a change of what they read through helpers
    #[arg(long, value_enum, value_name = "HOW", requires = "entry")]
    on_change: Option<Reaction>,
}

#[derive(Args)]
struct ModeArgs {
    /// Deploys even if the same code and configuration serve
    #[arg(long)]
    force: bool,
    /// Tells what would happen and changes nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reaction {
    Recycle,
    Live,
}

pub(crate) fn run(context: &Context, args: &DeployArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
    let plans = plans(context, args)?;
    let home = Home::locate(context)?;
    let deno = locate::find(&places(context, Some(home.path())));
    let deno = deno.map_err(|error| Failure::failed("nothing was deployed").because(&error))?;
    let mut bundles = Vec::new();
    for plan in &plans {
        if has_person() {
            context.output.talk(&format!("bundling {} …", plan.name));
        }
        bundles.push(body(args, plan, &deno.program)?);
    }
    let session = context.connect()?;
    session.name_place(context);
    let mut all = Vec::new();
    for (plan, body) in plans.iter().zip(&bundles) {
        let answer = session.wait(session.project().deploy_function(plan.name.as_str(), &namespace, body));
        let deployed = answer.map_err(|error| explain(error, &namespace))?;
        if context.output.is_for_people() {
            print(context, &deployed)?;
        }
        all.push(deployed);
    }
    if !context.output.is_for_people() {
        match (args.entry.is_some(), all.as_slice()) {
            (true, [one]) => context.output.structured(one)?,
            _ => context.output.structured(&all)?,
        }
    }
    Ok(Exit::DONE)
}

fn plans(context: &Context, args: &DeployArgs) -> Result<Vec<Plan>, Failure> {
    let file = context.project_file()?;
    if let Some(entry) = &args.entry {
        let [name] = args.names.as_slice() else {
            return Err(Failure::usage("--entry deploys one function; give its name")
                .hint("strongroom functions deploy NAME --entry FILE"));
        };
        let prefixes = file.map(|file| file.content.env_prefix.clone()).unwrap_or_default();
        let manifest = args.one.manifest(prefixes);
        let problems = match (name.parse(), manifest) {
            (Ok(name), Ok(manifest)) => {
                return Ok(vec![Plan { name, entry: context.working_dir.join(entry), manifest }]);
            }
            (name, manifest) => {
                let name = name.err().map(|error: strongroom_model::slug::SlugError| at("NAME", error));
                name.into_iter().chain(manifest.err().into_iter().flatten()).collect()
            }
        };
        return Err(Failure::usage("nothing was deployed: the options are wrong").each(problems));
    }
    let Some(file) = file else {
        return Err(Failure::usage("there is no strongroom.json here or above")
            .hint("without one: strongroom functions deploy NAME --entry FILE"));
    };
    if !file.content.jobs.is_empty() {
        context.output.talk("note: the jobs of strongroom.json are left alone; this version does not run jobs yet");
    }
    let plans = plan::from_file(file, &args.names)?;
    if plans.is_empty() {
        Err(Failure::usage(format!("{} declares no functions", file.path.display())))
    } else {
        Ok(plans)
    }
}

impl OneArgs {
    /// The manifest that the options mean, or everything that is wrong with them.
    fn manifest(&self, env_prefix: Vec<String>) -> Result<FunctionManifest, Vec<FieldError>> {
        let mut problems = Vec::new();
        let mut secrets = Vec::new();
        for (index, text) in self.secrets.iter().enumerate() {
            match secret_ref(text) {
                Ok(entry) => secrets.push(entry),
                Err(error) => problems.push(at(format!("--secret number {}", index + 1), error)),
            }
        }
        let mut env = BTreeMap::new();
        for (index, text) in self.env.iter().enumerate() {
            match text.split_once('=') {
                Some((name, value)) => {
                    env.insert(name.to_owned(), value.to_owned());
                }
                None => problems.push(at(format!("--env number {}", index + 1), "it is NAME=VALUE")),
            }
        }
        let default = FunctionManifest::default();
        let mut number = |option: &str, parsed: Option<Result<u64, String>>, fallback: u64| match parsed {
            Some(Err(problem)) => {
                problems.push(at(option, problem));
                fallback
            }
            Some(Ok(number)) => number,
            None => fallback,
        };
        let timeout_ms = number("--timeout", self.timeout.as_deref().map(time_ms), default.timeout_ms);
        let memory_bytes = number("--memory", self.memory.as_deref().map(memory_bytes), default.workload.memory_bytes);
        let manifest = FunctionManifest {
            workload: Workload {
                runtime: Runtime::Deno,
                secrets: (!secrets.is_empty()).then_some(secrets),
                allow_net: (!self.allow_net.is_empty()).then(|| self.allow_net.clone()),
                memory_bytes,
                env,
                env_prefix,
                on_change: match self.on_change {
                    Some(Reaction::Live) => OnChange::Live,
                    Some(Reaction::Recycle) | None => OnChange::Recycle,
                },
            },
            auth: if self.public { CallAuth::Public } else { CallAuth::Token },
            timeout_ms,
            concurrency: self.concurrency.unwrap_or(default.concurrency),
        };
        problems.extend(manifest.problems().iter().map(|problem| at("the options", in_units(problem))));
        if problems.is_empty() { Ok(manifest) } else { Err(problems) }
    }
}

fn body(args: &DeployArgs, plan: &Plan, deno: &Path) -> Result<Deploy, Failure> {
    let failed =
        |error: &dyn std::error::Error| Failure::failed(format!("nothing was deployed: {}", plan.name)).because(error);
    let bundled = bundle(deno, &plan.entry).map_err(|error| failed(&error))?;
    let bundle = String::from_utf8(bundled.code).map_err(|error| failed(&error.utf8_error()))?;
    Ok(Deploy { manifest: plan.manifest.clone(), bundle, force: args.mode.force, dry_run: args.mode.dry_run })
}

/// Each name that is missing, with the command that sets it.
fn explain(error: ClientError, namespace: &str) -> Failure {
    let options = if namespace == "default" { String::new() } else { format!(" --namespace {namespace}") };
    match error {
        ClientError::Problem(mut problem) if problem.code == Code::SecretsMissing => {
            problem.hint = None;
            for missing in &mut problem.errors {
                let why = missing.detail.strip_prefix(&format!("{} is ", missing.at)).unwrap_or(&missing.detail);
                missing.detail = format!("{why}; set it: strongroom secrets set {}{options}", missing.at);
            }
            Failure::from(ClientError::Problem(problem))
        }
        error => Failure::from(error),
    }
}

fn print(context: &Context, deployed: &Deployed) -> Result<(), Failure> {
    let output = &context.output;
    for created in &deployed.created {
        output.talk(&format!("created {created}"));
    }
    for warning in &deployed.warnings {
        output.talk(&format!("warning: {warning}"));
    }
    let Deployed { name, namespace, deployment, .. } = deployed;
    output.done(&match deployed.status.as_str() {
        "unchanged" => format!("• Unchanged: {name} (deployment {deployment}, namespace {namespace})"),
        "would_deploy" => format!("would deploy  {name} (namespace {namespace})"),
        _ => format!("✔ Function deployed: {name} (deployment {deployment}, namespace {namespace})"),
    })?;
    if !deployed.secrets.is_empty() {
        output.talk(&format!("gets: {}", deployed.secrets.join(", ")));
    }
    say_left_out(context, &deployed.missing);
    deployed.url.as_ref().map_or(Ok(()), |url| output.done(url))
}
