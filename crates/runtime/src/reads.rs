//! What a worker reports of its reads, as tokens: `via.NAME.scope.version` for a value that was read, `via.NAME` for a
//! look at a name without one, `*` for a listing of the whole environment. `via` is `e` or `h`. Pure.

use std::collections::BTreeSet;
use std::sync::RwLock;

use crate::event::Via;
use crate::spec::EnvNames;

/// Names that one worker remembers having seen; past that, every name counts.
const MAX_OBSERVED: usize = 2048;

/// One token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen<'a> {
    /// The whole environment was listed.
    Listing,
    /// A name was looked at.
    Name { via: Via, name: &'a str, source: Option<Source<'a>> },
}

/// Where a value that was read came from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source<'a> {
    pub(crate) scope: &'a str,
    pub(crate) version: u64,
}

/// Reads one token; None if it is none.
pub(crate) fn token(text: &str) -> Option<Seen<'_>> {
    if text == "*" {
        return Some(Seen::Listing);
    }
    let mut parts = text.split('.');
    let via = match parts.next()? {
        "e" => Via::Env,
        "h" => Via::Helper,
        _ => return None,
    };
    let name = parts.next().filter(|name| !name.is_empty() && name.len() <= 256)?;
    let source = match (parts.next(), parts.next()) {
        (Some(scope), Some(version)) => Some(Source { scope, version: version.parse().ok()? }),
        (None, _) => None,
        (Some(_), None) => return None,
    };
    Some(Seen::Name { via, name, source })
}

/// Names whose change replaces a worker: those its spec knows of and those it was seen to read.
#[derive(Debug)]
pub(crate) struct Observed {
    known: EnvNames,
    prefixes: Vec<String>,
    seen: RwLock<EnvNames>,
}

impl Observed {
    pub(crate) fn new(known: EnvNames, prefixes: Vec<String>) -> Self {
        Self { known, prefixes, seen: RwLock::new(EnvNames::default()) }
    }

    /// Remembers one report.
    pub(crate) fn note(&self, seen: &Seen<'_>, module_load: bool) {
        let name = match seen {
            Seen::Listing => None,
            Seen::Name { via: Via::Helper, .. } if !module_load => return,
            Seen::Name { name, .. } => Some(*name),
        };
        let already = |seen: &EnvNames| seen.dynamic || name.is_some_and(|name| seen.names.contains(name));
        if self.seen.read().is_ok_and(|seen| already(&seen)) {
            return;
        }
        let Ok(mut seen) = self.seen.write() else { return };
        match name {
            Some(name) if seen.names.len() < MAX_OBSERVED => {
                seen.names.insert(name.to_owned());
            }
            Some(_) | None => seen.dynamic = true,
        }
    }

    /// Whether a change of one of `names` needs a new worker.
    pub(crate) fn touches<'a>(&self, names: impl Iterator<Item = &'a str>) -> bool {
        let Ok(seen) = self.seen.read() else { return true };
        let mut names = names.peekable();
        if names.peek().is_some() && (seen.dynamic || self.known.dynamic) {
            return true;
        }
        names.any(|name| self.holds(&seen.names, name) || self.holds(&self.known.names, name))
    }

    fn holds(&self, set: &BTreeSet<String>, name: &str) -> bool {
        set.contains(name) || self.prefixes.iter().any(|prefix| set.contains(&format!("{prefix}{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(known: &[&str]) -> Observed {
        let names = known.iter().map(|name| (*name).to_owned()).collect();
        Observed::new(EnvNames { names, dynamic: false }, vec!["STRONGROOM_SECRET_".to_owned()])
    }

    #[test]
    fn tokens_are_read_and_nonsense_is_refused() {
        let source = Some(Source { scope: "global", version: 3 });
        assert_eq!(token("e.KEY.global.3"), Some(Seen::Name { via: Via::Env, name: "KEY", source }));
        assert_eq!(token("h.KEY"), Some(Seen::Name { via: Via::Helper, name: "KEY", source: None }));
        assert_eq!(token("*"), Some(Seen::Listing));
        for nonsense in ["", "x.KEY", "e.", "e.KEY.global", "e.KEY.global.x"] {
            assert_eq!(token(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_name_known_with_its_prefix_counts() {
        assert!(observed(&["STRONGROOM_SECRET_KEY"]).touches(["KEY"].into_iter()));
        assert!(!observed(&["OTHER"]).touches(["KEY"].into_iter()));
    }

    #[test]
    fn helper_reads_count_only_at_module_load() {
        let observed = observed(&[]);
        let read = Seen::Name { via: Via::Helper, name: "KEY", source: None };
        observed.note(&read, false);
        assert!(!observed.touches(["KEY"].into_iter()));
        observed.note(&read, true);
        assert!(observed.touches(["KEY"].into_iter()));
    }

    #[test]
    fn a_listing_counts_for_every_name_but_not_for_no_change() {
        let observed = observed(&[]);
        observed.note(&Seen::Listing, false);
        assert!(observed.touches(["ANY"].into_iter()));
        assert!(!observed.touches([].into_iter()));
    }
}
