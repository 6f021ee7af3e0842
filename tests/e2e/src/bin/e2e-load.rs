//! Puts a steady load on one function until a file appears, and tells what it saw. `make demo` uses it.
//!
//! `e2e-load ADDRESS PATH RATE FOLDER`: the folder holds `token` (optional), `order` (one line for each version: what an
//! answer contains when it was made with it), and `floor` (the number of the version that answers must have reached; it
//! is raised after `set` has returned). The load ends when the file `stop` is there.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use strongroom_e2e::load::{Load, Plan};

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, rate, folder] = words.as_slice() else {
        return say("usage: e2e-load ADDRESS PATH RATE FOLDER", ExitCode::from(2));
    };
    let (Ok(address), Ok(rate)) = (address.parse(), rate.parse()) else {
        return say("e2e-load: ADDRESS is an address with a port, RATE a number", ExitCode::from(2));
    };
    let folder = PathBuf::from(folder);
    let token = fs::read_to_string(folder.join("token")).ok().map(|token| token.trim().to_owned());
    let plan = Plan { address, path: path.clone(), token, rate, connections: 8 };
    let order = folder.join("order");
    let load = Load::start(plan, Box::new(move |body| version(&order, body)));
    while !folder.join("stop").exists() {
        load.raise_floor(number(&folder.join("floor")));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let report = load.stop().await;
    let line = format!(
        "{} requests, {} failed, {} stale, median {:.1} ms, 99% below {:.1} ms",
        report.requests,
        report.failed,
        report.stale,
        report.percentile(0.5),
        report.percentile(0.99)
    );
    for complaint in &report.complaints {
        say(&format!("failed: {complaint}"), ExitCode::SUCCESS);
    }
    let held = report.requests > 0 && report.failed == 0 && report.stale == 0;
    say(&line, if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn number(path: &Path) -> u64 {
    fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The number of the newest version whose line the answer contains.
fn version(order: &Path, body: &[u8]) -> Option<u64> {
    let body = String::from_utf8_lossy(body);
    let order = fs::read_to_string(order).ok()?;
    let known = order.lines().zip(1_u64..).filter(|(mark, _)| body.contains(mark));
    known.map(|(_, number)| number).last()
}

fn say(line: &str, code: ExitCode) -> ExitCode {
    // nobody listens to a closed pipe
    writeln!(std::io::stdout(), "{line}").ok();
    code
}
