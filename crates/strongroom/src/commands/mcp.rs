//! `strongroom mcp`: answers a coding agent's questions over stdin and stdout. It opens the store for each question and
//! closes it again, so that it never keeps another command out.

mod desk;

use std::sync::mpsc;

use clap::Args;
use strongroom_mcp::{Asked, ServeError};

use crate::context::Context;
use crate::errors::{Exit, Failure};

#[derive(Args)]
pub(crate) struct McpArgs {
    /// The namespace that a question is about if it names none
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The app that a question is about if it names none
    #[arg(long, value_name = "ID")]
    app: Option<String>,
}

pub(crate) fn run(context: &Context, args: &McpArgs) -> Result<Exit, Failure> {
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        return Err(Failure::usage(
            "this speaks the Model Context Protocol on stdin and stdout; a coding agent starts it",
        )
        .hint("with Claude Code: claude mcp add strongroom -- strongroom mcp"));
    }
    let (desk, questions) = mpsc::channel::<Asked>();
    // the conversation goes on beside this thread, which alone has the context that stores are opened with
    let conversation = std::thread::spawn(move || converse(desk));
    for Asked { agent, question, reply } in questions {
        let answer = desk::answer(context, args, &agent, question).map_err(|failure| desk::refusal(&failure));
        // an agent that has stopped waiting needs no answer
        reply.send(answer).ok();
    }
    match conversation.join() {
        Ok(ended) => ended.map(|()| Exit::DONE),
        Err(_) => Err(Failure::failed("the conversation broke off")),
    }
}

fn converse(desk: mpsc::Sender<Asked>) -> Result<(), Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = built.map_err(|error| Failure::failed("the program could not start its runtime").because(&error))?;
    let ended = runtime.block_on(strongroom_mcp::serve(desk));
    // a read of stdin cannot be called off; the process ends with it
    runtime.shutdown_background();
    ended.map_err(|error| match error {
        // its source repeats what was sent
        ServeError::Begin(_) => Failure::failed(error.to_string()),
        ServeError::Broken(_) => Failure::failed(error.to_string()).because(&error),
    })
}
