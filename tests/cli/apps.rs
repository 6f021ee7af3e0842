//! Apps, and `secret create --wait`.

use std::process::Command;

use crate::run::background::Background;
use crate::world::{Way, World};

#[test]
fn an_app_is_made_shown_with_what_it_gets_and_deleted() {
    World::each(|world| {
        world.does(&["secrets", "set", "SHARED=1", "OWN=global"]);
        world.does(&["apps", "create", "web", "--name", "The web"]);
        world.does(&["secrets", "set", "OWN=app", "--app", "web"]);
        world.does(&["secret", "create", "--app", "web", "--secret", "LATER:set by hand"]);
        let shown = world.does(&["apps", "get", "web"]);
        let line =
            |start: &str| shown.stdout.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
        assert!(line("OWN").contains("app") && line("SHARED").contains("global"), "{shown:?}");
        assert!(
            line("web").contains("The web") && shown.stderr.contains("left out (no value yet): LATER"),
            "{shown:?}"
        );
        let record = world.json(&["apps", "get", "web"]);
        assert_eq!((&record["id"], &record["secrets"][0]["name"]), (&"web".into(), &"OWN".into()), "{record}");
        assert_eq!(
            (&record["secrets"][0]["scope"], &record["missing"][0]["reason"]),
            (&"app".into(), &"no_value".into())
        );
        let refused = world.exits(5, &["apps", "delete", "web"]);
        assert!(
            refused.stderr.contains("has 2 secrets of its own") && refused.stderr.contains("--force"),
            "{refused:?}"
        );
        assert_eq!(world.value("OWN", &["--app", "web"]), "app");
        world.does(&["apps", "delete", "web", "--force"]);
        world.exits(3, &["apps", "get", "web"]);
        world.exits(3, &["apps", "delete", "web", "--force"]);
        world.does(&["apps", "create", "empty"]);
        world.does(&["apps", "delete", "empty"]);
        assert_eq!(world.json(&["apps", "list"]), serde_json::json!([]));
    });
}

#[test]
fn create_waits_until_all_are_filled_in_and_prints_the_names() {
    World::each(|world| {
        let words = ["secret", "create", "--app", "web", "--secret", "A:first", "--secret", "B", "--wait"];
        let mut waiting = Background::start(world.command(&words));
        waiting.until_err("waiting for A, B");
        world.does(&["secrets", "set", "A", "canary-1", "--app", "web"]);
        waiting.until_err("waiting for B (");
        world.does(&["secrets", "set", "B", "", "--app", "web"]);
        assert_eq!(waiting.ends(), 0, "{}", waiting.stderr());
        waiting.until_out("A\nB\n");
        assert!(waiting.stdout().contains("✔ Created 2 secret(s):") && !waiting.stdout().contains("canary"));
        assert_eq!(
            world.does(&["secret", "create", "--app", "web", "--secret", "A", "--wait", "-q"]).stdout.lines().last(),
            Some("A")
        );
    });
}

#[test]
fn ctrl_c_ends_the_waiting() {
    let world = World::new(Way::Socket);
    let mut waiting = Background::start(world.command(&["secret", "create", "--secret", "A", "--wait"]));
    waiting.until_err("waiting for A");
    Command::new("kill").args(["-INT", &waiting.child.id().to_string()]).status().expect("kill runs");
    assert_eq!(waiting.ends(), 130);
    waiting.until_err("stopped waiting; the names stay declared");
}

#[test]
fn an_app_that_was_given_a_secret_is_among_those_that_use_it() {
    World::each(|world| {
        world.does(&["apps", "create", "web"]);
        world.does(&["secrets", "set", "A=canary-1", "B=canary-2"]);
        world.does(&["secrets", "set", "OWN=canary-3", "--app", "web"]);
        let before = world.json(&["secrets", "get", "A"]);
        assert_eq!(before["used_by"], serde_json::json!([]), "{:?}", world.way);
        // a command without an app is nobody that could be named
        world.does(&["run", "--only", "A", "--", "true"]);
        assert_eq!(world.json(&["secrets", "get", "A"])["used_by"], serde_json::json!([]), "{:?}", world.way);
        world.does(&["run", "--app", "web", "--only", "A,OWN", "--", "true"]);
        for name in [&["secrets", "get", "A"][..], &["secrets", "get", "OWN", "--app", "web"]] {
            let reader = &world.json(name)["used_by"][0];
            let who = ["kind", "namespace", "name", "via"].map(|key| reader[key].as_str().unwrap_or_default());
            assert_eq!(who, ["app", "default", "web", "resolve"], "{:?}: {reader}", world.way);
            assert!(reader["last_read_at"].is_string(), "{reader}");
        }
        assert_eq!(world.json(&["secrets", "get", "B"])["used_by"], serde_json::json!([]), "{:?}", world.way);
        let set = world.does(&["secrets", "set", "A=canary-4"]);
        assert!(set.stdout.contains("no deployed function uses it"), "{set:?}");
        world.does(&["apps", "delete", "web", "--force"]);
        assert_eq!(world.json(&["secrets", "get", "A"])["used_by"], serde_json::json!([]), "{:?}", world.way);
    });
}
