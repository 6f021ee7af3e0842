//! This program once more, as a keeper: if the supervisor dies without a word, it ends the child's group and removes
//! what the supervisor had mounted.
//!
//! A pipe tells: its other end is the supervisor's alone. Lines on it say what is to be kept:
//! `group PID` (the last one counts, 0 is none), `remove PATH`, `forget PATH`. At its end, whatever is left is ended and
//! removed. `PR_SET_PDEATHSIG` would reach the leader alone, and is there on Linux only.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::{CHILD_KEEP, own_program};

/// How long an orphaned group may take to end.
const GRACE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);

/// A supervisor's hold on its keeper. Dropped, the keeper goes without doing anything if all was forgotten.
pub(crate) struct Keeper {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Keeper {
    /// Starts a keeper, which gets nothing of this process's environment and streams.
    pub(crate) fn start() -> io::Result<Self> {
        let mut command = own_program()?;
        command.arg(CHILD_KEEP).env_clear().current_dir("/");
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// From now on this group is kept instead of any other.
    pub(crate) fn keep_group(&mut self, group: Option<Pid>) {
        let number = group.map_or(0, Pid::as_raw_pid);
        self.tell(format!("group {number}\n").as_bytes());
    }

    /// From now on this file, link or folder is removed at the end.
    pub(crate) fn keep_path(&mut self, path: &Path) {
        self.tell(&[b"remove ", path.as_os_str().as_bytes(), b"\n"].concat());
    }

    /// It is gone already.
    pub(crate) fn forget_path(&mut self, path: &Path) {
        self.tell(&[b"forget ", path.as_os_str().as_bytes(), b"\n"].concat());
    }

    fn tell(&mut self, line: &[u8]) {
        if let Some(pipe) = &mut self.pipe {
            // a keeper that was killed keeps nothing; the supervisor itself still cleans up
            pipe.write_all(line).ok();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipe = None;
        self.child.wait().ok();
    }
}

/// The keeper's whole life.
pub(crate) fn keep(orders: impl BufRead) {
    let mut kept = Kept::default();
    for line in orders.split(b'\n').map_while(Result::ok) {
        kept.note(&line);
    }
    kept.end();
}

#[derive(Default)]
struct Kept {
    group: Option<Pid>,
    paths: Vec<PathBuf>,
}

impl Kept {
    fn note(&mut self, line: &[u8]) {
        let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        if let Some(number) = line.strip_prefix(b"group ") {
            let number = OsStr::from_bytes(number).to_str().and_then(|text| text.parse().ok());
            self.group = number.and_then(Pid::from_raw);
        } else if let Some(bytes) = line.strip_prefix(b"remove ") {
            self.paths.push(path(bytes));
        } else if let Some(bytes) = line.strip_prefix(b"forget ") {
            let gone = path(bytes);
            self.paths.retain(|kept| *kept != gone);
        }
    }

    fn end(self) {
        if let Some(group) = self.group {
            end_group(group);
        }
        for path in self.paths {
            let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
            // what is not there any more need not be removed
            if is_folder {
                std::fs::remove_dir_all(&path).ok()
            } else {
                std::fs::remove_file(&path).ok()
            };
        }
    }
}

fn end_group(group: Pid) {
    let deadline = Instant::now() + GRACE;
    kill_process_group(group, Signal::TERM).ok();
    kill_process_group(group, Signal::CONT).ok();
    while test_kill_process_group(group).is_ok() {
        if Instant::now() >= deadline {
            kill_process_group(group, Signal::KILL).ok();
            return;
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_forgotten_is_removed_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, tree, gone) = (folder.path().join("link"), folder.path().join("tree"), folder.path().join("gone"));
        std::fs::create_dir(&tree).expect("made");
        for path in [&file, &tree.join("inside"), &gone] {
            std::fs::write(path, "x").expect("written");
        }
        let mut orders = Vec::new();
        for (word, path) in [("remove", &file), ("remove", &tree), ("remove", &gone), ("forget", &gone)] {
            orders.extend(format!("{word} {}\n", path.display()).into_bytes());
        }
        keep(&*orders);
        assert!(!file.exists() && !tree.exists() && gone.exists());
    }

    #[test]
    fn an_orphaned_group_is_ended() {
        let mut command = std::process::Command::new("sleep");
        let mut child = command.arg("1000").process_group(0).spawn().expect("sleep starts");
        let orders = format!("group 1\ngroup {}\n", child.id());
        let waits = std::thread::spawn(move || child.wait().expect("it ends"));
        keep(orders.as_bytes());
        assert!(!waits.join().expect("no panic").success());
    }
}
