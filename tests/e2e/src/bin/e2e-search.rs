//! Searches folders and processes for values, in plain text and in every encoding that the tests know.
//!
//! `e2e-search [--family PID]… FOLDER…` reads the values from stdin, one a line, and tells where any of them stands,
//! never the value. Ends with 1 if something was found.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use strongroom_e2e::canary::Search;
use strongroom_e2e::processes;

fn main() -> ExitCode {
    let values: Vec<String> =
        std::io::stdin().lock().lines().map_while(Result::ok).filter(|line| !line.is_empty()).collect();
    let search = Search::new(&values);
    let (mut findings, mut files, mut looked_at) = (Vec::new(), 0, 0);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--family" {
            let pid = words.next().and_then(|pid| pid.parse().ok()).unwrap_or(0);
            looked_at += processes::family(pid).len();
            findings.extend(processes::findings(pid, &search));
        } else {
            files += count(Path::new(&word));
            findings.extend(search.folder(Path::new(&word)));
        }
    }
    let mut out = std::io::stdout().lock();
    let mut say = |line: String| writeln!(out, "{line}").is_ok();
    for finding in &findings {
        say(format!("found: {} in {}", finding.what, finding.place));
    }
    say(format!("{} values, {files} files, {looked_at} processes, {} findings", values.len(), findings.len()));
    let nothing_to_do = values.is_empty() || files == 0;
    if findings.is_empty() && !nothing_to_do { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn count(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
}
