//! Commands started again and again: to their end, or until the server that they are gives its first answer.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::address::{Address, Connection};
use crate::arguments::Arguments;
use crate::processor::by_ended_children;
use crate::record::{Record, percentile};

/// How long a server may take to its first answer.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Between two attempts to get that answer.
const ATTEMPT_PAUSE: Duration = Duration::from_micros(200);

/// `--runs N [--warmup N] [--env FILE] -- COMMAND…`: wall time and processor time of a command that must succeed.
pub(crate) fn to_the_end(arguments: &Arguments) -> Result<String, Failure> {
    let mut record = Record::of(arguments)?;
    let runs: u32 = arguments.parsed_or("runs", 25)?;
    for run in 0..arguments.parsed_or("warmup", 3)? {
        timed(arguments, run)?;
    }
    let before = by_ended_children()?;
    let mut times = (0..runs).map(|run| timed(arguments, run)).collect::<Result<Vec<_>, _>>()?;
    let spent = by_ended_children()?.saturating_sub(before);
    times.sort_unstable();
    record.set_time("wall_ms", percentile(&times, 50));
    record.set_time("cpu_ms", spent / runs.max(1));
    record.line()
}

fn timed(arguments: &Arguments, run: u32) -> Result<Duration, Failure> {
    let started = Instant::now();
    let status = spawn(arguments, run)?.wait().map_err(Failure::system("wait for the command"))?;
    let elapsed = started.elapsed();
    let name = arguments.command.first().map_or("", String::as_str);
    if status.success() { Ok(elapsed) } else { Err(Failure::Answer(format!("`{name}` ended with {status}"))) }
}

/// `--to ADDRESS --path /healthz --runs N [--env FILE] -- COMMAND…`: from the start of the process to its first answer
/// with status 200. `{run}` in the address and the command is the run's number.
pub(crate) async fn until_answer(arguments: &Arguments) -> Result<String, Failure> {
    let mut record = Record::of(arguments)?;
    let path = arguments.required("path")?;
    let mut times = Vec::new();
    for run in 0..arguments.parsed_or("runs", 10)? {
        let text = arguments.required("to")?.replace("{run}", &u32::to_string(&run));
        let address = text.parse().map_err(|error| Failure::Usage(format!("--to: {error}")))?;
        let started = Instant::now();
        let mut child = spawn(arguments, run)?;
        let answered = first_answer(&address, path, started).await;
        let elapsed = started.elapsed();
        terminate(&mut child)?;
        answered?;
        times.push(elapsed);
    }
    times.sort_unstable();
    record.set_time("wall_ms", percentile(&times, 50));
    record.set_time("worst_ms", percentile(&times, 100));
    record.line()
}

async fn first_answer(address: &Address, path: &str, started: Instant) -> Result<(), Failure> {
    let host = HeaderValue::from_str(&address.host()).map_err(|_| Failure::Usage("--to is no host".to_owned()))?;
    let uri: http::Uri = path.parse().map_err(|_| Failure::Usage("--path is no path".to_owned()))?;
    loop {
        if let Ok(mut connection) = Connection::open(address).await {
            let mut request = Request::new(Full::new(Bytes::new()));
            *request.uri_mut() = uri.clone();
            request.headers_mut().insert(http::header::HOST, host.clone());
            if connection.ask(request).await.is_ok_and(|(status, _)| status.is_success()) {
                return Ok(());
            }
        }
        if started.elapsed() > START_LIMIT {
            return Err(Failure::Answer(format!("no answer from {} in {START_LIMIT:?}", address.host())));
        }
        tokio::time::sleep(ATTEMPT_PAUSE).await;
    }
}

/// Starts the command with nothing in its environment but what `--env FILE` lists, one `NAME=VALUE` a line.
fn spawn(arguments: &Arguments, run: u32) -> Result<Child, Failure> {
    let words: Vec<String> = arguments.command.iter().map(|word| word.replace("{run}", &run.to_string())).collect();
    let Some((program, rest)) = words.split_first() else {
        return Err(Failure::Usage("no command after --".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(rest).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(path) = arguments.optional("env") {
        let text = fs::read_to_string(path).map_err(Failure::system(format!("read {path}")))?;
        command.envs(text.lines().filter_map(|line| line.split_once('=')));
    }
    command.spawn().map_err(Failure::system(format!("start {program}")))
}

fn terminate(child: &mut Child) -> Result<(), Failure> {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM).map_err(|errno| Failure::system("stop the server")(errno.into()))?;
    }
    child.wait().map(drop).map_err(Failure::system("wait for the server"))
}
