//! Tokens: never wider than who mints them, and their end ends all that began with them.

use serde_json::json;
use strongroom_e2e::{Instance, wait};

#[tokio::test]
async fn nobody_mints_a_token_wider_than_his_own() {
    let instance = Instance::start().await;
    instance.owner().post("namespaces").json(&json!({ "name": "staging" })).send().await.expect(201);
    let body = json!({ "name": "limited", "capabilities": ["admin"], "namespaces": ["staging"], "expires_at": "1h" });
    let (token, record) = instance.mint_with(&body).await;
    let limited = instance.anonymous().with_token(&token);
    let wide = json!({ "name": "wide", "capabilities": ["admin"] });
    limited.post("tokens").json(&wide).send().await.problem(403, "forbidden");
    let other = json!({ "name": "other", "capabilities": ["secrets:list"], "namespaces": ["default"] });
    limited.post("tokens").json(&other).send().await.problem(403, "forbidden");
    let own =
        json!({ "name": "own", "capabilities": ["secrets:list"], "namespaces": ["staging"], "expires_at": "90d" });
    let made = limited.post("tokens").json(&own).unwitnessed().send().await.expect(201).json();
    assert_eq!(made["expires_at"], record["expires_at"], "a child outlives its parent");
    instance.close().await;
}

#[tokio::test]
async fn tokens_minted_by_a_token_end_with_it() {
    let instance = Instance::start().await;
    let (parent, record) = instance.mint(&["admin"]).await;
    let body = json!({ "name": "child", "capabilities": ["secrets:list"] });
    let made = instance.anonymous().with_token(&parent).post("tokens").json(&body).unwitnessed().send().await;
    let child = instance.anonymous().with_token(made.expect(201).json()["token"].as_str().unwrap());
    child.get("secrets").send().await.expect(200);
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    child.get("secrets").send().await.problem(401, "unauthenticated");
    instance.close().await;
}

#[tokio::test]
async fn an_event_stream_tells_nothing_after_its_token_has_ended() {
    let instance = Instance::start().await;
    let (token, record) = instance.mint(&["secrets:list"]).await;
    let (status, _, mut stream) = instance.anonymous().with_token(&token).get("events").stream().await;
    assert_eq!(status, 200);
    instance.owner().set("BEFORE", &instance.plant()).await;
    assert!(stream.until("\n\n").await.contains("BEFORE"));
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    instance.owner().set("AFTER", &instance.plant()).await;
    let rest = wait::in_time("the stream's end", stream.rest()).await;
    assert!(!String::from_utf8_lossy(&rest).contains("AFTER"), "a revoked token still hears of changes");
    instance.close().await;
}

#[tokio::test]
async fn a_long_poll_delivers_nothing_after_its_token_has_ended() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("KEY", &instance.plant()).await;
    let (token, record) = instance.mint(&["values:read"]).await;
    let client = instance.anonymous().with_token(&token);
    let tag = client.get("resolve").send().await.expect(200).header("etag").to_owned();
    let poll = tokio::spawn(async move { client.get("resolve?wait=25s").header("if-none-match", &tag).send().await });
    // the poll is under way; were it not, it would be refused at the door
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    owner.delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    owner.set("KEY", &instance.plant()).await;
    wait::in_time("the poll", poll).await.unwrap().problem(401, "unauthenticated");
    instance.close().await;
}
