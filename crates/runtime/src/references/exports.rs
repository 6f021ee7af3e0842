//! What a module hands to others, as far as it matters for reads.

use std::collections::{BTreeSet, HashMap};

use super::Kind;
use super::meaning::Meaning;

/// What other modules get of a module: names of secrets, the environment, functions that read what they are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exports {
    pub(super) names: HashMap<String, Export>,
    /// `export { a as b } from`, or all of it: specifier, and the name there and here.
    pub(super) from: Vec<(String, Option<(String, String)>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Export {
    Meaning(Meaning),
    Wrapper(BTreeSet<(usize, Kind)>),
}

impl Exports {
    /// Adds what the module passes on from others.
    pub fn pass_on<'a>(&mut self, of: impl Fn(&str) -> Option<&'a Self>) {
        for (specifier, names) in std::mem::take(&mut self.from) {
            let Some(other) = of(&specifier) else { continue };
            match names {
                Some((there, here)) => {
                    if let Some(export) = other.names.get(&there) {
                        self.names.insert(here, export.clone());
                    }
                }
                None => {
                    for (name, export) in other.names.iter().filter(|(name, _)| *name != "default") {
                        self.names.entry(name.clone()).or_insert_with(|| export.clone());
                    }
                }
            }
        }
    }

    pub(super) fn meaning(&self, name: &str) -> Option<Meaning> {
        match self.names.get(name)? {
            Export::Meaning(meaning) => Some(meaning.clone()),
            Export::Wrapper(_) => None,
        }
    }

    pub(super) fn wrapper(&self, name: &str) -> Option<&BTreeSet<(usize, Kind)>> {
        match self.names.get(name)? {
            Export::Wrapper(parameters) => Some(parameters),
            Export::Meaning(_) => None,
        }
    }

    pub(super) fn add(&mut self, name: String, meaning: Option<&Meaning>, wrapper: Option<&BTreeSet<(usize, Kind)>>) {
        // symbols mean nothing elsewhere
        let meaning = meaning.filter(|meaning| !matches!(meaning, Meaning::Instance(_)));
        if let Some(parameters) = wrapper {
            self.names.insert(name, Export::Wrapper(parameters.clone()));
        } else if let Some(meaning) = meaning {
            self.names.insert(name, Export::Meaning(meaning.clone()));
        }
    }

    /// Whether nothing matters of it.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.from.is_empty()
    }
}
