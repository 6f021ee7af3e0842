//! Setting, reading, rolling back, listing, copying.

use ::http::{Method, StatusCode, header};
use serde_json::json;
use strongroom_model::{ProjectName, Scope};

use crate::support::{House, names};

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

#[tokio::test]
async fn a_copy_brings_its_expiry_even_if_that_is_none() {
    let house = House::new().await;
    house.set(Some("staging"), "K", "fresh").await;
    let old = json!({ "namespace": "production", "secrets": { "K": "old" }, "expires_at": "2020-01-01T00:00:00Z" });
    house.put("secrets", old).await.expect(200);
    let copy = json!({ "from_namespace": "staging", "to_namespace": "production", "overwrite": true });
    house.post("copies", copy).await.expect(200);
    let item = house.get("secrets/K?namespace=production").await.expect(200);
    assert_eq!((&item["state"], &item["expires_at"]), (&json!("set"), &json!(null)));
}

#[tokio::test]
async fn a_copy_names_every_value_it_would_replace_and_replaces_none() {
    let house = House::new().await;
    for name in ["A", "B", "C"] {
        house.set(Some("staging"), name, "new").await;
    }
    for name in ["A", "B"] {
        house.set(Some("production"), name, "old").await;
    }
    let copy = json!({ "from_namespace": "staging", "to_namespace": "production" });
    let refused = house.post("copies", copy).await.expect(409);
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2, "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("--overwrite"));
    let held = house.get("resolve?namespace=production").await.expect(200);
    assert_eq!(held["secrets"], json!({ "A": "old", "B": "old" }));
}

#[tokio::test]
async fn no_way_of_declaring_hides_a_value_by_accident() {
    let house = House::new().await;
    house.set(None, "K", "wide").await;
    let create = json!({ "name": "K", "scope": "namespace", "namespace": "production" });
    house.post("secrets", create).await.problem(409, "conflict");
    let declare = json!({ "namespace": "production", "secrets": [{ "name": "K" }] });
    house.post("declarations", declare.clone()).await.problem(409, "conflict");
    house.post("namespaces", json!({ "name": "production" })).await.expect(201);
    assert_eq!(house.get("resolve?namespace=production").await.expect(200)["secrets"], json!({ "K": "wide" }));
    let mut forced = declare;
    forced["force"] = true.into();
    house.post("declarations", forced).await.expect(200);
}

#[tokio::test]
async fn an_end_users_secret_alters_no_resolution() {
    let house = House::new().await;
    house.set(None, "K", "v").await;
    house.put("settings/secrets/TOKEN?user=u-1", json!({ "value": "x" })).await.expect(200);
    let before = house.get("resolve").await.expect(200)["epoch"].clone();
    house.delete("settings/secrets/TOKEN?user=u-1").await.expect(200);
    assert_eq!(house.get("resolve").await.expect(200)["epoch"], before);
}

#[tokio::test]
async fn a_revealed_version_is_the_one_in_the_trail() {
    let house = House::new().await;
    house.set(None, "K", "one").await;
    house.set(None, "K", "two").await;
    house.call(Method::PATCH, "/api/v1/projects/default", Some(json!({ "allow_reveal": true }))).await.expect(200);
    assert_eq!(house.post("secrets/K/reveal?version=1", json!({})).await.expect(200)["value"], "one");
    let trail = house.get("audit?action=values.reveal").await.expect(200);
    assert_eq!(trail["items"][0]["target"]["version"], 1);
}

#[tokio::test]
async fn a_rollback_to_what_has_expired_says_so() {
    let house = House::new().await;
    let old = json!({ "secrets": { "K": "one" }, "expires_at": "1h" });
    house.put("secrets", old).await.expect(200);
    house.clock.advance(7_200);
    let rolled = house.post("secrets/K/rollback", json!({ "version": 1 })).await.expect(200);
    assert!(rolled["warnings"][0].as_str().unwrap().contains("expired"), "{rolled}");
    assert_eq!(rolled["state"], "expired");
}

#[tokio::test]
async fn a_damaged_head_is_listed_but_never_believed() {
    let house = House::new().await;
    house.set(None, "GOOD", "a-good-value-of-twenty-four").await;
    house.set(None, "MOVED", "a-moved-value-of-twenty-four").await;
    house.set(None, "MOVED", "the-newest-value-of-moved").await;
    house
        .damage(|tx| {
            let project = tx.project(&ProjectName::default_project())?.unwrap();
            let mut head = tx.secret(&project.id, &Scope::Global, &"MOVED".parse().unwrap())?.unwrap();
            head.version = 1;
            tx.update_secret(&head).map(drop)
        })
        .await;
    assert_eq!(names(&house.get("secrets").await.expect(200)), ["GOOD", "MOVED"]);
    let told = house.get("resolve").await.problem(500, "internal");
    assert!(told.contains("MOVED"), "{told}");
    assert_eq!(house.get("resolve?names=GOOD").await.expect(200)["secrets"]["GOOD"], "a-good-value-of-twenty-four");
    for path in ["secrets/MOVED", "secrets/MOVED/history", "export", "diff?first=global&second=default"] {
        house.get(path).await.problem(500, "internal");
    }
    house.put("secrets", json!({ "secrets": { "MOVED": "x" } })).await.problem(500, "internal");
    house.post("secrets/MOVED/rollback", json!({ "version": 1 })).await.problem(500, "internal");
    house.delete("secrets/MOVED").await.problem(500, "internal");
    let hints = json!({ "value_hints": true });
    house.call(Method::PATCH, "/api/v1/projects/default", Some(hints)).await.expect(200);
    house.get("secrets").await.problem(500, "internal");
    // the way out
    house.delete("secrets/MOVED?purge=true").await.expect(200);
    assert_eq!(house.get("secrets").await.expect(200)["items"][0]["hint"], "four");
}

#[tokio::test]
async fn names_that_differ_by_case_are_refused_within_one_request_too() {
    let house = House::new().await;
    let declare = json!({ "secrets": [{ "name": "Key" }, { "name": "KEY" }] });
    let told = house.post("declarations", declare).await.problem(409, "conflict");
    assert!(told.contains("KEY") && told.contains("Key"), "{told}");
    house.put("secrets", json!({ "secrets": { "Key": "a", "KEY": "b" } })).await.problem(409, "conflict");
    assert_eq!(house.get("secrets").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn end_users_are_told_apart_byte_for_byte() {
    let house = House::new().await;
    let users = ["u-1", "U-1", "u-1%20", "%C3%A4", "a%CC%88", "x%27%22%3B--", "a%2Fb", "%2E%2E", "a%26b%3Dc"];
    for (index, user) in users.iter().enumerate() {
        let set = json!({ "value": format!("value-{index}") });
        let path = format!("settings/secrets/TOKEN?user={user}");
        assert_eq!(house.put(&path, set).await.expect(200)["results"][0]["status"], "set", "{user}");
        assert_eq!(
            house.get(&format!("settings/secrets?user={user}")).await.expect(200)["items"].as_array().unwrap().len(),
            1
        );
    }
    for user in ["a%00b", "a%0Ab", &"x".repeat(256)] {
        house
            .put(&format!("settings/secrets/TOKEN?user={user}"), json!({ "value": "x" }))
            .await
            .problem(400, "invalid");
    }
    assert_eq!(house.get("settings/secrets").await.expect(200)["items"], json!([]));
    assert_eq!(house.get("secrets").await.expect(200)["items"], json!([]));
    assert_eq!(house.get("resolve").await.expect(200)["secrets"], json!({}));
}
