//! `bench-load`: what `bench/run.sh` measures with.
//!
//! ```text
//! fill      write the secrets that the reads pick from
//! load      requests over keep-alive connections for a time, with the processor time that the server spent on them
//! cold      one request to each of several functions, none of which has a worker yet
//! start     start a server again and again, until its first answer
//! run       run a command again and again, to its end
//! memory    what a process holds
//! proxy     a plain HTTP proxy to a Unix socket: what a function server costs at least
//! port      a port that is free now
//! report    from the records of one run to RESULTS.md and results.json
//! ```
//!
//! Every measuring command prints one line of JSON: a [`record::Record`].

mod address;
mod arguments;
mod cold;
mod fill;
mod load;
mod memory;
mod processor;
mod proxy;
mod record;
mod repeat;
mod report;
mod sample;
mod template;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::arguments::Arguments;

/// Why a command failed. A bench tool has one reader, who needs to know what was being done and what went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line.
    #[error("{0}; see the head of bench/load/src/main.rs")]
    Usage(String),
    /// The system refused something.
    #[error("could not {doing}: {source}")]
    System {
        /// What was being done, as it follows "could not".
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// An answer was not what it must be. Never with the answer's body: it may hold a value.
    #[error("{0}")]
    Answer(String),
    /// A record could not be read or written.
    #[error("could not read or write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// For `map_err`: what could not be done.
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut stderr = io::stderr();
    match Arguments::parse(words).and_then(|(command, arguments)| run(&command, &arguments)) {
        Ok(line) => match writeln!(io::stdout(), "{line}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(failure) => {
            // nobody is left to tell when stderr is gone
            let _ = writeln!(stderr, "bench-load: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The one line that the command prints.
fn run(command: &str, arguments: &Arguments) -> Result<String, Failure> {
    match command {
        "fill" => on_one_thread(fill::run(arguments)),
        "load" => on_one_thread(load::run(arguments)),
        "cold" => on_one_thread(cold::run(arguments)),
        "start" => on_one_thread(repeat::until_answer(arguments)),
        "run" => repeat::to_the_end(arguments),
        "memory" => memory::run(arguments),
        "proxy" => proxy::run(arguments),
        "port" => address::free_port(),
        "report" => report::run(arguments),
        other => Err(Failure::Usage(format!("there is no command `{other}`"))),
    }
}

/// Load comes from one thread, so that pinning it to one core is pinning all of it.
fn on_one_thread<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::system("start the async runtime"))?.block_on(work)
}
