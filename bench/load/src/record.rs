//! One measurement, as the commands print it and the report reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::arguments::Arguments;

/// One measurement of one contestant in one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What is measured: `read`, `write`, `invoke`, …
    pub(crate) case: String,
    /// Who is measured: `strongroom`, `openbao`, …
    pub(crate) who: String,
    /// From 1; rounds alternate between the contestants.
    pub(crate) round: u32,
    /// Connections at once; 0 where there are none.
    pub(crate) connections: u32,
    /// By name with unit: `rate_per_s`, `p50_ms`, `p99_ms`, `cpu_ms`, `workers_cpu_ms`, `wall_ms`, `rss_mb`, …
    /// Processor milliseconds a request are seconds per 1,000 requests.
    pub(crate) figures: BTreeMap<String, f64>,
}

impl Record {
    /// `--case --who --round --connections`, no figures yet.
    pub(crate) fn of(arguments: &Arguments) -> Result<Self, Failure> {
        Ok(Self {
            case: arguments.required("case")?.to_owned(),
            who: arguments.required("who")?.to_owned(),
            round: arguments.parsed_or("round", 1)?,
            connections: arguments.parsed_or("connections", 0)?,
            figures: BTreeMap::new(),
        })
    }

    /// Adds a figure.
    pub(crate) fn set(&mut self, figure: &str, value: f64) {
        self.figures.insert(figure.to_owned(), value);
    }

    /// Adds a time in milliseconds.
    pub(crate) fn set_time(&mut self, figure: &str, time: Duration) {
        self.set(figure, milliseconds(time));
    }

    /// The line that a command prints.
    pub(crate) fn line(&self) -> Result<String, Failure> {
        Ok(serde_json::to_string(self)?)
    }
}

/// A time as a number of milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The time below which `hundredths` of 100 of the sorted `times` lie; zero if there are none.
pub(crate) fn percentile(sorted: &[Duration], hundredths: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * hundredths / 100).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_and_of_many() {
        let times: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(51));
        assert_eq!(percentile(&times, 99), Duration::from_millis(100));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
