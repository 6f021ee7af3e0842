//! The page that people read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Results;
use super::board::Cell;

/// The columns of the tables: a figure's name, and what stands above it.
const COLUMNS: [(&str, &str); 10] = [
    ("cpu_ms", "CPU s per 1,000"),
    ("workers_cpu_ms", "workers' CPU s per 1,000"),
    ("rate_per_s", "per second"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
    ("wall_ms", "wall ms"),
    ("worst_ms", "worst ms"),
    ("rss_mb", "RSS MB"),
    ("pss_mb", "PSS MB"),
    ("size_mb", "size MB"),
];

/// The whole page.
pub(super) fn page(results: &Results) -> String {
    let mut page = String::from(
        "# Side by side\n\nMade by `make bench`; written over by the next run. Each figure is the median of rounds that \
         alternate between the contestants; ratios and differences are taken round by round. CPU is user and system \
         time of the server process as the operating system counts it, in seconds per 1,000 requests.\n\n## Goals\n\n\
         | figure | measured | goal | |\n|---|---|---|---|\n",
    );
    for verdict in results.goals {
        let measured = verdict.measured.map_or("not built".to_owned(), |value| number(value) + &verdict.unit);
        let mark = match verdict.reached {
            Some(true) => "reached",
            Some(false) => "**missed**",
            None => "",
        };
        line(&mut page, &[&verdict.goal, &measured, &verdict.bound, mark]);
    }
    let mut cases: BTreeMap<usize, (&str, Vec<&Cell>)> = BTreeMap::new();
    for cell in results.cells {
        let first = results.cells.iter().position(|other| other.case == cell.case).unwrap_or_default();
        cases.entry(first).or_insert((&cell.case, Vec::new())).1.push(cell);
    }
    page.push_str("\n## All figures\n");
    for (case, cells) in cases.into_values() {
        table(&mut page, case, cells);
    }
    for (heading, group) in [("Machine and versions", "machine"), ("How", "method"), ("Commands", "command")] {
        push(&mut page, format_args!("\n## {heading}\n\n"));
        for fact in results.facts.iter().filter(|fact| fact.group == group) {
            push(&mut page, format_args!("- {}: {}\n", fact.name, fact.text));
        }
    }
    page
}

fn table(page: &mut String, case: &str, mut cells: Vec<&Cell>) {
    cells.sort_by_key(|cell| cell.connections);
    let has = |figure: &str| cells.iter().any(|cell| cell.medians.get(figure).is_some_and(|value| *value > 0.0));
    let columns: Vec<(&str, &str)> = COLUMNS.into_iter().filter(|(figure, _)| has(figure)).collect();
    let mut head = vec!["who", "connections", "rounds"];
    head.extend(columns.iter().map(|(_, heading)| *heading));
    push(page, format_args!("\n### {case}\n\n"));
    line(page, &head);
    line(page, &vec!["---"; head.len()]);
    for cell in cells {
        let connections = if cell.connections == 0 { String::new() } else { cell.connections.to_string() };
        let mut row = vec![cell.who.clone(), connections, cell.rounds.to_string()];
        row.extend(columns.iter().map(|(figure, _)| cell.medians.get(*figure).copied().map_or(String::new(), number)));
        line(page, &row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

fn line(page: &mut String, row: &[&str]) {
    push(page, format_args!("| {} |\n", row.join(" | ")));
}

fn push(page: &mut String, text: std::fmt::Arguments) {
    page.write_fmt(text).expect("writing to a String does not fail");
}

/// About three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_about_three_digits() {
        let shown = [1234.5, 12.34, 1.234, 0.01234].map(number);
        assert_eq!(shown, ["1234", "12.3", "1.23", "0.0123"]);
    }
}
