//! First answers of functions that have no worker yet.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::address::{Address, Connection};
use crate::arguments::Arguments;
use crate::record::{Record, percentile};
use crate::template::Template;

/// `--to ADDRESS --path /…/{run} --first N --runs N [--pause-ms N]`: calls each path once. The pause before each is for
/// the server to get its pool of prepared workers ready again.
pub(crate) async fn run(arguments: &Arguments) -> Result<String, Failure> {
    let address: Address = arguments.parsed("to")?.ok_or_else(|| Failure::Usage("--to is missing".to_owned()))?;
    let template = Template::of(arguments, &address)?;
    let mut record = Record::of(arguments)?;
    let first: u32 = arguments.parsed_or("first", 1)?;
    let runs: u32 = arguments.parsed_or("runs", 10)?;
    let pause = Duration::from_millis(arguments.parsed_or("pause-ms", 500)?);
    let mut times = Vec::new();
    for run in first..first + runs {
        tokio::time::sleep(pause).await;
        let path = template.path().replace("{run}", &run.to_string());
        let started = Instant::now();
        let mut connection = Connection::open(&address).await?;
        template.send(&mut connection, &path, String::new()).await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    record.set_time("wall_ms", percentile(&times, 50));
    record.set_time("worst_ms", percentile(&times, 100));
    record.line()
}
