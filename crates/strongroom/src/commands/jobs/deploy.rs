//! `strongroom jobs deploy`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use strongroom_api::FieldError;
use strongroom_model::Schedule;
use strongroom_model::manifest::{JobManifest, Missed, Overlap, Workload};
use strongroom_project::{in_units, memory_bytes, secret_ref, time_ms};

use crate::commands::deploy::plan::{self, Kind, Manifest, Plan};
use crate::commands::deploy::{self, ToArgs};
use crate::context::Context;
use crate::errors::{Exit, Failure, at};

#[derive(Args)]
pub(crate) struct DeployArgs {
    /// The jobs of strongroom.json to deploy, all if none is given; with --entry, the name of one
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The source file: deploys one job without a project file
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    #[command(flatten)]
    one: OneJobArgs,
    #[command(flatten)]
    to: ToArgs,
}

/// The configuration of one job on the command line.
#[derive(Args)]
pub(crate) struct OneJobArgs {
    /// A secret it gets, under its name or ALIAS; everything that resolves if none is given
    #[arg(long = "secret", value_name = "NAME[:ALIAS]", requires = "entry")]
    secrets: Vec<String>,
    /// When it runs by itself: a cron expression in UTC, such as "0 3 * * *"
    #[arg(long, value_name = "CRON", requires = "entry")]
    schedule: Option<String>,
    /// What happens at a slot of the schedule while an earlier scheduled run is not over
    #[arg(long, value_enum, value_name = "HOW", requires = "entry")]
    overlap: Option<AtOverlap>,
    /// What happens to slots that passed while no server was running
    #[arg(long, value_enum, value_name = "HOW", requires = "entry")]
    missed: Option<AtMissed>,
    /// Further attempts after the first has failed
    #[arg(long, value_name = "N", requires = "entry")]
    retries: Option<u32>,
    /// The pause before the first retry, such as 10s; each further one is twice as long
    #[arg(long, value_name = "TIME", requires = "entry")]
    backoff: Option<String>,
    /// How long one attempt may take, such as 15m
    #[arg(long, value_name = "TIME", requires = "entry")]
    timeout: Option<String>,
    /// How much memory it may use, such as 256MB
    #[arg(long, value_name = "SIZE", requires = "entry")]
    memory: Option<String>,
    /// Runs at once
    #[arg(long, value_name = "N", requires = "entry")]
    concurrency: Option<u32>,
    /// A variable that is no secret
    #[arg(long, value_name = "NAME=VALUE", requires = "entry")]
    env: Vec<String>,
    /// A host it may reach; the public internet if none is given
    #[arg(long, value_name = "HOST", requires = "entry")]
    allow_net: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AtOverlap {
    Skip,
    Queue,
    Allow,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AtMissed {
    Skip,
    Once,
    All,
}

pub(crate) fn run(context: &Context, args: &DeployArgs) -> Result<Exit, Failure> {
    let Some(entry) = &args.entry else {
        let plans = plan::from_file(context, &[Kind::Job], &args.names)?;
        return deploy::several(context, &plans, &args.to);
    };
    let [name] = args.names.as_slice() else {
        return Err(
            Failure::usage("--entry deploys one job; give its name").hint("strongroom jobs deploy NAME --entry FILE")
        );
    };
    let file = context.project_file()?;
    let prefixes = file.map(|file| file.content.env_prefix.clone()).unwrap_or_default();
    let problems = match (name.parse(), args.one.manifest(prefixes)) {
        (Ok(name), Ok(manifest)) => {
            let entry = context.working_dir.join(entry);
            return deploy::one(context, Plan { name, entry, manifest: Manifest::Job(manifest) }, &args.to);
        }
        (name, manifest) => {
            let name = name.err().map(|error: strongroom_model::slug::SlugError| at("NAME", error));
            name.into_iter().chain(manifest.err().into_iter().flatten()).collect()
        }
    };
    Err(Failure::usage("nothing was deployed: the options are wrong").each(problems))
}

impl OneJobArgs {
    /// The manifest that the options mean, or everything that is wrong with them.
    fn manifest(&self, env_prefix: Vec<String>) -> Result<JobManifest, Vec<FieldError>> {
        let mut problems = Vec::new();
        let default = JobManifest::default();
        let workload = self.workload(env_prefix, &mut problems);
        let schedule = self.schedule.as_deref().map(str::parse::<Schedule>).transpose().unwrap_or_else(|error| {
            problems.push(at("--schedule", error));
            None
        });
        let mut time = |option: &str, text: Option<&str>, fallback: u64| {
            text.map_or(Ok(fallback), time_ms).unwrap_or_else(|problem| {
                problems.push(at(option, problem));
                fallback
            })
        };
        let backoff_ms = time("--backoff", self.backoff.as_deref(), default.backoff_ms);
        let timeout_ms = time("--timeout", self.timeout.as_deref(), default.timeout_ms);
        let manifest = JobManifest {
            workload,
            schedule,
            overlap: match self.overlap {
                Some(AtOverlap::Skip) | None => Overlap::Skip,
                Some(AtOverlap::Queue) => Overlap::Queue,
                Some(AtOverlap::Allow) => Overlap::Allow,
            },
            missed: match self.missed {
                Some(AtMissed::Skip) => Missed::Skip,
                Some(AtMissed::Once) | None => Missed::Once,
                Some(AtMissed::All) => Missed::All,
            },
            retries: self.retries.unwrap_or(default.retries),
            backoff_ms,
            max_backoff_ms: default.max_backoff_ms.max(backoff_ms),
            timeout_ms,
            concurrency: self.concurrency.unwrap_or(default.concurrency),
        };
        problems.extend(manifest.problems().iter().map(|problem| at("the options", in_units(problem))));
        if problems.is_empty() { Ok(manifest) } else { Err(problems) }
    }

    fn workload(&self, env_prefix: Vec<String>, problems: &mut Vec<FieldError>) -> Workload {
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
        workload
    }
}
