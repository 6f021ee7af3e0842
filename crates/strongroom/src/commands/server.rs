//! `strongroom server`.

mod audit;
mod sign_in;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

pub(crate) use audit::AuditChoices;
use clap::{Args, ValueEnum};
use strongroom_app::LogRetention;
use strongroom_model::Lifetime;
use strongroom_store::sqlite::Durability;
use tracing_subscriber::EnvFilter;

use crate::context::Context;
use crate::edge::EdgeArgs;
use crate::errors::{Exit, Failure, at};
use crate::serve::{self, Listen};

#[derive(Args)]
pub(crate) struct ServerArgs {
    /// Where management pages and API listen; port 0 picks one; else `STRONGROOM_LISTEN` [default: 127.0.0.1:7876]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where functions listen; else `STRONGROOM_FUNCTIONS_LISTEN` [default: 127.0.0.1:7877]
    #[arg(long, value_name = "ADDRESS")]
    functions_listen: Option<String>,
    /// Where rows are kept: sqlite; else `STRONGROOM_STORE`
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// When the record of a delivered value is on disk: before the value leaves, or within 200 ms (it survives the end
    /// of the process either way); else `STRONGROOM_AUDIT_SYNC` [default: synced]
    #[arg(long, value_name = "synced|interval")]
    audit_sync: Option<String>,
    /// How many runs of jobs go on at once; else `STRONGROOM_JOBS_CONCURRENCY` [default: 16]
    #[arg(long, value_name = "N")]
    jobs_concurrency: Option<String>,
    /// How long log lines of each category are kept; else `STRONGROOM_LOG_RETENTION`
    /// [default: execution=14d,system=90d,security=1y]
    #[arg(long, value_name = "CATEGORY=TIME,…")]
    log_retention: Option<String>,
    #[command(flatten)]
    audit: audit::AuditArgs,
    #[command(flatten)]
    edge: EdgeArgs,
    #[command(flatten)]
    sign_in: sign_in::SignInArgs,
    /// Refuses to start where the sandbox of workers lacks a part
    #[arg(long)]
    require_sandbox: bool,
    /// How logs are written to stderr: text on a terminal, JSON otherwise
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// How far the disk may lag behind with `--audit-sync interval`.
const AUDIT_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(crate) fn run(context: &Context, args: &ServerArgs) -> Result<Exit, Failure> {
    let environment = &context.environment;
    let store = args.store.as_deref().or_else(|| environment.text("STRONGROOM_STORE")).unwrap_or("sqlite");
    if store != "sqlite" {
        // The address of a database may hold its password: it is not repeated.
        return Err(
            Failure::usage("this version keeps rows in sqlite only").hint("leave --store and STRONGROOM_STORE out")
        );
    }
    if args.require_sandbox {
        require_sandbox()?;
    }
    let chosen = |option: &Option<String>, name: &str, default: &str| {
        option.clone().or_else(|| environment.text(name).map(str::to_owned)).unwrap_or_else(|| default.to_owned())
    };
    let jobs_at_once = chosen(&args.jobs_concurrency, "STRONGROOM_JOBS_CONCURRENCY", "16");
    let listen = Listen {
        jobs_at_once: at_once(&jobs_at_once)?,
        log_retention: retention(&chosen(&args.log_retention, "STRONGROOM_LOG_RETENTION", ""))?,
        audit: args.audit.choices(context)?,
        durability: durability(&chosen(&args.audit_sync, "STRONGROOM_AUDIT_SYNC", "synced"))?,
        management: chosen(&args.listen, "STRONGROOM_LISTEN", "127.0.0.1:7876"),
        edge: args.edge.settings(environment)?,
        sign_in_provider: args.sign_in.provider(context)?,
        functions: chosen(&args.functions_listen, "STRONGROOM_FUNCTIONS_LISTEN", "127.0.0.1:7877"),
    };
    log(context, args.log_format);
    serve::run(context, &listen).map(|()| Exit::DONE)
}

fn durability(word: &str) -> Result<Durability, Failure> {
    match word {
        "synced" => Ok(Durability::Synced),
        "interval" => Ok(Durability::Interval(AUDIT_INTERVAL)),
        _ => Err(Failure::usage("--audit-sync is synced or interval")),
    }
}

fn at_once(text: &str) -> Result<usize, Failure> {
    let number = text.parse().ok().filter(|number| (1..=1_000).contains(number));
    number.ok_or_else(|| Failure::usage("--jobs-concurrency is a number from 1 to 1000"))
}

fn retention(text: &str) -> Result<LogRetention, Failure> {
    let wrong = |part: &str| {
        Failure::usage(format!(
            "--log-retention does not take {part:?}; it is a list such as execution=14d,security=1y"
        ))
        .hint("the categories are execution, system and security; the units s m h d w y")
    };
    let mut retention = LogRetention::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (category, time) = part.split_once('=').ok_or_else(|| wrong(part))?;
        let time: Lifetime = time.trim().parse().map_err(|_| wrong(part))?;
        let time = Duration::try_from(time.duration()).map_err(|_| wrong(part))?;
        match category.trim() {
            "execution" => retention.execution = time,
            "system" => retention.system = time,
            "security" => retention.security = time,
            _ => return Err(wrong(part)),
        }
    }
    Ok(retention)
}

fn require_sandbox() -> Result<(), Failure> {
    let missing = strongroom_runtime::sandbox::probe();
    if missing.is_empty() {
        return Ok(());
    }
    let each = missing.into_iter().map(|missing| at(missing.part, missing.reason)).collect();
    Err(Failure::failed("the sandbox of workers would lack parts on this system").each(each).hint("strongroom doctor"))
}

fn log(context: &Context, format: Option<LogFormat>) {
    let filter = EnvFilter::new(context.environment.text("STRONGROOM_LOG").unwrap_or("info"));
    let is_text = match format {
        Some(format) => matches!(format, LogFormat::Text),
        None => io::stderr().is_terminal(),
    };
    // a log that cannot be written, as on a full disk, must not break what it tells of: the subscriber would panic to say so
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    // A second subscriber cannot be set; there is no first.
    if is_text {
        builder.with_ansi(context.output.color).try_init().ok();
    } else {
        builder.json().flatten_event(true).try_init().ok();
    }
}
