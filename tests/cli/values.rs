//! Values: kept byte for byte, from every source.

use crate::world::{Way, World};

#[test]
fn values_survive_byte_for_byte() {
    World::each(|world| {
        let large = "x".repeat(65_536 - 100_000 % 7);
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
        for value in [
            "with=equals and  spaces",
            "line\nline\r\n",
            "\"quotes\" 'and' `more`",
            "{\"a\": [1, \"#\"]}",
            "ключ 🔑",
            "$HOME ${OTHER} `id`",
            pem,
            " lead and trail ",
            &large,
        ] {
            world.does(&["secrets", "set", "VALUE", value]);
            let stored = world.does(&["secrets", "export", "--format", "json"]).stdout;
            let stored: serde_json::Value = serde_json::from_str(&stored).expect("JSON");
            assert!(stored["VALUE"] == value, "two words: {}", value.len());
            world.does(&["secrets", "set", &format!("PAIR={value}")]);
            let stored = world.does(&["secrets", "export", "--format", "json"]).stdout;
            let stored: serde_json::Value = serde_json::from_str(&stored).expect("JSON");
            assert!(stored["PAIR"] == value, "pair: {}", value.len());
        }
    });
}

#[test]
fn an_empty_value_is_a_value() {
    World::each(|world| {
        world.does(&["secrets", "set", "EMPTY="]);
        world.does(&["secrets", "set", "ALSO", ""]);
        assert_eq!(world.json(&["secrets", "get", "EMPTY"])["state"], "set");
        let run = world.does(&["run", "--", "sh", "-c", "printf '[%s][%s]' \"${EMPTY-unset}\" \"${ALSO-unset}\""]);
        assert_eq!(run.stdout, "[][]");
    });
}

#[test]
fn stdin_loses_one_newline_and_nothing_else() {
    World::each(|world| {
        for (input, options, value) in [
            ("secret\n", vec![], "secret"),
            ("secret\r\n", vec![], "secret"),
            ("two\n\n", vec![], "two\n"),
            ("secret\n", vec!["--raw"], "secret\n"),
            ("\n", vec!["--allow-empty"], ""),
            ("", vec!["--allow-empty"], ""),
        ] {
            let set = world.piped(input.as_bytes(), &[vec!["secrets", "set", "API_KEY", "--force"], options].concat());
            assert_eq!(set.exit, 0, "{set:?}");
            let stored = world.does(&["secrets", "export", "--format", "json"]).stdout;
            let stored: serde_json::Value = serde_json::from_str(&stored).expect("JSON");
            assert_eq!(stored["API_KEY"], value);
        }
        let pair = world.piped(b"from stdin\n", &["secrets", "set", "A=1", "B=-"]);
        assert_eq!(pair.exit, 0, "{pair:?}");
        assert_eq!(world.value("B", &[]), "from stdin");
    });
}

#[test]
fn stdin_that_is_empty_or_no_text_is_refused() {
    let world = World::new(Way::InProcess);
    for input in [b"".as_slice(), b"\n", b"\xff\xfe", b"a\0b", &vec![b'x'; 65_537]] {
        let refused = world.piped(input, &["secrets", "set", "API_KEY"]);
        assert_eq!(refused.exit, 2, "{refused:?}");
        assert!(refused.stderr.contains("API_KEY") && !refused.stderr.contains("xxx"), "{refused:?}");
    }
    let both = world.piped(b"x", &["secrets", "set", "A=-", "B=-"]);
    assert!(both.exit == 2 && both.stderr.contains("argument 2: stdin can be the value of one name only"), "{both:?}");
}

#[test]
fn files_keep_every_byte_and_a_wrong_path_is_not_repeated() {
    World::each(|world| {
        world.write("key.pem", "-----BEGIN KEY-----\nabc\n");
        world.does(&["secrets", "set", "TLS_KEY=@key.pem"]);
        let stored = world.does(&["secrets", "export", "--format", "json"]).stdout;
        let stored: serde_json::Value = serde_json::from_str(&stored).expect("JSON");
        assert_eq!(stored["TLS_KEY"], "-----BEGIN KEY-----\nabc\n");
        world.does(&["secrets", "set", "LITERAL", "@key.pem"]);
        assert_eq!(world.value("LITERAL", &[]), "@key.pem");
        let refused = world.exits(2, &["secrets", "set", "A=@canary-hunter2"]);
        assert!(!refused.said().contains("canary"), "{refused:?}");
        let refused = world.exits(2, &["secrets", "set", "A=@."]);
        assert!(refused.stderr.contains("is a directory"), "{refused:?}");
    });
}

#[test]
fn too_large_values_are_refused_by_size() {
    World::each(|world| {
        let refused = world.exits(2, &["secrets", "set", "A", &"x".repeat(65_537)]);
        assert!(refused.stderr.contains("65537 bytes") && !refused.stderr.contains("xxx"), "{refused:?}");
        world.does(&["secrets", "set", "A", &"x".repeat(65_536)]);
    });
}

#[test]
fn generated_values_are_printed_nowhere() {
    World::each(|world| {
        let set = world.does(&["secrets", "set", "SESSION_KEY", "--generate"]);
        let value = world.value("SESSION_KEY", &[]);
        assert_eq!(value.len(), 43);
        assert!(!set.said().contains(&value));
        world.exits(2, &["secrets", "set", "SESSION_KEY", "value", "--generate"]);
        world.exits(2, &["secrets", "set", "A=1", "--generate"]);
    });
}

#[test]
fn a_mistyped_option_does_not_become_the_value() {
    let world = World::new(Way::InProcess);
    for words in [["API_KEY", "--genrate"], ["API_KEY", "-x"], ["API_KEY", "--expirse=30d"]] {
        let refused = world.exits(2, &[vec!["secrets", "set"], words.to_vec()].concat());
        assert!(refused.stderr.contains("an option"), "{refused:?}");
    }
    world.does(&["secrets", "set", "API_KEY=--dash"]);
    world.does(&["secrets", "set", "--", "API_KEY", "--dash"]);
    world.does(&["secrets", "set", "NUMBER", "-5"]);
    assert_eq!(world.value("API_KEY", &[]), "--dash");
    assert_eq!(world.value("NUMBER", &[]), "-5");
}
