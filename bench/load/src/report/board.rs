//! The records of one run, by what was measured on whom, and medians of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::record::Record;

/// Everything that was measured.
pub(super) struct Board(Vec<Record>);

/// One contestant in one case: the medians of the rounds.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub(super) case: String,
    pub(super) connections: u32,
    pub(super) who: String,
    pub(super) rounds: usize,
    /// By name with unit, as in a record.
    pub(super) medians: BTreeMap<String, f64>,
}

/// Which records a figure is taken from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) case: &'static str,
    pub(super) connections: u32,
    pub(super) figure: &'static str,
}

impl Board {
    /// From the records, in the order in which they were measured.
    pub(super) fn new(records: Vec<Record>) -> Self {
        Self(records)
    }

    /// By case, connections and contestant, in the order in which they were first measured.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let mut seen = BTreeSet::new();
        let first = self.0.iter().filter(|record| seen.insert((&record.case, record.connections, &record.who)));
        let cell = |of: &Record| {
            let same = |record: &&Record| {
                (&record.case, record.connections, &record.who) == (&of.case, of.connections, &of.who)
            };
            let rounds: Vec<&Record> = self.0.iter().filter(same).collect();
            let figure = |name: &String| {
                let values = rounds.iter().filter_map(|record| record.figures.get(name).copied()).collect();
                Some((name.clone(), median(values)?))
            };
            Cell {
                case: of.case.clone(),
                connections: of.connections,
                who: of.who.clone(),
                rounds: rounds.len(),
                medians: of.figures.keys().filter_map(figure).collect(),
            }
        };
        first.map(cell).collect()
    }

    /// The median of a figure over the rounds.
    pub(super) fn median(&self, place: Place, who: &str) -> Option<f64> {
        median(self.by_round(place, who).into_values().collect())
    }

    /// The median over the rounds of what `combine` makes of both contestants' figures in one round: a machine that is
    /// slower for a while is slower for both.
    pub(super) fn paired(&self, place: Place, who: [&str; 2], combine: fn(f64, f64) -> f64) -> Option<f64> {
        let [first, second] = who.map(|who| self.by_round(place, who));
        let pairs = first.iter().filter_map(|(round, a)| Some(combine(*a, *second.get(round)?)));
        median(pairs.collect())
    }

    fn by_round(&self, place: Place, who: &str) -> BTreeMap<u32, f64> {
        let is_there = |record: &&Record| {
            record.case == place.case && record.connections == place.connections && record.who == who
        };
        let rounds = self.0.iter().filter(is_there);
        rounds.filter_map(|record| Some((record.round, *record.figures.get(place.figure)?))).collect()
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*values.get(middle - 1)?, upper)) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record of case `read` at one connection.
    pub(in super::super) fn record(who: &str, round: u32, cpu_ms: f64) -> Record {
        let figures = BTreeMap::from([("cpu_ms".to_owned(), cpu_ms)]);
        Record { case: "read".to_owned(), who: who.to_owned(), round, connections: 1, figures }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let rounds = [("a", 1, 1.0), ("b", 1, 2.0), ("a", 2, 10.0), ("b", 2, 30.0), ("a", 3, 2.0), ("b", 3, 8.0)];
        let board = Board::new(rounds.map(|(who, round, cpu)| record(who, round, cpu)).into());
        let place = Place { case: "read", connections: 1, figure: "cpu_ms" };
        assert_eq!(board.paired(place, ["b", "a"], |b, a| b / a), Some(3.0));
        assert_eq!(board.median(place, "a"), Some(2.0));
        assert_eq!(board.median(place, "c"), None);
    }
}
