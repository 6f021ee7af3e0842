//! The options of `strongroom functions deploy`.

use clap::{Args, ValueEnum};
use strongroom_api::FieldError;
use strongroom_client::WorkloadKind;
use strongroom_model::manifest::{CallAuth, FunctionManifest, UserSecrets};
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
    /// Who may call it: who has a token of Strongroom's (the default), an end user, or anyone
    #[arg(long, requires = "entry", conflicts_with = "public", value_name = "WHO")]
    auth: Option<Callers>,
    /// Lets it set and delete the secrets of the end user whom it runs for
    #[arg(long, requires = "entry", value_name = "HOW")]
    user_secrets: Option<Keeping>,
    #[command(flatten)]
    workload: WorkloadArgs,
}

/// Who may call a function.
#[derive(Clone, Copy, ValueEnum)]
enum Callers {
    Token,
    User,
    Public,
}

/// What a function may do with its users' secrets.
#[derive(Clone, Copy, ValueEnum)]
enum Keeping {
    Write,
}

impl FunctionArgs {
    fn auth(&self) -> CallAuth {
        match self.auth {
            Some(Callers::User) => CallAuth::User,
            Some(Callers::Public) => CallAuth::Public,
            None if self.public => CallAuth::Public,
            Some(Callers::Token) | None => CallAuth::Token,
        }
    }
}

impl Options for FunctionArgs {
    const KIND: WorkloadKind = WorkloadKind::Function;

    fn manifest(&self, env_prefix: Vec<String>, problems: &mut Vec<FieldError>) -> Manifest {
        let (default, args) = (FunctionManifest::default(), &self.workload);
        let manifest = FunctionManifest {
            workload: args.workload(env_prefix, problems),
            auth: self.auth(),
            user_secrets: self.user_secrets.map(|Keeping::Write| UserSecrets::Write),
            timeout_ms: time("--timeout", args.timeout.as_deref(), default.timeout_ms, problems),
            concurrency: args.concurrency.unwrap_or(default.concurrency),
        };
        problems.extend(manifest.problems().iter().map(|problem| at("the options", in_units(problem))));
        Manifest::Function(manifest)
    }
}
