//! `strongroom runtime`.

use clap::Subcommand;
use strongroom_runtime::locate::{Deno, PINNED_VERSION, install as install_in};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::home::Home;
use crate::opening::places;
use crate::output;

#[derive(Clone, Copy, Subcommand)]
pub(crate) enum Command {
    /// Brings the pinned version of Deno into the data directory
    Install,
    /// Shows what runs functions here
    Status,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Install => install(context),
        Command::Status => status(context),
    }
}

fn install(context: &Context) -> Result<Exit, Failure> {
    let home = Home::locate(context)?;
    home.prepare()?;
    context.output.talk(&format!("installing Deno {PINNED_VERSION} in {}", home.path().display()));
    let installed = install_in(home.path());
    let deno = installed.map_err(|error| Failure::failed("Deno was not installed").because(&error))?;
    context.output.answer(&about(&deno), &format!("✔ Deno {} installed: {}", deno.version, deno.program.display()))?;
    Ok(Exit::DONE)
}

fn status(context: &Context) -> Result<Exit, Failure> {
    let home = Home::locate(context)?;
    let found = strongroom_runtime::locate::find(&places(context, Some(home.path())));
    let deno = found.map_err(|error| Failure::failed("functions cannot run here").because(&error))?;
    if !context.output.is_for_people() {
        return context.output.structured(&about(&deno)).map(|()| Exit::DONE);
    }
    output::line(&format!("Deno {}  {}", deno.version, deno.program.display()))?;
    Ok(Exit::DONE)
}

fn about(deno: &Deno) -> serde_json::Value {
    serde_json::json!({ "runtime": "deno", "version": deno.version, "program": deno.program })
}
