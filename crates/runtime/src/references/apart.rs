//! Reading a program in a process of its own: one that the parser's stack cannot hold ends that process, and no server.
//!
//! The reader gets the program on its standard input and the name as its last argument; it answers on its standard
//! output with one JSON value, `{"Ok": References}` or `{"Err": ParseError}`, and ends.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::{ParseError, References, find};
use crate::config::Launcher;

/// Any program of up to this size fits the stack that it is read on: see the head of `references.rs`.
const SAFE_BYTES: usize = 64 * 1024;

/// The same as [`find`], with a long program in a process of `reader`'s, which calls [`answer`]. Blocks. Without a
/// reader it is read here.
pub fn find_apart(reader: Option<&Launcher>, source: &str, file: &str) -> Result<References, ParseError> {
    let Some(reader) = reader.filter(|_| source.len() > SAFE_BYTES) else { return find(source, file) };
    let lost = || ParseError::Lost { file: file.to_owned() };
    let mut child = Command::new(&reader.program)
        .args(&reader.args)
        .arg(file)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| lost())?;
    // it reads everything before it writes anything, so that neither waits for the other
    if let Some(mut input) = child.stdin.take() {
        // one that has ended already is noticed below
        let _ended = input.write_all(source.as_bytes());
    }
    let output = child.wait_with_output().map_err(|_| lost())?;
    if !output.status.success() {
        return Err(lost());
    }
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| Err(lost()))
}

/// What the reader does: reads the program that `input` has and writes what it found. An error is one of the streams'.
pub fn answer(mut input: impl Read, mut output: impl Write, file: &str) -> std::io::Result<()> {
    let mut source = String::new();
    input.read_to_string(&mut source)?;
    serde_json::to_writer(&mut output, &find(&source, file))?;
    output.flush()
}
