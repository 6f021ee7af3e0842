//! The forms that the four systems document, with their output, every way.

use crate::world::World;

const LIVE: &str = "New value is live immediately — no redeploy needed (no deployed function uses it).\n";

#[test]
fn set_says_set_updated_and_unchanged() {
    World::each(|world| {
        let first = world.does(&["secrets", "set", "API_KEY", "sk-your-api-key"]);
        assert_eq!(first.stdout, format!("✔ Secret set: API_KEY\n{LIVE}"), "{:?}", world.way);
        let second = world.does(&["secrets", "set", "API_KEY", "sk-newkey456"]);
        assert_eq!(second.stdout, format!("✔ Secret updated: API_KEY (v2)\n{LIVE}"));
        let same = world.does(&["secrets", "set", "API_KEY", "sk-newkey456"]);
        assert_eq!(same.stdout, "• Unchanged: API_KEY\n");
        let forced = world.does(&["secret", "set", "API_KEY", "sk-newkey456", "--force"]);
        assert_eq!(forced.stdout, format!("✔ Secret updated: API_KEY (v3)\n{LIVE}"));
        assert_eq!(world.value("API_KEY", &[]), "sk-newkey456");
    });
}

#[test]
fn pairs_are_set_together() {
    World::each(|world| {
        let pairs = ["secrets", "set", "API_KEY=sk-abc123", "DATABASE_URL=postgres://localhost/mydb?a=b"];
        let set = world.does(&pairs);
        assert!(set.stdout.starts_with("✔ Secret set: API_KEY\n✔ Secret set: DATABASE_URL\nNew values are live"));
        assert_eq!(world.value("DATABASE_URL", &[]), "postgres://localhost/mydb?a=b");
    });
}

#[test]
fn scope_description_and_expiry_go_with_the_value() {
    World::each(|world| {
        let scoped =
            ["secrets", "set", "DATABASE_URL", "postgres://...", "--scope", "namespace", "--namespace", "production"];
        let set = world.does(&scoped);
        assert!(set.stdout.starts_with("✔ Secret set: DATABASE_URL\n"), "{set:?}");
        assert!(set.stderr.contains("created namespace production"), "{set:?}");
        world.does(&["secrets", "set", "STRIPE_KEY", "sk_live_...", "--description", "Stripe production API key"]);
        world.does(&["secrets", "set", "TEMP_TOKEN", "xyz", "--expires", "30d"]);
        let list = world.does(&["secrets", "list"]).stdout;
        assert!(list.contains("namespace production"), "{list}");
        assert!(list.contains("in 30 days"), "{list}");
        let one = world.json(&["secrets", "get", "STRIPE_KEY"]);
        assert_eq!(one["description"], "Stripe production API key");
    });
}

#[test]
fn a_list_shows_names_ages_and_no_values() {
    World::each(|world| {
        assert_eq!(world.does(&["secrets", "list"]).stdout, "");
        world.does(&["secrets", "set", "OPENAI_API_KEY", "sk-abc123-canary"]);
        world.does(&["secret", "create", "--secret", "LATER"]);
        let list = world.does(&["secrets", "ls"]).stdout;
        let head: Vec<_> =
            list.lines().next().expect("a head").split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        assert_eq!(head, ["NAME", "SCOPE", "VERSION", "SET", "EXPIRES", "BY", "USED BY", "VALUE"]);
        let line = list.lines().find(|line| line.starts_with("OPENAI_API_KEY")).expect("its line");
        assert!(line.contains("set ") && line.contains(" ago") && line.ends_with("••••••••"), "{line}");
        let later = list.lines().find(|line| line.starts_with("LATER")).expect("its line");
        assert!(later.ends_with("(no value)"), "{later}");
        assert!(!list.contains("canary"));
        assert_eq!(world.does(&["secrets", "list", "-q"]).stdout, "LATER\nOPENAI_API_KEY\n");
        assert_eq!(world.does(&["secrets", "list", "-q", "--search", "OPENAI"]).stdout, "OPENAI_API_KEY\n");
    });
}

#[test]
fn history_and_rollback_walk_the_versions() {
    World::each(|world| {
        for value in ["one", "two", "three"] {
            world.does(&["secrets", "set", "API_KEY", value]);
        }
        let rolled = world.does(&["secrets", "rollback", "API_KEY", "2"]);
        assert_eq!(rolled.stdout, format!("✔ Secret updated: API_KEY (v4)\n{LIVE}"));
        assert_eq!(world.value("API_KEY", &[]), "two");
        let history = world.does(&["secrets", "history", "API_KEY"]).stdout;
        let lines: Vec<_> = history.lines().skip(1).collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines[0].starts_with("v4") && lines[0].contains("rollback to v2") && lines[0].ends_with("current"),
            "{history}"
        );
        world.exits(3, &["secrets", "rollback", "API_KEY", "99"]);
        world.exits(2, &["secrets", "rollback", "API_KEY", "invalid"]);
        world.exits(3, &["secrets", "rollback", "NOPE", "1"]);
    });
}

#[test]
fn edit_changes_metadata_and_no_version() {
    World::each(|world| {
        world.does(&["secrets", "set", "API_KEY", "v", "--description", "old", "--expires", "5d"]);
        world.does(&["secrets", "edit", "API_KEY", "--description", "new", "--expires", "never"]);
        let one = world.json(&["secrets", "get", "API_KEY"]);
        assert_eq!((&one["description"], &one["expires_at"], &one["version"]), (&"new".into(), &().into(), &1.into()));
        world.exits(2, &["secrets", "edit", "API_KEY"]);
        world.exits(3, &["secrets", "edit", "NOPE", "--description", "x"]);
    });
}

#[test]
fn settings_secrets_are_of_the_system_or_of_one_user() {
    World::each(|world| {
        world.does(&["settings", "secrets", "set", "openai_key", "sys"]);
        world.does(&["settings", "secrets", "set", "openai_key", "usr", "--user", "5f0c"]);
        let system = world.json(&["settings", "secrets", "list"]);
        assert_eq!(system[0]["scope"], "system");
        let user = world.json(&["settings", "secrets", "list", "--user", "5f0c"]);
        assert_eq!((&user[0]["scope"], &user[0]["user"]), (&"user".into(), &"5f0c".into()));
        assert_eq!(world.json(&["settings", "secrets", "list", "--user", "other"]), serde_json::json!([]));
        assert_eq!(world.json(&["settings", "secrets", "get", "openai_key"])["version"], 1);
        assert_eq!(world.json(&["secrets", "list"]), serde_json::json!([]), "system and user only when asked for");
        world.does(&["settings", "secrets", "delete", "openai_key", "--user", "5f0c"]);
        world.exits(3, &["settings", "secrets", "delete", "openai_key", "--user", "5f0c"]);
        world.does(&["settings", "secrets", "get", "openai_key"]);
        let piped = world.piped(b"from-stdin\n", &["settings", "secrets", "set", "other_key", "--user", "5f0c"]);
        assert_eq!(piped.exit, 0, "{piped:?}");
    });
}

#[test]
fn a_lost_race_changes_nothing_and_exits_5() {
    World::each(|world| {
        world.does(&["secrets", "set", "API_KEY", "one", "--if-version", "0"]);
        world.exits(5, &["secrets", "set", "API_KEY", "two", "--if-version", "0"]);
        world.exits(5, &["secrets", "set", "API_KEY", "two", "--if-version", "7"]);
        world.does(&["secrets", "set", "API_KEY", "two", "--if-version", "1"]);
        assert_eq!(world.value("API_KEY", &[]), "two");
        world.exits(2, &["secrets", "set", "A=1", "B=2", "--if-version", "1"]);
    });
}

#[test]
fn expiry_is_a_length_of_time_a_point_or_never() {
    World::each(|world| {
        for expires in ["30d", "1d12h", "2w", "1y", "2037-01-31T00:00:00Z", "never"] {
            world.does(&["secrets", "set", "T", "x", "--expires", expires, "--force"]);
        }
        for expires in ["-5d", "1.5d", "100ms", "30D", "soon", "", "0d", "2037-01-31"] {
            let refused = world.exits(2, &["secrets", "set", "T", "y", "--expires", expires]);
            assert!(refused.stderr.contains("--expires: an expiry"), "{refused:?}");
        }
    });
}

#[test]
fn help_and_version_are_answers() {
    let world = World::new(crate::world::Way::InProcess);
    assert!(world.does(&["--version"]).stdout.starts_with("strongroom "));
    assert!(world.does(&["--help"]).stdout.contains("secrets"));
    assert!(world.does(&["secrets", "set", "--help"]).stdout.contains("--env-file"));
    assert_eq!(world.exits(2, &[]).stdout, "");
    assert!(world.does(&["completions", "bash"]).stdout.contains("strongroom"));
    assert!(!world.home().exists(), "none of these opens a store");
}

#[test]
fn copies_diffs_and_exports_go_by_namespace() {
    World::each(|world| {
        world.does(&["secrets", "set", "A=1", "B=2", "--namespace", "staging"]);
        let copied = world.does(&["secrets", "copy", "A", "--from", "staging", "--to", "production"]);
        assert!(copied.stdout.starts_with("✔ Secret set: A\n"), "{copied:?}");
        let dry =
            world.does(&["secrets", "copy", "--from", "staging", "--to", "production", "--dry-run", "--overwrite"]);
        assert!(dry.stdout.contains("add     B"), "{dry:?}");
        let diff = world.json(&["secrets", "diff", "staging", "production"]);
        assert_eq!(
            diff,
            serde_json::json!([{"name": "A", "difference": "equal"}, {"name": "B", "difference": "only_first"}])
        );
        let dotenv = world.does(&["secrets", "export", "--namespace", "staging"]).stdout;
        assert!(dotenv.contains("A=") && dotenv.contains("B="), "{dotenv}");
        let json = world.does(&["secrets", "export", "--namespace", "staging", "--format", "json"]).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json, serde_json::json!({"A": "1", "B": "2"}));
    });
}

#[test]
fn reveal_answers_only_where_the_project_allows_it() {
    World::each(|world| {
        world.does(&["secrets", "set", "API_KEY", "shown"]);
        let refused = world.ran(&["secrets", "reveal", "API_KEY"]);
        assert!(refused.exit == 4 && !refused.said().contains("shown"), "{refused:?}");
        world.does(&["projects", "settings", "default", "--allow-reveal", "true"]);
        assert_eq!(world.does(&["secrets", "reveal", "API_KEY"]).stdout, "shown\n");
    });
}

#[test]
fn projects_are_deleted_only_by_name() {
    for way in [crate::world::Way::InProcess, crate::world::Way::Socket] {
        let world = World::new(way);
        world.does(&["projects", "create", "shop"]);
        world.does(&["secrets", "set", "A", "1", "--project", "shop"]);
        world.exits(5, &["projects", "create", "shop"]);
        world.exits(2, &["projects", "delete", "shop"]);
        world.exits(2, &["projects", "delete", "shop", "--confirm", "shoq"]);
        assert_eq!(
            world.does(&["projects", "delete", "shop", "--confirm", "shop"]).stdout,
            "✔ Project deleted: shop\n"
        );
        world.exits(3, &["secrets", "list", "--project", "shop"]);
    }
}
