//! Refusals of callers without an accepted credential: counted by source, written down once a minute in one record.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use strongroom_model::subscriber;

/// So many sources are told apart within a minute.
const SOURCES: usize = 64;

/// What has been refused since the last record.
#[derive(Debug, Default)]
pub(crate) struct Denials(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    attempts: u64,
    by_source: HashMap<String, u64>,
}

/// What a record says of them.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// All of them.
    pub(crate) attempts: u64,
    /// By source, most attempts first.
    pub(crate) sources: Vec<Source>,
    /// Those of sources that came when the table was full.
    pub(crate) elsewhere: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Source {
    source: String,
    attempts: u64,
}

impl Denials {
    /// Counts one.
    pub(crate) fn count(&self, source: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.attempts = counts.attempts.saturating_add(1);
        let source = counted(source);
        if let Some(known) = counts.by_source.get_mut(&source) {
            *known = known.saturating_add(1);
        } else if counts.by_source.len() < SOURCES {
            counts.by_source.insert(source, 1);
        }
    }

    /// What has come together; counting begins anew. None if nobody was refused.
    pub(crate) fn take(&self) -> Option<Refused> {
        let Counts { attempts, by_source } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if attempts == 0 {
            return None;
        }
        let mut sources: Vec<_> = by_source.into_iter().map(|(source, attempts)| Source { source, attempts }).collect();
        sources.sort_by(|a, b| b.attempts.cmp(&a.attempts).then_with(|| a.source.cmp(&b.source)));
        let told = sources.iter().map(|source| source.attempts).sum();
        Some(Refused { attempts, sources, elsewhere: attempts.saturating_sub(told) })
    }
}

/// A source as it is counted: an address by its [`subscriber`].
fn counted(source: &str) -> String {
    match source.parse().map(subscriber) {
        Ok(IpAddr::V6(network)) => {
            let [a, b, c, d, ..] = network.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(address) => address.to_string(),
        Err(_) => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_from_everywhere_takes_no_more_memory_than_a_few_sources() {
        let denials = Denials::default();
        assert_eq!(denials.take(), None);
        for _ in 0..3 {
            denials.count("10.0.0.1");
        }
        for number in 0..10_000 {
            denials.count(&format!("2001:db8:{number:x}::1"));
        }
        let refused = denials.take().expect("some were refused");
        assert_eq!((refused.attempts, refused.sources.len()), (10_003, SOURCES));
        assert_eq!(refused.sources.first(), Some(&Source { source: "10.0.0.1".to_owned(), attempts: 3 }));
        assert_eq!(refused.elsewhere, 10_003 - 3 - 63);
        assert_eq!(denials.take(), None);
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        let denials = Denials::default();
        denials.count("2001:db8::1");
        denials.count("2001:db8::ffff:2");
        denials.count("socket");
        let refused = denials.take().expect("some were refused");
        let sources: Vec<_> = refused.sources.iter().map(|source| (source.source.as_str(), source.attempts)).collect();
        assert_eq!(sources, [("2001:db8:0:0::/64", 2), ("socket", 1)]);
    }
}
