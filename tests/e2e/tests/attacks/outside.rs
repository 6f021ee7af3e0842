//! What leaves the house in files: exports, anchors, and what no caller of the API may choose.

use std::fs;

use http::Method;
use serde_json::json;
use strongroom_e2e::{Instance, Setup, canary};

#[tokio::test]
async fn attack_05_no_cell_of_an_exported_trail_is_a_formula() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for text in ["=HYPERLINK(\"http://x\",\"y\")", "+1+1", "-2+3", "@SUM(A1)", "\u{ff1d}1", "a\",=1,\"b", "a;=1"] {
        let body = json!({ "name": text, "capabilities": ["secrets:list"] });
        let made = owner.post("tokens").json(&body).unwitnessed().send().await;
        if made.status == 201 {
            let token = made.json()["token"].as_str().unwrap().to_owned();
            // whoever it is called after is refused, so that the name stands as who did it
            instance.anonymous().with_token(&token).get("resolve").send().await.problem(403, "forbidden");
        }
        let text = json!({ "secrets": [{ "name": "D", "description": text }] });
        owner.post("declarations").json(&text).send().await.expect(200);
    }
    let table = instance.cli(["audit", "export", "--format", "csv"]).await.ok().stdout;
    let rows = cells(&table);
    assert!(rows.len() > 10 && rows.iter().all(|row| row.len() == 11), "a cell or row was split");
    for cell in rows.iter().flatten() {
        let first = cell.trim_start().chars().next().unwrap_or('x');
        assert!(!"=+-@\u{ff1d}\u{ff0b}\u{ff20}".contains(first), "{cell} is a formula");
    }
    instance.close().await;
}

/// The cells of a table by RFC 4180.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    rows
}

#[tokio::test]
async fn attack_42_no_command_prints_a_key() {
    let key = canary::random_hex(32);
    let instance = Setup::default().env("STRONGROOM_ROOT_KEY", &key).start().await;
    let owner_token = instance.owner().token().unwrap().to_owned();
    instance.owner().set("A", "export me").await;
    for words in [
        &["secrets", "export"][..],
        &["secrets", "export", "--format", "kubernetes"],
        &["secrets", "list", "--json"],
        &["secrets", "diff", "default", "default"],
        &["tokens", "list", "--json"],
        &["projects", "list", "--json"],
        &["audit", "export"],
        &["audit", "verify", "--json"],
        &["doctor", "--json"],
        &["whoami", "--json"],
        &["logs", "list", "--json"],
    ] {
        let output = instance.command(words).run().await;
        for secret in [&key, &owner_token] {
            assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{words:?} prints a key");
        }
    }
    // the API's documents neither
    for path in ["/api/v1/server", "/api/v1/whoami", "/api/v1/projects", "."] {
        let text = instance.owner().get(path).send().await.text();
        assert!(!text.contains(&key) && !text.contains("wrapped") && !text.contains("digest"), "{path}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_59_no_caller_chooses_a_file_an_address_or_a_command() {
    let instance = Setup::default().word("--audit-anchor").word("file:work/anchors").start().await;
    let owner = instance.owner();
    let victim = instance.work().join("victim");
    let path = victim.to_str().unwrap().to_owned();
    // parameters of the route that writes files
    for query in ["path", "file", "target", "place", "audit_anchor"] {
        owner.post(&format!("audit/anchors?{query}={path}")).send().await.problem(400, "invalid");
    }
    let body = json!({ "targets": [{ "kind": "file", "place": path }], "path": path });
    owner.post("audit/anchors").json(&body).send().await.expect(200);
    for (query, value) in [("format", "file:///etc/passwd"), ("output", path.as_str()), ("path", path.as_str())] {
        owner.get(&format!("audit/export?{query}={value}")).send().await.problem(400, "invalid");
    }
    // settings that would turn into paths, addresses or commands
    for key in
        ["audit_file", "audit_anchor", "log_file", "webhook", "plugin", "command", "sendmail", "root_key_command"]
    {
        owner.call(Method::PATCH, ".").json(&json!({ key: path })).send().await.problem(400, "invalid");
        owner.call(Method::PATCH, ".").json(&json!({ key: "touch victim" })).send().await.problem(400, "invalid");
    }
    for name in ["../../../work/victim", "..%2f..%2fwork%2fvictim", "/etc/cron.d/x"] {
        let manifest = json!({ "manifest": { "auth": "public", "entry": name }, "bundle": "export default () => 1" });
        let answer = owner.put(&format!("functions/{}", name.replace('/', "%2f"))).json(&manifest).send().await;
        assert!((400..500).contains(&answer.status), "{name}: {}", answer.status);
    }
    assert!(!victim.exists(), "a file was written where a caller said");
    let names: Vec<_> = fs::read_dir(instance.work()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["anchors"], "only what the configuration names");
    instance.close().await;
}

#[tokio::test]
async fn attack_38_anchors_are_private_and_go_through_no_link() {
    let instance = Setup::default().word("--audit-anchor").word("file:work/anchors").prepare();
    let (victim, anchors) = (instance.work().join("victim"), instance.work().join("anchors"));
    fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, &anchors).unwrap();
    let mut instance = instance;
    instance.boot().await;
    instance.cli(["audit", "anchors", "--now"]).await.expect(1);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    fs::remove_file(&anchors).unwrap();
    instance.cli(["audit", "anchors", "--now"]).await.ok();
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&anchors).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    instance.close().await;
}
