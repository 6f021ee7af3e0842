//! The start: where values come from, and what is refused.

use super::{Dev, has_deno};
use crate::world::{Ran, Way, World};

/// An app that tells what it got in a file beside it.
fn teller(world: &World, secrets: &str) {
    let command = "env > got.new; mv got.new got; sleep 1000";
    let app = format!(r#"{{ "id": "api", "path": "backend", "command": "{command}", "secrets": [{secrets}] }}"#);
    world.write("backend/readme", "");
    world.write("strongroom.json", format!("{{ \"apps\": [{app}] }}"));
}

fn got(world: &World, dev: &Dev, name: &str) -> Option<String> {
    let path = world.work().join("backend/got");
    let text = dev.waits("the app's environment", || std::fs::read_to_string(&path).ok());
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

#[test]
fn the_shell_wins_over_dotenv_and_dotenv_over_the_store() {
    let world = World::new(Way::InProcess);
    teller(&world, r#""A", "B", "C", { "name": "D", "default": "file" }, { "name": "E", "required": false }"#);
    world.does(&["secrets", "set", "A=store-a", "B=store-b", "C=store-c"]);
    world.write(".env", "B=dotenv-b\nC=dotenv-c\nPORT=1\nNOT_LISTED=x\n");
    let dev = Dev::start(&world, &[("STRONGROOM_SECRET_C", "shell-c")], &["start"]);
    let of = |name| got(&world, &dev, name).unwrap_or_default();
    assert_eq!([of("A"), of("B"), of("C"), of("D")], ["store-a", "dotenv-b", "shell-c", "file"]);
    for absent in ["E", "PORT", "NOT_LISTED", "STRONGROOM_SECRET_C"] {
        assert_eq!(got(&world, &dev, absent), None, "{absent}");
    }
    let (exit, said) = dev.stops();
    assert_eq!(exit, Some(0));
    for line in ["store (global): A", ".env: B", "shell: C", "strongroom.json (default): D", "E is not set: strongroom"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("PORT is not handed on"), "{said}");
    assert!(!said.contains("dotenv-b") && !said.contains("shell-c") && !said.contains("store-a"), "{said}");
}

#[test]
fn a_start_without_required_names_is_refused_with_all_of_them() {
    let world = World::new(Way::InProcess);
    world.write("f.ts", "export default () => new Response(\"\");");
    let text = r#"{ "functions": [{ "name": "f", "entry": "f.ts", "secrets": ["A", "OLD", "LATER"] }],
        "apps": [{ "id": "api", "command": "touch started", "secrets": ["A", "B"] }] }"#;
    world.write("strongroom.json", text);
    world.does(&["secrets", "set", "OLD", "3", "--expires", "2020-01-01T00:00:00Z"]);
    world.does(&["secret", "create", "--secret", "LATER"]);
    let refused = world.exits(1, &["dev"]);
    for text in [
        "A: is not set: strongroom secrets set A  (api, f)",
        "B: is not set: strongroom secrets set B  (api)",
        "OLD: has expired",
        "LATER: has no value yet: strongroom secrets set LATER  (f)",
    ] {
        assert!(refused.stderr.contains(text), "{text}: {refused:?}");
    }
    assert!(!world.work().join("started").exists());
}

#[test]
fn without_the_server_it_stops_unless_it_is_told_to_go_offline() {
    let world = World::new(Way::InProcess);
    teller(&world, "\"A\"");
    let away = [("STRONGROOM_URL", "http://127.0.0.1:9"), ("STRONGROOM_TOKEN", "srt_canary")];
    let mut command = world.command(&["dev"]);
    let refused = Ran::of(command.envs(away));
    assert_eq!(refused.exit, 1, "{refused:?}");
    assert!(refused.stderr.contains("strongroom dev --offline"), "{refused:?}");
    let mut command = world.command(&["dev", "--offline"]);
    let refused = Ran::of(command.envs(away));
    assert!(refused.exit == 1 && refused.stderr.contains("put A=… into .env"), "{refused:?}");
    world.write(".env", "A=from-the-file\n");
    let dev = Dev::start(&world, &away, &["--offline"]);
    assert_eq!(got(&world, &dev, "A").as_deref(), Some("from-the-file"));
    assert_eq!(got(&world, &dev, "STRONGROOM_TOKEN"), None);
    world.write(".env", "A=another-one\n");
    dev.waits("the new value", || (got(&world, &dev, "A").as_deref() == Some("another-one")).then_some(()));
    let (exit, said) = dev.stops();
    assert!(exit == Some(0) && said.contains("offline") && !said.contains("another-one"), "{said}");
}

#[test]
fn what_cannot_be_run_is_said() {
    let world = World::new(Way::InProcess);
    assert!(world.exits(2, &["dev"]).stderr.contains("there is no strongroom.json"));
    world.write("strongroom.json", "{ \"functions\": [] }");
    assert!(world.exits(2, &["dev"]).stderr.contains("declares nothing to run"));
    teller(&world, "");
    let refused = world.exits(2, &["dev", "start", "apy"]);
    assert!(refused.stderr.contains("apy") && refused.stderr.contains("there are: api"), "{refused:?}");
    assert!(world.exits(2, &["dev", "--namespace", "No!"]).stderr.starts_with("error:"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    assert!(world.exits(1, &["dev", "--listen", &address]).stderr.contains("give it another port"));
}

#[test]
fn a_dotenv_that_git_tracks_is_warned_of() {
    let world = World::new(Way::InProcess);
    teller(&world, "");
    world.write(".env", "A=1\n");
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(arguments).current_dir(world.work()).output().is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        return;
    }
    let dev = Dev::start(&world, &[], &[]);
    dev.waits("the app", || world.work().join("backend/got").exists().then_some(()));
    assert!(!dev.stops().1.contains("tracked by git"));
    assert!(git(&["add", ".env"]));
    let dev = Dev::start(&world, &[], &[]);
    dev.hears("tracked by git");
}

#[test]
fn another_dev_and_other_commands_reach_the_store_that_one_holds() {
    let world = World::new(Way::InProcess);
    teller(&world, "\"A\"");
    world.does(&["secrets", "set", "A", "one"]);
    let first = Dev::start(&world, &[], &[]);
    assert_eq!(got(&world, &first, "A").as_deref(), Some("one"));
    assert!(world.does(&["doctor"]).stdout.contains("server"));
    let second = Dev::start(&world, &[], &[]);
    second.hears("store (global): A");
    // the store changes hands and goes on being followed
    first.stops();
    world.does(&["secrets", "set", "A", "two"]);
    second.waits("the new value", || (got(&world, &second, "A").as_deref() == Some("two")).then_some(()));
    assert!(has_deno(&world) || second.stops().0 == Some(0));
}
