//! The clock, as an argument.

use jiff::{Timestamp, Unit};

/// Tells the time. A seam: tests set it.
pub trait Clock: Send + Sync + 'static {
    /// Now, at millisecond precision, which is what the store keeps.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is where the clock comes from")]
        let now = Timestamp::now();
        to_millisecond(now)
    }
}

/// Rounds down to the precision of the store.
pub(crate) fn to_millisecond(at: Timestamp) -> Timestamp {
    at.round(jiff::TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Trunc)).unwrap_or(at)
}
