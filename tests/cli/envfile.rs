//! `--env-file` and `import`: every silent loss is said, and every unusable file has its own error.

use crate::world::{Way, World};

#[test]
fn a_file_is_set_as_a_whole() {
    World::each(|world| {
        world.write(".env.production", "export A=1\nB=\"two words\" # comment\nC='multi\nline'\nEMPTY=\nD: yaml\n");
        let set = world.does(&["secrets", "set", "--env-file", ".env.production"]);
        assert_eq!(set.stdout.lines().filter(|line| line.starts_with("✔ Secret set: ")).count(), 5, "{set:?}");
        let stored = world.does(&["secrets", "export", "--format", "json"]).stdout;
        let stored: serde_json::Value = serde_json::from_str(&stored).expect("JSON");
        assert_eq!(
            stored,
            serde_json::json!({"A": "1", "B": "two words", "C": "multi\nline", "D": "yaml", "EMPTY": ""})
        );
    });
}

#[test]
fn silent_losses_are_warnings_by_line_and_errors_when_strict() {
    World::each(|world| {
        world.write(".env", "GOOD=1\nnonsense-canary\nPASSWORD=p@ss#canary\nGOOD=2\nOPEN=\"never closed canary\n");
        let strict = world.exits(2, &["secrets", "set", "--env-file", ".env", "--strict"]);
        for line in ["line 2", "line 3", "line 4", "line 5"] {
            assert!(strict.stderr.contains(line), "{line}: {strict:?}");
        }
        assert_eq!(world.json(&["secrets", "list"]), serde_json::json!([]));
        let set = world.does(&["secrets", "set", "--env-file", ".env"]);
        assert!(set.stderr.contains("warning: .env: line 2"), "{set:?}");
        assert!(set.stderr.contains("cut at a `#`"), "{set:?}");
        assert!(!strict.said().contains("canary") && !set.said().contains("canary"), "{set:?}");
    });
}

#[test]
fn names_of_runtimes_and_front_ends_are_skipped_and_listed() {
    World::each(|world| {
        world.write(".env", "PATH=/bin\nVITE_KEY=v\nSTRONGROOM_TOKEN=t\nGOOD=1\n");
        let set = world.does(&["secrets", "set", "--env-file", ".env", "--allow-name", "VITE_KEY"]);
        assert!(set.stderr.contains("skipped: line 1: PATH"), "{set:?}");
        assert!(set.stderr.contains("skipped: line 3: STRONGROOM_TOKEN"), "{set:?}");
        let names = world.does(&["secrets", "list", "-q"]).stdout;
        assert_eq!(names, "GOOD\nVITE_KEY\n");
        world.exits(2, &["secrets", "set", "--env-file", ".env", "--strict"]);
    });
}

#[test]
fn an_illegal_name_in_a_file_writes_nothing() {
    World::each(|world| {
        world.write(".env", "GOOD=1\n1BAD=2\nBAD.TOO=3\n");
        let refused = world.exits(2, &["secrets", "set", "--env-file", ".env"]);
        assert!(refused.stderr.contains("line 2") && refused.stderr.contains("line 3"), "{refused:?}");
        assert_eq!(world.json(&["secrets", "list"]), serde_json::json!([]));
    });
}

#[test]
fn a_dry_run_shows_add_change_leave_and_writes_nothing() {
    World::each(|world| {
        world.does(&["secrets", "set", "SAME=1", "OTHER=1"]);
        world.write(".env", "SAME=1\nOTHER=2\nNEW=3\n");
        let dry = world.does(&["secrets", "set", "--env-file", ".env", "--dry-run"]);
        assert_eq!(dry.stdout, "leave   SAME\nchange  OTHER\nadd     NEW\n", "{dry:?}");
        assert_eq!(world.value("OTHER", &[]), "1");
        world.exits(3, &["secrets", "get", "NEW"]);
    });
}

#[test]
fn unusable_files_each_have_their_error() {
    let world = World::new(Way::InProcess);
    world.write("empty.env", "");
    world.write("comments.env", "# only\n# comments\n");
    world.write("latin.env", b"A=\xe4\xf6\n");
    world.write("nul.env", b"A=a\0b\n");
    world.write("none.env", "just text\n");
    world.write("large.env", format!("A={}\n", "x".repeat(1024 * 1024)));
    std::fs::create_dir(world.work().join("folder.env")).expect("a folder");
    for (file, text) in [
        ("missing.env", "there is no file missing.env"),
        ("folder.env", "folder.env is a directory"),
        ("empty.env", "the file is empty"),
        ("comments.env", "only comments"),
        ("latin.env", "not UTF-8"),
        ("nul.env", "line 1 contains a NUL byte"),
        ("none.env", "no entry of the form NAME=VALUE"),
        ("large.env", "at most 1048576"),
    ] {
        let refused = world.exits(2, &["secrets", "set", "--env-file", file]);
        assert!(refused.stderr.contains(text), "{file}: {refused:?}");
    }
    let both = world.exits(2, &["secrets", "set", "A=1", "--env-file", "empty.env"]);
    assert!(both.stderr.contains("give one of them"), "{both:?}");
    let neither = world.exits(2, &["secrets", "set"]);
    assert!(neither.stderr.contains("there is nothing to set"), "{neither:?}");
}

#[test]
fn json_yaml_and_foreign_exports_are_imported() {
    World::each(|world| {
        world.write("a.json", r#"{"FROM_JSON": "1"}"#);
        world.write("a.yaml", "FROM_YAML: \"2\"\n");
        world.write("vault.json", r#"{"data": {"data": {"FROM_VAULT": "3"}}}"#);
        for (file, name, value) in
            [("a.json", "FROM_JSON", "1"), ("a.yaml", "FROM_YAML", "2"), ("vault.json", "FROM_VAULT", "3")]
        {
            world.does(&["secrets", "import", file]);
            assert_eq!(world.value(name, &[]), value);
        }
        let piped = world.piped(b"FROM_STDIN=4\n", &["secrets", "import", "-"]);
        assert_eq!(piped.exit, 0, "{piped:?}");
        world.write("bad.json", r#"{"PORT": 8080}"#);
        let refused = world.exits(2, &["secrets", "import", "bad.json"]);
        assert!(refused.stderr.contains("PORT") && !refused.stderr.contains("8080"), "{refused:?}");
    });
}
