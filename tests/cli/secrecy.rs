//! No value in any output of any command but those that are there to give values.

use crate::world::{Way, World};

const CANARY: &str = "canary-7f3a-value";

#[test]
fn no_command_prints_a_value() {
    World::each(|world| {
        let canary = |text: &str| assert!(!text.contains(CANARY) && !text.contains("7f3a"), "{text}");
        world.does(&["projects", "settings", "default", "--value-hints", "false"]);
        for arguments in [
            vec!["secrets", "set", "A", CANARY],
            vec!["secrets", "set", "A", CANARY, "--json", "--force"],
            vec!["secrets", "set", "A", CANARY, "--dry-run"],
            vec!["secrets", "set", "A", CANARY, "--namespace", "production"],
            vec!["settings", "secrets", "set", "A", CANARY, "--user", "u"],
            vec!["secrets", "list"],
            vec!["secrets", "list", "--json"],
            vec!["secrets", "get", "A", "--json"],
            vec!["secrets", "history", "A", "--json"],
            vec!["secrets", "rollback", "A", "1", "--json"],
            vec!["secrets", "edit", "A", "--description", "x", "--json"],
            vec!["secrets", "resolve", "--json"],
            vec!["secrets", "diff", "default", "production", "--json"],
            vec!["secrets", "copy", "--from", "production", "--to", "staging", "--json"],
            vec!["secrets", "stats", "--json"],
            vec!["audit", "list", "--json"],
            vec!["audit", "verify"],
            vec!["logs", "list", "--json"],
            vec!["tokens", "list", "--json"],
            vec!["whoami", "--json"],
            vec!["secrets", "delete", "A", "--json"],
            vec!["secrets", "restore", "A", "--json"],
        ] {
            canary(&world.does(&arguments).said());
        }
    });
}

#[test]
fn no_error_repeats_what_may_be_a_value() {
    World::each(|world| {
        let pair = format!("A-B={CANARY}");
        let good = format!("A={CANARY}");
        let bare = CANARY;
        let flag = format!("--{CANARY}");
        for arguments in [
            vec!["secrets", "set", &pair],
            vec!["secrets", "set", "A-B", CANARY],
            vec!["secrets", "sett", &good],
            vec!["secrets", &good],
            vec![&good],
            vec![bare],
            vec!["secrets", bare],
            vec!["secrets", "set", "A", "B", bare],
            vec!["secrets", "set", &good, &flag],
            vec!["secrets", "set", "A", &flag],
            vec!["secrets", "set", &good, bare],
            vec!["secrets", "set", &good, "--if-version", bare],
            vec!["secrets", "set", &good, "--scope", bare],
            vec!["secrets", "set", &good, "--expires", bare],
            vec!["secrets", "set", &good, "--output", bare],
            vec!["secrets", "set", "A=1", &flag, "x"],
            vec!["secrets", "rollback", "A", bare],
            vec!["secrets", "get", bare],
            vec!["secrets", "delete", bare],
            vec!["secrets", "history", &good],
            vec!["secrets", "list", bare],
            vec!["secrets", "list", "--json", bare],
            vec!["secret", "create", "--secret", bare],
            vec!["settings", "secrets", "set", "A", "B", bare],
            vec!["settings", "secrets", "set", &good, "B"],
            vec!["run", "--only", bare, "--", "true"],
            vec!["run", "--only", bare],
            vec!["tokens", "create", "--name", "x", "--capability", bare],
            vec!["functions", "deploy", "f", "--entry", "x.ts", "--secret", bare],
            vec!["server", "--store", bare],
            vec!["completions", bare],
        ] {
            for more in [vec![], vec!["--json"]] {
                let ran = world.ran(&[arguments.clone(), more].concat());
                assert_ne!(ran.exit, 0, "{arguments:?}: {ran:?}");
                assert!(!ran.said().contains(CANARY) && !ran.said().contains("7f3a"), "{arguments:?}: {ran:?}");
            }
        }
    });
}

#[test]
fn a_near_miss_is_helped_without_being_repeated() {
    let world = World::new(Way::InProcess);
    let ran = world.exits(2, &["secrets", "sett", "A=1"]);
    assert!(ran.stderr.contains("did you mean set?") && !ran.stderr.contains("sett"), "{ran:?}");
    assert!(!world.home().exists());
}

#[test]
fn no_file_of_the_store_holds_a_value_in_the_clear() {
    let mut world = World::new(Way::InProcess);
    world.start_server();
    world.does(&["secrets", "set", "A", CANARY]);
    world.does(&["run", "--", "true"]);
    let mut folders = vec![world.home()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).expect("readable");
                let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
                assert!(!found, "{}", entry.path().display());
            }
        }
    }
}
