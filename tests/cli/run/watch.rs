//! `run --watch`: restarts on change, and only then.

use super::background::{Background, is_running};
use crate::world::{Server, Way, World, until};

/// Tells its value, and ends gracefully.
const APP: &str = "trap 'echo bye; exit 0' TERM; trap 'echo usr1' USR1; echo \"got $A\"; while :; do sleep 0.02; done";

fn watching(world: &World, options: &[&str], script: &str) -> Background {
    Background::start(world.command(&[&["run", "--watch"], options, &["--", "sh", "-c", script]].concat()))
}

#[test]
fn a_change_of_what_it_gets_restarts_it_and_nothing_else_does() {
    World::each(|world| {
        world.does(&["secrets", "set", "A=one", "B=1"]);
        let mut app = watching(world, &["--only", "A"], APP);
        app.until_out("got one\n");
        world.does(&["secrets", "set", "B=2"]);
        world.does(&["secrets", "edit", "A", "--description", "text"]);
        world.does(&["secrets", "set", "A", "one", "--force"]);
        world.does(&["secrets", "set", "A=two"]);
        app.until_out("got two\n");
        app.signal("-TERM");
        assert_eq!(app.ends(), 0);
        assert_eq!(app.stdout(), "got one\nbye\ngot two\nbye\n", "{:?}", world.way);
        assert_eq!(app.stderr(), "strongroom: changed: A; restarting the command\n", "{:?}", world.way);
    });
}

#[test]
fn a_needed_name_that_is_deleted_ends_the_command_until_it_is_back() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=one", "B=1"]);
    let mut app = watching(&world, &["--only", "A,B", "--mount", "secrets", "--with-env"], APP);
    app.until_out("got one\n");
    world.does(&["secrets", "delete", "B", "--yes"]);
    app.until_err("WARNING: names that the command needs have no value any more; it is ended");
    app.until_err("B: not set; set it: strongroom secrets set B");
    app.until_err("it is started again when they are set");
    assert_eq!(app.stdout(), "got one\nbye\n");
    assert_eq!(std::fs::read_dir(world.work().join("secrets")).expect("the mount").count(), 0);
    world.does(&["secrets", "set", "A=two"]);
    world.does(&["secrets", "set", "B=1"]);
    app.until_out("got two\n");
    app.until_err("the command has all its values again; it is started");
    world.does(&["secrets", "delete", "A", "--yes"]);
    app.until_out("got two\nbye\n");
    app.until_err("A: not set");
    app.signal("-TERM");
    assert_eq!(app.ends(), 143);
    assert!(!world.work().join("secrets").exists());
}

#[test]
fn an_expiry_counts_as_a_change() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "KEPT", "1"]);
    world.does(&["secrets", "set", "A", "one", "--expires", "3s"]);
    let script = "trap 'exit 0' TERM; echo \"got ${A-none}\"; while :; do sleep 0.02; done";
    let app = watching(&world, &[], script);
    app.until_out("got one\n");
    app.until_out("got none\n");
}

#[test]
fn events_are_followed_again_after_the_server_was_away() {
    let mut world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=one"]);
    let mut app = watching(&world, &[], APP);
    app.until_out("got one\n");
    world.stop_server();
    world.start_server();
    world.does(&["secrets", "set", "A=two"]);
    app.until_out("got two\n");
    world.stop_server();
    // nothing serves the store now; its files tell
    world.does(&["secrets", "set", "A=three"]);
    app.until_out("got three\n");
    app.signal("-TERM");
    assert_eq!(app.ends(), 0);
}

#[test]
fn a_remote_server_that_comes_back_is_followed_and_one_that_is_away_ends_nothing() {
    let world = World::new(Way::InProcess);
    let mut server = Server::start(&world.home(), &[]);
    let address = server.url.trim_start_matches("http://").to_owned();
    world.does(&["secrets", "set", "A=one"]);
    let token = world.does(&["tokens", "create", "--name", "app", "--capability", "values:read"]).stdout;
    let mut command = world.command(&["run", "--watch", "--", "sh", "-c", APP]);
    command.env("STRONGROOM_URL", &server.url).env("STRONGROOM_TOKEN", token.trim());
    let app = Background::start(command);
    app.until_out("got one\n");
    assert_eq!(server.stop("-TERM"), Some(0));
    app.until_err("the command goes on with the values it has");
    let _server = Server::start_on(&world.home(), &address, &[]);
    world.does(&["secrets", "set", "A=two"]);
    app.until_out("got two\n");
    let id = world.json(&["tokens", "list"])[0]["id"].as_str().expect("an id").to_owned();
    world.does(&["tokens", "revoke", &id]);
    app.until_err("the server refuses the values");
    assert!(!app.stdout().contains("bye\ngot two\nbye"), "it goes on");
}

#[test]
fn a_command_that_a_new_value_breaks_waits_for_the_next_one() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=good"]);
    let script = format!("[ \"$A\" = bad ] && exit 3; {APP}");
    let mut app = watching(&world, &[], &script);
    app.until_out("got good\n");
    world.does(&["secrets", "set", "A=bad"]);
    app.until_err("ended with code 3 soon after its values had changed; it is started again in 1 s");
    world.does(&["secrets", "set", "A=better"]);
    app.until_out("got better\n");
    app.signal("-TERM");
    assert_eq!(app.ends(), 0);
}

#[test]
fn its_own_end_is_the_end_of_the_run() {
    World::each(|world| {
        world.does(&["secrets", "set", "A=one"]);
        assert_eq!(watching(world, &[], "exit 42").ends(), 42);
        assert_eq!(watching(world, &[], "kill -KILL $$").ends(), 137);
        let mut missing = Background::start(world.command(&["run", "--watch", "--", "no-such-command-anywhere"]));
        assert_eq!(missing.ends(), 127);
    });
}

#[test]
fn signals_are_handed_on_and_the_chosen_one_asks_for_the_end() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=one"]);
    let script = "trap 'echo usr1' USR1; trap 'echo int; exit 0' INT; echo \"got $A\"; while :; do sleep 0.02; done";
    let mut app = watching(&world, &["--signal", "SIGINT"], script);
    app.until_out("got one\n");
    app.signal("-USR1");
    app.until_out("usr1\n");
    world.does(&["secrets", "set", "A=two"]);
    app.until_out("int\ngot two\n");
    app.signal("-INT");
    assert_eq!(app.ends(), 0);
    world.exits(2, &["run", "--watch", "--signal", "STOP", "--", "true"]);
    world.exits(2, &["run", "--watch", "--grace", "soon", "--", "true"]);
}

#[test]
fn who_does_not_end_in_time_is_killed_with_what_it_started() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=one"]);
    let script = "trap '' TERM; sleep 1000 & echo \"got $A child $!.\"; wait; sleep 1000";
    let app = watching(&world, &["--grace", "1s"], script);
    app.until_out("got one child ");
    app.until_out(".\n");
    let child = app.stdout().trim().trim_end_matches('.').rsplit(' ').next().expect("a number").to_owned();
    assert!(is_running(&child));
    world.does(&["secrets", "set", "A=two"]);
    app.until_out("got two");
    until(|| (!is_running(&child)).then_some(()));
}

#[test]
fn a_killed_supervisor_leaves_no_orphan() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=one"]);
    let mut app = watching(&world, &[], "sleep 1000 & echo \"pids $$ $!.\"; wait");
    app.until_out(".\n");
    let line = app.stdout();
    let pids: Vec<_> = line.trim().trim_end_matches('.').split(' ').skip(1).map(str::to_owned).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| is_running(pid)), "{line}");
    app.signal("-KILL");
    app.ends();
    for pid in pids {
        until(|| (!is_running(&pid)).then_some(()));
    }
}

#[test]
fn the_command_inherits_no_file_and_no_credential() {
    // whoever started the test may have handed files on
    let plain = crate::world::Ran::of(std::process::Command::new("ls").arg("/proc/self/fd"));
    World::each(|world| {
        world.does(&["secrets", "set", "A=canary-long-enough"]);
        for options in [&["run"][..], &["run", "--watch"], &["run", "--redact"], &["run", "--mount", "files"]] {
            let files = world.does(&[options, &["--", "ls", "/proc/self/fd"]].concat());
            assert_eq!(files.stdout, plain.stdout, "{:?} {options:?}: {files:?}", world.way);
            let environment = world.does(&[options, &["--", "env"]].concat());
            assert!(!environment.stdout.contains("STRONGROOM_TOKEN"), "{:?} {options:?}", world.way);
        }
    });
}
