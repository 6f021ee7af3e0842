//! `strongroom runtime`.

use clap::Subcommand;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::home::Home;
use crate::opening::places;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what runs functions here
    Status,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Status => status(context),
    }
}

fn status(context: &Context) -> Result<Exit, Failure> {
    let home = Home::locate(context)?;
    let found = strongroom_runtime::locate::find(&places(context, Some(home.path())));
    let deno = found.map_err(|error| Failure::failed("functions cannot run here").because(&error))?;
    context.output.line(&format!("Deno {}  {}", deno.version, deno.program.display()))?;
    Ok(Exit::DONE)
}
