//! Tokens: how they are stored, and what is not one.

use serde_json::json;
use strongroom_e2e::Instance;
use strongroom_e2e::canary::{self, Search};

use super::raw;

#[tokio::test]
async fn attack_22_tokens_are_stored_as_keyed_digests_alone() {
    let mut instance = Instance::start().await;
    let (token, _) = instance.mint(&["secrets:list"]).await;
    let body = token.strip_prefix("srt_").unwrap();
    instance.anonymous().with_token(&token).get("secrets").send().await.expect(200);
    instance.stop().await;
    let plain_digests = [token.as_str(), body].map(|text| hex::decode(canary::digest(text)).unwrap());
    for entry in std::fs::read_dir(instance.home()).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let found = Search::new(&[body.to_owned()]).bytes("data", &bytes);
        assert!(found.is_empty(), "{} holds the token", entry.path().display());
        for digest in &plain_digests {
            let holds = bytes.windows(digest.len()).any(|window| window == digest);
            assert!(!holds, "{} holds a digest that anyone can make", entry.path().display());
        }
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_22_what_is_nearly_a_token_is_none() {
    let instance = Instance::start().await;
    let (token, _) = instance.mint(&["secrets:list"]).await;
    let anonymous = instance.anonymous();
    let flipped: String = token.chars().rev().collect();
    let mut shortened = token.clone();
    shortened.pop();
    for near in [
        shortened.as_str(),
        &format!("{token}A"),
        &token.to_uppercase(),
        &token.to_lowercase(),
        &flipped,
        "srt_",
        "",
        "*",
        "null",
        "undefined",
        &token.replace("srt_", "srx_"),
        &format!("{token}\u{20}x"),
        &"A".repeat(8_000),
    ] {
        if *near == token {
            continue;
        }
        let answer = anonymous.get("secrets").header("authorization", &format!("Bearer {near}")).send().await;
        answer.problem(401, "unauthenticated");
    }
    for scheme in ["Basic", "Token", "bearerx", ""] {
        let answer = anonymous.get("secrets").header("authorization", &format!("{scheme} {token}")).send().await;
        answer.problem(401, "unauthenticated");
    }
    for target in ["secrets?token=", "secrets?access_token=", "secrets?authorization=Bearer%20"] {
        let status = anonymous.get(&format!("{target}{token}")).send().await.status;
        assert_eq!(status, 401, "{target}");
    }
    let twice = anonymous.get("secrets").header("authorization", "Bearer x");
    twice.header("authorization", &format!("Bearer {token}")).send().await.problem(401, "unauthenticated");
    anonymous.get("secrets").header("cookie", &format!("token={token}")).send().await.problem(401, "unauthenticated");
    instance.close().await;
}

#[tokio::test]
async fn attack_22_the_owners_token_ends_with_the_server() {
    let mut instance = Instance::start().await;
    let old = instance.owner().token().unwrap().to_owned();
    instance.stop().await;
    instance.boot().await;
    instance.anonymous().with_token(&old).get("secrets").send().await.problem(401, "unauthenticated");
    instance.owner().get("secrets").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_29_a_huge_token_or_header_is_refused() {
    let instance = Instance::start().await;
    for size in [9_000, 40_000, 1_000_000] {
        let head = format!(
            "GET /api/v1/whoami HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            "A".repeat(size)
        );
        let answer = raw::exchange(instance.management(), head.as_bytes()).await;
        assert!(matches!(raw::status(&answer), 0 | 400 | 401 | 431), "{size}: {}", raw::status(&answer));
    }
    instance.owner().get("secrets").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_35_trails_hold_no_values_of_any_type() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for body in [
        json!({ "secrets": { "A": 123_456_789_012_u64 } }),
        json!({ "secrets": { "A": true } }),
        json!({ "secrets": { "A": { "deep": instance.plant() } } }),
    ] {
        owner.put("secrets").json(&body).send().await.problem(400, "invalid");
    }
    let call =
        owner.put("secrets").header("x-vault-token", &instance.plant_plain()).header("cookie", &instance.plant_plain());
    call.json(&json!({ "secrets": { "A": instance.plant() } })).send().await.expect(200);
    instance
        .anonymous()
        .get(&format!("secrets/{}", instance.plant_plain()))
        .send()
        .await
        .problem(401, "unauthenticated");
    let trail = owner.get("audit?limit=1000").send().await.expect(200).text();
    assert!(!trail.contains("123456789012"));
    instance.close().await;
}
