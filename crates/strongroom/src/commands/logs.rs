//! `strongroom logs`.

use std::time::Duration;

use clap::{Args, Subcommand};
use strongroom_api::trail::LogItem;
use strongroom_client::LogFilter;

use super::audit::since;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::Session;

/// How often a followed log is asked for more.
const FOLLOW_STEP: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists log lines, oldest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
}

#[derive(Args, Default)]
pub(crate) struct ListArgs {
    /// execution, system or security
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Only of this function
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
}

/// What `logs list` and `functions logs` have in common.
#[derive(Args, Default)]
pub(crate) struct FilterArgs {
    /// Only of this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only of this execution
    #[arg(long, value_name = "ID")]
    execution: Option<String>,
    /// Only lines that contain this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only this level and above: debug, info, warn, error
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// Only from then on: a point in time, or a length of time back such as 24h
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only until then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// At most this many, the newest
    #[arg(long, value_name = "N", default_value = "100")]
    limit: u64,
    /// Goes on with new lines until interrupted
    #[arg(long)]
    follow: bool,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(args) => list(context, args.category.as_deref(), args.function.as_deref(), &args.filter),
    }
}

/// Prints what passes the filter; goes on, if asked to.
pub(crate) fn list(
    context: &Context,
    category: Option<&str>,
    function: Option<&str>,
    args: &FilterArgs,
) -> Result<Exit, Failure> {
    let mut filter = LogFilter {
        category,
        namespace: args.namespace.as_deref(),
        function,
        execution: args.execution.as_deref(),
        search: args.search.as_deref(),
        level: args.level.as_deref(),
        since: since(context, args.since.as_deref())?,
        until: since(context, args.until.as_deref())?,
        limit: Some(args.limit),
        after: None,
    };
    let session = context.connect()?;
    if args.follow && session.is_in_process() {
        // it would hold the store, so that nothing could ever be logged, and keep every other command out
        return Err(Failure::failed("--follow needs a running server; without one no new lines can come")
            .hint("strongroom server"));
    }
    let page = session.wait(session.project().logs(&filter))?;
    if !args.follow {
        return print_page(context, &page.items);
    }
    let mut lines = page.items;
    loop {
        lines.iter().try_for_each(|item| print_line(context, item))?;
        filter.after = lines.iter().map(|item| item.id).chain(filter.after).max();
        lines = next(&session, &filter)?;
    }
}

fn next(session: &Session, filter: &LogFilter<'_>) -> Result<Vec<LogItem>, Failure> {
    session.wait(async {
        tokio::time::sleep(FOLLOW_STEP).await;
        Ok(session.project().logs(filter).await?.items)
    })
}

fn print_page(context: &Context, items: &[LogItem]) -> Result<Exit, Failure> {
    if !context.output.is_for_people() {
        return context.output.structured(&items).map(|()| Exit::DONE);
    }
    items.iter().try_for_each(|item| print_line(context, item))?;
    if items.is_empty() {
        context.output.talk("there are no such lines");
    }
    Ok(Exit::DONE)
}

fn print_line(context: &Context, item: &LogItem) -> Result<(), Failure> {
    if !context.output.is_for_people() {
        let line = serde_json::to_string(item).expect("wire types have text keys only");
        return output::line(&line);
    }
    let place = match (&item.namespace, &item.function) {
        (Some(namespace), Some(function)) => format!("{namespace}/{function}"),
        _ => item.category.clone(),
    };
    output::line(&format!("{}  {:<5}  {place}  {}", item.at, item.level, printable(&item.message)))
}

/// What code has printed, without power over the terminal: further lines are indented, so that none looks like a line of
/// the log, and control characters are spelled out.
fn printable(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for character in message.chars() {
        match character {
            '\n' => text.push_str("\n    "),
            '\t' => text.push('\t'),
            _ if character.is_control() || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}".contains(character) => {
                text.extend(character.escape_default());
            }
            _ => text.push(character),
        }
    }
    text
}
