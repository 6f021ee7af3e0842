//! The shapes of `--json`, field by field.

use serde_json::{Value, json};

use crate::world::{Way, World};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

const ITEM: [&str; 12] = [
    "name",
    "scope",
    "namespace",
    "app",
    "version",
    "description",
    "expires_at",
    "state",
    "created_at",
    "updated_at",
    "updated_by",
    "used_by",
];

#[test]
fn lists_are_arrays_of_items() {
    World::each(|world| {
        assert_eq!(world.json(&["secrets", "list"]), json!([]));
        world.does(&["secrets", "set", "A", "1"]);
        world.does(&["secrets", "set", "GONE", "1", "--expires", "2020-01-01T00:00:00Z"]);
        world.does(&["secrets", "set", "SOON", "1", "--expires", "1d"]);
        world.does(&["secret", "create", "--secret", "NONE"]);
        let list = world.json(&["secrets", "list"]);
        assert_eq!(keys(&list[0]), ITEM);
        let states: Vec<_> = list.as_array().into_iter().flatten().map(|item| item["state"].as_str()).collect();
        assert_eq!(states, [Some("set"), Some("expired"), Some("no_value"), Some("expiring_soon")]);
        assert_eq!((&list[0]["used_by"], &list[0]["namespace"]), (&json!(0), &Value::Null));
        let one = world.json(&["secrets", "get", "A"]);
        assert_eq!(keys(&one), ITEM);
        assert_eq!(one["used_by"], json!([]));
        let counts = world.json(&["secrets", "stats"]);
        assert_eq!(counts, json!({"total": 4, "expiring_soon": 1, "expired": 1, "without_value": 1}));
    });
}

#[test]
fn writes_report_results_and_live() {
    World::each(|world| {
        let set = world.json(&["secrets", "set", "A", "1"]);
        assert_eq!(
            set["results"],
            json!([{"name": "A", "scope": "global", "namespace": null, "app": null, "version": 1, "status": "set"}])
        );
        assert_eq!(set["live"], json!({"functions": 0, "restarted": [], "restart_failed": []}));
        assert_eq!(world.json(&["secrets", "set", "A", "2"])["results"][0]["status"], "updated");
        assert_eq!(world.json(&["secrets", "set", "A", "2"])["results"][0]["status"], "unchanged");
        let history = world.json(&["secrets", "history", "A"]);
        assert_eq!(keys(&history[0]), ["version", "kind", "from_version", "created_at", "created_by", "current"]);
        assert_eq!((&history[0]["version"], &history[0]["current"]), (&json!(2), &json!(true)));
        assert_eq!(world.json(&["secrets", "rollback", "A", "1"])["results"][0]["version"], 3);
        assert_eq!(world.json(&["secrets", "delete", "A"])["results"][0]["status"], "deleted");
        let created = world.json(&["secret", "create", "--secret", "B"]);
        assert_eq!(keys(&created), ["results", "url"]);
    });
}

#[test]
fn errors_are_problem_details_on_stderr() {
    World::each(|world| {
        for (exit, code, arguments) in [
            (3, "not_found", vec!["secrets", "get", "NOPE", "--json"]),
            (2, "invalid", vec!["secrets", "set", "A-B", "x", "--json"]),
            (2, "invalid", vec!["secrets", "sett", "A=x", "--json"]),
            (2, "invalid", vec!["--json", "secrets", "set", "A=x", "--no-such"]),
        ] {
            let ran = world.exits(exit, &arguments);
            assert_eq!(ran.stdout, "");
            let problem: Value = serde_json::from_str(&ran.stderr).expect("problem details");
            assert_eq!(problem["code"], code);
            for key in ["type", "title", "status", "detail", "request_id"] {
                assert!(problem.get(key).is_some(), "{key}: {problem}");
            }
        }
    });
}

#[test]
fn yaml_is_another_spelling_of_the_same() {
    let world = World::new(Way::InProcess);
    world.does(&["secrets", "set", "A", "1"]);
    let list = world.does(&["secrets", "list", "-o", "yaml"]).stdout;
    assert!(list.starts_with("- name: A\n"), "{list}");
    let json = world.does(&["secrets", "list", "-o", "json"]).stdout;
    assert_eq!(json, world.does(&["secrets", "list", "--json"]).stdout);
}

#[test]
fn what_runs_functions_is_told_as_json() {
    let world = World::new(Way::InProcess);
    if world.ran(&["runtime", "status"]).exit == 0 {
        assert_eq!(keys(&world.json(&["runtime", "status"])), ["runtime", "version", "program", "node"]);
    }
}
