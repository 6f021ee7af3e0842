//! One workload from options alone: `functions deploy NAME --entry FILE` and `jobs deploy NAME --entry FILE`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use strongroom_api::FieldError;
use strongroom_client::WorkloadKind;
use strongroom_model::manifest::{OnChange, Runtime, Workload};
use strongroom_model::slug::SlugError;
use strongroom_project::{memory_bytes, secret_ref, time_ms};

use super::plan::{self, Manifest, Plan};
use super::{ToArgs, one, several};
use crate::context::Context;
use crate::errors::{Exit, Failure, at};

/// `functions deploy` and `jobs deploy`.
#[derive(Args)]
pub(crate) struct OneKindArgs<O: Args> {
    /// Which ones of strongroom.json to deploy, all if none is given; with --entry, the name of one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The source file: deploys one without a project file
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    #[command(flatten)]
    options: O,
    #[command(flatten)]
    to: ToArgs,
}

/// The options that stand for the keys of one kind of workload.
pub(crate) trait Options: Args {
    /// The kind.
    const KIND: WorkloadKind;

    /// The manifest that the options mean; what is wrong with them is added to `problems`.
    fn manifest(&self, env_prefix: Vec<String>, problems: &mut Vec<FieldError>) -> Manifest;
}

/// The configuration that functions and jobs have in common.
#[derive(Args)]
pub(crate) struct WorkloadArgs {
    /// What runs it
    #[arg(long, value_enum, value_name = "NAME", requires = "entry")]
    runtime: Option<Runner>,
    /// A secret it gets, under its name or ALIAS; everything that resolves if none is given
    #[arg(long = "secret", value_name = "NAME[:ALIAS]", requires = "entry")]
    secrets: Vec<String>,
    /// A variable that is no secret
    #[arg(long, value_name = "NAME=VALUE", requires = "entry")]
    env: Vec<String>,
    /// A host it may reach; the public internet if none is given
    #[arg(long, value_name = "HOST", requires = "entry")]
    allow_net: Vec<String>,
    /// How long it may take to answer, or one attempt of a job, such as 30s
    #[arg(long, value_name = "TIME", requires = "entry")]
    pub(crate) timeout: Option<String>,
    /// How much memory it may use, such as 256MB
    #[arg(long, value_name = "SIZE", requires = "entry")]
    memory: Option<String>,
    /// Requests or runs at once
    #[arg(long, value_name = "N", requires = "entry")]
    pub(crate) concurrency: Option<u32>,
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

/// Deploys those of the project file, or the one that the options describe.
pub(crate) fn of_kind<O: Options>(context: &Context, args: &OneKindArgs<O>) -> Result<Exit, Failure> {
    let Some(entry) = &args.entry else {
        let plans = plan::from_file(context, &[O::KIND], &args.names)?;
        return several(context, &plans, &args.to);
    };
    let [name] = args.names.as_slice() else {
        let (word, words) = (O::KIND.word(), O::KIND.words());
        return Err(Failure::usage(format!("--entry deploys one {word}; give its name"))
            .hint(format!("strongroom {words} deploy NAME --entry FILE")));
    };
    let file = context.project_file()?;
    let prefixes = file.map(|file| file.content.env_prefix.clone()).unwrap_or_default();
    let mut problems = Vec::new();
    let name = name.parse().map_err(|error: SlugError| problems.push(at("NAME", error)));
    let manifest = args.options.manifest(prefixes, &mut problems);
    match name {
        Ok(name) if problems.is_empty() => {
            one(context, Plan { name, entry: context.working_dir.join(entry), manifest }, &args.to)
        }
        _ => Err(Failure::usage("nothing was deployed: the options are wrong").each(problems)),
    }
}

/// A length of time of an option, or `fallback`.
pub(crate) fn time(option: &str, text: Option<&str>, fallback: u64, problems: &mut Vec<FieldError>) -> u64 {
    text.map_or(Ok(fallback), time_ms).unwrap_or_else(|problem| {
        problems.push(at(option, problem));
        fallback
    })
}

impl WorkloadArgs {
    /// What the options mean.
    pub(crate) fn workload(&self, env_prefix: Vec<String>, problems: &mut Vec<FieldError>) -> Workload {
        let mut workload = Workload { env_prefix, ..Workload::default() };
        for (index, text) in self.secrets.iter().enumerate() {
            match secret_ref(text) {
                Ok(entry) => workload.secrets.get_or_insert_default().push(entry),
                Err(error) => problems.push(at(format!("--secret number {}", index + 1), error)),
            }
        }
        for (index, text) in self.env.iter().enumerate() {
            match text.split_once('=') {
                Some((name, value)) => {
                    workload.env.insert(name.to_owned(), value.to_owned());
                }
                None => problems.push(at(format!("--env number {}", index + 1), "it is NAME=VALUE")),
            }
        }
        match self.memory.as_deref().map(memory_bytes) {
            Some(Ok(bytes)) => workload.memory_bytes = bytes,
            Some(Err(problem)) => problems.push(at("--memory", problem)),
            None => {}
        }
        workload.allow_net = (!self.allow_net.is_empty()).then(|| self.allow_net.clone());
        workload.runtime = match self.runtime {
            Some(Runner::Node) => Runtime::Node,
            Some(Runner::Deno) | None => Runtime::Deno,
        };
        workload.on_change = match self.on_change {
            Some(Reaction::Live) => OnChange::Live,
            Some(Reaction::Recycle) | None => OnChange::Recycle,
        };
        workload
    }
}
