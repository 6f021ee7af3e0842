//! `strongroom logs`.

mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use strongroom_api::Page;
use strongroom_api::trail::LogItem;
use strongroom_client::{ClientError, LogFilter};

use super::audit::since;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::session::Session;

/// The server is asked to answer after so long at the latest.
const WAIT_SECONDS: u64 = 20;
/// Pauses after a lost connection.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// Lines of one answer.
const PAGE: u64 = 1_000;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists log lines, oldest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Prints the last lines and goes on with new ones until interrupted
    Tail(ListArgs),
    /// Shows one line with everything that is known of it, or all lines of one execution
    Get(GetArgs),
}

#[derive(Args, Default)]
pub(crate) struct ListArgs {
    /// execution, system or security
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Only of this function
    #[arg(long, value_name = "NAME", conflicts_with = "job")]
    function: Option<String>,
    /// Only of this job
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Args)]
pub(crate) struct GetArgs {
    /// The number of a line, or the id of an execution
    #[arg(value_name = "ID")]
    id: String,
    /// Only of this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

/// What the commands that list lines have in common.
#[derive(Args, Default)]
pub(crate) struct FilterArgs {
    /// Only of this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only of this execution or run
    #[arg(long, visible_alias = "run", value_name = "ID")]
    execution: Option<String>,
    /// Only lines that contain this text, letter for letter
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    limit: Option<u64>,
    /// Goes on with new lines until interrupted
    #[arg(long, short = 'f')]
    follow: bool,
}

/// Whose lines.
#[derive(Default)]
pub(crate) struct Of<'a> {
    /// Of which category; all if none is named.
    pub(crate) category: Option<&'a str>,
    /// Of which function.
    pub(crate) function: Option<&'a str>,
    /// Of which job.
    pub(crate) job: Option<&'a str>,
}

impl ListArgs {
    fn of(&self) -> Of<'_> {
        Of { category: self.category.as_deref(), function: self.function.as_deref(), job: self.job.as_deref() }
    }
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(args) => list(context, &args.of(), &args.filter),
        Command::Tail(mut args) => {
            args.filter.follow = true;
            args.filter.limit.get_or_insert(10);
            list(context, &args.of(), &args.filter)
        }
        Command::Get(args) => get(context, &args),
    }
}

/// Prints what passes the filter; goes on, if asked to.
pub(crate) fn list(context: &Context, of: &Of<'_>, args: &FilterArgs) -> Result<Exit, Failure> {
    let limit = args.limit.unwrap_or(100);
    let filter = LogFilter {
        category: of.category,
        namespace: args.namespace.as_deref(),
        function: of.function,
        job: of.job,
        execution: args.execution.as_deref(),
        search: args.search.as_deref(),
        level: args.level.as_deref(),
        since: since(context, args.since.as_deref())?,
        until: since(context, args.until.as_deref())?,
        ..LogFilter::default()
    };
    let mut session = context.connect()?;
    if !args.follow {
        let (lines, _) = newest(&session, &filter, limit)?;
        return show::page(context, &lines);
    }
    if session.is_in_process() {
        // it would hold the store, so that nothing could ever be logged, and keep every other command out
        return Err(Failure::failed("--follow needs a running server; without one no new lines can come")
            .hint("strongroom server"));
    }
    follow(context, &mut session, filter, limit)
}

/// The newest lines that pass, oldest first, and the highest id that there was.
fn newest(session: &Session, filter: &LogFilter<'_>, limit: u64) -> Result<(Vec<LogItem>, u64), Failure> {
    // whatever comes while older pages are read is above this
    let head = LogFilter { limit: Some(1), ..LogFilter { namespace: filter.namespace, ..LogFilter::default() } };
    let head = session.wait(session.project().logs(&head))?;
    let top = head.items.last().map_or(0, |item| item.id);
    let mut lines: Vec<LogItem> = Vec::new();
    let mut filter = filter.clone();
    filter.cursor = Some((top + 1).to_string());
    loop {
        let missing = limit.saturating_sub(lines.len().try_into().unwrap_or(u64::MAX));
        filter.limit = Some(missing.clamp(1, PAGE));
        let Page { mut items, next_cursor } = session.wait(session.project().logs(&filter))?;
        items.append(&mut lines);
        lines = items;
        let is_enough = u64::try_from(lines.len()).unwrap_or(u64::MAX) >= limit;
        if is_enough || next_cursor.is_none() {
            return Ok((lines, top));
        }
        filter.cursor = next_cursor;
    }
}

/// Prints lines as they come. A lost connection is made anew, and no line is lost or told twice.
fn follow(context: &Context, session: &mut Session, mut filter: LogFilter<'_>, limit: u64) -> Result<Exit, Failure> {
    let (lines, top) = newest(session, &filter, limit)?;
    lines.iter().try_for_each(|item| show::line(context, item))?;
    filter.after = Some(top);
    filter.limit = Some(PAGE);
    filter.wait_seconds = Some(WAIT_SECONDS);
    let mut pause = FIRST_PAUSE;
    let mut is_lost = false;
    loop {
        match session.wait(session.project().logs(&filter)) {
            Ok(page) => {
                if std::mem::take(&mut is_lost) {
                    context.output.talk("connected again");
                }
                pause = FIRST_PAUSE;
                page.items.iter().try_for_each(|item| show::line(context, item))?;
                let reached = page.next_cursor.and_then(|cursor| cursor.parse().ok());
                filter.after = reached.or(page.items.last().map(|item| item.id)).max(filter.after);
            }
            Err(error) if is_cut(&error, is_lost) => {
                if !std::mem::replace(&mut is_lost, true) {
                    context.output.talk("the connection was lost; waiting for the server");
                }
                session.wait(async { tokio::time::sleep(pause).await });
                pause = (pause * 2).min(LAST_PAUSE);
                session.reconnect(context)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the server may be back soon. The local server's token is another one after each start, so one that was
/// refused just after a cut may be read anew.
fn is_cut(error: &ClientError, is_lost: bool) -> bool {
    match error {
        ClientError::Refused { .. }
        | ClientError::Connect { .. }
        | ClientError::Broken { .. }
        | ClientError::TimedOut { .. } => true,
        ClientError::Problem(problem) => problem.status >= 500 || (is_lost && problem.status == 401),
        _ => false,
    }
}

fn get(context: &Context, args: &GetArgs) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let filter = LogFilter { namespace: args.namespace.as_deref(), ..LogFilter::default() };
    if let Ok(id) = args.id.parse::<u64>() {
        let one = LogFilter { after: Some(id.saturating_sub(1)), limit: Some(1), ..filter };
        let page = session.wait(session.project().logs(&one))?;
        return match page.items.first().filter(|item| item.id == id) {
            Some(item) => show::whole(context, item),
            None => Err(missing(format!("there is no log line {id}"))),
        };
    }
    let (lines, _) = newest(&session, &LogFilter { execution: Some(&args.id), ..filter }, 10 * PAGE)?;
    if lines.is_empty() {
        return Err(missing(format!("there is no log line of an execution {}", args.id)));
    }
    show::page(context, &lines)
}

fn missing(text: String) -> Failure {
    Failure::new(strongroom_api::Code::NotFound, text).hint("strongroom logs list")
}
