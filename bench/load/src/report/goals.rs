//! What is to be reached, and whether it was.

use serde::Serialize;

use super::board::{Board, Place};

/// Our server with audit records synced before a value leaves.
const OURS: &str = "strongroom";
/// Our server with `audit.sync = interval`: the durability of the rival's file audit.
const INTERVAL: &str = "strongroom, audit interval";
const BAO: &str = "openbao";
const PROXY: &str = "plain hyper proxy";

/// What is compared.
enum Measure {
    /// The first contestant's figure divided by the second's.
    Ratio([&'static str; 2]),
    /// The first contestant's figure less the second's.
    Difference([&'static str; 2]),
    /// One contestant's figure.
    Plain(&'static str),
}

/// What is enough.
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// One figure to reach.
pub(super) struct Goal {
    text: &'static str,
    place: Place,
    measure: Measure,
    bound: Bound,
    /// Behind the numbers.
    unit: &'static str,
    /// From the figure's unit to this one.
    factor: f64,
}

/// A goal and what was measured.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// What was to be reached.
    pub(super) goal: String,
    /// Such as `≥ 2.5×`.
    pub(super) bound: String,
    /// None where nothing was measured.
    pub(super) measured: Option<f64>,
    /// Behind the number.
    pub(super) unit: String,
    /// None where nothing was measured.
    pub(super) reached: Option<bool>,
}

impl Goal {
    /// Compares the goal with what was measured.
    pub(super) fn judge(&self, board: &Board) -> Verdict {
        let value = match self.measure {
            Measure::Ratio(who) => board.paired(self.place, who, |a, b| a / b),
            Measure::Difference(who) => board.paired(self.place, who, |a, b| a - b),
            Measure::Plain(who) => board.median(self.place, who),
        };
        let measured = value.filter(|value| value.is_finite()).map(|value| value * self.factor);
        let (sign, limit) = match self.bound {
            Bound::AtLeast(limit) => ("≥", limit),
            Bound::AtMost(limit) => ("≤", limit),
        };
        let reached = measured.map(|value| match self.bound {
            Bound::AtLeast(limit) => value >= limit,
            Bound::AtMost(limit) => value <= limit,
        });
        Verdict {
            goal: self.text.to_owned(),
            bound: format!("{sign} {limit}{}", self.unit),
            measured,
            unit: self.unit.to_owned(),
            reached,
        }
    }
}

/// The rival's figure divided by ours must be at least `limit`.
const fn theirs_by_ours(text: &'static str, place: Place, ours: &'static str, limit: f64) -> Goal {
    Goal { text, place, measure: Measure::Ratio([BAO, ours]), bound: Bound::AtLeast(limit), unit: "×", factor: 1.0 }
}

/// Our figure divided by the rival's must be at least `limit`.
const fn ours_by_theirs(text: &'static str, place: Place, limit: f64) -> Goal {
    Goal { text, place, measure: Measure::Ratio([OURS, BAO]), bound: Bound::AtLeast(limit), unit: "×", factor: 1.0 }
}

/// Ours less the plain proxy's must be at most `limit` microseconds.
const fn above_proxy(text: &'static str, place: Place, limit: f64) -> Goal {
    let measure = Measure::Difference([OURS, PROXY]);
    Goal { text, place, measure, bound: Bound::AtMost(limit), unit: " µs", factor: 1000.0 }
}

/// Our figure must be at most `limit`.
const fn plain(text: &'static str, place: Place, limit: f64, unit: &'static str) -> Goal {
    Goal { text, place, measure: Measure::Plain(OURS), bound: Bound::AtMost(limit), unit, factor: 1.0 }
}

const fn place(case: &'static str, connections: u32, figure: &'static str) -> Place {
    Place { case, connections, figure }
}

/// Every figure to reach, in the order of the report.
pub(super) const GOALS: &[Goal] = &[
    theirs_by_ours("value read, 1 connection: CPU, OpenBao by ours", place("read", 1, "cpu_ms"), OURS, 2.5),
    theirs_by_ours("value read, 16 connections: CPU, OpenBao by ours", place("read", 16, "cpu_ms"), OURS, 8.0),
    theirs_by_ours("value read, 64 connections: CPU, OpenBao by ours", place("read", 64, "cpu_ms"), OURS, 12.0),
    theirs_by_ours("value read, audit interval, 1 connection: CPU", place("read", 1, "cpu_ms"), INTERVAL, 12.0),
    theirs_by_ours("value read, audit interval, 16 connections: CPU", place("read", 16, "cpu_ms"), INTERVAL, 12.0),
    ours_by_theirs("durable write, 1 client: rate, ours by OpenBao", place("write", 1, "rate_per_s"), 4.5),
    ours_by_theirs("durable write, 16 clients: rate, ours by OpenBao", place("write", 16, "rate_per_s"), 10.0),
    theirs_by_ours("durable write, 1 client: CPU, OpenBao by ours", place("write", 1, "cpu_ms"), OURS, 6.0),
    theirs_by_ours("durable write, 16 clients: CPU, OpenBao by ours", place("write", 16, "cpu_ms"), OURS, 6.0),
    ours_by_theirs("10,000 names: rate, ours by OpenBao", place("list names", 1, "rate_per_s"), 20.0),
    theirs_by_ours("10,000 names: CPU, OpenBao by ours", place("list names", 1, "cpu_ms"), OURS, 20.0),
    ours_by_theirs("10,000 with all metadata: rate, ours by OpenBao (names)", place("list all", 1, "rate_per_s"), 4.0),
    theirs_by_ours("10,000 with all metadata: CPU, OpenBao (names) by ours", place("list all", 1, "cpu_ms"), OURS, 4.0),
    above_proxy("warm invocation, 1 connection: server CPU above the proxy", place("invoke", 1, "cpu_ms"), 30.0),
    above_proxy("warm invocation, 16 connections: server CPU above the proxy", place("invoke", 16, "cpu_ms"), 30.0),
    above_proxy("warm invocation, 1 connection: median latency above the proxy", place("invoke", 1, "p50_ms"), 60.0),
    Goal {
        text: "cold small function: first answer, ours by `deno run`",
        place: place("cold", 0, "wall_ms"),
        measure: Measure::Ratio([OURS, "deno run"]),
        bound: Bound::AtMost(0.35),
        unit: "×",
        factor: 1.0,
    },
    plain("`strongroom secrets list`, local, 20 secrets", place("list command", 0, "wall_ms"), 10.0, " ms"),
    Goal {
        text: "`strongroom run -- true` above `true`",
        place: place("run command", 0, "wall_ms"),
        measure: Measure::Difference([OURS, "true"]),
        bound: Bound::AtMost(10.0),
        unit: " ms",
        factor: 1.0,
    },
    plain("page overview, 5,000 secrets: 99 of 100 within", place("page overview", 1, "p99_ms"), 100.0, " ms"),
    plain("page secrets, 5,000 secrets: 99 of 100 within", place("page secrets", 1, "p99_ms"), 100.0, " ms"),
    plain("page audit, 5,000 secrets: 99 of 100 within", place("page audit", 1, "p99_ms"), 100.0, " ms"),
    plain("server idle, without workers: resident", place("memory idle", 0, "rss_mb"), 25.0, " MB"),
    plain("process start to first /healthz", place("start-up", 0, "wall_ms"), 100.0, " ms"),
    plain("release binary", place("binary", 0, "size_mb"), 25.0, " MB"),
];

#[cfg(test)]
mod tests {
    use super::super::board::tests::record;
    use super::*;

    #[test]
    fn a_goal_is_reached_missed_or_not_measured() {
        let board = Board::new(vec![record(BAO, 1, 0.6), record(OURS, 1, 0.2), record(BAO, 2, 0.5)]);
        let reached = |limit| theirs_by_ours("x", place("read", 1, "cpu_ms"), OURS, limit).judge(&board).reached;
        assert_eq!(reached(2.5), Some(true));
        assert_eq!(reached(3.5), Some(false));
        assert_eq!(theirs_by_ours("x", place("read", 1, "cpu_ms"), INTERVAL, 1.0).judge(&board).reached, None);
    }
}
