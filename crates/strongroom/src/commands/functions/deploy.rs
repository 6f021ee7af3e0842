//! `strongroom functions deploy`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use strongroom_api::FieldError;
use strongroom_model::manifest::{CallAuth, FunctionManifest, OnChange, Runtime, Workload};
use strongroom_project::{in_units, memory_bytes, secret_ref, time_ms};

use crate::commands::deploy::plan::{self, Kind, Manifest, Plan};
use crate::commands::deploy::{self, ToArgs};
use crate::context::Context;
use crate::errors::{Exit, Failure, at};

#[derive(Args)]
pub(crate) struct DeployArgs {
    /// The functions of strongroom.json to deploy, all if none is given; with --entry, the name of one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The source file: deploys one function without a project file
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    #[command(flatten)]
    one: OneArgs,
    #[command(flatten)]
    to: ToArgs,
}

/// The configuration of one function on the command line.
#[derive(Args)]
pub(crate) struct OneArgs {
    /// What runs it
    #[arg(long, value_enum, value_name = "NAME", requires = "entry")]
    runtime: Option<Runner>,
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Runner {
    Deno,
    Node,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reaction {
    Recycle,
    Live,
}

pub(crate) fn run(context: &Context, args: &DeployArgs) -> Result<Exit, Failure> {
    let Some(entry) = &args.entry else {
        let plans = plan::from_file(context, &[Kind::Function], &args.names)?;
        return deploy::several(context, &plans, &args.to);
    };
    let [name] = args.names.as_slice() else {
        return Err(Failure::usage("--entry deploys one function; give its name")
            .hint("strongroom functions deploy NAME --entry FILE"));
    };
    let file = context.project_file()?;
    let prefixes = file.map(|file| file.content.env_prefix.clone()).unwrap_or_default();
    let problems = match (name.parse(), args.one.manifest(prefixes)) {
        (Ok(name), Ok(manifest)) => {
            let entry = context.working_dir.join(entry);
            return deploy::one(context, Plan { name, entry, manifest: Manifest::Function(manifest) }, &args.to);
        }
        (name, manifest) => {
            let name = name.err().map(|error: strongroom_model::slug::SlugError| at("NAME", error));
            name.into_iter().chain(manifest.err().into_iter().flatten()).collect()
        }
    };
    Err(Failure::usage("nothing was deployed: the options are wrong").each(problems))
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
                runtime: match self.runtime {
                    Some(Runner::Node) => Runtime::Node,
                    Some(Runner::Deno) | None => Runtime::Deno,
                },
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
