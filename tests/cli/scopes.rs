//! Which scope a command is about.

use crate::world::{Way, World};

#[test]
fn the_narrowest_scope_answers() {
    World::each(|world| {
        world.does(&["secrets", "set", "A", "global"]);
        world.does(&["secrets", "set", "A", "namespace", "--namespace", "production"]);
        world.does(&["secrets", "set", "A", "app", "--namespace", "production", "--app", "abc123"]);
        assert_eq!(world.value("A", &[]), "global");
        assert_eq!(world.value("A", &["--namespace", "production"]), "namespace");
        assert_eq!(world.value("A", &["--namespace", "production", "--app", "abc123"]), "app");
        assert_eq!(world.value("A", &["--namespace", "default"]), "global");
        let list = world.json(&["secrets", "list"]);
        assert_eq!(list.as_array().map(Vec::len), Some(3));
        assert_eq!(world.json(&["secrets", "list", "--scope", "global"]).as_array().map(Vec::len), Some(1));
        assert_eq!(world.json(&["secrets", "list", "--scope", "namespace"]).as_array().map(Vec::len), Some(1));
        assert_eq!(world.json(&["secrets", "list", "--scope", "app"]).as_array().map(Vec::len), Some(1));
        let resolution = world.json(&["secrets", "resolve", "--namespace", "production"]);
        assert_eq!(resolution["items"][0]["scope"], "namespace");
    });
}

#[test]
fn contradictions_are_usage_errors() {
    World::each(|world| {
        for options in [
            vec!["--scope", "global", "--namespace", "a"],
            vec!["--scope", "namespace"],
            vec!["--scope", "namespace", "--namespace", "a", "--app", "b"],
            vec!["--scope", "app", "--namespace", "a"],
            vec!["--scope", "everything"],
            vec!["--scope", "system"],
            vec!["--namespace", "Not A Name"],
            vec!["--namespace", "global"],
        ] {
            for command in
                [vec!["secrets", "set", "A", "canary"], vec!["secrets", "get", "A"], vec!["secrets", "delete", "A"]]
            {
                let refused = world.exits(2, &[command, options.clone()].concat());
                assert!(!refused.said().contains("canary"), "{refused:?}");
            }
        }
    });
}

#[test]
fn a_name_in_another_scope_is_hinted_at() {
    World::each(|world| {
        world.does(&["secrets", "set", "A", "1", "--namespace", "production"]);
        for verb in ["get", "history"] {
            let missing = world.exits(3, &["secrets", verb, "A"]);
            let hint = format!("strongroom secrets {verb} A --namespace production");
            assert!(missing.stderr.contains(&hint), "{missing:?}");
        }
        let missing = world.exits(3, &["secrets", "delete", "A"]);
        assert!(missing.stderr.contains("--namespace production"), "{missing:?}");
    });
}

#[test]
fn the_project_file_names_project_and_workload_namespace_but_no_scope() {
    World::each(|world| {
        world.write("strongroom.json", "{ // the project\n  \"namespace\": \"staging\",\n}\n");
        let set = world.does(&["secrets", "set", "A", "wide"]);
        assert!(set.stderr.contains("global (all namespaces)"), "{set:?}");
        world.does(&["secrets", "set", "A", "narrow", "--namespace", "staging"]);
        assert_eq!(world.value("A", &[]), "narrow");
        assert_eq!(world.value("A", &["--namespace", "default"]), "wide");
        assert_eq!(world.json(&["secrets", "get", "A"])["scope"], "global");
        world.write("strongroom.json", "{\n  \"namspace\": \"staging\"\n}\n");
        let refused = world.exits(2, &["secrets", "list"]);
        assert!(refused.stderr.contains("strongroom.json:2:"), "{refused:?}");
    });
}

#[test]
fn a_list_refuses_contradictions_too() {
    let world = World::new(Way::InProcess);
    world.exits(2, &["secrets", "list", "--scope", "namespace", "--app", "web"]);
    world.exits(2, &["secrets", "list", "--scope", "global", "--namespace", "production"]);
    world.does(&["secrets", "list", "--scope", "namespace"]);
}
