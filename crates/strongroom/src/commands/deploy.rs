//! Deploying workloads: plan, bundle, ask the server about all of them, and only then change something.
//! `strongroom deploy`, and what `functions deploy` and `jobs deploy` share.

pub(crate) mod options;
pub(crate) mod plan;

use std::path::Path;

use clap::Args;
use serde::Serialize;
use strongroom_api::Code;
use strongroom_api::functions::{Deploy, Deployed};
use strongroom_api::jobs::DeployJob;
use strongroom_api::resolve::Missing;
use strongroom_client::{ClientError, Deployable, WorkloadKind};
use strongroom_runtime::bundle::bundle;
use strongroom_runtime::locate;

use self::plan::{Manifest, Plan};
use super::secrets::resolve::say_left_out;
use super::workloads::title;
use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::home::Home;
use crate::opening::places;
use crate::output::has_person;
use crate::session::Session;

#[derive(Args)]
pub(crate) struct DeployArgs {
    /// What to deploy of strongroom.json; everything if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    to: ToArgs,
}

/// Where to deploy, and how.
#[derive(Args)]
pub(crate) struct ToArgs {
    /// The namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// A rule of key patterns that may match, such as jwt, because what it finds is no secret
    #[arg(long = "allow-pattern", value_name = "RULE")]
    allow_patterns: Vec<String>,
    /// Deploys even if the same code and configuration serve
    #[arg(long)]
    force: bool,
    /// Asks the server what would change, and changes nothing
    #[arg(long)]
    dry_run: bool,
}

/// A workload's answer, with its kind.
#[derive(Serialize)]
struct Told {
    kind: &'static str,
    #[serde(flatten)]
    deployed: Deployed,
}

pub(crate) fn run(context: &Context, args: &DeployArgs) -> Result<Exit, Failure> {
    let plans = plan::from_file(context, &[WorkloadKind::Function, WorkloadKind::Job], &args.names)?;
    several(context, &plans, &args.to)
}

/// Deploys workloads of the project file. The answer for programs is a list.
pub(crate) fn several(context: &Context, plans: &[Plan], to: &ToArgs) -> Result<Exit, Failure> {
    let mut told = Vec::new();
    let result = deploy(context, plans, to, &mut told);
    if !context.output.is_for_people() && (result.is_ok() || !told.is_empty()) {
        context.output.structured(&told)?;
    }
    if let ([_, _, ..], true) = (told.as_slice(), context.output.is_for_people()) {
        let total = told.len();
        let changed = told.iter().filter(|told| told.deployed.status != "unchanged").count();
        let what = if to.dry_run { "would be deployed" } else { "deployed" };
        context.output.talk(&format!("{changed} {what}, {} unchanged", total - changed));
    }
    result.map(|()| Exit::DONE)
}

/// Deploys one workload. The answer for programs is an object.
pub(crate) fn one(context: &Context, plan: Plan, to: &ToArgs) -> Result<Exit, Failure> {
    let mut told = Vec::new();
    deploy(context, &[plan], to, &mut told)?;
    match told.first() {
        Some(told) if !context.output.is_for_people() => context.output.structured(told).map(|()| Exit::DONE),
        _ => Ok(Exit::DONE),
    }
}

/// Bundles all, asks the server about all, and changes something only if nothing is wrong with any of them. `told`
/// gets what was done, also if something fails on the way.
fn deploy(context: &Context, plans: &[Plan], to: &ToArgs, told: &mut Vec<Told>) -> Result<(), Failure> {
    let namespace = config::workload_namespace(context, to.namespace.as_deref())?;
    let bundles = all_or(NOTHING, plans, bundles(context, plans)?)?;
    let session = context.connect()?;
    session.name_place(context);
    let allow_patterns = to.allow_patterns.as_slice();
    let target = Target { session: &session, namespace: &namespace, allow_patterns, force: to.force };
    // one alone changes nothing when it is refused; several are asked about first
    let asked = if to.dry_run || plans.len() > 1 {
        let answers = plans.iter().zip(&bundles).map(|(plan, bundle)| target.send(plan, bundle, Mode::DryRun));
        all_or(NOTHING, plans, answers.collect())?
    } else {
        Vec::new()
    };
    let mut answers = Vec::new();
    for (index, (plan, bundle)) in plans.iter().zip(&bundles).enumerate() {
        let answer = match asked.get(index) {
            Some(asked) if to.dry_run || asked.status == "unchanged" => Ok(asked.clone()),
            _ => target.send(plan, bundle, Mode::Deploy),
        };
        if let Ok(deployed) = &answer {
            let done = Told { kind: plan.kind().word(), deployed: deployed.clone() };
            print(context, plan, deployed)?;
            told.push(done);
        }
        answers.push(answer);
    }
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    all_or(&format!("{failed} of {} were not deployed", plans.len()), plans, answers).map(|_| ())
}

const NOTHING: &str = "nothing was deployed";

/// Everything, or what is wrong with each of those that failed.
fn all_or<T>(message: &str, plans: &[Plan], results: Vec<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (plan, result) in plans.iter().zip(results) {
        match result {
            Ok(result) => done.push(result),
            Err(failure) => failed.push((plan.name.to_string(), failure)),
        }
    }
    match (plans, failed.pop()) {
        (_, None) => Ok(done),
        ([_], Some((_, failure))) => Err(failure),
        (_, Some(last)) => {
            failed.push(last);
            Err(Failure::several(message, failed))
        }
    }
}

fn bundles(context: &Context, plans: &[Plan]) -> Result<Vec<Result<String, Failure>>, Failure> {
    let home = Home::locate(context)?;
    let deno = locate::find(&places(context, Some(home.path())));
    let deno = deno.map_err(|error| Failure::failed(NOTHING).because(&error))?;
    let each = plans.iter().map(|plan| {
        if has_person() {
            context.output.talk(&format!("bundling {} …", plan.name));
        }
        code(context, plan, &deno.program)
    });
    Ok(each.collect())
}

/// One module of the workload's source file and all that it imports.
fn code(context: &Context, plan: &Plan, deno: &Path) -> Result<String, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::failed("the code cannot be bundled").because(error);
    if !plan.entry.is_file() {
        let shown = plan.entry.strip_prefix(&context.working_dir).unwrap_or(&plan.entry).display();
        return Err(Failure::usage(format!("the code should be in {shown}, which is no file")));
    }
    let bundled = bundle(deno, &plan.entry).map_err(|error| failed(&error))?;
    String::from_utf8(bundled.code).map_err(|error| failed(&error.utf8_error()))
}

/// Where workloads go.
struct Target<'a> {
    session: &'a Session,
    namespace: &'a str,
    allow_patterns: &'a [String],
    force: bool,
}

/// Whether something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    DryRun,
    Deploy,
}

impl Target<'_> {
    fn send(&self, plan: &Plan, bundle: &str, mode: Mode) -> Result<Deployed, Failure> {
        let (session, project) = (self.session, self.session.project());
        let what = Deployable { kind: plan.kind(), namespace: self.namespace, name: plan.name.as_str() };
        let (bundle, force, dry_run) = (bundle.to_owned(), self.force, mode == Mode::DryRun);
        let allow_patterns = self.allow_patterns.to_vec();
        let answer = match &plan.manifest {
            Manifest::Function(manifest) => {
                let body = Deploy { manifest: manifest.clone(), bundle, allow_patterns, force, dry_run };
                session.wait(project.deploy(what, &body))
            }
            Manifest::Job(manifest) => {
                let body = DeployJob { manifest: manifest.clone(), bundle, allow_patterns, force, dry_run };
                session.wait(project.deploy(what, &body))
            }
        };
        answer.map_err(|error| explain(error, self.namespace))
    }
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

fn print(context: &Context, plan: &Plan, deployed: &Deployed) -> Result<(), Failure> {
    let (output, kind) = (&context.output, plan.kind());
    for created in &deployed.created {
        output.talk(&format!("created {created}"));
    }
    for warning in &deployed.warnings {
        output.talk(&format!("warning: {warning}"));
    }
    let Deployed { name, namespace, deployment, .. } = deployed;
    let word = kind.word();
    let place = format!("deployment {deployment}, namespace {namespace}");
    let line = match deployed.status.as_str() {
        "unchanged" => return output.done(&format!("• Unchanged: {name} ({word}, {place})")),
        "would_deploy" => format!("• Would deploy: {name} ({word}, {place})"),
        _ => format!("✔ {} deployed: {name} ({place})", title(kind)),
    };
    output.done(&line)?;
    if !deployed.secrets.is_empty() {
        output.talk(&format!("gets: {}", deployed.secrets.join(", ")));
    }
    let has_default = |missing: &Missing| plan.manifest.has_default(&missing.name);
    let (defaults, left_out): (Vec<_>, Vec<_>) = deployed.missing.iter().cloned().partition(has_default);
    if !defaults.is_empty() {
        let names: Vec<_> = defaults.iter().map(|missing| missing.name.as_str()).collect();
        output.talk(&format!("gets the default: {}", names.join(", ")));
    }
    say_left_out(context, &left_out);
    deployed.url.as_ref().map_or(Ok(()), |url| output.done(url))
}
