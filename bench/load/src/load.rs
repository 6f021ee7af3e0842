//! Requests over keep-alive connections for a time: rate, latency, and the processor time that the server spent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Failure;
use crate::address::{Address, Connection};
use crate::arguments::Arguments;
use crate::processor::Spent;
use crate::record::{Record, percentile};
use crate::template::{Template, Turn};

/// One connection with what it remembers.
struct Client {
    connection: Connection,
    turn: Turn,
}

/// `--to ADDRESS --connections N --seconds S [--warmup S] --pid SERVER [--worker PID] [--seed N]`, and what
/// [`Template::of`] and [`Record::of`] take. Workers are the server's descendants and, where it is none of those, the
/// one that is named. An answer that is not what it must be fails the whole measurement.
pub(crate) async fn run(arguments: &Arguments) -> Result<String, Failure> {
    let address: Address = arguments.parsed("to")?.ok_or_else(|| Failure::Usage("--to is missing".to_owned()))?;
    let template = Arc::new(Template::of(arguments, &address)?);
    let mut record = Record::of(arguments)?;
    let pid: u32 = arguments.parsed("pid")?.ok_or_else(|| Failure::Usage("--pid is missing".to_owned()))?;
    let seed: u64 = arguments.parsed_or("seed", u64::from(record.round))?;
    let seconds =
        |option, otherwise| Ok::<_, Failure>(Duration::from_secs_f64(arguments.parsed_or(option, otherwise)?));

    let mut clients = Vec::new();
    for number in 0..u64::from(record.connections) {
        let turn = Turn::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        clients.push(Client { connection: Connection::open(&address).await?, turn });
    }
    let (clients, _) = window(clients, &template, seconds("warmup", 0.5)?).await?;
    let worker: Option<u32> = arguments.parsed("worker")?;
    let before = spent(pid, worker)?;
    let started = Instant::now();
    let (_, mut times) = window(clients, &template, seconds("seconds", 3.0)?).await?;
    let elapsed = started.elapsed();
    let spent = spent(pid, worker)?.since(before);

    let requests = u32::try_from(times.len()).map_err(|_| Failure::Answer("too many answers to count".to_owned()))?;
    times.sort_unstable();
    record.set("requests", f64::from(requests));
    record.set("rate_per_s", f64::from(requests) / elapsed.as_secs_f64());
    record.set_time("p50_ms", percentile(&times, 50));
    record.set_time("p99_ms", percentile(&times, 99));
    record.set_time("cpu_ms", spent.own / requests.max(1));
    record.set_time("workers_cpu_ms", spent.descendants / requests.max(1));
    record.line()
}

fn spent(server: u32, worker: Option<u32>) -> Result<Spent, Failure> {
    let mut spent = Spent::by(server)?;
    if let Some(worker) = worker {
        spent.descendants += Spent::by(worker)?.own;
    }
    Ok(spent)
}

/// Every client repeats the request until the time is over; gives the clients back, and how long each request took.
async fn window(
    clients: Vec<Client>,
    template: &Arc<Template>,
    length: Duration,
) -> Result<(Vec<Client>, Vec<Duration>), Failure> {
    let end = Instant::now() + length;
    let mut tasks = JoinSet::new();
    for mut client in clients {
        let template = Arc::clone(template);
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let started = Instant::now();
                if started >= end {
                    return Ok::<_, Failure>((client, times));
                }
                template.perform(&mut client.connection, &mut client.turn).await?;
                times.push(started.elapsed());
            }
        });
    }
    let mut clients = Vec::new();
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (client, times) = done.map_err(|error| Failure::Answer(error.to_string()))??;
        clients.push(client);
        all.extend(times);
    }
    Ok((clients, all))
}
