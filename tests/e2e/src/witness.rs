//! What a test has planted, and what the product has said since.

use std::sync::Mutex;

use crate::canary::{Finding, Search};

/// Every answer and every output of one instance.
#[derive(Default)]
pub struct Witness {
    planted: Mutex<Vec<String>>,
    heard: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Witness {
    /// Remembers a value that must turn up nowhere.
    pub fn plant(&self, value: &str) {
        self.planted.lock().unwrap().push(value.to_owned());
    }

    /// Remembers something that was said.
    pub fn hear(&self, place: impl Into<String>, bytes: &[u8]) {
        self.heard.lock().unwrap().push((place.into(), bytes.to_vec()));
    }

    /// How many values are planted.
    pub fn planted(&self) -> usize {
        self.planted.lock().unwrap().len()
    }

    /// The search for everything planted.
    pub fn search(&self) -> Search {
        Search::new(&self.planted.lock().unwrap())
    }

    /// Where planted values stand in what was said.
    pub fn findings(&self, search: &Search) -> Vec<Finding> {
        self.heard.lock().unwrap().iter().flat_map(|(place, bytes)| search.bytes(place, bytes)).collect()
    }
}
