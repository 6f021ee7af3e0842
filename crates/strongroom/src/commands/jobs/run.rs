//! `strongroom jobs run`.

use std::fs::File;
use std::io::{self, Read as _};
use std::time::Duration;

use clap::Args;
use strongroom_api::jobs::{RunDetail, RunItem, RunProgress};
use strongroom_client::ClientError;

use super::runs::print_run;
use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::Session;

/// Longest payload.
const MAX_PAYLOAD_BYTES: u64 = 1_000_000;
/// How often a run that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct RunArgs {
    /// The job's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Its namespace; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// What it is to work on: JSON, @FILE, or - for stdin; {} unless given
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    payload: Option<String>,
    /// Waits for the end of the run and prints its result on stdout
    #[arg(long)]
    wait: bool,
}

pub(crate) fn run(context: &Context, args: &RunArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
    let payload = args.payload.as_deref().map(|text| payload(context, text)).transpose()?;
    let session = context.connect()?;
    session.name_place(context);
    let queued = session.wait(session.project().run_job(&args.name, &namespace, payload.as_ref()))?;
    if args.wait {
        context.output.talk(&format!("queued {}", queued.id));
        return wait(context, &session, &queued);
    }
    context.output.answer(&queued, &format!("✔ Run queued: {} of {}", queued.id, queued.job))?;
    if session.is_in_process() {
        context.output.talk("no server is running here; the next one runs it: strongroom server (or use --wait)");
    }
    Ok(Exit::DONE)
}

fn payload(context: &Context, text: &str) -> Result<serde_json::Value, Failure> {
    let unread = |error: &io::Error| Failure::usage("--payload cannot be read").because(error);
    let mut bytes = Vec::new();
    let limit = MAX_PAYLOAD_BYTES + 1;
    let read = match text.strip_prefix('@') {
        _ if text == "-" => io::stdin().lock().take(limit).read_to_end(&mut bytes),
        Some(path) => {
            File::open(context.working_dir.join(path)).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        }
        None => {
            bytes.extend_from_slice(text.as_bytes());
            Ok(bytes.len())
        }
    };
    let length = read.map_err(|error| unread(&error))?;
    if u64::try_from(length).is_ok_and(|length| length > MAX_PAYLOAD_BYTES) {
        return Err(Failure::usage("--payload is longer than 1 MB"));
    }
    // the library's message tells the place; its text would not tell more than that
    serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Failure::usage(format!("--payload is not JSON ({place})"))
            .hint("text needs quotes of its own: --payload '\"text\"'")
    })
}

/// Waits for the end of a run; where no server works here, this process does it.
fn wait(context: &Context, session: &Session, queued: &RunItem) -> Result<Exit, Failure> {
    let (worked, run) =
        session.wait(async { tokio::join!(session.work_off(&queued.id), follow(context, session, queued)) });
    worked?;
    let run = run?;
    if !context.output.is_for_people() {
        context.output.structured(&run)?;
    } else if run.run.state == "succeeded" {
        let result = run.result.unwrap_or_default();
        output::line(&serde_json::to_string_pretty(&result).expect("JSON has text keys only"))?;
    } else {
        print_run(context, &run)?;
    }
    Ok(if run.run.state == "succeeded" { Exit::DONE } else { Exit::FAILED })
}

async fn follow(context: &Context, session: &Session, queued: &RunItem) -> Result<RunDetail, ClientError> {
    let mut told = String::new();
    loop {
        let run = session.project().run(&queued.id).await?;
        let now = status(&run.run);
        if now != told {
            context.output.talk(&now);
            told = now;
        }
        if matches!(run.run.state.as_str(), "succeeded" | "dead" | "cancelled") {
            return Ok(run);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Where a run stands, in a line.
fn status(run: &RunItem) -> String {
    let attempt = run.attempts;
    match (run.state.as_str(), &run.progress) {
        ("running", Some(RunProgress { percent, message })) => {
            let message = message.as_deref().unwrap_or_default();
            format!("running (attempt {attempt}): {percent} % {message}").trim_end().to_owned()
        }
        ("running", None) => format!("running (attempt {attempt})"),
        ("retrying", _) => {
            let error = run.error.as_deref().unwrap_or("it failed");
            let next = run.next_attempt_at.map(|at| format!("; next one at {at}")).unwrap_or_default();
            format!("attempt {attempt} failed: {error}{next}")
        }
        (state, _) => state.to_owned(),
    }
}
