//! `run` at a terminal: who is in front, its size, stops, and masking without losing it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::world::{Way, World, until};

/// A command in a session of its own, whose terminal the test holds.
struct Seat {
    controller: File,
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Seat {
    fn new(world: &World, arguments: &[&str]) -> Self {
        let inner = world.command(arguments);
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(inner.get_program()).args(inner.get_args());
        Self::start(command, &inner)
    }

    /// An interactive shell.
    fn shell(world: &World) -> Self {
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", "bash", "--norc", "--noprofile", "-i"]);
        let mut inner = world.command(&[]);
        inner.env("STRONGROOM", env!("CARGO_BIN_EXE_strongroom")).env("PS1", "$ ").env("TERM", "dumb");
        Self::start(command, &inner)
    }

    fn start(mut command: Command, like: &Command) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).expect("granted");
        unlockpt(&controller).expect("unlocked");
        tcsetwinsize(&controller, size(31, 97)).expect("a size");
        let name = ptsname(&controller, Vec::new()).expect("its name").into_string().expect("text");
        let terminal = OpenOptions::new().read(true).write(true).open(name).expect("the other end");
        let side = || terminal.try_clone().expect("another handle");
        command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(like.get_current_dir().expect("a folder"));
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().expect("it starts");
        drop(command);
        drop(terminal);
        let controller = File::from(controller);
        let shown = Arc::new(Mutex::new(String::new()));
        let (filled, mut reader) = (Arc::clone(&shown), controller.try_clone().expect("another handle"));
        std::thread::spawn(move || {
            let mut chunk = [0_u8; 4096];
            while let Ok(length @ 1..) = reader.read(&mut chunk) {
                filled.lock().expect("no panic").push_str(&String::from_utf8_lossy(&chunk[..length]));
            }
        });
        Self { controller, child, shown }
    }

    fn shown(&self) -> String {
        self.shown.lock().expect("no panic").clone()
    }

    #[track_caller]
    fn until(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.shown().contains(text) {
            assert!(Instant::now() < deadline, "{text}: {}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn types(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).expect("typed");
    }

    fn ends(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let status = until(|| self.child.try_wait().expect("a child"));
        status.code().or(status.signal().map(|number| 128 + number)).unwrap_or(-1)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn world() -> World {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A", "canary-value-42"]);
    world
}

const MODES: [&[&str]; 3] = [&["run"], &["run", "--watch"], &["run", "--redact"]];

#[test]
fn the_command_is_in_front_sees_the_size_and_reads_what_is_typed() {
    let world = world();
    for mode in MODES {
        let script = "[ -t 0 ] && [ -t 1 ] && stty size; echo group $(ps -o pgid=,tpgid= -p $$); read line; echo \"line: $line\"";
        let mut seat = Seat::new(&world, &[mode, &["--", "sh", "-c", script]].concat());
        seat.until("31 97");
        seat.until("group ");
        seat.types("typed\n");
        seat.until("line: typed");
        assert_eq!(seat.ends(), 0, "{mode:?}: {}", seat.shown());
        let shown = seat.shown();
        let groups = shown.lines().find_map(|line| line.strip_prefix("group ")).expect("a line").trim().to_owned();
        let (own, front) = groups.split_once(' ').expect("two numbers");
        assert_eq!(own, front, "{mode:?}: {shown}");
    }
}

#[test]
fn a_new_size_reaches_the_command() {
    let world = world();
    for mode in MODES {
        let script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done";
        let mut seat = Seat::new(&world, &[mode, &["--", "sh", "-c", script]].concat());
        seat.until("ready");
        tcsetwinsize(&seat.controller, size(40, 120)).expect("a size");
        seat.until("40 120");
        seat.types("\u{3}");
        assert_eq!(seat.ends(), 130, "{mode:?}: {}", seat.shown());
    }
}

#[test]
fn a_masked_command_keeps_its_terminal_and_shows_no_value() {
    let world = world();
    let script = "[ -t 1 ] && echo tty; echo \"value $A\"; printf 'name? '; read name; echo \"hello $name\"; exit 5";
    let mut seat = Seat::new(&world, &["run", "--redact", "--", "sh", "-c", script]);
    seat.until("tty\r\nvalue [masked]\r\nname? ");
    seat.types("canary-value-42\n");
    seat.until("hello [masked]");
    assert_eq!(seat.ends(), 5);
    assert!(!seat.shown().contains("canary-value-42"), "{}", seat.shown());
}

#[test]
fn a_stop_gives_the_shell_its_prompt_and_fg_goes_on() {
    let world = world();
    let mut seat = Seat::shell(&world);
    // nothing is forked any more once it has begun: a shell whose child is stopped before its exec can itself not be stopped
    seat.types(
        "$STRONGROOM run --watch -- sh -c 'sleep 1000 & trap \"echo on; exit 9\" INT; echo begun; while :; do wait; done'\n",
    );
    seat.until("\nbegun");
    seat.types("\u{1a}");
    seat.until("Stopped");
    seat.types("echo prompt-$((40 + 2))\n");
    seat.until("prompt-42");
    seat.types("fg\n");
    seat.until("fg\r\n");
    let before = seat.shown().len();
    seat.types("\u{3}");
    until(|| seat.shown()[before..].contains("on\r\n").then_some(()));
    seat.types("echo code-$?\n");
    seat.until("code-9");
    seat.types("exit\n");
    seat.ends();
}

#[test]
fn the_terminal_edits_lines_as_before_once_a_masked_command_has_ended() {
    let world = world();
    let mut seat = Seat::shell(&world);
    seat.types("before=$(stty -g); $STRONGROOM run --redact -- stty raw -echo; [ \"$before\" = \"$(stty -g)\" ] && echo same-$((1 + 1))\n");
    seat.until("same-2");
    seat.types("exit\n");
    seat.ends();
}
