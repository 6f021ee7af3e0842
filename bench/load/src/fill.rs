//! Writes the secrets that the reads pick from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;

use crate::Failure;
use crate::address::{Address, Connection};
use crate::arguments::Arguments;
use crate::record::Record;
use crate::sample;
use crate::template::Template;

/// `--to ADDRESS --connections N [--batch N]`, and what [`Template::of`] and [`Record::of`] take. With `--batch` each
/// request sets so many secrets at once, in the form of our own API.
pub(crate) async fn run(arguments: &Arguments) -> Result<String, Failure> {
    let address: Address = arguments.parsed("to")?.ok_or_else(|| Failure::Usage("--to is missing".to_owned()))?;
    let template = Arc::new(Template::of(arguments, &address)?);
    let mut record = Record::of(arguments)?;
    let batch: u64 = arguments.parsed_or("batch", 1)?;
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..record.connections.max(1) {
        let (template, next) = (Arc::clone(&template), Arc::clone(&next));
        let connection = Connection::open(&address).await?;
        tasks.spawn(write(connection, template, next, batch));
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| Failure::Answer(error.to_string()))??;
    }
    record.set_time("wall_ms", started.elapsed());
    record.line()
}

async fn write(
    mut connection: Connection,
    template: Arc<Template>,
    next: Arc<AtomicU64>,
    batch: u64,
) -> Result<(), Failure> {
    loop {
        let first = next.fetch_add(batch, Ordering::Relaxed);
        if first >= template.names() {
            return Ok(());
        }
        if batch == 1 {
            template.ask(&mut connection, first, 0, "").await?;
        } else {
            let numbers = first..(first + batch).min(template.names());
            let secrets: serde_json::Map<_, _> =
                numbers.map(|number| (sample::name(number), sample::value(number, 0).into())).collect();
            let body = serde_json::json!({ "secrets": secrets }).to_string();
            template.send(&mut connection, template.path(), body).await?;
        }
    }
}
