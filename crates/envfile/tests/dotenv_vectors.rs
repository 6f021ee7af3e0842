//! The reader against what the npm package `dotenv` reads from the same texts. See `vectors/README.md`.

use std::collections::BTreeMap;

use strongroom_envfile::export::{self, Format};
use strongroom_envfile::{FileError, parse};
use strongroom_secret::SecretValue;

#[derive(serde::Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(serde::Deserialize)]
struct Vector {
    text: String,
    values: BTreeMap<String, String>,
}

#[test]
fn every_vector_reads_as_the_package_reads_it() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("vectors/dotenv.json")).expect("the vectors are checked in as JSON");
    assert!(vectors.vectors.len() > 1000);
    for Vector { text, values } in vectors.vectors {
        assert_eq!(read(&text), values, "{text:?}");
    }
}

/// What we read, less `__proto__`, which the package drops.
fn read(text: &str) -> BTreeMap<String, String> {
    match parse(text.as_bytes()) {
        Ok(parsed) => parsed
            .entries
            .into_iter()
            .filter(|entry| entry.name != "__proto__")
            .map(|entry| (entry.name, entry.value.expose().to_owned()))
            .collect(),
        Err(FileError::Empty | FileError::OnlyComments | FileError::NoEntries { .. }) => BTreeMap::new(),
        Err(refused) => panic!("{refused} in {text:?}"),
    }
}

/// A value, and the line that is written for it; none if no quote form carries it.
#[derive(serde::Deserialize)]
struct Written {
    value: String,
    text: Option<String>,
}

#[test]
fn the_writer_writes_what_the_package_was_seen_to_read_back() {
    let vectors: Vec<Written> =
        serde_json::from_str(include_str!("vectors/writer.json")).expect("the vectors are checked in as JSON");
    assert!(vectors.len() > 400);
    for Written { value, text } in vectors {
        let secret = SecretValue::new(value.clone()).expect("no vector has a NUL");
        let written = export::write(&Format::Dotenv, &[("K", &secret)]).ok();
        assert_eq!(written.as_deref(), text.as_ref(), "{value:?}");
    }
}
