//! Apps: restarted with new values, started again after a crash, ended with everything that they started.

use super::{Dev, is_running};
use crate::world::{Way, World};

fn app(world: &World, id: &str, command: &str, more: &str) {
    let command = serde_json::to_string(command).expect("text");
    world.write("strongroom.json", format!(r#"{{ "apps": [{{ "id": "{id}", "command": {command}{more} }}] }}"#));
}

#[test]
fn an_app_is_restarted_gracefully_with_the_new_value() {
    World::each(|world| {
        let command =
            "trap 'echo asked to end; exit 0' TERM; echo \"got ${#API_KEY} of $API_KEY\"; while :; do sleep 0.05; done";
        app(world, "api", command, r#", "secrets": ["API_KEY"]"#);
        world.does(&["secrets", "set", "API_KEY", "canary-12"]);
        let dev = Dev::start(world, &[], &[]);
        dev.hears("got 9 of [masked]");
        world.does(&["secrets", "set", "OTHER", "x"]);
        world.does(&["secrets", "set", "API_KEY", "canary-12345"]);
        dev.hears("got 12 of [masked]");
        let (exit, said) = dev.stops();
        assert_eq!(exit, Some(0), "{said}");
        assert_eq!(said.matches("│ asked to end").count(), 2, "{said}");
        assert_eq!(said.matches("restarting").count(), 1, "{said}");
        assert!(!said.contains("canary"), "{said}");
    });
}

#[test]
fn an_app_that_loses_a_required_secret_rests_until_it_is_back() {
    let world = World::new(Way::InProcess);
    app(&world, "api", "echo \"got ${#API_KEY}\"; sleep 1000", r#", "secrets": ["API_KEY"]"#);
    world.does(&["secrets", "set", "API_KEY", "canary-12"]);
    let dev = Dev::start(&world, &[], &[]);
    dev.hears("got 9");
    world.does(&["secrets", "delete", "API_KEY", "--yes", "--force"]);
    dev.hears("not started: API_KEY has no value");
    world.does(&["secrets", "set", "API_KEY", "canary-123"]);
    dev.hears("got 10");
}

#[test]
fn an_app_whose_secret_runs_out_rests_and_it_is_said() {
    let world = World::new(Way::InProcess);
    app(&world, "api", "echo \"got ${#API_KEY}\"; sleep 1000", r#", "secrets": ["API_KEY"]"#);
    world.does(&["secrets", "set", "API_KEY", "canary-12"]);
    let dev = Dev::start(&world, &[], &[]);
    dev.hears("│ got 9");
    world.does(&["secrets", "edit", "API_KEY", "--expires", "2s"]);
    dev.hears("API_KEY has expired  (api)");
    dev.hears("not started: API_KEY has no value");
}

#[test]
fn values_are_followed_again_after_the_server_was_away() {
    let mut world = World::new(Way::Socket);
    app(&world, "api", "echo \"got ${#API_KEY}\"; sleep 1000", r#", "secrets": ["API_KEY"]"#);
    world.does(&["secrets", "set", "API_KEY", "canary-12"]);
    let dev = Dev::start(&world, &[], &[]);
    dev.hears("│ got 9");
    world.restart_server();
    dev.hears("the store is away");
    dev.hears("the store is back");
    world.does(&["secrets", "set", "API_KEY", "canary-123"]);
    dev.hears("│ got 10");
}

#[test]
fn a_front_end_gets_nothing() {
    let world = World::new(Way::InProcess);
    app(&world, "web", "env > got.new; mv got.new got; sleep 1000", r#", "frontend": true"#);
    world.does(&["secrets", "set", "STORED=canary-stored", "IN_SHELL=canary-in-shell"]);
    world.write(".env", "LOCAL=canary-local\n");
    let environment = [
        ("STRONGROOM_SECRET_OWN", "canary-own"),
        ("STRONGROOM_TOKEN", "srt_canary"),
        ("IN_SHELL", "canary-of-another-value"),
        ("COPIED", "canary-stored"),
        ("KEPT", "kept"),
    ];
    // an app with secrets beside it, so that values are known
    let web = r#"{ "id": "web", "command": "env > got.new; mv got.new got; sleep 1000", "frontend": true }"#;
    let api = r#"{ "id": "api", "command": "sleep 1000" }"#;
    world.write("strongroom.json", format!("{{ \"apps\": [{web}, {api}] }}"));
    let dev = Dev::start(&world, &environment, &[]);
    let path = world.work().join("got");
    let got = dev.waits("its environment", || std::fs::read_to_string(&path).ok());
    assert!(got.contains("KEPT=kept") && !got.contains("canary"), "{got}");
}

#[test]
fn ctrl_c_ends_the_whole_tree() {
    let world = World::new(Way::InProcess);
    let command = "sh -c 'sleep 1000 & echo grandchild $!; wait' & echo child $!; wait";
    app(&world, "api", command, "");
    let dev = Dev::start(&world, &[], &[]);
    let pid = |line: String| line.rsplit(' ').next().expect("a number").to_owned();
    let all = [pid(dev.hears("│ grandchild ")), pid(dev.hears("│ child "))];
    assert!(all.iter().all(|pid| is_running(pid)));
    let (exit, said) = dev.stops();
    assert_eq!(exit, Some(0), "{said}");
    assert!(!all.iter().any(|pid| is_running(pid)), "{said}");
}

#[test]
fn a_second_ctrl_c_kills_what_does_not_listen() {
    let world = World::new(Way::InProcess);
    app(&world, "api", "trap '' TERM INT; echo up $$; while :; do sleep 0.1; done", "");
    let dev = Dev::start(&world, &[], &[]);
    let line = dev.hears("│ up ");
    let pid = line.rsplit(' ').next().expect("a number").to_owned();
    dev.signal("-INT");
    dev.hears("stopping");
    let before = std::time::Instant::now();
    let (exit, said) = dev.stops();
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("killing what is left") && !is_running(&pid), "{said}");
    assert!(before.elapsed() < std::time::Duration::from_secs(9), "it did not wait for the grace");
}

#[test]
fn a_dev_that_is_killed_leaves_no_app_and_no_file_behind() {
    let world = World::new(Way::InProcess);
    app(&world, "api", "sleep 1000 & echo child $!; wait", "");
    let folder = world.work().join("tmp");
    std::fs::create_dir(&folder).expect("a folder for temporary files");
    let mut dev = Dev::start(&world, &[("TMPDIR", &folder.display().to_string())], &[]);
    let line = dev.hears("│ child ");
    let pid = line.rsplit(' ').next().expect("a number").to_owned();
    dev.child.kill().expect("killed");
    dev.waits("the end of its app", || (!is_running(&pid)).then_some(()));
    let is_empty = || std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
    dev.waits("an empty folder for temporary files", || is_empty().then_some(()));
}

#[test]
fn an_app_that_crashes_is_started_again_with_a_pause() {
    let world = World::new(Way::InProcess);
    app(&world, "api", "echo run >> runs; exit 3", "");
    let dev = Dev::start(&world, &[], &[]);
    dev.hears("ended with code 3");
    dev.hears("starts again in 0.5 s");
    dev.hears("starts again in 1.0 s");
    let runs = std::fs::read_to_string(world.work().join("runs")).expect("it ran");
    assert!(runs.lines().count() >= 2, "{runs}");
}

#[test]
fn a_changed_command_is_taken_up_and_a_removed_app_ends() {
    let world = World::new(Way::InProcess);
    app(&world, "api", "echo first $$; sleep 1000", "");
    let dev = Dev::start(&world, &[], &[]);
    let line = dev.hears("│ first ");
    let first = line.rsplit(' ').next().expect("a number").to_owned();
    app(&world, "api", "echo second $$; sleep 1000", "");
    let line = dev.hears("│ second ");
    let second = line.rsplit(' ').next().expect("a number").to_owned();
    dev.waits("its end", || (!is_running(&first)).then_some(()));
    app(&world, "other", "echo third; sleep 1000", "");
    dev.hears("│ third");
    dev.waits("its end", || (!is_running(&second)).then_some(()));
}

#[test]
fn the_umask_is_the_shells_and_lines_are_json_for_programs() {
    let world = World::new(Way::InProcess);
    app(&world, "api", "echo mask $(umask); printf 'no line end'; sleep 1000", "");
    let dev = Dev::start(&world, &[], &["--json"]);
    let line = dev.hears("\"from\":\"api\"");
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let before = std::process::Command::new("sh").args(["-c", "umask"]).output().expect("sh").stdout;
    let mask = String::from_utf8(before).expect("digits");
    assert_eq!(line, serde_json::json!({ "from": "api", "level": "info", "text": format!("mask {}", mask.trim()) }));
    dev.hears("\"no line end\"");
}
