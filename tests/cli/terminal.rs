//! At a terminal: what is asked, and what is said once.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::world::{Way, World};

/// Runs a command at a terminal of its own and types `answer` once `question` is shown.
fn at_terminal(world: &World, arguments: &[&str], question: &str, answer: &str) -> (i32, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&controller).expect("granted");
    unlockpt(&controller).expect("unlocked");
    let name = ptsname(&controller, Vec::new()).expect("its name").into_string().expect("text");
    let terminal = OpenOptions::new().read(true).write(true).open(name).expect("the other end");
    let side = || terminal.try_clone().expect("another handle");
    let mut command = world.command(arguments);
    command.stdin(side()).stdout(side()).stderr(side());
    let mut child = command.spawn().expect("it starts");
    drop(command);
    drop(terminal);
    let mut controller = File::from(controller);
    let mut shown = Vec::new();
    let mut has_answered = question.is_empty();
    let mut chunk = [0_u8; 4096];
    // The read fails once the last process at the terminal has gone.
    while let Ok(length @ 1..) = controller.read(&mut chunk) {
        shown.extend_from_slice(&chunk[..length]);
        if !has_answered && String::from_utf8_lossy(&shown).contains(question) {
            controller.write_all(answer.as_bytes()).expect("typed");
            has_answered = true;
        }
    }
    let exit = child.wait().expect("it ends").code().unwrap_or(-1);
    (exit, String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn a_value_in_the_arguments_is_advised_against_once() {
    let world = World::new(Way::InProcess);
    let (exit, first) = at_terminal(&world, &["secrets", "set", "A", "canary-1"], "", "");
    assert!(exit == 0 && first.contains("your shell's history"), "{first}");
    let (_, second) = at_terminal(&world, &["secrets", "set", "A", "canary-2"], "", "");
    assert!(!second.contains("your shell's history"), "{second}");
    assert!(!first.contains("canary") && !second.contains("canary"));
}

#[test]
fn a_deletion_asks_first() {
    let world = World::new(Way::InProcess);
    world.does(&["secrets", "set", "A=1", "B=2"]);
    let (exit, shown) = at_terminal(&world, &["secrets", "delete", "A", "B"], "[y/N]", "n\n");
    assert!(exit == 1 && shown.contains("Delete A, B from global (all namespaces)? [y/N]"), "{shown}");
    assert_eq!(world.does(&["secrets", "list", "-q"]).stdout, "A\nB\n");
    let (exit, _) = at_terminal(&world, &["secrets", "delete", "A"], "[y/N]", "y\n");
    assert_eq!((exit, world.does(&["secrets", "list", "-q"]).stdout.as_str()), (0, "B\n"));
    let (exit, shown) = at_terminal(&world, &["secrets", "delete", "B", "--yes"], "", "");
    assert!(exit == 0 && !shown.contains("[y/N]"), "{shown}");
}

#[test]
fn a_project_goes_only_when_its_name_is_typed() {
    let world = World::new(Way::InProcess);
    world.does(&["projects", "create", "shop"]);
    let (exit, shown) = at_terminal(&world, &["projects", "delete", "shop"], "to go on:", "shoq\n");
    assert!(exit == 2 && shown.contains("nothing was deleted"), "{shown}");
    let (exit, _) = at_terminal(&world, &["projects", "delete", "shop"], "to go on:", "shop\n");
    assert_eq!(exit, 0);
}

#[test]
fn a_body_without_a_line_end_does_not_run_into_the_prompt() {
    let world = World::new(Way::InProcess);
    if world.ran(&["runtime", "status"]).exit != 0 {
        return;
    }
    world.write("short.ts", "export default () => new Response('short');\n");
    world.does(&["functions", "deploy", "short", "--entry", "short.ts"]);
    let (exit, shown) = at_terminal(&world, &["functions", "invoke", "short"], "", "");
    assert!(exit == 0 && shown.ends_with("short\r\n"), "{shown:?}");
    assert_eq!(world.does(&["functions", "invoke", "short"]).stdout, "short");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let world = World::new(Way::InProcess);
    let (_, coloured) = at_terminal(&world, &["secrets", "get", "A-B"], "", "");
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let (_, plain) = at_terminal(&world, &["secrets", "get", "A-B", "--no-color"], "", "");
    assert!(!plain.contains("\u{1b}["), "{plain}");
}
