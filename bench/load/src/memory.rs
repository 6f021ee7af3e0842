//! What a process holds in memory, without its children.

use std::fs;

use crate::Failure;
use crate::arguments::Arguments;
use crate::record::Record;

/// `--pid PID`: resident and proportional set size in MB (10⁶ bytes).
pub(crate) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let mut record = Record::of(arguments)?;
    let path = format!("/proc/{}/smaps_rollup", arguments.required("pid")?);
    let text = fs::read_to_string(&path).map_err(Failure::system(format!("read {path}")))?;
    for (line, figure) in [("Rss:", "rss_mb"), ("Pss:", "pss_mb")] {
        let kib = field(&text, line).ok_or_else(|| Failure::Answer(format!("{path} has no {line}")))?;
        record.set(figure, f64::from(kib) * 1024.0 / 1e6);
    }
    record.line()
}

fn field(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}
