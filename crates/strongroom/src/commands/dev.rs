//! `strongroom dev`.

use clap::Args;
use strongroom_runtime::PrivateNet;

use crate::context::Context;
use crate::dev::{self, Options};
use crate::errors::{Exit, Failure};

#[derive(Args)]
pub(crate) struct DevArgs {
    /// Functions, jobs and apps to run; all of strongroom.json if none is named. A first word `start` is passed over
    #[arg(value_name = "WORKLOAD")]
    workloads: Vec<String>,
    /// The namespace whose secrets they get; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Takes values from .env and the shell's `STRONGROOM_SECRET_NAME` alone, and needs no store
    #[arg(long)]
    offline: bool,
    /// Where functions and jobs answer [default: 127.0.0.1:7878, or the next free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A host name besides this machine's under which they may be called, as by a tunnel
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    #[command(flatten)]
    code: CodeArgs,
}

/// How functions and jobs run.
#[derive(Args)]
struct CodeArgs {
    /// Lets functions and jobs reach this machine and private networks, which no server lets them
    #[arg(long)]
    private_net: bool,
    /// Runs jobs by their schedules too
    #[arg(long)]
    schedules: bool,
}

pub(crate) fn run(context: &Context, args: DevArgs) -> Result<Exit, Failure> {
    let mut only = args.workloads;
    if only.first().is_some_and(|word| word == "start") {
        only.remove(0);
    }
    let DevArgs { namespace, offline, listen, allow_host: hosts, code: CodeArgs { private_net, schedules }, .. } = args;
    let private_net = if private_net { PrivateNet::Allowed } else { PrivateNet::Refused };
    dev::run(context, &Options { namespace, only, offline, listen, hosts, private_net, schedules })
}
