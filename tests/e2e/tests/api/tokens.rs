//! Tokens: shown once, limited, expiring, revoked at once.

use serde_json::json;
use strongroom_e2e::{Instance, wait};

#[tokio::test]
async fn a_token_is_shown_once_and_its_record_never_holds_it() {
    let instance = Instance::start().await;
    let (token, record) = instance.mint(&["secrets:list"]).await;
    assert!(token.starts_with("srt_"));
    assert_eq!(record["state"], "active");
    let listed = instance.owner().get("tokens").send().await.expect(200).json();
    assert_eq!(listed["items"][0]["id"], record["id"]);
    let client = instance.anonymous().with_token(&token);
    client.get("secrets").send().await.expect(200);
    client.put("secrets").json(&json!({ "secrets": { "A": "x" } })).send().await.problem(403, "forbidden");
    client.get("tokens").send().await.problem(403, "forbidden");
    let whoami = client.get("/api/v1/whoami").send().await.expect(200).json();
    assert_eq!((&whoami["kind"], &whoami["capabilities"]), (&json!("token"), &json!(["secrets:list"])));
    instance.close().await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let instance = Instance::start().await;
    let (token, record) = instance.mint(&["secrets:list"]).await;
    let client = instance.anonymous().with_token(&token);
    client.get("secrets").send().await.expect(200);
    let path = format!("tokens/{}", record["id"].as_str().unwrap());
    assert_eq!(instance.owner().delete(&path).send().await.expect(200).json()["state"], "revoked");
    client.get("secrets").send().await.problem(401, "unauthenticated");
    instance.close().await;
}

#[tokio::test]
async fn a_token_runs_out_by_time_passing() {
    let instance = Instance::start().await;
    let body = json!({ "name": "brief", "capabilities": ["secrets:list"], "expires_at": "2s" });
    let (token, _) = instance.mint_with(&body).await;
    let client = instance.anonymous().with_token(&token);
    client.get("secrets").send().await.expect(200);
    let refused = wait::eventually("the token's end", || async {
        Some(client.get("secrets").send().await).filter(|answer| answer.status != 200)
    });
    refused.await.problem(401, "unauthenticated");
    instance.close().await;
}

#[tokio::test]
async fn requests_for_tokens_that_make_no_sense_are_refused() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for body in [
        json!({ "name": "x", "capabilities": [] }),
        json!({ "name": "x", "capabilities": ["everything"] }),
        json!({ "name": "", "capabilities": ["admin"] }),
        json!({ "name": "two\nlines", "capabilities": ["admin"] }),
        json!({ "name": "x", "capabilities": ["admin"], "namespaces": ["Not A Name"] }),
        json!({ "name": "x", "capabilities": ["admin"], "names": ["not a name"] }),
        json!({ "name": "x", "capabilities": ["admin"], "expires_at": "yesterday" }),
        json!({ "name": "x", "capabilities": ["admin"], "project": "shop" }),
        json!({ "capabilities": ["admin"] }),
    ] {
        owner.post("tokens").json(&body).send().await.problem(400, "invalid");
    }
    assert_eq!(owner.get("tokens").send().await.expect(200).json()["items"], json!([]));
    instance.close().await;
}

#[tokio::test]
async fn a_repeated_request_with_the_same_key_makes_no_second_token() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "name": "ci", "capabilities": ["secrets:list"] });
    let post =
        async || owner.post("tokens").header("idempotency-key", "request-1").json(&body).unwitnessed().send().await;
    let first = post().await.expect(201).json();
    let again = post().await;
    assert_eq!(again.status, 409);
    let record = again.json();
    assert_eq!(record["id"], first["id"]);
    assert!(record.get("token").is_none(), "a repeat shows the token again");
    assert_eq!(owner.get("tokens").send().await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    instance.close().await;
}

#[tokio::test]
async fn a_token_limited_to_namespaces_resolves_global_secrets_and_changes_none() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("SHARED", &instance.plant()).await;
    for namespace in ["staging", "production"] {
        owner.post("namespaces").json(&json!({ "name": namespace })).send().await.expect(201);
    }
    let capabilities = ["secrets:list", "secrets:write", "secrets:delete", "values:read"];
    let body = json!({ "name": "limited", "capabilities": capabilities, "namespaces": ["staging"] });
    let (token, _) = instance.mint_with(&body).await;
    let limited = instance.anonymous().with_token(&token);
    assert!(limited.resolve("staging", "SHARED").await.is_some());
    limited.get("resolve?namespace=production").send().await.problem(403, "forbidden");
    limited.put("secrets").json(&json!({ "secrets": { "SHARED": "x" } })).send().await.problem(403, "forbidden");
    limited.delete("secrets/SHARED").send().await.problem(403, "forbidden");
    limited.put("settings/secrets/a").json(&json!({ "value": "x" })).send().await.problem(403, "forbidden");
    let own = json!({ "secrets": { "OWN": instance.plant() }, "namespace": "staging" });
    limited.put("secrets").json(&own).send().await.expect(200);
    let other = json!({ "secrets": { "OWN": "x" }, "namespace": "production" });
    limited.put("secrets").json(&other).send().await.problem(403, "forbidden");
    instance.close().await;
}

#[tokio::test]
async fn a_token_limited_to_names_sees_no_others() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for name in ["MINE", "OTHER"] {
        owner.set(name, &instance.plant()).await;
    }
    let capabilities = ["secrets:list", "secrets:write", "values:read"];
    let (token, _) =
        instance.mint_with(&json!({ "name": "one", "capabilities": capabilities, "names": ["MINE"] })).await;
    let limited = instance.anonymous().with_token(&token);
    let all = limited.get("resolve").send().await.expect(200).json();
    assert_eq!(all["secrets"].as_object().unwrap().keys().collect::<Vec<_>>(), ["MINE"]);
    limited.get("resolve?names=OTHER").send().await.problem(403, "forbidden");
    limited.put("secrets").json(&json!({ "secrets": { "OTHER": "x" } })).send().await.problem(403, "forbidden");
    let listed = limited.get("secrets").send().await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let shown = limited.get("secrets/OTHER").send().await.status;
    assert!(matches!(shown, 403 | 404), "{shown}");
    let exported = limited.get("export").send().await;
    let tells = exported.status == 200 && exported.json()["secrets"].get("OTHER").is_some();
    assert!(!tells, "the export holds another name");
    instance.close().await;
}

#[tokio::test]
async fn a_token_limited_to_an_app_gets_what_that_app_gets_and_no_more() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("SHARED", &instance.plant()).await;
    for (name, app) in [("MINE", "shop"), ("OTHER", "billing")] {
        let body = json!({ "name": name, "value": instance.plant(), "app": app });
        owner.post("secrets").json(&body).send().await.expect(201);
    }
    let capabilities = ["secrets:list", "secrets:write", "secrets:delete", "values:read", "functions:deploy"];
    let (token, _) = instance.mint_with(&json!({ "name": "shop", "capabilities": capabilities, "app": "shop" })).await;
    let limited = instance.anonymous().with_token(&token);
    let all = limited.get("resolve?app=shop").send().await.expect(200).json();
    assert_eq!(all["secrets"].as_object().unwrap().keys().collect::<Vec<_>>(), ["MINE", "SHARED"]);
    for path in ["resolve", "resolve?app=billing", "export?app=billing", "secrets/OTHER?app=billing"] {
        let status = limited.get(path).send().await.status;
        assert!(matches!(status, 403 | 404), "{path}: {status}");
    }
    assert!(!limited.get("secrets").send().await.text().contains("OTHER"), "the list tells of another app");
    let stats = limited.get("stats").send().await;
    assert!(stats.status == 403 || stats.json()["total"].as_u64() <= Some(2), "the counts tell of another app");
    for (place, name) in [(json!(null), "SHARED"), (json!("billing"), "OTHER")] {
        let body = json!({ "secrets": { name: "x" }, "app": place });
        limited.put("secrets").json(&body).send().await.problem(403, "forbidden");
    }
    let own = json!({ "secrets": { "MINE": instance.plant() }, "app": "shop" });
    limited.put("secrets").json(&own).send().await.expect(200);
    let deploy = json!({ "manifest": {}, "bundle": "export default () => new Response('ok');\n" });
    limited.put("functions/f").json(&deploy).send().await.problem(403, "forbidden");
    instance.close().await;
}
