//! Points in time as people read them.

use jiff::Timestamp;

/// A point in time: roughly for reading, exactly for who asks, and as programs read it.
#[derive(Debug, Clone)]
pub(crate) struct When {
    /// RFC 3339.
    pub(crate) iso: String,
    /// `22 Nov 2026, 05:20 UTC`.
    pub(crate) exact: String,
    /// `3 hours ago`, `in 5 days`.
    pub(crate) about: String,
}

impl When {
    /// `at` as seen at `now`.
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        let seconds = at.as_second() - now.as_second();
        Self {
            iso: at.to_string(),
            exact: at.strftime("%-d %b %Y, %H:%M UTC").to_string(),
            about: about(seconds).unwrap_or_else(|| at.strftime("%-d %b %Y").to_string()),
        }
    }

    /// The same for a point in time that may be absent.
    pub(crate) fn maybe(at: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        at.map(|at| Self::new(at, now))
    }
}

/// A distance in time in the largest unit that fits; none beyond two months.
fn about(seconds: i64) -> Option<String> {
    const UNITS: [(i64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let distance = seconds.abs();
    if distance < 60 {
        return Some(if seconds > 0 { "within a minute" } else { "just now" }.to_owned());
    }
    if distance >= 60 * 86_400 {
        return None;
    }
    let (length, unit) = UNITS.into_iter().find(|(length, _)| distance >= *length)?;
    let count = distance / length;
    let plural = if count == 1 { "" } else { "s" };
    Some(if seconds > 0 { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_told_in_the_largest_unit_that_fits() {
        let told = |seconds| about(seconds).unwrap_or_default();
        assert_eq!([told(0), told(-59), told(30)], ["just now", "just now", "within a minute"]);
        assert_eq!([told(-60), told(-7_200), told(86_400)], ["1 minute ago", "2 hours ago", "in 1 day"]);
        assert_eq!(about(-60 * 86_400), None);
    }
}
