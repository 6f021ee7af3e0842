//! The project's own checks and generators: `cargo run -p xtask -- tidy | generate [--check]`.

mod generate;
mod tidy;
mod tree;

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p xtask -- tidy | generate [--check]";

/// What a command found: lines for the reader, and whether it is a failure.
struct Report {
    lines: Vec<String>,
    failed: bool,
}

fn main() -> ExitCode {
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else { return ExitCode::FAILURE };
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = match words.as_slice() {
        ["tidy"] => tidy::run(root),
        ["generate"] => generate::write(root, &generate::generated()),
        ["generate", "--check"] => generate::check(root, &generate::generated()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    };
    let (text, code) = match report {
        Ok(Report { lines, failed }) => (lines.join("\n"), ExitCode::from(u8::from(failed))),
        Err(error) => (format!("error: {error}"), ExitCode::from(2)),
    };
    match writeln!(io::stderr(), "{text}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
