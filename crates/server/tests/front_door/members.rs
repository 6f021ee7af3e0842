//! What a person's membership opens, verb by verb, and what no membership opens nobody.

use ::http::Method;
use serde_json::{Value, json};

use crate::people::{Browser, PASSWORD, set_up};
use crate::support::{House, names};

async fn sign_in(house: &House) -> Browser {
    let body = json!({ "name": "ada@example.com", "password": PASSWORD });
    Browser::of(&house.call_as("", Method::POST, "/api/v1/session", Some(body)).await)
}

fn shop(path: &str) -> String {
    format!("/api/v1/projects/shop/{path}")
}

/// A project of the local owner's with a protected namespace, an open one, and a secret everywhere; Ada, who is admin of
/// the instance, is a stranger to it.
async fn with_shop() -> (House, Browser) {
    let house = House::new().await;
    let ada = set_up(&house).await;
    house.post("/api/v1/projects", json!({ "name": "shop" })).await.expect(201);
    let production = json!({ "name": "production", "protected": true });
    house.post(&shop("namespaces"), production).await.expect(201);
    for (namespace, name) in [(None, "SHARED"), (Some("production"), "KEY"), (Some("staging"), "KEY")] {
        let body = json!({ "namespace": namespace, "secrets": { name: "canary-value" } });
        house.put(&shop("secrets"), body).await.expect(200);
    }
    house.call(Method::PATCH, "/api/v1/projects/shop", Some(json!({ "allow_reveal": true }))).await.expect(200);
    (house, ada)
}

async fn join(house: &House, membership: Value) -> Browser {
    house.call(Method::PUT, &shop("members/ada@example.com"), Some(membership)).await.expect(200);
    sign_in(house).await
}

#[tokio::test]
async fn attack_65_an_admin_of_the_instance_who_is_no_member_reads_nothing() {
    let (house, ada) = with_shop().await;
    let write = json!({ "secrets": { "SHARED": "mine" } });
    for (method, path, body) in [
        (Method::GET, "secrets", None),
        (Method::GET, "secrets/SHARED", None),
        (Method::GET, "secrets/SHARED/history", None),
        (Method::GET, "resolution", None),
        (Method::GET, "stats", None),
        (Method::GET, "diff?first=staging&second=production", None),
        (Method::GET, "links", None),
        (Method::GET, "logs", None),
        (Method::GET, "runs", None),
        (Method::POST, "secrets/SHARED/reveal", None),
        (Method::PUT, "secrets", Some(write.clone())),
        (Method::POST, "links", Some(json!({ "secrets": [{ "name": "SHARED" }], "replace": true }))),
        (Method::POST, "tokens", Some(json!({ "name": "mine", "capabilities": ["values:read"] }))),
        (Method::PATCH, "namespaces/production", Some(json!({ "protected": false }))),
    ] {
        let answer = ada.call(&house, method.clone(), &shop(path), body).await;
        assert!(!answer.text.contains("canary-value"), "{method} {path}");
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
    }
    for path in ["resolve", "export"] {
        let answer = ada.get(&house, &shop(path)).await;
        assert!([403, 404].contains(&answer.status.as_u16()) && !answer.text.contains("canary-value"), "{path}");
    }
}

#[tokio::test]
async fn a_membership_for_one_namespace_opens_that_one_for_every_verb() {
    let (house, _) = with_shop().await;
    let ada = join(&house, json!({ "role": "developer", "namespaces": ["staging"] })).await;
    let listed = ada.get(&house, &shop("secrets")).await.expect(200);
    assert_eq!(names(&listed), ["KEY", "SHARED"]);
    assert_eq!(ada.get(&house, &shop("stats")).await.expect(200)["total"], 2);
    let namespaces = ada.get(&house, &shop("namespaces")).await.expect(200);
    assert!(!namespaces.to_string().contains("production"), "{namespaces}");
    let at = |namespace: Option<&str>| json!({ "namespace": namespace, "secrets": { "KEY": "2" } });
    ada.call(&house, Method::PUT, &shop("secrets"), Some(at(Some("staging")))).await.expect(200);
    let deploy = json!({ "manifest": { "secrets": [] }, "bundle": "export default () => new Response('x')" });
    for (method, path, body) in [
        (Method::GET, "secrets?namespace=production", None),
        (Method::GET, "secrets/KEY?namespace=production", None),
        (Method::GET, "secrets/KEY/history?namespace=production", None),
        (Method::GET, "resolution?namespace=production", None),
        (Method::GET, "diff?first=staging&second=production", None),
        (Method::GET, "logs?namespace=production", None),
        (Method::GET, "functions?namespace=production", None),
        (Method::POST, "secrets/KEY/reveal?namespace=production", None),
        (Method::PUT, "secrets", Some(at(Some("production")))),
        (Method::PUT, "secrets", Some(at(None))),
        (Method::DELETE, "secrets/KEY?namespace=production", None),
        (Method::POST, "secrets/KEY/rollback?namespace=production", Some(json!({ "version": 1 }))),
        (Method::POST, "copies", Some(json!({ "from_namespace": "production", "to_namespace": "staging" }))),
        (Method::POST, "copies", Some(json!({ "from_namespace": "staging", "to_namespace": "production" }))),
        (Method::POST, "links", Some(json!({ "namespace": "production", "secrets": [{ "name": "KEY" }] }))),
        (Method::PUT, "functions/f?namespace=production", Some(deploy)),
        (Method::POST, "jobs/j/runs?namespace=production", Some(json!({}))),
        (Method::GET, "tokens", None),
    ] {
        let answer = ada.call(&house, method.clone(), &shop(path), body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_developer_everywhere_is_none_in_a_protected_namespace_until_it_is_named() {
    let (house, _) = with_shop().await;
    let ada = join(&house, json!({ "role": "developer" })).await;
    let reveal = shop("secrets/KEY/reveal?namespace=production");
    ada.call(&house, Method::POST, &reveal, None).await.problem(403, "forbidden");
    let shared = json!({ "secrets": { "SHARED": "mine" } });
    ada.call(&house, Method::PUT, &shop("secrets"), Some(shared.clone())).await.problem(403, "forbidden");
    ada.get(&house, &shop("secrets?namespace=production")).await.expect(200);
    let ada = join(&house, json!({ "role": "developer", "namespaces": ["production"] })).await;
    let shown = ada.call(&house, Method::POST, &reveal, None).await.expect(200);
    assert_eq!(shown["value"], "canary-value");
    ada.call(&house, Method::PUT, &shop("secrets"), Some(shared.clone())).await.problem(403, "forbidden");
    let ada = join(&house, json!({ "role": "admin" })).await;
    ada.call(&house, Method::POST, &reveal, None).await.expect(200);
    ada.call(&house, Method::PUT, &shop("secrets"), Some(shared)).await.expect(200);
}

#[tokio::test]
async fn attack_63_a_value_is_shown_to_who_signed_in_just_now_alone_and_recorded() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    house.set(None, "KEY", "canary-value").await;
    let reveal = async |browser: &Browser| browser.call(&house, Method::POST, "secrets/KEY/reveal", None).await;
    // off unless the project allows it
    reveal(&ada).await.problem(403, "forbidden");
    house.call(Method::PATCH, "/api/v1/projects/default", Some(json!({ "allow_reveal": true }))).await.expect(200);
    assert_eq!(reveal(&ada).await.expect(200)["value"], "canary-value");
    house.clock.advance(301);
    let detail = reveal(&ada).await.problem(403, "forbidden");
    assert!(detail.contains("sign in again"), "{detail}");
    ada.get(&house, "secrets").await.expect(200);
    let again = sign_in(&house).await;
    reveal(&again).await.expect(200);
    reveal(&ada).await.problem(403, "forbidden");
    let trail = house.get("audit?action=values.reveal").await.expect(200);
    let trail = trail["items"].as_array().unwrap();
    assert_eq!(trail.len(), 2);
    assert!(trail.iter().all(|record| record["actor"] == "user:ada@example.com"), "{trail:?}");
}

#[tokio::test]
async fn a_link_ends_with_the_role_of_the_person_who_made_it() {
    let (house, _) = with_shop().await;
    let ada = join(&house, json!({ "role": "developer", "namespaces": ["staging"] })).await;
    let body = json!({ "namespace": "staging", "secrets": [{ "name": "NEW" }] });
    let code = async |ada: &Browser| {
        let made = ada.call(&house, Method::POST, &shop("links"), Some(body.clone())).await.expect(201);
        made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    let look =
        async |code: &str| house.call_as("", Method::POST, "/api/v1/fill/look", Some(json!({ "code": code }))).await;
    let first = code(&ada).await;
    assert_eq!(look(&first).await.expect(200)["asked_by"], "user:ada@example.com");
    for membership in [json!({ "role": "viewer" }), json!({ "role": "developer", "namespaces": ["production"] })] {
        let ada = join(&house, json!({ "role": "developer", "namespaces": ["staging"] })).await;
        let code = code(&ada).await;
        look(&code).await.expect(200);
        join(&house, membership).await;
        look(&code).await.problem(404, "not_found");
    }
    house.delete(&shop("members/ada@example.com")).await.expect(200);
    look(&first).await.problem(404, "not_found");
    assert_eq!(house.get(&shop("links")).await.expect(200)["items"][0]["state"], "ended");
}
