//! Schedules: cron expressions in UTC.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A cron expression of five fields (minute, hour, day of month, month, day of week), read in UTC. Names such as `MON`
/// and `@daily` are understood; seconds are not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    text: String,
    cron: Box<Cron>,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It cannot be read.
    #[error("a schedule is a cron expression of five fields in UTC, such as \"0 3 * * *\" for every day at 3:00")]
    Shape,
    /// It can be read and no time fits it, such as 30 February.
    #[error("no time ever fits this schedule")]
    Never,
}

impl Schedule {
    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first slot later than `time`, none if there is none in the years that can be written.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&time.to_zoned(TimeZone::UTC), false);
        next.ok().map(|zoned| zoned.timestamp())
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|_| ScheduleError::Shape)?;
        let schedule = Self { text: text.trim().to_owned(), cron: Box::new(cron) };
        match schedule.next_after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.text
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schedule").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(text: &str, from: &str, count: usize) -> Vec<String> {
        let schedule: Schedule = text.parse().expect("a schedule");
        let first = from.parse().expect("a time");
        let slots = std::iter::successors(Some(first), |time| schedule.next_after(*time));
        slots.skip(1).take(count).map(|time: Timestamp| time.to_string()).collect()
    }

    #[test]
    fn slots_are_times_in_utc_and_a_slot_is_later_than_what_it_follows() {
        assert_eq!(slots("0 3 * * *", "2026-03-29T03:00:00Z", 2), ["2026-03-30T03:00:00Z", "2026-03-31T03:00:00Z"]);
        assert_eq!(
            slots("*/20 * * * *", "2026-01-01T00:19:59.5Z", 2),
            ["2026-01-01T00:20:00Z", "2026-01-01T00:40:00Z"]
        );
        assert_eq!(slots("30 9 * * MON-FRI", "2026-11-20T10:00:00Z", 1), ["2026-11-23T09:30:00Z"]);
        assert_eq!(slots("@daily", "2026-12-31T12:00:00Z", 1), ["2027-01-01T00:00:00Z"]);
        assert_eq!(slots("0 0 29 2 *", "2026-01-01T00:00:00Z", 2), ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
        // as in every cron: a day of the month or a day of the week, when both are given
        assert_eq!(slots("0 0 13 * FRI", "2026-11-12T12:00:00Z", 2), ["2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in
            ["", "0", "0 3 * *", "0 3 * * * *", "60 3 * * *", "0 24 * * *", "every day", "0 3 * * MOO", "*/0 * * * *"]
        {
            assert_eq!(text.parse::<Schedule>(), Err(ScheduleError::Shape), "{text}");
        }
        assert_eq!("0 0 30 2 *".parse::<Schedule>(), Err(ScheduleError::Never));
    }
}
