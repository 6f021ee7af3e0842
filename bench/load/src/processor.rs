//! Processor time, as the operating system counts it.

use std::fs;
use std::time::Duration;

use crate::Failure;

/// `/proc/PID/stat` counts in units of 1/100 s on every Linux (`USER_HZ`, proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// One line of `/proc/PID/stat`, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time of the process, all of its threads, those that ended included.
    own: Duration,
    /// The same of children that ended and were waited for.
    waited: Duration,
}

impl Stat {
    /// The program's name stands in parentheses and may hold anything, so the fields begin behind the last one.
    fn parse(line: &str) -> Option<Self> {
        let (_, fields) = line.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let time = |at: usize| Some(TICK * (ticks(at)? + ticks(at + 1)?));
        Some(Self { parent: ticks(1)?, own: time(11)?, waited: time(13)? })
    }

    fn read(process: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }
}

/// What a process and its descendants spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// The process and its threads.
    pub(crate) own: Duration,
    /// Its descendants that live, and those that it waited for.
    pub(crate) descendants: Duration,
}

impl Spent {
    /// So far.
    pub(crate) fn by(pid: u32) -> Result<Self, Failure> {
        let gone = || Failure::Answer(format!("process {pid} is gone"));
        let stat = Stat::read(&pid.to_string()).ok_or_else(gone)?;
        Ok(Self { own: stat.own, descendants: stat.waited + descendants(pid)? })
    }

    /// Between `earlier` and now.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            own: self.own.saturating_sub(earlier.own),
            descendants: self.descendants.saturating_sub(earlier.descendants),
        }
    }
}

/// What children of this process that have ended spent.
pub(crate) fn by_ended_children() -> Result<Duration, Failure> {
    let stat = Stat::read("self").ok_or_else(|| Failure::Answer("/proc/self/stat is not understood".to_owned()))?;
    Ok(stat.waited)
}

fn descendants(ancestor: u32) -> Result<Duration, Failure> {
    let entries = fs::read_dir("/proc").map_err(Failure::system("list /proc"))?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let stats: Vec<(u32, Stat)> = pids.filter_map(|pid| Some((pid, Stat::read(&pid.to_string())?))).collect();
    let mut family = vec![ancestor];
    let mut sum = Duration::ZERO;
    while let Some(parent) = family.pop() {
        for (pid, stat) in stats.iter().filter(|(_, stat)| stat.parent == parent) {
            family.push(*pid);
            sum += stat.own + stat.waited;
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_and_spaces_is_read() {
        let line = "12 (a) b (c) S 3 0 0 0 0 0 0 0 0 0 150 50 7 3 20 0";
        let expected = Stat { parent: 3, own: Duration::from_secs(2), waited: Duration::from_millis(100) };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("12 a S 3"), None);
    }
}
