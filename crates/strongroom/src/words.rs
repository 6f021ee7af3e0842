//! Points in time and counts in words.

use jiff::Timestamp;

const DAY: i64 = 86_400;

const UNITS: [(i64, &str); 7] = [
    (365 * 86_400, "year"),
    (30 * 86_400, "month"),
    (7 * 86_400, "week"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
    (1, "second"),
];

/// `1 function`, `2 functions`.
pub(crate) fn count(number: u64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// `2 hours`; the smallest step is a second.
pub(crate) fn length(seconds: i64) -> String {
    let seconds = seconds.max(1);
    let (unit, word) = UNITS.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "second"));
    count((seconds / unit).unsigned_abs(), word)
}

/// `2 hours ago`; the smallest step is a second.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    format!("{} ago", length(now.duration_since(then).as_secs()))
}

/// `in 29 days`, or `expired 2 days ago`.
pub(crate) fn expiry(now: Timestamp, at: Timestamp) -> String {
    let left = at.duration_since(now).as_secs();
    match (left + DAY / 2) / DAY {
        _ if at <= now => format!("expired {}", ago(now, at)),
        // weeks and months are too coarse for a date that somebody has to keep
        days @ 2.. => format!("in {days} days"),
        _ => format!("in {}", length(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_rounded_down_to_the_largest_unit() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        for (age, words) in [
            (0, "1 second ago"),
            (59, "59 seconds ago"),
            (7_200, "2 hours ago"),
            (3 * 86_400, "3 days ago"),
            (8 * 86_400, "1 week ago"),
            (400 * 86_400, "1 year ago"),
        ] {
            assert_eq!(ago(at(1_000_000_000 + age), at(1_000_000_000)), words);
        }
        assert_eq!(expiry(at(0), at(30 * 86_400 - 1)), "in 30 days");
        assert_eq!(expiry(at(0), at(86_400)), "in 1 day");
        assert_eq!(expiry(at(0), at(7_199)), "in 1 hour");
        assert_eq!(expiry(at(100), at(40)), "expired 1 minute ago");
    }
}
