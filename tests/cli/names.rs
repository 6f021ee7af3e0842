//! Names: which are accepted, which are refused, and that a refusal repeats nothing.

use crate::world::World;

#[test]
fn odd_but_legal_names_work() {
    World::each(|world| {
        let long = "A".repeat(256);
        for name in ["lower", "_", "Mixed_Case1", "__proto__", "constructor", "toString", "BACKEND_PORT", &long] {
            let set = world.does(&["secrets", "set", name, "value-of-it"]);
            assert!(set.stdout.starts_with(&format!("✔ Secret set: {name}\n")), "{set:?}");
            assert_eq!(world.json(&["secrets", "get", name])["version"], 1);
        }
        assert_eq!(world.value("toString", &[]), "value-of-it");
    });
}

#[test]
fn illegal_names_exit_2_and_are_not_repeated() {
    World::each(|world| {
        let long = "A".repeat(257);
        for name in ["", " ", "1CANARY", "CAN-ARY", "CAN.ARY", "CAN ARY", "KLÜCANARY", "strongroom_canary", &long] {
            for words in [vec![name, "value"], vec![&format!("{name}=value")]] {
                let refused = world.exits(2, &[vec!["secrets", "set"], words].concat());
                assert!(refused.stderr.starts_with("error: "), "{refused:?}");
                assert!(name.trim().is_empty() || !refused.said().contains(name), "{refused:?}");
                assert!(!refused.said().contains("value\n") && !refused.said().contains("=value"), "{refused:?}");
            }
        }
        assert_eq!(world.json(&["secrets", "list"]), serde_json::json!([]));
    });
}

#[test]
fn names_that_steer_or_are_published_need_a_grant() {
    World::each(|world| {
        for name in
            ["PATH", "HOME", "NODE_OPTIONS", "LD_PRELOAD", "DENO_DIR", "PORT", "path", "VITE_KEY", "NEXT_PUBLIC_X"]
        {
            let refused = world.exits(2, &["secrets", "set", name, "value"]);
            assert!(refused.stderr.contains(&format!("--allow-name {name}")), "{refused:?}");
            world.does(&["secrets", "set", name, "value", "--allow-name", name]);
            world.does(&["secrets", "delete", name]);
        }
        world.exits(2, &["secrets", "set", "STRONGROOM_X", "v", "--allow-name", "STRONGROOM_X"]);
    });
}

#[test]
fn one_bad_entry_writes_none_and_all_are_told() {
    World::each(|world| {
        let refused = world.exits(2, &["secrets", "set", "GOOD=1", "BAD-ONE=2", "NOTHING", "GOOD=3", "PATH=x"]);
        for place in ["argument 2: ", "argument 3: ", "argument 4: GOOD is given twice", "argument 5: PATH steers"] {
            assert!(refused.stderr.contains(place), "{place}: {refused:?}");
        }
        assert!(refused.stderr.contains("nothing was written: 4 entries are wrong"), "{refused:?}");
        assert_eq!(world.json(&["secrets", "list"]), serde_json::json!([]));
    });
}

#[test]
fn a_name_that_differs_by_case_only_is_refused() {
    World::each(|world| {
        world.does(&["secrets", "set", "API_KEY", "1"]);
        let refused = world.ran(&["secrets", "set", "api_key", "2"]);
        assert_ne!(refused.exit, 0, "{refused:?}");
        assert!(refused.stderr.contains("API_KEY"), "{refused:?}");
    });
}
