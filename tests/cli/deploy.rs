//! `deploy` and `functions deploy` from a project file, where Deno is installed.

use crate::world::{Way, World};

fn world(way: Way) -> Option<World> {
    let world = World::new(way);
    (world.ran(&["runtime", "status"]).exit == 0).then_some(world)
}

/// Two functions; `keys` are further keys of the second one.
fn write_two(world: &World, keys: &str) {
    world.write("a.ts", "export default () => new Response('a');");
    world.write("b.ts", "export default () => new Response(secrets.get('KEY') ?? 'b');");
    let text = format!(
        r#"{{ "namespace": "staging", "functions": [
            {{ "name": "a", "entry": "a.ts" }},
            {{ "name": "b", "entry": "b.ts", {keys} }},
        ] }}"#
    );
    world.write("strongroom.json", text);
}

fn statuses(world: &World, command: &[&str]) -> Vec<String> {
    let told = world.json(command);
    let line = |item: &serde_json::Value| {
        assert_eq!((&item["kind"], &item["namespace"]), (&"function".into(), &"staging".into()));
        format!(
            "{} {} {}",
            item["name"].as_str().unwrap_or_default(),
            item["status"].as_str().unwrap_or_default(),
            item["deployment"]
        )
    };
    told.as_array().expect("a list").iter().map(line).collect()
}

#[test]
fn what_changed_is_deployed_and_the_rest_is_left() {
    for way in [Way::InProcess, Way::Http] {
        let Some(world) = world(way) else { return };
        write_two(&world, r#""auth": "public""#);
        assert_eq!(statuses(&world, &["deploy"]), ["a deployed 1", "b deployed 1"]);
        assert_eq!(statuses(&world, &["deploy"]), ["a unchanged 1", "b unchanged 1"]);
        // code, configuration, allow-lists and names of secrets each count
        for keys in [
            r#""auth": "token""#,
            r#""auth": "token", "allow_net": ["example.com"]"#,
            r#""auth": "token", "allow_net": ["example.org"]"#,
            r#""auth": "token", "secrets": [{ "name": "KEY", "required": false }]"#,
            r#""auth": "token", "secrets": [{ "name": "OTHER", "as": "KEY", "required": false }]"#,
        ] {
            write_two(&world, keys);
            let told = statuses(&world, &["functions", "deploy"]);
            assert!(told[0] == "a unchanged 1" && told[1].starts_with("b deployed"), "{keys}: {told:?}");
        }
        world.write("a.ts", "export default () => new Response('A');");
        assert_eq!(statuses(&world, &["deploy", "a"]), ["a deployed 2"]);
        assert_eq!(statuses(&world, &["deploy", "--force", "a"]), ["a deployed 3"]);
        let said = world.does(&["deploy"]);
        assert_eq!(said.stderr.lines().last(), Some("0 deployed, 2 unchanged"), "{said:?}");
    }
}

#[test]
fn a_dry_run_asks_the_server_and_changes_nothing() {
    let Some(world) = world(Way::Http) else { return };
    write_two(&world, r#""auth": "public""#);
    assert_eq!(statuses(&world, &["deploy", "--dry-run"]), ["a would_deploy 1", "b would_deploy 1"]);
    assert_eq!(world.json(&["functions", "list"]), serde_json::json!([]));
    assert!(!world.does(&["namespaces", "list"]).stdout.contains("staging"));
    world.does(&["deploy", "a"]);
    assert_eq!(statuses(&world, &["deploy", "--dry-run"]), ["a unchanged 1", "b would_deploy 1"]);
    let said = world.does(&["deploy", "--dry-run"]);
    assert!(said.stdout.contains("• Would deploy: b (function, deployment 1, namespace staging)"), "{said:?}");
}

#[test]
fn one_that_may_not_be_deployed_stops_all_and_all_of_them_are_named() {
    let Some(world) = world(Way::InProcess) else { return };
    world.does(&["secrets", "set", "LEAKED", "sk_canary_9f8e7d6c"]);
    world.write("good.ts", "export default () => new Response('good');");
    world.write("leak.ts", "export default () => new Response('sk_canary_9f8e7d6c');");
    let text = r#"{ "functions": [
        { "name": "good", "entry": "good.ts" },
        { "name": "needy", "entry": "good.ts", "secrets": ["FIRST", "SECOND"] },
        { "name": "leaky", "entry": "leak.ts" },
    ] }"#;
    world.write("strongroom.json", text);
    for command in [&["deploy"][..], &["functions", "deploy"], &["deploy", "--dry-run"]] {
        let refused = world.ran(command);
        assert_ne!(refused.exit, 0);
        assert_eq!(refused.stdout, "");
        assert!(refused.stderr.contains("error: nothing was deployed\n"), "{refused:?}");
        for name in ["FIRST", "SECOND"] {
            let line = format!("  - needy: {name}: not set; set it: strongroom secrets set {name}\n");
            assert!(refused.stderr.contains(&line), "{refused:?}");
        }
        assert!(refused.stderr.contains("  - leaky: LEAKED: "), "{refused:?}");
        assert!(!refused.stderr.contains("canary"), "{refused:?}");
        assert_eq!(world.json(&["functions", "list"]), serde_json::json!([]));
    }
}

#[test]
fn code_that_is_missing_or_broken_is_told_for_every_workload() {
    let Some(world) = world(Way::InProcess) else { return };
    world.write("broken.ts", "export default () => {");
    let text = r#"{ "functions": [
        { "name": "gone", "entry": "functions/gone.ts" },
        { "name": "broken", "entry": "broken.ts" },
    ] }"#;
    world.write("strongroom.json", text);
    let refused = world.exits(2, &["deploy"]);
    assert!(
        refused.stderr.contains("  - gone: the code should be in functions/gone.ts, which is no file\n"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("  - broken: "), "{refused:?}");
}

#[test]
fn names_that_are_not_declared_are_told_with_what_was_meant() {
    let world = World::new(Way::InProcess);
    let refused = world.exits(2, &["deploy"]);
    assert!(refused.stderr.contains("strongroom init"), "{refused:?}");
    let text =
        r#"{ "functions": [{ "name": "hello", "entry": "a.ts" }], "jobs": [{ "name": "nightly", "entry": "a.ts" }] }"#;
    world.write("strongroom.json", text);
    let refused = world.exits(2, &["functions", "deploy", "helo", "nightly"]);
    assert!(refused.stderr.contains("  - helo: no such name; did you mean \"hello\"?\n"), "{refused:?}");
    assert!(
        refused.stderr.contains("  - nightly: this is a job; deploy it: strongroom jobs deploy nightly\n"),
        "{refused:?}"
    );
    world.write("strongroom.json", "{}");
    let refused = world.exits(2, &["deploy"]);
    assert!(refused.stderr.contains("strongroom.json declares no functions and no jobs"), "{refused:?}");
}

#[test]
fn a_token_goes_to_no_address_that_only_the_file_names() {
    let Some(world) = world(Way::Http) else { return };
    write_two(&world, r#""auth": "public""#);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let text = format!(r#"{{ "server": "http://{address}", "functions": [{{ "name": "a", "entry": "a.ts" }}] }}"#);
    world.write("strongroom.json", text);
    let refused = crate::world::Ran::of(world.command(&["deploy"]).env_remove("STRONGROOM_URL"));
    assert_eq!(refused.exit, 4, "{refused:?}");
    assert!(refused.stderr.contains("never sent to an address from strongroom.json"), "{refused:?}");
    listener.set_nonblocking(true).expect("a listener");
    assert!(listener.accept().is_err(), "nobody called");
}
