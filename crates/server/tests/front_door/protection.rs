//! Protected namespaces: values, writes, deploys and runs need a grant that names them.

use ::http::Method;
use serde_json::{Value, json};

use crate::support::House;

/// A project with a protected namespace `production` and an open one, each with a secret of its own beside a global one.
async fn guarded() -> House {
    let house = House::new().await;
    house.post("namespaces", json!({ "name": "production", "protected": true })).await.expect(201);
    house.set(None, "SHARED", "wide").await;
    house.set(Some("production"), "KEY", "production-key").await;
    house.set(Some("staging"), "KEY", "staging-key").await;
    house
}

const DEVELOPER: [&str; 8] = [
    "secrets:list",
    "secrets:write",
    "secrets:delete",
    "values:read",
    "functions:deploy",
    "jobs:run",
    "logs:read",
    "functions:invoke",
];

async fn refused(house: &House, token: &str, call: (Method, &str, Option<Value>)) {
    let (method, path, body) = call;
    let detail = house.call_as(token, method.clone(), path, body).await.problem(403, "forbidden");
    assert!(detail.contains("production") && detail.contains("protected"), "{method} {path}: {detail}");
}

#[tokio::test]
async fn a_grant_for_every_namespace_is_none_for_a_protected_one() {
    let house = guarded().await;
    let token = house.token(json!(DEVELOPER)).await;
    let deploy = json!({ "manifest": { "secrets": [] }, "bundle": "export default () => new Response('x')" });
    let write = |name: &str| json!({ "namespace": "production", "secrets": { name: "v" } });
    let copy = |from: &str, to: &str| json!({ "from_namespace": from, "to_namespace": to, "overwrite": true });
    for call in [
        (Method::GET, "resolve?namespace=production", None),
        (Method::GET, "resolve?namespace=production&names=SHARED", None),
        (Method::GET, "export?namespace=production", None),
        (Method::POST, "secrets/KEY/reveal?namespace=production", None),
        (Method::PUT, "secrets", Some(write("KEY"))),
        (Method::PUT, "secrets", Some(json!({ "namespace": "production", "app": "own", "secrets": { "K": "v" } }))),
        (Method::POST, "secrets", Some(json!({ "namespace": "production", "name": "NEW", "value": "v" }))),
        (Method::PUT, "secrets/KEY?namespace=production", Some(json!({ "description": "x" }))),
        (Method::DELETE, "secrets/KEY?namespace=production", None),
        (Method::POST, "secrets/KEY/rollback?namespace=production", Some(json!({ "version": 1 }))),
        (Method::POST, "secrets/KEY/restore?namespace=production", None),
        (Method::POST, "declarations", Some(json!({ "namespace": "production", "secrets": [{ "name": "N" }] }))),
        (Method::POST, "copies", Some(copy("production", "staging"))),
        (Method::POST, "copies", Some(copy("staging", "production"))),
        (Method::PUT, "functions/f?namespace=production", Some(deploy.clone())),
        (Method::POST, "functions/f/rollback?namespace=production", Some(json!({}))),
        (Method::DELETE, "functions/f?namespace=production", None),
        (Method::PUT, "jobs/j?namespace=production", Some(deploy)),
        (Method::POST, "jobs/j/runs?namespace=production", Some(json!({}))),
        // what all namespaces share is resolved there too
        (Method::PUT, "secrets", Some(json!({ "secrets": { "SHARED": "v" } }))),
        (Method::PUT, "secrets", Some(json!({ "secrets": { "KEY2": "v" } }))),
        (Method::DELETE, "secrets/SHARED", None),
        (Method::POST, "secrets/SHARED/rollback", Some(json!({ "version": 1 }))),
        (Method::PUT, "settings/secrets/SYS", Some(json!({ "value": "v" }))),
    ] {
        refused(&house, &token, call).await;
    }
    // looking is not kept from him, and the open namespace is as it was
    for path in
        ["secrets?namespace=production", "secrets/KEY?namespace=production", "stats", "logs?namespace=production"]
    {
        house.call_as(&token, Method::GET, path, None).await.expect(200);
    }
    house.call_as(&token, Method::GET, "secrets/KEY/history?namespace=production", None).await.expect(200);
    let resolved = house.call_as(&token, Method::GET, "resolve?namespace=staging", None).await.expect(200);
    assert_eq!(resolved["secrets"], json!({ "KEY": "staging-key", "SHARED": "wide" }));
    house
        .call_as(&token, Method::PUT, "secrets", Some(json!({ "namespace": "staging", "secrets": { "KEY": "2" } })))
        .await
        .expect(200);
    let unchanged = house.get("resolve?namespace=production").await.expect(200);
    assert_eq!(unchanged["secrets"], json!({ "KEY": "production-key", "SHARED": "wide" }));
}

#[tokio::test]
async fn a_comparison_tells_nothing_of_values_in_a_protected_namespace() {
    let house = guarded().await;
    house.set(Some("staging"), "KEY", "production-key").await;
    let token = house.token(json!(["secrets:list", "values:read"])).await;
    let diff = async |token: &str| {
        let answer = house.call_as(token, Method::GET, "diff?first=staging&second=production", None).await;
        answer.expect(200)["items"][0]["difference"].clone()
    };
    assert_eq!(diff(&token).await, "both");
    assert_eq!(diff(&house.owner).await, "equal");
    let update = json!({ "value_hints": true });
    house.call(Method::PATCH, "/api/v1/projects/default", Some(update)).await.expect(200);
    house.set(Some("production"), "LONG", "a-value-of-more-than-twenty-letters").await;
    let hint = async |token: &str| {
        let listed = house.call_as(token, Method::GET, "secrets?namespace=production&search=LONG", None).await;
        listed.expect(200)["items"][0]["hint"].clone()
    };
    assert_eq!(hint(&house.owner).await, "ters");
    assert_eq!(hint(&token).await, Value::Null);
}

#[tokio::test]
async fn a_grant_that_names_a_protected_namespace_works_there_and_changes_nothing_that_is_shared() {
    let house = guarded().await;
    let body = json!({ "capabilities": ["values:read", "secrets:write"], "namespaces": ["production"] });
    let token = house.mint(body).await.token;
    let resolved = house.call_as(&token, Method::GET, "resolve?namespace=production", None).await.expect(200);
    assert_eq!(resolved["secrets"]["KEY"], "production-key");
    let write = json!({ "namespace": "production", "secrets": { "KEY": "2" } });
    house.call_as(&token, Method::PUT, "secrets", Some(write)).await.expect(200);
    let shared = json!({ "secrets": { "SHARED": "v" } });
    house.call_as(&token, Method::PUT, "secrets", Some(shared)).await.problem(403, "forbidden");
}

#[tokio::test]
async fn only_who_administers_the_whole_project_protects_and_unprotects() {
    let house = guarded().await;
    let protect = |protected: bool| Some(json!({ "protected": protected }));
    for body in [
        json!({ "capabilities": DEVELOPER }),
        json!({ "capabilities": ["admin"], "namespaces": ["production"] }),
        json!({ "capabilities": ["admin"], "names": ["KEY"] }),
    ] {
        let token = house.mint(body).await.token;
        house.call_as(&token, Method::PATCH, "namespaces/production", protect(false)).await.problem(403, "forbidden");
    }
    let developer = house.token(json!(DEVELOPER)).await;
    let reads = async || house.call_as(&developer, Method::GET, "resolve?namespace=staging", None).await.status;
    assert_eq!(reads().await, 200);
    let admin = house.token(json!(["admin"])).await;
    let item = house.call_as(&admin, Method::PATCH, "namespaces/staging", protect(true)).await.expect(200);
    assert_eq!(item["protected"], true);
    assert_eq!(reads().await, 403);
    house.call_as(&admin, Method::GET, "resolve?namespace=staging", None).await.expect(200);
    house.delete("namespaces/staging").await.problem(409, "conflict");
    house.call_as(&admin, Method::PATCH, "namespaces/staging", protect(false)).await.expect(200);
    assert_eq!(reads().await, 200);
    let listed = house.get("namespaces").await.expect(200);
    let protected: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| &item["protected"]).collect();
    assert_eq!(protected, [&json!(false), &json!(true), &json!(false)]);
    house.call(Method::PATCH, "namespaces/nowhere", protect(true)).await.problem(404, "not_found");
    let trail = house.get("audit?limit=1000").await.expect(200);
    for action in ["namespace.protect", "namespace.unprotect"] {
        assert!(trail["items"].as_array().unwrap().iter().any(|item| item["action"] == action), "{action}");
    }
}

#[tokio::test]
async fn protection_that_is_taken_away_in_the_database_is_noticed() {
    let house = guarded().await;
    let token = house.token(json!(["values:read"])).await;
    house
        .damage(|tx| {
            let mut row = tx.project(&strongroom_model::ProjectName::default_project())?.unwrap();
            row.settings = row.settings.replace("production", "nothing");
            tx.update_project(&row)
        })
        .await;
    // what is in memory still says it; a server that starts anew refuses the row
    house.call_as(&token, Method::GET, "resolve?namespace=production", None).await.problem(403, "forbidden");
    let project = json!({ "allow_reveal": false });
    house.call(Method::PATCH, "/api/v1/projects/default", Some(project)).await.problem(500, "internal");
}
