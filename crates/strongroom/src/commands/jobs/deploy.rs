//! The options of `strongroom jobs deploy`.

use clap::{Args, ValueEnum};
use strongroom_api::FieldError;
use strongroom_client::WorkloadKind;
use strongroom_model::Schedule;
use strongroom_model::manifest::{JobManifest, Missed, Overlap};
use strongroom_project::in_units;

use crate::commands::deploy::options::{Options, WorkloadArgs, time};
use crate::commands::deploy::plan::Manifest;
use crate::errors::at;

/// The configuration of one job on the command line.
#[derive(Args)]
pub(crate) struct JobArgs {
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
    #[command(flatten)]
    workload: WorkloadArgs,
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

impl Options for JobArgs {
    const KIND: WorkloadKind = WorkloadKind::Job;

    fn manifest(&self, env_prefix: Vec<String>, problems: &mut Vec<FieldError>) -> Manifest {
        let (default, args) = (JobManifest::default(), &self.workload);
        let schedule = self.schedule.as_deref().map(str::parse::<Schedule>).transpose().unwrap_or_else(|error| {
            problems.push(at("--schedule", error));
            None
        });
        let backoff_ms = time("--backoff", self.backoff.as_deref(), default.backoff_ms, problems);
        let manifest = JobManifest {
            workload: args.workload(env_prefix, problems),
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
            timeout_ms: time("--timeout", args.timeout.as_deref(), default.timeout_ms, problems),
            concurrency: args.concurrency.unwrap_or(default.concurrency),
        };
        problems.extend(manifest.problems().iter().map(|problem| at("the options", in_units(problem))));
        Manifest::Job(manifest)
    }
}
