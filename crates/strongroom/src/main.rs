//! The program: server, command line, and the only place that knows everything.

mod browser;
mod chance;
mod changes;
mod cli;
mod commands;
mod config;
mod context;
mod credentials;
mod dev;
mod edge;
mod environment;
mod errors;
mod home;
mod local;
mod offer;
mod opening;
mod output;
mod processes;
mod root_key;
mod scope;
mod serve;
mod session;
mod usage;
mod values;
mod words;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use jiff::Timestamp;
use strongroom_runtime::{references, sandbox};

use crate::cli::{Cli, Globals};
use crate::context::Context;
use crate::environment::Environment;
use crate::errors::{Exit, Failure};
use crate::output::{Format, Output};

/// The word that makes this program the launcher of workers.
const WORKER_EXEC: &str = "worker-exec";
/// The word that makes this program the reader of code that may be hostile.
const READ_CODE: &str = "read-code";

/// A request makes many small allocations; this one serves them at half the cost of the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == WORKER_EXEC) {
        return worker_exec(arguments);
    }
    match arguments.get(1) {
        Some(word) if word == READ_CODE => return read_code(&arguments),
        Some(word) if word == processes::CHILD_EXEC => return child_exec(arguments),
        Some(word) if word == processes::CHILD_KEEP => {
            processes::keep(std::io::stdin().lock());
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let environment = Environment::of_process();
    let (output, result) = match Cli::try_parse_from(&arguments) {
        Ok(Cli { globals, command }) => {
            let output = output(&globals, &environment);
            let mut context = Context::new(globals, environment, output.clone(), now);
            context.has_escape = arguments.iter().any(|argument| argument == "--");
            (output, cli::run(&context, command))
        }
        Err(error) => {
            let wants_json = wants_json(&arguments);
            let output = output(&Globals { json: wants_json, ..Globals::default() }, &environment);
            (output, unparsed(&error))
        }
    };
    let exit = match result {
        Ok(exit) => {
            output.settle();
            exit
        }
        Err(failure) => {
            output.failure(&failure);
            failure.exit()
        }
    };
    ExitCode::from(exit.0)
}

/// Restricts this process and lets it become a worker. Not a command for people: it stands before all grammar.
fn worker_exec(arguments: Vec<OsString>) -> ExitCode {
    let error = sandbox::exec_sandboxed(arguments.into_iter().skip(2));
    output::say(Failure::failed("the worker did not start").because(&error).text().trim_end());
    ExitCode::from(Exit::FAILED.0)
}

/// Reads a program from standard input and tells what it reads. Not for people either.
fn read_code(arguments: &[OsString]) -> ExitCode {
    let file = arguments.get(2).and_then(|file| file.to_str()).unwrap_or("main.js");
    match references::answer(std::io::stdin().lock(), std::io::stdout().lock(), file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Takes the terminal, if there is one to take, and becomes a command. Not for people either.
fn child_exec(arguments: Vec<OsString>) -> ExitCode {
    let failure = processes::launch(processes::role_arguments(arguments));
    output::say(failure.text().trim_end());
    ExitCode::from(failure.exit().0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the clock enters; everything else takes it as an argument"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn output(globals: &Globals, environment: &Environment) -> Output {
    let format = if globals.json { Format::Json } else { globals.output.unwrap_or(Format::Table) };
    let color = !globals.no_color && !environment.is_on("NO_COLOR") && std::io::stderr().is_terminal();
    let mut output = Output::new(format);
    output.quiet = globals.quiet;
    output.color = color;
    output
}

/// Whether a command line that cannot be parsed asked for JSON.
fn wants_json(arguments: &[OsString]) -> bool {
    let before = arguments.iter().take_while(|argument| *argument != "--");
    let mut previous = None;
    before.into_iter().any(|argument| {
        let after_option = previous.is_some_and(|word: &OsString| word == "-o" || word == "--output");
        previous = Some(argument);
        argument == "--json"
            || argument == "--output=json"
            || argument == "-ojson"
            || (after_option && argument == "json")
    })
}

/// Help and version are answers; everything else that clap says is an error.
fn unparsed(error: &clap::Error) -> Result<Exit, Failure> {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::bytes(error.render().to_string().as_bytes()).map(|()| Exit::DONE)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::say(error.render().to_string().trim_end());
            Ok(Exit(2))
        }
        _ => Err(usage::failure(error)),
    }
}
