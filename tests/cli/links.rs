//! `secret create --link` and `links`.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::run::background::Background;
use crate::world::{Way, World};

/// What the server answers to a body, by way of the printed address's origin.
fn post(url: &str, path: &str, body: &Value) -> Value {
    let (origin, _) = url.split_once("/fill/").expect("the address of a link");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "20", "-H", "Content-Type: application/json", "--data-binary", "@-"]);
    curl.arg(format!("{origin}{path}")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = curl.spawn().expect("curl runs");
    let input = child.stdin.take().expect("it is piped");
    serde_json::to_writer(input, body).expect("curl reads");
    let output = child.wait_with_output().expect("curl ends");
    serde_json::from_slice(&output.stdout).expect("the server answers in JSON")
}

fn code(url: &str) -> &str {
    url.rsplit('/').next().expect("a last part")
}

#[test]
fn a_link_is_printed_used_once_and_listed_as_used() {
    let world = World::new(Way::Http);
    let asked = world.does(&["secret", "create", "--secret", "STRIPE_KEY:live", "--link"]);
    let url = asked.stdout.lines().last().expect("an address").to_owned();
    assert!(asked.stdout.starts_with("✔ Created 1 secret(s):\n• STRIPE_KEY — live\nhttp"), "{asked:?}");
    assert!(asked.stderr.contains("works once and runs out in") && !asked.stdout.contains("secrets set"), "{asked:?}");
    let looked = post(&url, "/api/v1/fill/look", &json!({ "code": code(&url) }));
    assert_eq!(looked["secrets"], json!([{ "name": "STRIPE_KEY", "description": "live" }]));
    let body = json!({ "code": code(&url), "secrets": { "STRIPE_KEY": "canary-1" } });
    assert_eq!(post(&url, "/api/v1/fill", &body), json!({ "status": "received" }));
    assert_eq!(post(&url, "/api/v1/fill", &body)["code"], "not_found");
    assert_eq!(world.value("STRIPE_KEY", &[]), "canary-1");
    let listed = world.json(&["links", "list"]);
    assert_eq!((&listed[0]["state"], &listed[0]["filled_from"]), (&json!("filled"), &json!("127.0.0.1")));
    let table = world.does(&["links", "list"]);
    assert!(table.stdout.contains("filled") && table.stdout.contains("from 127.0.0.1"), "{table:?}");
    assert!(!table.said().contains(code(&url)) && !listed.to_string().contains(code(&url)));
}

#[test]
fn a_link_is_revoked_and_says_what_it_is_for() {
    World::each(|world| {
        let made =
            world.json(&["secret", "create", "--namespace", "staging", "--secret", "A", "--link", "--expires", "1h"]);
        assert_eq!(made["link"]["namespace"], "staging");
        assert!(made["url"].as_str().is_some_and(|url| url.contains("/fill/srl_")), "{made}");
        let id = made["link"]["id"].as_str().expect("an id");
        assert_eq!(world.json(&["links", "list"])[0]["state"], "open");
        assert_eq!(world.does(&["links", "revoke", id]).stdout, format!("✔ Link revoked: {id}\n"));
        assert_eq!(world.json(&["links", "list"])[0]["state"], "revoked");
        world.exits(3, &["links", "revoke", &"0".repeat(32)]);
        world.exits(2, &["secret", "create", "--secret", "A", "--replace"]);
        world.exits(2, &["secret", "create", "--secret", "A", "--link", "--expires", "60d"]);
    });
}

#[test]
fn create_waits_until_a_link_that_replaces_was_used() {
    let world = World::new(Way::Http);
    world.does(&["secrets", "set", "A", "old"]);
    let words = ["secret", "create", "--secret", "A", "--link", "--replace", "--wait"];
    let mut waiting = Background::start(world.command(&words));
    waiting.until_err("waiting for A");
    waiting.until_out("/fill/srl_");
    let url = waiting.stdout().lines().find(|line| line.contains("/fill/")).expect("an address").to_owned();
    let body = json!({ "code": code(&url), "secrets": { "A": "new" } });
    assert_eq!(post(&url, "/api/v1/fill", &body)["status"], "received");
    assert_eq!(waiting.ends(), 0, "{}", waiting.stderr());
    assert_eq!(world.value("A", &[]), "new");
}

#[test]
fn a_namespace_is_protected_from_who_is_not_named() {
    World::each(|world| {
        world.does(&["namespaces", "create", "production", "--protected"]);
        world.does(&["namespaces", "create", "staging"]);
        let protected = world.does(&["namespaces", "protect", "staging"]);
        assert_eq!(protected.stdout, "✔ Namespace protected: staging\n");
        let listed = world.json(&["namespaces", "list"]);
        assert_eq!((&listed[1]["protected"], &listed[2]["protected"]), (&json!(true), &json!(true)));
        let refused = world.exits(5, &["namespaces", "delete", "production"]);
        assert!(refused.stderr.contains("strongroom namespaces unprotect production"), "{refused:?}");
        world.does(&["namespaces", "unprotect", "staging"]);
        world.does(&["namespaces", "delete", "staging"]);
        let wrong = world.exits(2, &["tokens", "create", "--name", "x", "--from", "10.1.0.0/8"]);
        assert!(wrong.stderr.contains("the range begins at 10.0.0.0/8"), "{wrong:?}");
        world.does(&["tokens", "create", "--name", "x", "--from", "10.0.0.0/8,::1"]);
        assert_eq!(world.json(&["tokens", "list"])[0]["from"], json!(["10.0.0.0/8", "::1"]));
    });
}
