//! Setting, reading, rolling back, listing, copying.

use http::{Method, StatusCode, header};
use serde_json::json;

use crate::support::House;

#[tokio::test]
async fn a_secret_is_set_read_rotated_and_rolled_back() {
    let house = House::new().await;
    let set = |value: &str| json!({ "secrets": { "API_KEY": value } });
    let first = house.call(Method::PUT, "/api/v1/admin/secrets", Some(set("one"))).await;
    assert_eq!((first.status, &first.body["results"][0]["status"]), (StatusCode::OK, &json!("set")), "{}", first.body);
    let second = house.call(Method::PUT, "/api/v1/admin/secrets", Some(set("two"))).await;
    assert_eq!(
        (&second.body["results"][0]["status"], &second.body["results"][0]["version"]),
        (&json!("updated"), &json!(2))
    );
    let same = house.call(Method::PUT, "/api/v1/admin/secrets", Some(set("two"))).await;
    assert_eq!(same.body["results"][0]["status"], "unchanged");

    let resolved = house.call(Method::GET, "/api/v1/projects/default/resolve", None).await;
    assert_eq!(resolved.body["secrets"], json!({ "API_KEY": "two" }), "{}", resolved.body);
    assert_eq!(resolved.headers[header::CACHE_CONTROL], "no-store");

    let rolled =
        house.call(Method::POST, "/api/v1/admin/secrets/API_KEY/rollback", Some(json!({ "version": 1 }))).await;
    assert_eq!((rolled.status, &rolled.body["version"]), (StatusCode::OK, &json!(3)), "{}", rolled.body);
    let history = house.call(Method::GET, "/api/v1/admin/secrets/API_KEY/history", None).await;
    let versions: Vec<_> =
        history.body["items"].as_array().unwrap().iter().map(|item| item["version"].clone()).collect();
    assert_eq!(versions, [json!(3), json!(2), json!(1)]);
    assert_eq!(history.body["items"][0]["from_version"], 1);
    let resolved = house.call(Method::GET, "/api/v1/projects/default/resolve?names=API_KEY,GONE", None).await;
    assert_eq!(resolved.body["secrets"], json!({ "API_KEY": "one" }));
    assert_eq!(resolved.body["missing"], json!([{ "name": "GONE", "reason": "not_set" }]));

    let verdict = house.call(Method::GET, "/api/v1/admin/audit/verify", None).await;
    assert_eq!(verdict.body["ok"], true, "{}", verdict.body);
    let trail = house.call(Method::GET, "/api/v1/admin/audit", None).await;
    assert!(!trail.body.to_string().contains("\"two\""));
}

#[tokio::test]
async fn an_expired_override_never_turns_into_the_global_value() {
    let house = House::new().await;
    let global = json!({ "name": "K", "value": "wide" });
    assert_eq!(house.call(Method::POST, "/api/v1/admin/secrets", Some(global)).await.status, 201);
    let own = json!({ "name": "K", "value": "narrow", "scope": "namespace", "namespace": "production", "expires_at": "2020-01-01T00:00:00Z" });
    let made = house.call(Method::POST, "/api/v1/admin/secrets", Some(own)).await;
    assert_eq!((made.status, &made.body["state"]), (StatusCode::CREATED, &json!("expired")), "{}", made.body);
    let resolved = house.call(Method::GET, "/api/v1/admin/resolve?namespace=production", None).await;
    assert_eq!(resolved.body["secrets"], json!({}));
    assert_eq!(resolved.body["missing"], json!([{ "name": "K", "reason": "expired" }]));
}

#[tokio::test]
async fn a_batch_reports_every_bad_entry_and_writes_none() {
    let house = House::new().await;
    let body = json!({ "secrets": { "GOOD": "x", "PATH": "y", "VITE_KEY": "z" } });
    let refused = house.call(Method::PUT, "/api/v1/admin/secrets", Some(body)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["errors"].as_array().unwrap().len(), 2, "{}", refused.body);
    assert_eq!(refused.body["code"], "invalid");
    let listed = house.call(Method::GET, "/api/v1/admin/secrets", None).await;
    assert_eq!(listed.body["items"], json!([]));
}
