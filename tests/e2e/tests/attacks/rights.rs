//! Rights: ids of others, scopes that must not be lifted, exemptions by substring, addresses that are claimed.

use http::Method;
use serde_json::json;
use strongroom_e2e::{Client, Instance};

use super::raw;

/// The project `other`, with one of everything, and its admin.
async fn other_project(instance: &Instance) -> (Client, Client, String) {
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    let other = owner.in_project("other");
    other.set("SECRET", &instance.plant()).await;
    other.post("namespaces").json(&json!({ "name": "hidden" })).send().await.expect(201);
    let bundle = json!({ "manifest": {}, "bundle": "export default () => new Response('ok');\n" });
    other.put("functions/f").json(&bundle).send().await.expect(200);
    let body = json!({ "name": "victim", "capabilities": ["admin"] });
    let made = other.post("tokens").json(&body).unwitnessed().send().await.expect(201).json();
    let admin = other.with_token(made["token"].as_str().unwrap());
    (other, admin, made["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn attack_08_ids_of_another_project_open_nothing() {
    let instance = Instance::start().await;
    let (_, victim, token_id) = other_project(&instance).await;
    let (mine, _) = instance.mint(&["admin"]).await;
    let mine = instance.anonymous().with_token(&mine);
    mine.delete(&format!("tokens/{token_id}")).send().await.problem(404, "not_found");
    mine.in_project("other").delete(&format!("tokens/{token_id}")).send().await.problem(404, "not_found");
    mine.in_project("other").get("secrets/SECRET").send().await.problem(404, "not_found");
    mine.get("secrets/SECRET").send().await.problem(404, "not_found");
    mine.get("functions/f").send().await.problem(404, "not_found");
    mine.post("functions/f/rollback").json(&json!({})).send().await.problem(404, "not_found");
    mine.get("resolve?namespace=hidden").send().await.problem(404, "not_found");
    mine.in_project("other").get("export").send().await.problem(404, "not_found");
    victim.get("secrets/SECRET").send().await.expect(200);
    let cursor = victim.get("secrets?limit=1").send().await.expect(200).json();
    if let Some(cursor) = cursor["next_cursor"].as_str() {
        let page = mine.get(&format!("secrets?cursor={cursor}")).send().await.json();
        assert_eq!(page["items"], json!([]));
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_08_trails_and_logs_are_each_projects_own() {
    let instance = Instance::start().await;
    other_project(&instance).await;
    let reader = instance.client(&["audit:read", "logs:read", "secrets:list"]).await;
    let audit = reader.get("audit?limit=1000").send().await.expect(200).text();
    assert!(!audit.contains("SECRET") && !audit.contains("victim"), "the trail of another project is shown");
    assert_eq!(reader.get("logs?category=execution").send().await.expect(200).json()["items"], json!([]));
    let logs = reader.get("logs").send().await.expect(200).text();
    assert!(!logs.contains("SECRET") && !logs.contains("victim"), "the logs of another project are shown");
    let (status, _, mut events) = reader.get("events").stream().await;
    assert_eq!(status, 200);
    let owner = instance.owner();
    owner.in_project("other").set("SECRET", &instance.plant()).await;
    owner.set("OWN", &instance.plant()).await;
    let text = events.until("OWN").await;
    assert!(!text.contains("SECRET"), "changes of another project are told");
    instance.close().await;
}

#[tokio::test]
async fn attack_07_a_limited_token_is_limited_for_every_verb() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for (name, namespace) in [("A", "staging"), ("HIDDEN", "production")] {
        let body = json!({ "name": name, "value": instance.plant(), "namespace": namespace });
        owner.post("secrets").json(&body).send().await.expect(201);
    }
    let capabilities =
        ["secrets:list", "secrets:write", "secrets:delete", "values:read", "functions:deploy", "logs:read"];
    let body = json!({ "name": "staging", "capabilities": capabilities, "namespaces": ["staging"] });
    let (token, _) = instance.mint_with(&body).await;
    let limited = instance.anonymous().with_token(&token);
    for path in [
        "secrets",
        "secrets?search=HID",
        "secrets?namespace=production",
        "secrets?fields=name",
        "secrets/HIDDEN?namespace=production",
        "secrets/HIDDEN/history?namespace=production",
        "diff?first=staging&second=production",
        "resolution?namespace=production",
        "resolve?namespace=production",
        "export?namespace=production",
        "logs?namespace=production",
        "functions?namespace=production",
        "apps",
        "events?namespace=production",
    ] {
        if path.starts_with("events") {
            assert_eq!(limited.get(path).stream().await.0, 403, "{path}");
            continue;
        }
        let answer = limited.get(path).send().await;
        assert!(!answer.text().contains("HIDDEN"), "{path} tells of another namespace: {}", answer.status);
    }
    let namespaces = limited.get("namespaces").send().await.expect(200).text();
    assert!(!namespaces.contains("production"), "the list of namespaces tells of others");
    let stats = limited.get("stats").send().await;
    assert!(stats.status == 403 || stats.json()["total"] == 1, "stats counts what is elsewhere: {}", stats.text());
    let deploy = json!({ "manifest": {}, "bundle": "export default () => new Response('ok');\n" });
    limited.put("functions/f?namespace=production").json(&deploy).send().await.problem(403, "forbidden");
    limited.put("functions/f?namespace=fresh").json(&deploy).send().await.problem(403, "forbidden");
    instance.close().await;
}

#[tokio::test]
async fn attack_11_no_detour_lifts_a_secret_into_a_wider_scope() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "name": "A", "value": instance.plant(), "namespace": "staging" });
    owner.post("secrets").json(&body).send().await.expect(201);
    let capabilities = ["secrets:list", "secrets:write", "secrets:delete", "values:read"];
    let body = json!({ "name": "staging", "capabilities": capabilities, "namespaces": ["staging"] });
    let (token, _) = instance.mint_with(&body).await;
    let limited = instance.anonymous().with_token(&token);
    for to in [json!(null), json!("global"), json!("default")] {
        let copy = json!({ "from_namespace": "staging", "to_namespace": to });
        limited.post("copies").json(&copy).send().await.problem(403, "forbidden");
    }
    let writer = instance.client(&["secrets:write"]).await;
    let copy = json!({ "from_namespace": "staging", "to_namespace": "default" });
    writer.post("copies").json(&copy).send().await.problem(403, "forbidden");
    instance.close().await;
}

#[tokio::test]
async fn attack_14_exemptions_match_the_whole_path() {
    let instance = Instance::start().await;
    let anonymous = instance.anonymous();
    for target in [
        "/api/v1/projects/default/secrets?x=/healthz",
        "/api/v1/projects/default/secrets#/healthz",
        "/healthz/../api/v1/projects/default/secrets",
        "/api/v1/projects/default/secrets/healthz",
        "/api/docs/../v1/projects",
        "/api/v1/projects/healthz/secrets",
        "/api/v1/openapi.json/../whoami",
        "//healthz",
        "/healthz%2f..%2fapi/v1/whoami",
    ] {
        let (status, answer) = raw::get(&instance, &anonymous, target).await;
        assert!(matches!(status, 303 | 400 | 401 | 404), "{target}: {status}");
        assert!(status != 303 || answer.contains("location: /sign-in"), "{target}: {answer}");
        assert!(!answer.contains("\"items\""), "{target}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_15_the_address_in_the_trail_is_the_peers_own() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let call = owner.put("secrets").json(&json!({ "secrets": { "A": instance.plant() } }));
    let call = call
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9")
        .header("x-real-ip", "203.0.113.9");
    call.send().await.expect(200);
    let trail = owner.get("audit?action=secret.set").send().await.expect(200).json();
    assert_eq!(trail["items"][0]["source"], "127.0.0.1");
    instance.close().await;
}

#[tokio::test]
async fn attack_18_deleting_needs_its_own_right() {
    let instance = Instance::start().await;
    instance.owner().set("A", &instance.plant()).await;
    let writer = instance.client(&["secrets:list", "secrets:write"]).await;
    writer.delete("secrets/A").send().await.problem(403, "forbidden");
    let deleter = instance.client(&["secrets:delete"]).await;
    deleter.delete("secrets/A?purge=true").send().await.problem(403, "forbidden");
    deleter.delete("secrets/A").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_62_a_method_that_is_smuggled_in_does_nothing() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", &instance.plant()).await;
    let call = owner.post("secrets/A/history").header("x-http-method-override", "DELETE");
    call.send().await.problem(405, "method_not_allowed");
    owner.get("secrets/A?_method=DELETE").send().await.problem(400, "invalid");
    owner.call(Method::HEAD, "secrets/A").send().await;
    owner.get("secrets/A").send().await.expect(200);
    instance.close().await;
}
