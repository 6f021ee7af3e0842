//! `strongroom run`: becomes the command, with the secrets in its environment; or stays, to follow changes, mask output
//! or remove files in the end.

mod cache;
mod follow;
mod mount;
mod news;
mod plan;
mod redact;
mod reins;
mod source;
mod stage;
mod supervise;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use rustix::process::Signal;
use strongroom_model::Lifetime;

use self::plan::Plan;
use self::source::Source;
use super::secrets::resolve::say_left_out;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::processes::{ChildEnvironment, Stop, unstarted};
use crate::session;

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The app whose secrets are wanted
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// The namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only these names, all of which must have a value
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Adds every secret also as `STRONGROOM_SECRET_NAME`
    #[arg(long)]
    prefixed: bool,
    /// Masks values in what the command writes
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    following: FollowingArgs,
    #[command(flatten)]
    mounting: MountArgs,
    /// Keeps the values, sealed, and starts with them if the server is away; such as 24h
    #[arg(long, value_name = "TIME")]
    cache_max_age: Option<String>,
    /// The command and its arguments, after --
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<OsString>,
}

#[derive(Args)]
struct FollowingArgs {
    /// Restarts the command when a value that it gets changes
    #[arg(long)]
    watch: bool,
    /// The signal that asks the command to end: TERM, INT, HUP, QUIT, USR1 or USR2
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", requires = "watch")]
    signal: String,
    /// How long it may take to end before it is killed
    #[arg(long, value_name = "TIME", default_value = "10s", requires = "watch")]
    grace: String,
}

#[derive(Args)]
struct MountArgs {
    /// Puts each secret into a file of this folder, in memory, and none into the environment
    #[arg(long, value_name = "DIR")]
    mount: Option<PathBuf>,
    /// Puts them into the environment too
    #[arg(long, requires = "mount")]
    with_env: bool,
    /// Accepts a folder on a disk where no memory-backed one is found
    #[arg(long, requires = "mount")]
    mount_on_disk: bool,
}

pub(crate) fn run(context: &Context, args: &RunArgs) -> Result<Exit, Failure> {
    let plan = Plan::new(context, args)?;
    let max_age = args.cache_max_age.as_deref().map(|text| time("--cache-max-age", text)).transpose()?;
    let stop = Stop { signal: signal(&args.following.signal)?, grace: time("--grace", &args.following.grace)? };
    let runtime = Rc::new(session::runtime()?);
    let mut source = Source::new(context, &plan, max_age)?;
    let resolved = source.first(&runtime)?;
    if let Some(failure) = plan.lacks(&resolved) {
        return Err(failure);
    }
    say_left_out(context, &resolved.missing);
    if args.following.watch || args.redact || args.mounting.mount.is_some() {
        let mut supervisor = supervise::Supervisor::new(context, args, &plan, source, (runtime, stop))?;
        return supervisor.run(resolved);
    }
    drop((source, runtime));
    let environment = ChildEnvironment { plain: context.environment.for_children(), secrets: plan.secrets(resolved) };
    let (program, arguments) = split(&args.command)?;
    let mut command = Command::new(program);
    command.args(arguments);
    environment.apply(&mut command);
    drop(environment);
    context.output.settle();
    Err(unstarted(&command.exec()))
}

fn split(command: &[OsString]) -> Result<(&OsString, &[OsString]), Failure> {
    command.split_first().ok_or_else(|| Failure::usage("there is no command to run"))
}

fn time(option: &str, text: &str) -> Result<Duration, Failure> {
    let lifetime: Result<Lifetime, _> = text.parse();
    let length = lifetime.map_err(|error| Failure::usage(format!("{option}: {error}")))?;
    Duration::try_from(length.duration()).map_err(|error| Failure::usage(format!("{option}: {error}")))
}

/// The signals that may ask a command to end, with or without `SIG`.
fn signal(text: &str) -> Result<Signal, Failure> {
    let name = text.to_ascii_uppercase();
    match name.strip_prefix("SIG").unwrap_or(&name) {
        "TERM" => Ok(Signal::TERM),
        "INT" => Ok(Signal::INT),
        "HUP" => Ok(Signal::HUP),
        "QUIT" => Ok(Signal::QUIT),
        "USR1" => Ok(Signal::USR1),
        "USR2" => Ok(Signal::USR2),
        _ => Err(Failure::usage("--signal takes TERM, INT, HUP, QUIT, USR1 or USR2")),
    }
}
