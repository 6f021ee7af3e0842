//! `strongroom runtime`.

use clap::{Subcommand, ValueEnum};
use strongroom_runtime::locate::node::{self, Node, PINNED_NODE_VERSION};
use strongroom_runtime::locate::{Deno, PINNED_VERSION, install, install_node};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::home::Home;
use crate::opening::{node_places, places};
use crate::output;

#[derive(Clone, Copy, Subcommand)]
pub(crate) enum Command {
    /// Brings the pinned version of Deno, or of Node, into the data directory
    Install {
        /// Which one
        #[arg(value_enum, default_value_t = Which::Deno)]
        which: Which,
    },
    /// Shows what runs functions here
    Status,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Which {
    /// Runs functions and jobs unless they say otherwise, and bundles them all
    Deno,
    /// Runs functions and jobs with "runtime": "node"
    Node,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Install { which } => bring(context, which),
        Command::Status => status(context),
    }
}

fn bring(context: &Context, which: Which) -> Result<Exit, Failure> {
    let home = Home::locate(context)?;
    home.prepare()?;
    let begin = |what: &str| context.output.talk(&format!("installing {what} in {}", home.path().display()));
    match which {
        Which::Deno => {
            begin(&format!("Deno {PINNED_VERSION}"));
            let deno =
                install(home.path()).map_err(|error| Failure::failed("Deno was not installed").because(&error))?;
            let line = format!("✔ Deno {} installed: {}", deno.version, deno.program.display());
            context.output.answer(&about(&deno), &line)?;
        }
        Which::Node => {
            begin(&format!("Node {PINNED_NODE_VERSION}"));
            let node = install_node(home.path());
            let node = node.map_err(|error| Failure::failed("Node was not installed").because(&error))?;
            let line = format!("✔ Node {} installed: {}", node.version, node.program.display());
            context.output.answer(&about_node(&node), &line)?;
        }
    }
    Ok(Exit::DONE)
}

fn status(context: &Context) -> Result<Exit, Failure> {
    let home = Home::locate(context)?;
    let found = strongroom_runtime::locate::find(&places(context, Some(home.path())));
    let deno = found.map_err(|error| Failure::failed("functions cannot run here").because(&error))?;
    let node = node::find(&node_places(context, Some(home.path())));
    if !context.output.is_for_people() {
        let Deno { program, version } = &deno;
        let node = node.as_ref().ok().map(about_node);
        let all = serde_json::json!({ "runtime": "deno", "version": version, "program": program, "node": node });
        return context.output.structured(&all).map(|()| Exit::DONE);
    }
    output::line(&format!("Deno {}  {}", deno.version, deno.program.display()))?;
    match node {
        Ok(node) => output::line(&format!("Node {}  {}", node.version, node.program.display()))?,
        Err(error) => context.output.talk(&format!("no Node for functions with \"runtime\": \"node\": {error}")),
    }
    Ok(Exit::DONE)
}

fn about(deno: &Deno) -> serde_json::Value {
    serde_json::json!({ "runtime": "deno", "version": deno.version, "program": deno.program })
}

fn about_node(node: &Node) -> serde_json::Value {
    serde_json::json!({ "runtime": "node", "version": node.version, "program": node.program })
}
