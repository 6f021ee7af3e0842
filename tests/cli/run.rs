//! `strongroom run`: the command gets the secrets, and nothing of Strongroom's own.

pub(crate) mod background;
mod cache;
mod mount;
mod redact;
mod terminal;
mod watch;

use crate::world::{Way, World};

#[test]
fn the_command_gets_secrets_and_no_credentials() {
    World::each(|world| {
        world.does(&["secrets", "set", "API_KEY", "sk-1"]);
        let mut command = world.command(&["run", "--prefixed", "--", "env"]);
        command.env("STRONGROOM_ROOT_KEY_COMMAND", "").env("KEPT", "kept").env("API_KEY", "overridden");
        let ran = crate::world::Ran::of(&mut command);
        let lines: Vec<_> = ran.stdout.lines().collect();
        for line in ["API_KEY=sk-1", "STRONGROOM_SECRET_API_KEY=sk-1", "KEPT=kept"] {
            assert!(lines.contains(&line), "{line}: {ran:?}");
        }
        assert!(!ran.stdout.contains("STRONGROOM_TOKEN") && !ran.stdout.contains("STRONGROOM_ROOT_KEY"), "{ran:?}");
        let bare = world.does(&["run", "--", "env"]);
        assert!(!bare.stdout.contains("STRONGROOM_SECRET_"), "{bare:?}");
    });
}

#[test]
fn exit_code_stdout_and_umask_are_the_commands_own() {
    World::each(|world| {
        world.does(&["secrets", "set", "A", "1"]);
        let ran = world.exits(42, &["run", "--", "sh", "-c", "echo out; echo err >&2; exit 42"]);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"));
        let before =
            String::from_utf8(std::process::Command::new("sh").args(["-c", "umask"]).output().expect("sh").stdout);
        assert_eq!(world.does(&["run", "--", "sh", "-c", "umask"]).stdout, before.expect("digits"));
        world.exits(127, &["run", "--", "no-such-command-anywhere"]);
        world.exits(2, &["run"]);
    });
}

#[test]
fn only_what_is_asked_for_and_nothing_if_one_is_missing() {
    World::each(|world| {
        world.does(&["secrets", "set", "A=1", "B=2"]);
        world.does(&["secrets", "set", "OLD", "3", "--expires", "2020-01-01T00:00:00Z"]);
        world.does(&["secret", "create", "--secret", "LATER"]);
        let only = world.does(&["run", "--only", "A", "--", "sh", "-c", "echo ${A-none} ${B-none}"]);
        assert_eq!(only.stdout, "1 none\n");
        let stopped = world.exits(1, &["run", "--only", "A,NOPE,OLD,LATER", "--", "echo", "ran"]);
        assert_eq!(stopped.stdout, "");
        for text in ["NOPE: not set", "OLD: expired", "LATER: has no value yet", "strongroom secrets set NOPE"] {
            assert!(stopped.stderr.contains(text), "{text}: {stopped:?}");
        }
        let all = world.does(&["run", "--", "true"]);
        assert!(
            all.stderr.contains("left out (expired): OLD\n") && all.stderr.contains("left out (no value yet): LATER\n"),
            "{all:?}"
        );
    });
}

#[test]
fn an_app_of_the_project_file_gets_its_list_with_aliases() {
    let world = World::new(Way::InProcess);
    world.does(&["secrets", "set", "STRIPE_LIVE=live", "OTHER=o"]);
    let list = r#"["STRIPE_LIVE:STRIPE_KEY", {"name": "REGION", "default": "eu"}]"#;
    world.write("strongroom.json", format!(r#"{{"apps": [{{"id": "abc123", "secrets": {list}}}]}}"#));
    let print = "echo ${STRIPE_KEY-none} ${STRIPE_LIVE-none} ${REGION-none} ${OTHER-none}";
    world.does(&["apps", "create", "abc123"]);
    let ran = world.does(&["run", "--app", "abc123", "--", "sh", "-c", print]);
    assert_eq!(ran.stdout, "live none eu none\n");
}
