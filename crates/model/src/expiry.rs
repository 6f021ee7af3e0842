//! Expiry: the duration grammar, points in time, and what counts as due soon.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// A secret that runs out within this many hours counts as "expiring soon": 7 days.
pub const SOON_HOURS: i64 = 7 * 24;

/// A positive length of time: `30d`, `1d12h`. Units `s m h d w y`, each at most once, from the largest down, as whole
/// numbers. A day is 24 hours, a week 7 days, a year 365 days. At most 100 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(SignedDuration);

/// What `--expires` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// `never`: clears an expiry.
    Never,
    /// A length of time from now.
    After(Lifetime),
    /// A point in time (RFC 3339).
    At(Timestamp),
}

/// Why a text is no expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// Not in the grammar.
    #[error(
        "an expiry is a length of time such as 30d or 1d12h (whole numbers with the units s m h d w y, largest first), a point in time such as 2027-01-31T00:00:00Z, or never"
    )]
    Grammar,
    /// Zero is no length of time.
    #[error("an expiry must lie in the future; 0 does not")]
    Zero,
    /// More than 100 years.
    #[error("an expiry lies at most 100 years ahead")]
    TooLong,
}

const UNITS: &[(char, i64)] =
    &[('y', 365 * 86_400), ('w', 7 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
const MAX_SECONDS: i64 = 100 * 365 * 86_400;

impl Lifetime {
    /// The length as a duration.
    pub fn duration(self) -> SignedDuration {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut seconds = 0_i64;
        if rest.is_empty() {
            return Err(ExpiryError::Grammar);
        }
        while !rest.is_empty() {
            let digits = rest.find(|character: char| !character.is_ascii_digit()).ok_or(ExpiryError::Grammar)?;
            let (number, tail) = rest.split_at(digits);
            let unit = tail.chars().next().ok_or(ExpiryError::Grammar)?;
            let (_, unit_seconds) = units.find(|(letter, _)| *letter == unit).ok_or(ExpiryError::Grammar)?;
            if number.is_empty() {
                return Err(ExpiryError::Grammar);
            }
            let amount: i64 = number.parse().map_err(|_| ExpiryError::TooLong)?;
            let part = amount.checked_mul(*unit_seconds).ok_or(ExpiryError::TooLong)?;
            seconds = seconds.checked_add(part).ok_or(ExpiryError::TooLong)?;
            rest = tail.get(unit.len_utf8()..).ok_or(ExpiryError::Grammar)?;
        }
        match seconds {
            0 => Err(ExpiryError::Zero),
            1..=MAX_SECONDS => Ok(Self(SignedDuration::from_secs(seconds))),
            _ => Err(ExpiryError::TooLong),
        }
    }
}

impl Expiry {
    /// The point in time this means at `now`, or none for [`Expiry::Never`]. A point that has passed is accepted: the
    /// secret counts as expired from its first moment.
    pub fn resolve(self, now: Timestamp) -> Result<Option<Timestamp>, ExpiryError> {
        match self {
            Self::Never => Ok(None),
            Self::After(lifetime) => now.checked_add(lifetime.0).map(Some).map_err(|_| ExpiryError::TooLong),
            Self::At(at) if at.duration_since(now) > SignedDuration::from_secs(MAX_SECONDS) => {
                Err(ExpiryError::TooLong)
            }
            Self::At(at) => Ok(Some(at)),
        }
    }
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        if text == "never" {
            return Ok(Self::Never);
        }
        if text.contains('-') && text.len() > 8 {
            return text.parse().map(Self::At).map_err(|_| ExpiryError::Grammar);
        }
        text.parse().map(Self::After)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seconds = self.0.as_secs();
        for (letter, unit_seconds) in UNITS {
            if seconds >= *unit_seconds {
                write!(f, "{}{letter}", seconds / unit_seconds)?;
                seconds %= unit_seconds;
            }
        }
        Ok(())
    }
}

/// Whether `expires_at` has come at `now`. The very instant counts as expired.
pub fn is_expired(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

/// Whether `expires_at` comes within [`SOON_HOURS`] of `now` but has not come yet.
pub fn is_soon(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|at| at > now && at.duration_since(now) <= SignedDuration::from_hours(SOON_HOURS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Result<i64, ExpiryError> {
        text.parse::<Lifetime>().map(|lifetime| lifetime.duration().as_secs())
    }

    #[test]
    fn units_combine_from_the_largest_down() {
        assert_eq!(seconds("30d"), Ok(30 * 86_400));
        assert_eq!(seconds("1d12h"), Ok(129_600));
        assert_eq!(seconds("1h30m"), Ok(5_400));
        assert_eq!(seconds("1y"), Ok(365 * 86_400));
        assert_eq!(seconds("2w"), Ok(14 * 86_400));
        assert_eq!(seconds("90s"), Ok(90));
    }

    #[test]
    fn what_other_systems_misread_is_an_error() {
        for text in ["", "-5d", "1.5d", "100ms", "30D", "30", "d", "1d1d", "12h1d", "1 d", "１d", "1d "] {
            assert_eq!(seconds(text), Err(ExpiryError::Grammar), "{text}");
        }
        assert_eq!(seconds("0d"), Err(ExpiryError::Zero));
        assert_eq!(seconds("101y"), Err(ExpiryError::TooLong));
        assert_eq!(seconds("99999999999999999999s"), Err(ExpiryError::TooLong));
    }

    #[test]
    fn points_in_time_are_rfc_3339() {
        let now = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        let at = |text: &str| text.parse::<Expiry>().and_then(|expiry| expiry.resolve(now));
        assert!(at("2020-01-31T00:00:00Z").is_ok_and(|at| is_expired(at, now)));
        assert!(at("2028-01-31T00:00:00Z").is_ok_and(|at| at.is_some()));
        assert!(at("2028-01-31T00:00:00+02:00").is_ok_and(|at| at.is_some()));
        assert_eq!(at("2028-01-31"), Err(ExpiryError::Grammar));
        assert_eq!(at("never"), Ok(None));
    }

    #[test]
    fn the_instant_itself_counts_as_expired() {
        let now = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        assert!(is_expired(Some(now), now));
        assert!(!is_expired(None, now));
        assert!(is_soon(now.checked_add(SignedDuration::from_hours(SOON_HOURS)).ok(), now));
        assert!(!is_soon(now.checked_add(SignedDuration::from_hours(SOON_HOURS + 1)).ok(), now));
    }
}
