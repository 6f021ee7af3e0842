//! The options of `strongroom functions deploy`.

use clap::Args;
use strongroom_api::FieldError;
use strongroom_client::WorkloadKind;
use strongroom_model::manifest::{CallAuth, FunctionManifest};
use strongroom_project::in_units;

use crate::commands::deploy::options::{Options, WorkloadArgs, time};
use crate::commands::deploy::plan::Manifest;
use crate::errors::at;

/// The configuration of one function on the command line.
#[derive(Args)]
pub(crate) struct FunctionArgs {
    /// Lets anyone call it
    #[arg(long, requires = "entry")]
    public: bool,
    #[command(flatten)]
    workload: WorkloadArgs,
}

impl Options for FunctionArgs {
    const KIND: WorkloadKind = WorkloadKind::Function;

    fn manifest(&self, env_prefix: Vec<String>, problems: &mut Vec<FieldError>) -> Manifest {
        let (default, args) = (FunctionManifest::default(), &self.workload);
        let manifest = FunctionManifest {
            workload: args.workload(env_prefix, problems),
            auth: if self.public { CallAuth::Public } else { CallAuth::Token },
            timeout_ms: time("--timeout", args.timeout.as_deref(), default.timeout_ms, problems),
            concurrency: args.concurrency.unwrap_or(default.concurrency),
        };
        problems.extend(manifest.problems().iter().map(|problem| at("the options", in_units(problem))));
        Manifest::Function(manifest)
    }
}
