//! `strongroom worker-exec`: the launcher of workers.

use std::ffi::OsString;

use clap::Args;

use crate::errors::{Exit, Failure};

#[derive(Args)]
pub(crate) struct WorkerExecArgs {
    /// What the sandbox needs to know, then the worker's own arguments
    #[arg(value_name = "ARGUMENT", num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: &WorkerExecArgs) -> Result<Exit, Failure> {
    Err(Failure::failed(format!("the launcher was given {} arguments that it does not know", args.arguments.len())))
}
