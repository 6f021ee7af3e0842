//! Which slots of a schedule are due. Pure.

use jiff::{SignedDuration, Timestamp};
use strongroom_model::Schedule;
use strongroom_model::manifest::Missed;

/// A slot that is dealt with at most so late is on time: a restart of the server does not miss it.
pub(crate) const ON_TIME: SignedDuration = SignedDuration::from_mins(1);
/// A slot that was dealt with lies so far in the future only if the clock was wrong.
const WRONG_CLOCK: SignedDuration = SignedDuration::from_hours(1);
/// Slots that were missed beyond this number are passed over.
const MOST_MISSED: usize = 1_000;
/// Lengths of time within which the latest missed slot is looked for, shortest first.
const LOOK_BACK_HOURS: [i64; 5] = [1, 24, 31 * 24, 366 * 24, 5 * 366 * 24];

/// What is to be done about a schedule now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// Slots that get their run, oldest first.
    pub(crate) run: Vec<Timestamp>,
    /// When the next slot comes.
    pub(crate) next: Option<Timestamp>,
}

/// The slots after `last`, which was dealt with, up to `now`: all of them if they are on time, and of those that are later
/// as many as `missed` says.
pub(crate) fn due(schedule: &Schedule, missed: Missed, last: Timestamp, now: Timestamp) -> Due {
    let last = if last.duration_since(now) > WRONG_CLOCK { now } else { last };
    let punctual = now.checked_sub(ON_TIME).unwrap_or(Timestamp::MIN);
    let mut run = if last < punctual { late(schedule, missed, last, punctual) } else { Vec::new() };
    run.extend(between(schedule, last.max(punctual), now));
    Due { run, next: schedule.next_after(now.max(last)) }
}

/// The slots after `last` up to `until` that `missed` asks for.
fn late(schedule: &Schedule, missed: Missed, last: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    match missed {
        Missed::Skip => Vec::new(),
        Missed::Once => {
            let back = |hours| until.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN).max(last);
            let found = LOOK_BACK_HOURS.into_iter().map(back).find_map(|from| between(schedule, from, until).last());
            found.into_iter().collect()
        }
        Missed::All => {
            let all: Vec<_> = between(schedule, last, until).collect();
            all.get(all.len().saturating_sub(MOST_MISSED)..).unwrap_or_default().to_vec()
        }
    }
}

/// The slots after `from` up to `until`.
fn between(schedule: &Schedule, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
    std::iter::successors(schedule.next_after(from), |slot| schedule.next_after(*slot))
        .take_while(move |slot| *slot <= until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn runs(schedule: &str, missed: Missed, last: &str, now: &str) -> Vec<String> {
        let schedule: Schedule = schedule.parse().expect("a schedule");
        due(&schedule, missed, at(last), at(now)).run.iter().map(ToString::to_string).collect()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_slot_runs_when_its_time_has_come_and_not_again() {
        let every = |last, now| runs("* * * * *", Missed::Skip, last, now);
        assert_eq!(every("2026-01-01T00:00:00Z", "2026-01-01T00:00:59.999Z"), NONE);
        assert_eq!(every("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"), ["2026-01-01T00:01:00Z"]);
        assert_eq!(every("2026-01-01T00:01:00Z", "2026-01-01T00:01:30Z"), NONE);
        let late = every("2026-01-01T00:00:00Z", "2026-01-01T00:02:30Z");
        assert_eq!(late, ["2026-01-01T00:02:00Z"], "what is on time runs whatever is done about missed ones");
    }

    #[test]
    fn missed_slots_run_as_often_as_is_asked_for() {
        let three = |missed| runs("0 3 * * *", missed, "2026-01-01T03:00:00Z", "2026-01-04T12:00:00Z");
        assert_eq!(three(Missed::Skip), NONE);
        assert_eq!(three(Missed::Once), ["2026-01-04T03:00:00Z"]);
        assert_eq!(three(Missed::All), ["2026-01-02T03:00:00Z", "2026-01-03T03:00:00Z", "2026-01-04T03:00:00Z"]);
        let years = runs("0 0 29 2 *", Missed::Once, "2020-03-01T00:00:00Z", "2027-01-01T00:00:00Z");
        assert_eq!(years, ["2024-02-29T00:00:00Z"]);
        let many = runs("* * * * *", Missed::All, "2026-01-01T00:00:00Z", "2026-01-10T00:00:00Z");
        assert_eq!((many.len(), many.last().map(String::as_str)), (1_001, Some("2026-01-10T00:00:00Z")));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_slot_run_twice() {
        let schedule: Schedule = "* * * * *".parse().expect("a schedule");
        let back = due(&schedule, Missed::All, at("2026-01-01T00:30:00Z"), at("2026-01-01T00:10:00Z"));
        assert_eq!(back, Due { run: Vec::new(), next: Some(at("2026-01-01T00:31:00Z")) });
        let wrong = due(&schedule, Missed::All, at("2099-01-01T00:00:00Z"), at("2026-01-01T00:10:00Z"));
        assert_eq!(wrong, Due { run: Vec::new(), next: Some(at("2026-01-01T00:11:00Z")) });
    }
}
