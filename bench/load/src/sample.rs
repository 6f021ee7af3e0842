//! Names and values that a run is made of: made up, the same in every store, and found again by their number.

/// How a secret's name begins; counting these counts names in a listing.
pub(crate) const NAME_PREFIX: &str = "BENCH_";

/// The length of every value.
const VALUE_BYTES: usize = 256;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// `SplitMix64`: good enough to pick names and to make text, and a few lines long.
pub(crate) struct Picks(u64);

impl Picks {
    /// One sequence a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// The name of secret `number`.
pub(crate) fn name(number: u64) -> String {
    format!("{NAME_PREFIX}{number:05}")
}

/// The value of secret `number` in its `generation`; 0 is what `fill` writes. Text that JSON does not escape.
pub(crate) fn value(number: u64, generation: u64) -> String {
    let mut picks = Picks::new(number.wrapping_mul(0x0001_0000_0001).wrapping_add(generation));
    let mut letter = || usize::try_from(picks.below(64)).ok().and_then(|at| ALPHABET.get(at)).copied().unwrap_or(b'A');
    (0..VALUE_BYTES).map(|_| char::from(letter())).collect()
}

/// How often `needle` stands in `text`.
pub(crate) fn count(text: &[u8], needle: &[u8]) -> usize {
    text.windows(needle.len().max(1)).filter(|window| *window == needle).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_256_bytes_and_differ_by_number_and_generation() {
        assert_eq!(value(7, 0).len(), VALUE_BYTES);
        assert_eq!(value(7, 0), value(7, 0));
        assert_ne!(value(7, 0), value(7, 1));
        assert_ne!(value(7, 0), value(8, 0));
    }

    #[test]
    fn names_in_a_listing_are_counted() {
        assert_eq!(count(br#"["BENCH_00001","BENCH_00002"]"#, NAME_PREFIX.as_bytes()), 2);
    }
}
