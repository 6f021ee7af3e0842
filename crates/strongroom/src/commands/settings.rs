//! `strongroom settings secrets`: secrets of the system, or of one end user.

mod secrets;

use clap::Subcommand;

use crate::context::Context;
use crate::errors::{Exit, Failure};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sets, lists and deletes settings secrets
    #[command(subcommand, visible_alias = "secret")]
    Secrets(secrets::Command),
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Secrets(command) => secrets::run(context, command),
    }
}
