//! Projects, namespaces, apps, and the mount for the caller's own project.

use serde_json::json;
use strongroom_e2e::{Instance, canary};

#[tokio::test]
async fn the_default_project_and_namespace_exist_and_stay() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    assert_eq!(owner.get(".").send().await.expect(200).json()["name"], "default");
    let namespaces = owner.get("namespaces").send().await.expect(200).json();
    assert_eq!(namespaces["items"][0]["name"], "default");
    owner.delete("namespaces/default").send().await.problem(409, "conflict");
    let created = owner.post("namespaces").json(&json!({ "name": "production" })).send().await.expect(201).json();
    assert_eq!(created["name"], "production");
    owner.post("namespaces").json(&json!({ "name": "production" })).send().await.problem(409, "conflict");
    for name in ["", "Production", "a/b", "..", "-a", &"a".repeat(64)] {
        owner.post("namespaces").json(&json!({ "name": name })).send().await.problem(400, "invalid");
    }
    instance.close().await;
}

#[tokio::test]
async fn a_deleted_namespace_takes_its_secrets_along() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "name": "KEY", "value": instance.plant(), "namespace": "staging" });
    owner.post("secrets").json(&body).send().await.expect(201);
    owner.delete("namespaces/staging").send().await.expect(200);
    owner.get("secrets/KEY?namespace=staging").send().await.problem(404, "not_found");
    owner.post("namespaces").json(&json!({ "name": "staging" })).send().await.expect(201);
    assert!(owner.resolve("staging", "KEY").await.is_none());
    instance.close().await;
}

#[tokio::test]
async fn projects_are_apart_and_deleting_one_asks_for_its_name() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "shop" })).send().await.expect(201);
    owner.post("/api/v1/projects").json(&json!({ "name": "shop" })).send().await.problem(409, "conflict");
    let shop = owner.in_project("shop");
    shop.set("KEY", &instance.plant()).await;
    assert!(owner.resolve("default", "KEY").await.is_none());
    shop.delete(".").send().await.problem(400, "invalid");
    shop.delete(".?confirm=default").send().await.problem(400, "invalid");
    shop.delete(".?confirm=shop").send().await.expect(200);
    shop.get("secrets").send().await.problem(404, "not_found");
    owner.post("/api/v1/projects").json(&json!({ "name": "shop" })).send().await.expect(201);
    assert_eq!(shop.get("secrets").send().await.expect(200).json()["items"], json!([]));
    instance.close().await;
}

#[tokio::test]
async fn apps_are_named_by_namespace_and_id() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "id": "web-api", "namespace": "production", "name": "The API" });
    owner.post("apps").json(&body).send().await.problem(404, "not_found");
    owner.post("namespaces").json(&json!({ "name": "production" })).send().await.expect(201);
    owner.post("apps").json(&body).send().await.expect(201);
    owner.post("apps").json(&body).send().await.problem(409, "conflict");
    assert_eq!(owner.get("apps/web-api?namespace=production").send().await.expect(200).json()["name"], "The API");
    owner.get("apps/web-api").send().await.problem(404, "not_found");
    owner.delete("apps/web-api?namespace=production").send().await.expect(200);
    owner.get("apps/web-api?namespace=production").send().await.problem(404, "not_found");
    instance.close().await;
}

#[tokio::test]
async fn the_admin_mount_is_the_tokens_own_project() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "shop" })).send().await.expect(201);
    let shop = owner.in_project("shop");
    let body = json!({ "name": "ci", "capabilities": ["secrets:list", "secrets:write"] });
    let token = shop.post("tokens").json(&body).unwitnessed().send().await.expect(201).json();
    let token = owner.with_token(token["token"].as_str().unwrap());
    let value = canary::plain_value();
    let body = json!({ "secrets": { "KEY": value } });
    token.put("/api/v1/admin/secrets").json(&body).send().await.expect(200);
    assert_eq!(shop.get("secrets/KEY").send().await.expect(200).json()["version"], 1);
    owner.get("secrets/KEY").send().await.problem(404, "not_found");
    owner.put("/api/v1/admin/secrets").json(&json!({ "secrets": { "OTHER": "x" } })).send().await.expect(200);
    assert_eq!(owner.get("secrets/OTHER").send().await.expect(200).json()["version"], 1);
    assert_eq!(token.get("/api/v1/whoami").send().await.expect(200).json()["project"], "shop");
    instance.close().await;
}
