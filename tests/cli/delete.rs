//! `delete` and `restore`: each name is acted on and reported.

use crate::world::World;

#[test]
fn one_and_several_are_deleted() {
    World::each(|world| {
        world.does(&["secrets", "set", "API_KEY=1", "DATABASE_URL=2", "KEPT=3"]);
        let deleted = world.does(&["secrets", "delete", "API_KEY", "DATABASE_URL"]);
        assert!(
            deleted.stdout.starts_with("✔ Secret deleted: API_KEY\n✔ Secret deleted: DATABASE_URL\n"),
            "{deleted:?}"
        );
        assert_eq!(world.does(&["secrets", "list", "-q"]).stdout, "KEPT\n");
        world.exits(3, &["secrets", "get", "API_KEY"]);
        world.does(&["secrets", "rm", "KEPT", "--yes"]);
    });
}

#[test]
fn missing_ones_are_reported_and_exit_3() {
    World::each(|world| {
        world.does(&["secrets", "set", "A=1"]);
        let some = world.exits(3, &["secrets", "delete", "NOPE", "A"]);
        assert!(some.stdout.contains("✗ Secret not found: NOPE\n✔ Secret deleted: A\n"), "{some:?}");
        let again = world.exits(3, &["secrets", "delete", "A"]);
        assert!(again.stdout.contains("✗ Secret not found: A"), "{again:?}");
        world.does(&["secrets", "delete", "A", "NOPE", "--if-exists"]);
        world.exits(2, &["secrets", "delete"]);
        world.exits(2, &["secrets", "delete", "NOT-A-NAME"]);
        let report = world.exits(3, &["secrets", "delete", "NOPE", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
        assert_eq!(report["results"][0]["status"], "missing");
        assert_eq!(report["results"][0]["name"], "NOPE");
    });
}

#[test]
fn a_wider_scope_that_answers_now_is_named() {
    World::each(|world| {
        world.does(&["secrets", "set", "A", "wide"]);
        world.does(&["secrets", "set", "A", "narrow", "--namespace", "production"]);
        let deleted = world.does(&["secrets", "delete", "A", "--namespace", "production"]);
        assert!(deleted.stdout.starts_with("✔ Secret deleted: A (now resolves to global)\n"), "{deleted:?}");
        assert_eq!(world.value("A", &["--namespace", "production"]), "wide");
    });
}

#[test]
fn the_deleted_comes_back_and_the_purged_does_not() {
    World::each(|world| {
        world.does(&["secrets", "set", "A", "one"]);
        world.does(&["secrets", "delete", "A"]);
        let restored = world.does(&["secrets", "restore", "A"]);
        assert!(restored.stdout.starts_with("✔ Secret restored: A"), "{restored:?}");
        assert_eq!(world.value("A", &[]), "one");
        world.does(&["secrets", "delete", "A"]);
        world.does(&["secrets", "set", "A", "new"]);
        world.exits(5, &["secrets", "restore", "A"]);
        let purged = world.does(&["secrets", "delete", "A", "--purge"]);
        assert!(purged.stdout.starts_with("✔ Secret purged: A\n"), "{purged:?}");
    });
}
