//! Reading and writing secrets as text: dotenv, JSON, YAML, shell and the exports of other products. Pure: no I/O.
//!
//! [`parse`] reads dotenv text with the values that the npm package `dotenv` 17.3 reads, and names by line every place
//! where that format loses data without a word. [`import`] recognises and reads the other formats, [`export`] writes.
//! No error, warning or `Debug` of this crate carries a value, or the text of a line that was not understood.

mod dotenv;
pub mod export;
pub mod import;

pub use dotenv::{EnvEntry, FileError, IgnoredBecause, LongValue, MAX_FILE_BYTES, Parsed, Warning, WarningKind, parse};
