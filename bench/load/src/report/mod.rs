//! From the records of one run to `RESULTS.md` and `results.json`.

mod board;
mod goals;
mod markdown;

use std::fs;

use serde::Serialize;

use crate::Failure;
use crate::arguments::Arguments;
use board::{Board, Cell};
use goals::{GOALS, Verdict};

/// What `results.json` holds.
#[derive(Serialize)]
struct Results<'r> {
    facts: &'r [Fact],
    goals: &'r [Verdict],
    cells: &'r [Cell],
}

/// A line of the facts file: `group|name|text`.
#[derive(Debug, Serialize)]
struct Fact {
    group: String,
    name: String,
    text: String,
}

/// `--records FILE --facts FILE --markdown FILE --json FILE`.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let read = |option| {
        let path = arguments.required(option)?;
        fs::read_to_string(path).map_err(Failure::system(format!("read {path}")))
    };
    let records = read("records")?.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>()?;
    let board = Board::new(records);
    let facts: Vec<Fact> = read("facts")?.lines().filter_map(fact).collect();
    let verdicts: Vec<Verdict> = GOALS.iter().map(|goal| goal.judge(&board)).collect();
    let cells = board.cells();
    let results = Results { facts: &facts, goals: &verdicts, cells: &cells };
    write(arguments.required("json")?, &(serde_json::to_string_pretty(&results)? + "\n"))?;
    write(arguments.required("markdown")?, &markdown::page(&results))?;
    let reached = verdicts.iter().filter(|verdict| verdict.reached == Some(true)).count();
    Ok(format!("{reached} of {} goals reached", verdicts.len()))
}

fn fact(line: &str) -> Option<Fact> {
    let (group, rest) = line.split_once('|')?;
    let (name, text) = rest.split_once('|')?;
    Some(Fact { group: group.to_owned(), name: name.to_owned(), text: text.to_owned() })
}

fn write(path: &str, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(Failure::system(format!("write {path}")))
}
