//! Which secrets a program reads, found by parsing it. It sees what is written plainly: `process.env.X`,
//! `const { X } = process.env`, `Deno.env.get("X")`, `import.meta.env.X`, `secrets.get("X")`, `ctx.secrets.get("X")`, the
//! same through other names, names held in constants and lists, and calls of a local or imported function that hands its
//! parameter to one of these (`requireEnv("X")`). What it cannot tell it says, and the worker reports when it happens
//! (`reads.rs`).
//!
//! The program may be hostile. Work is linear in its length. The parser recurses, so it runs on a thread with a stack of
//! its own, which suffices for any program of up to 64 KiB, and for any that a JavaScript engine would run; brackets that
//! are nested deeper are refused. What is left is a larger program of nothing but operators (a million `!`), which overflows
//! it: a server reads programs that are not its own in a process of their own (`find_apart`).

mod apart;
mod bind;
mod exports;
mod finder;
mod meaning;
mod visit;
mod wrappers;

use std::collections::{BTreeSet, HashMap};

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use serde::{Deserialize, Serialize};

pub use apart::{answer, find_apart};
pub use exports::Exports;
use finder::Finder;
use meaning::Known;

/// What a program reads. Names are as they stand in the code, so an environment name may carry a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// Names read from the environment.
    pub env: BTreeSet<String>,
    /// Names read through `secrets`, `ctx.secrets` or the `env` of `fetch(req, env, ctx)`.
    pub helper: BTreeSet<String>,
    /// Those of both that are read while the module loads.
    pub module_level: BTreeSet<String>,
    /// The environment is listed, passed on, or read by a name that only running tells. This needs no worker to be
    /// replaced by itself: names are seen when they are read.
    pub dynamic_env: bool,
    /// Every read, where it stands; the first ten thousand.
    pub reads: Vec<Read>,
    /// Where names are read that only running tells, as offsets in bytes; the first ten thousand.
    pub dynamic: Vec<u32>,
    /// Modules that it asks for.
    pub imports: Vec<Import>,
    /// What other modules get of it. A program that was read apart has none.
    #[serde(skip)]
    pub exports: Exports,
}

/// One read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The name, as it stands in the code.
    pub name: String,
    /// From where.
    pub kind: Kind,
    /// Where it stands, in bytes from the beginning.
    pub offset: u32,
}

/// Where a name is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The environment.
    Env,
    /// A helper.
    Helper,
}

/// A module that is asked for by a plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// As it is written.
    pub specifier: String,
    /// Where it stands, in bytes from the beginning.
    pub offset: u32,
}

/// What the modules that a program imports export, by specifier.
pub type Imported<'a> = HashMap<String, &'a Exports>;

/// Why a program was not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ParseError {
    /// The text is no program.
    #[error("{file} could not be parsed")]
    NoProgram {
        /// The name that was given.
        file: String,
    },
    /// It is nested deeper than anything that runs.
    #[error("{file} is nested more than {MAX_NESTING} levels deep")]
    TooDeep {
        /// The name that was given.
        file: String,
    },
    /// The process that read it ended before it was done: the program is nested in a way that no stack holds.
    #[error("{file} could not be read: it is nested too deep, or the system gave no process for it")]
    Lost {
        /// The name that was given.
        file: String,
    },
    /// The system gave no thread for it.
    #[error("the system gave no thread to read {file} on")]
    NoThread {
        /// The name that was given.
        file: String,
    },
}

/// Wrappers of wrappers are followed so many times.
const MAX_PASSES: usize = 5;

/// Brackets in brackets. Engines give up at a fifth of that, or sooner.
const MAX_NESTING: usize = 50_000;

/// No level of a program needs more stack than this for each of its bytes.
const STACK_PER_BYTE: usize = 8 * 1024;
const MIN_STACK_BYTES: usize = 4 << 20;
const MAX_STACK_BYTES: usize = 512 << 20;

/// Reads `source`, whose language follows from the ending of `file` (`.ts`, `.tsx`, `.mjs`, …; JavaScript modules
/// otherwise).
pub fn find(source: &str, file: &str) -> Result<References, ParseError> {
    find_with(source, file, &Imported::new())
}

/// The same, with what the modules that it imports export.
pub fn find_with(source: &str, file: &str, imported: &Imported<'_>) -> Result<References, ParseError> {
    let file = || file.to_owned();
    if nesting(source) > MAX_NESTING {
        return Err(ParseError::TooDeep { file: file() });
    }
    let stack_bytes = source.len().saturating_mul(STACK_PER_BYTE).clamp(MIN_STACK_BYTES, MAX_STACK_BYTES);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack_bytes);
        let reading = thread.spawn_scoped(scope, || read(source, &file(), imported));
        let reading = reading.map_err(|_| ParseError::NoThread { file: file() })?;
        // a panic of the parser is a program that it cannot read
        reading.join().unwrap_or_else(|_| Err(ParseError::NoProgram { file: file() }))
    })
}

fn read(source: &str, file: &str, imported: &Imported<'_>) -> Result<References, ParseError> {
    let allocator = Allocator::default();
    let kind = SourceType::from_path(file).unwrap_or_else(|_| SourceType::mjs());
    // an ending that says CommonJS may lie, and modules are what is deployed
    let kind = if kind.is_commonjs() { kind } else { kind.with_module(true) };
    let parsed = Parser::new(&allocator, source, kind).parse();
    if parsed.panicked {
        return Err(ParseError::NoProgram { file: file.to_owned() });
    }
    let scoping = SemanticBuilder::new().build(&parsed.program).semantic.into_scoping();
    let mut known = Known::default();
    for pass in 1.. {
        let before = known.size();
        let mut finder = Finder::new(&scoping, imported, known);
        finder.run(&parsed.program);
        if before == finder.known.size() || pass == MAX_PASSES {
            return Ok(finder.finish());
        }
        known = finder.known;
    }
    unreachable!("the loop ends after its last pass")
}

/// The deepest brackets, roughly: texts on one line and what is escaped are left out.
fn nesting(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut bytes = source.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\\' => drop(bytes.next()),
            // a text ends with its line at the latest
            quote @ (b'"' | b'\'') => {
                while let Some(inner) = bytes.next() {
                    match inner {
                        b'\\' => drop(bytes.next()),
                        b'\n' => break,
                        other if other == quote => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
