//! Which scope answers: app before namespace before global, and nothing fails open.

use serde_json::{Value, json};
use strongroom_e2e::{Client, Instance, wait};

async fn create(owner: &Client, body: Value) {
    owner.post("secrets").json(&body).send().await.expect(201);
}

#[tokio::test]
async fn the_most_specific_scope_answers() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (global, namespaced, of_app) = (instance.plant(), instance.plant(), instance.plant());
    create(&owner, json!({ "name": "KEY", "value": global })).await;
    create(&owner, json!({ "name": "KEY", "value": namespaced, "namespace": "production" })).await;
    create(&owner, json!({ "name": "KEY", "value": of_app, "namespace": "production", "app": "web-api" })).await;
    assert!(owner.resolve("default", "KEY").await == Some(global));
    assert!(owner.resolve("production", "KEY").await == Some(namespaced));
    assert!(owner.resolve("production&app=web-api", "KEY").await == Some(of_app));
    let explained = owner.get("resolution?namespace=production&app=web-api").send().await.expect(200).json();
    assert_eq!(explained["items"][0]["scope"], "app", "{explained}");
    instance.close().await;
}

#[tokio::test]
async fn other_namespaces_are_invisible() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for namespace in ["staging", "production"] {
        create(&owner, json!({ "name": "KEY", "value": instance.plant(), "namespace": namespace })).await;
    }
    create(&owner, json!({ "name": "ONLY", "value": instance.plant(), "namespace": "staging" })).await;
    assert!(owner.resolve("production", "ONLY").await.is_none());
    assert!(owner.resolve("default", "KEY").await.is_none());
    assert!(owner.resolve("staging", "ONLY").await.is_some());
    let all = owner.get("resolve?namespace=production").send().await.expect(200).json();
    assert_eq!(all["secrets"].as_object().unwrap().len(), 1);
    instance.close().await;
}

#[tokio::test]
async fn an_expired_override_never_turns_into_the_wider_value() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    create(&owner, json!({ "name": "KEY", "value": instance.plant() })).await;
    create(&owner, json!({ "name": "KEY", "value": instance.plant(), "namespace": "production", "expires_at": "1s" }))
        .await;
    let answer = wait::eventually("the expiry", || async {
        let answer = owner.get("resolve?namespace=production&names=KEY").send().await.expect(200).json();
        answer["secrets"].as_object().unwrap().is_empty().then_some(answer)
    });
    assert_eq!(answer.await["missing"], json!([{ "name": "KEY", "reason": "expired" }]));
    let listed = owner.get("secrets?namespace=production").send().await.expect(200).json();
    assert_eq!(listed["items"][0]["state"], "expired");
    let stats = owner.get("stats").send().await.expect(200).json();
    assert_eq!(stats, json!({ "total": 2, "expiring_soon": 0, "expired": 1, "without_value": 0 }));
    instance.close().await;
}

#[tokio::test]
async fn a_declared_override_without_a_value_hides_the_wider_value() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    create(&owner, json!({ "name": "KEY", "value": instance.plant() })).await;
    let body = json!({ "namespace": "production", "secrets": [{ "name": "KEY" }], "force": true });
    owner.post("declarations").json(&body).send().await.expect(200);
    let answer = owner.get("resolve?namespace=production&names=KEY,OTHER").send().await.expect(200).json();
    assert_eq!(answer["secrets"], json!({}));
    let missing = json!([{ "name": "KEY", "reason": "no_value" }, { "name": "OTHER", "reason": "not_set" }]);
    assert_eq!(answer["missing"], missing);
    instance.close().await;
}

#[tokio::test]
async fn settings_secrets_are_apart_from_the_rest() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.put("settings/secrets/mail_key").json(&json!({ "value": instance.plant() })).send().await.expect(200);
    owner.put("settings/secrets/token?user=u-1").json(&json!({ "value": instance.plant() })).send().await.expect(200);
    owner.put("settings/secrets/token?user=u-2").json(&json!({ "value": instance.plant() })).send().await.expect(200);
    let system = owner.get("settings/secrets").send().await.expect(200).json();
    assert_eq!(system["items"].as_array().unwrap().len(), 1);
    assert_eq!(system["items"][0]["scope"], "system");
    let user = owner.get("settings/secrets?user=u-1").send().await.expect(200).json();
    assert_eq!(user["items"][0]["name"], "token");
    assert_eq!(owner.get("secrets").send().await.expect(200).json()["items"], json!([]));
    assert_eq!(owner.get("secrets?scope=system").send().await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    owner.put("settings/secrets/mail_key").json(&json!({ "value": instance.plant() })).send().await.expect(200);
    owner.delete("settings/secrets/token?user=u-1").send().await.expect(200);
    owner.get("settings/secrets/token?user=u-1").send().await.problem(404, "not_found");
    owner.get("settings/secrets/token?user=u-2").send().await.expect(200);
    assert_eq!(owner.get("resolve").send().await.expect(200).json()["secrets"], json!({}));
    instance.close().await;
}

#[tokio::test]
async fn copying_and_comparing_namespaces() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let value = instance.plant();
    create(&owner, json!({ "name": "A", "value": value, "namespace": "staging" })).await;
    create(&owner, json!({ "name": "B", "value": instance.plant(), "namespace": "staging" })).await;
    create(&owner, json!({ "name": "B", "value": instance.plant(), "namespace": "production" })).await;
    let diff = async |client: &Client| {
        client.get("diff?first=staging&second=production").send().await.expect(200).json()["items"].clone()
    };
    assert_eq!(
        diff(&owner).await,
        json!([{ "name": "A", "difference": "only_first" }, { "name": "B", "difference": "different" }])
    );
    let lister = instance.client(&["secrets:list"]).await;
    assert_eq!(diff(&lister).await[1]["difference"], "both");
    let copy = json!({ "from_namespace": "staging", "to_namespace": "production" });
    owner.post("copies").json(&copy).send().await.problem(409, "conflict");
    assert_eq!(diff(&owner).await[0]["difference"], "only_first");
    let overwrite = json!({ "from_namespace": "staging", "to_namespace": "production", "overwrite": true });
    owner.post("copies").json(&overwrite).send().await.expect(200);
    assert_eq!(
        diff(&owner).await,
        json!([{ "name": "A", "difference": "equal" }, { "name": "B", "difference": "equal" }])
    );
    assert!(owner.resolve("production", "A").await == Some(value));
    instance.close().await;
}
