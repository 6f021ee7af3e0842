//! `secret create`: names without values.

use crate::world::World;

#[test]
fn names_and_descriptions_are_registered() {
    World::each(|world| {
        let created = world.does(&[
            "secret",
            "create",
            "--app",
            "abc123",
            "--secret",
            "OPENAI_API_KEY:OpenAI API key",
            "--secret",
            "DB_PASSWORD",
            "--secret",
            "URL_KEY: see https://x:1 ",
        ]);
        let start = "✔ Created 3 secret(s):\n• OPENAI_API_KEY — OpenAI API key\n• DB_PASSWORD\n• URL_KEY — see https://x:1\nhttp";
        assert!(created.stdout.starts_with(start), "{created:?}");
        let one = world.json(&["secrets", "get", "OPENAI_API_KEY", "--app", "abc123"]);
        assert_eq!((&one["state"], &one["version"], &one["scope"]), (&"no_value".into(), &().into(), &"app".into()));
    });
}

#[test]
fn an_existing_value_is_kept() {
    World::each(|world| {
        world.does(&["secrets", "set", "KEY", "kept"]);
        let created = world.does(&["secret", "create", "--secret", "KEY", "--secret", "OTHER"]);
        assert!(created.stdout.starts_with("✔ Created 1 secret(s):\n• OTHER\n• Unchanged: KEY\n"), "{created:?}");
        assert_eq!(world.value("KEY", &[]), "kept");
    });
}

#[test]
fn the_old_name_of_app_works_and_warns() {
    World::each(|world| {
        let created = world.does(&["secret", "create", "--feature", "abc123", "--secret", "KEY"]);
        assert!(created.stderr.contains("--feature is the old name of --app"), "{created:?}");
        assert_eq!(world.json(&["secrets", "get", "KEY", "--app", "abc123"])["app"], "abc123");
        world.exits(2, &["secret", "create", "--feature", "a", "--app", "b", "--secret", "KEY"]);
    });
}

#[test]
fn wrong_entries_are_all_told_and_none_is_created() {
    World::each(|world| {
        let refused = world.exits(
            2,
            &[
                "secret", "create", "--secret", ":text", "--secret", "A", "--secret", "A:again", "--secret", "B-C",
                "--secret", "PATH",
            ],
        );
        assert!(
            refused.stderr.contains("4 entries are wrong") && refused.stderr.contains("A is given twice"),
            "{refused:?}"
        );
        assert_eq!(world.json(&["secrets", "list"]), serde_json::json!([]));
        world.exits(2, &["secret", "create"]);
    });
}

#[test]
fn a_name_that_resolves_from_a_wider_scope_needs_force() {
    World::each(|world| {
        world.does(&["secrets", "set", "KEY", "wide"]);
        world.exits(5, &["secret", "create", "--namespace", "production", "--secret", "KEY"]);
        world.does(&["secret", "create", "--namespace", "production", "--secret", "KEY", "--force"]);
    });
}
