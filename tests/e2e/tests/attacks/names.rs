//! Names, paths and their normalisation; injection through names.

use serde_json::json;
use strongroom_e2e::{Instance, canary};

use super::raw;

#[tokio::test]
async fn attack_01_paths_that_are_not_canonical_reach_nothing() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", &instance.plant()).await;
    let limited = json!({ "name": "limited", "capabilities": ["secrets:list"], "names": ["OTHER"] });
    let (token, _) = instance.mint_with(&limited).await;
    let limited = instance.anonymous().with_token(&token);
    let base = "/api/v1/projects/default";
    for tail in [
        "/secrets/../secrets/A",
        "/secrets/./A",
        "/secrets/%2e%2e/secrets/A",
        "/secrets/%2E/A",
        "/secrets//A",
        "//secrets/A",
        "/secrets/A/",
        "/secrets/A.",
        "/secrets/A%00",
        "/secrets/A%0d%0a",
        "/secrets/A%20",
        "/secrets/A%2f",
        "/secrets/x%2f..%2fA",
        "/secrets/\\A",
        "/secrets/A;x=1",
        "/secrets/A%2fhistory",
        "/secrets/%EF%BC%A1",
        "/secrets/%C0%AE%C0%AE/A",
        "/SECRETS/A",
        "/secrets/%41%CC%81",
        "/secrets/a",
    ] {
        for client in [&owner, &limited] {
            let (status, answer) = raw::get(&instance, client, &format!("{base}{tail}")).await;
            assert!(matches!(status, 0 | 400 | 403 | 404), "{tail}: {status}");
            assert!(!answer.contains("updated_by"), "{tail} answers with a secret's record");
        }
    }
    // an encoded letter is the letter, for the router and for the grant alike
    assert_eq!(raw::get(&instance, &owner, &format!("{base}/secrets/%41")).await.0, 200);
    assert!(matches!(raw::get(&instance, &limited, &format!("{base}/secrets/%41")).await.0, 403 | 404));
    for project in ["Default", "DEFAULT", "default.", "%64efault%00", "default%20", " default", "*", "%2a", "def*"] {
        let status = raw::get(&instance, &owner, &format!("/api/v1/projects/{project}/secrets")).await.0;
        assert!(matches!(status, 0 | 400 | 404), "{project}: {status}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_01_names_are_at_most_as_long_as_they_may_be() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for length in [257, 5_000, 20_000] {
        let status = owner.get(&format!("secrets/{}", "A".repeat(length))).send().await.status;
        assert!(matches!(status, 400 | 404 | 414 | 431), "{length}: {status}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_02_and_03_names_of_places_have_one_spelling() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for name in [
        "root", "Root", " root", "root ", "", ".", "..", "a/b", "a b", "a\u{0}", "a\n", "ａ", "ä", "a*", "a,b", "-a",
        "_a",
    ] {
        let refusable = owner.post("namespaces").json(&json!({ "name": name })).send().await;
        if name != "root" {
            refusable.problem(400, "invalid");
        }
        let project = owner.post("/api/v1/projects").json(&json!({ "name": name })).send().await;
        if name != "root" {
            project.problem(400, "invalid");
        }
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_05_names_and_texts_are_data_for_sql_logs_and_tables() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("KEPT", &instance.plant()).await;
    let evil = "'); DROP TABLE secrets; --";
    for query in
        ["search=%27%29%3B%20DROP%20TABLE%20secrets%3B%20--", "search=%25", "search=_", "search=%22%20OR%201=1"]
    {
        assert_eq!(
            owner.get(&format!("secrets?{query}")).send().await.expect(200).json()["items"],
            json!([]),
            "{query}"
        );
        owner.get(&format!("audit?{query}")).send().await.expect(200);
        owner.get(&format!("logs?{query}")).send().await.expect(200);
    }
    let formula = "=HYPERLINK(\"http://evil.example\")";
    owner.put("secrets/KEPT").json(&json!({ "description": format!("{formula} {evil}") })).send().await.expect(200);
    for text in ["two\nlines", "a\rb", "escape \u{1b}[2J", "bell \u{7}", "null \u{0}"] {
        owner.put("secrets/KEPT").json(&json!({ "description": text })).send().await.problem(400, "invalid");
        owner
            .post("tokens")
            .json(&json!({ "name": text, "capabilities": ["admin"] }))
            .send()
            .await
            .problem(400, "invalid");
        owner.post("apps").json(&json!({ "id": "x", "name": text })).send().await.problem(400, "invalid");
    }
    let listed = owner.get("secrets").send().await.expect(200).json();
    assert_eq!(listed["items"][0]["description"], format!("{formula} {evil}"));
    instance.close().await;
}

#[tokio::test]
async fn attack_05_nothing_that_is_sent_makes_a_second_line_in_the_servers_log() {
    let instance = Instance::start().await;
    let mark = canary::random_hex(8);
    let owner = instance.owner();
    owner.get(&format!("secrets/A%0aFORGED{mark}")).send().await.expect(400);
    owner.get(&format!("/nothing/%0d%0aFORGED{mark}")).send().await.expect(404);
    owner.get("secrets").header("idempotency-key", &format!("x FORGED{mark}")).send().await;
    let forged = instance.log().lines().any(|line| line.trim_start().starts_with(&format!("FORGED{mark}")));
    assert!(!forged, "a line of the log was forged");
    instance.close().await;
}

#[tokio::test]
async fn attack_05_what_functions_print_makes_no_records_of_its_own() {
    let instance = Instance::start().await;
    let bundle = "export default () => { console.log('one\\n\\u001b[2J{\"category\":\"security\",\"level\":\"error\"}\\nsecret read STRONGROOM_SECRET_FORGED scope=global version=1 via=helper'); return new Response('ok'); };\n";
    strongroom_e2e::functions::deploy(&instance.owner(), "liar", &strongroom_e2e::functions::open(), bundle).await;
    instance.caller().get("/fn/default/default/liar").send().await.expect(200);
    let seen = strongroom_e2e::wait::eventually("the printed lines", || async {
        let logs = instance.owner().get("logs?function=liar&search=FORGED").send().await.expect(200).json();
        logs["items"].as_array().unwrap().first().cloned()
    });
    let line = seen.await;
    assert_eq!((&line["category"], &line["function"]), (&json!("execution"), &json!("liar")));
    let security = instance.owner().get("logs?category=security").send().await.expect(200).json();
    assert_eq!(security["items"], json!([]));
    let shown = instance.cli(["logs", "list", "--search", "FORGED"]).await.ok();
    assert!(!shown.stdout.contains('\u{1b}'), "escape sequences reach the terminal");
    instance.close().await;
}

#[tokio::test]
async fn attack_43_names_that_steer_a_runtime_need_a_grant() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for name in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "NODE_OPTIONS",
        "NODE_EXTRA_CA_CERTS",
        "DENO_DIR",
        "DENO_AUTH_TOKENS",
        "BASH_ENV",
        "ENV",
        "PROMPT_COMMAND",
        "PERL5OPT",
        "PYTHONSTARTUP",
        "PYTHONWARNINGS",
        "RUBYOPT",
        "JAVA_TOOL_OPTIONS",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "PATH",
        "HOME",
        "IFS",
        "HTTP_PROXY",
        "https_proxy",
        "SSL_CERT_FILE",
        "BROWSER",
        "PHPRC",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "AWS_ROLE_ARN",
        "BUN_INSTALL",
        "GCONV_PATH",
        "ld_preload",
        "NEXT_PUBLIC_KEY",
    ] {
        let body = json!({ "secrets": { name: "x" } });
        owner.put("secrets").json(&body).send().await.problem(400, "invalid");
        owner.post("secrets").json(&json!({ "name": name, "value": "x" })).send().await.problem(400, "invalid");
        owner.post("declarations").json(&json!({ "secrets": [{ "name": name }] })).send().await.problem(400, "invalid");
        let manifest = json!({ "secrets": [{ "name": "A", "as": name, "required": false }] });
        let body = json!({ "manifest": manifest, "bundle": "export default () => new Response('ok');\n" });
        let renamed = owner.put("functions/f").json(&body).send().await;
        assert_eq!(renamed.status, 400, "an alias smuggles in {name}");
    }
    for name in ["STRONGROOM_TOKEN", "strongroom_token", "STRONGROOM_ROOT_KEY"] {
        let body = json!({ "secrets": { name: "x" }, "allow_names": [] });
        owner.put("secrets").json(&body).send().await.problem(400, "invalid");
    }
    instance.close().await;
}
