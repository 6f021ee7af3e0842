//! Fill-in links: who has one can set what it names, once, and nothing else; nobody else learns of it.

use serde_json::{Value, json};
use strongroom_e2e::{Answer, Client, Instance};

/// A link that `maker` makes for `names`, and its code, which must turn up nowhere.
async fn link(instance: &Instance, maker: &Client, body: &Value) -> (Value, String) {
    let made = maker.post("links").json(body).unwitnessed().send().await.expect(201).json();
    let code = made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    instance.watch(&code);
    (made["link"].clone(), code)
}

async fn fill(instance: &Instance, code: &str, secrets: Value) -> Answer {
    let body = json!({ "code": code, "secrets": secrets });
    instance.anonymous().post("/api/v1/fill").json(&body).send().await
}

#[tokio::test]
async fn attack_08_a_link_of_another_project_is_neither_seen_nor_revoked() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    let other = owner.in_project("other");
    let (item, code) = link(&instance, &other, &json!({ "secrets": [{ "name": "THEIRS" }] })).await;
    let address = format!("links/{}", item["id"].as_str().unwrap());
    let mine = instance.client(&["admin"]).await;
    assert_eq!(mine.get("links").send().await.expect(200).json()["items"], json!([]));
    mine.delete(&address).send().await.problem(404, "not_found");
    mine.in_project("other").delete(&address).send().await.problem(404, "not_found");
    mine.in_project("other").get("links").send().await.problem(404, "not_found");
    // it sets what it names, in its own project
    fill(&instance, &code, json!({ "THEIRS": instance.plant() })).await.expect(200);
    owner.get("secrets/THEIRS").send().await.problem(404, "not_found");
    other.get("secrets/THEIRS").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_08_a_code_opens_nothing_but_its_link() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("KEPT", &instance.plant()).await;
    let (_, code) = link(&instance, &owner, &json!({ "secrets": [{ "name": "ASKED" }] })).await;
    let bearer = instance.anonymous().with_token(&code);
    for path in ["secrets", "resolve", "links", "/api/v1/whoami", "/api/v1/projects"] {
        bearer.get(path).send().await.problem(401, "unauthenticated");
    }
    fill(&instance, &code, json!({ "KEPT": "x" })).await.problem(400, "invalid");
    let (token, _) = instance.mint(&["admin"]).await;
    fill(&instance, &token, json!({ "KEPT": "x" })).await.problem(404, "not_found");
    instance.close().await;
}

#[tokio::test]
async fn attack_16_a_link_ends_with_the_token_that_made_it() {
    let instance = Instance::start().await;
    let (token, record) = instance.mint(&["secrets:write"]).await;
    let maker = instance.anonymous().with_token(&token);
    let (_, code) = link(&instance, &maker, &json!({ "secrets": [{ "name": "A" }] })).await;
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    fill(&instance, &code, json!({ "A": instance.plant() })).await.problem(404, "not_found");
    instance.close().await;
}

#[tokio::test]
async fn attack_22_and_34_a_links_code_is_stored_and_logged_nowhere() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (_, code) = link(&instance, &owner, &json!({ "secrets": [{ "name": "A" }, { "name": "B" }] })).await;
    let anonymous = instance.anonymous();
    let page = format!("/fill/{code}");
    for _ in 0..2 {
        let shown = anonymous.get(&page).send().await.expect(200);
        assert_eq!(shown.header("referrer-policy"), "no-referrer");
    }
    for path in [format!("{page}/x"), format!("/fill//{code}"), format!("/fill/{code}?a=b")] {
        anonymous.get(&path).header("accept", "text/html").send().await;
    }
    let value = instance.plant_plain();
    let form = format!("A={value}&B=");
    let call = anonymous.post(&page).header("content-type", "application/x-www-form-urlencoded").body(form);
    call.send().await.expect(200);
    anonymous.get(&page).send().await.expect(404);
    fill(&instance, &code, json!({ "A": instance.plant() })).await.problem(404, "not_found");
    assert_eq!(owner.resolve("default", "A").await, Some(value));
    // the server logs at trace level; its log, database and answers are searched for the code and the values
    assert!(instance.log().contains("/fill/…"), "the page was not logged");
    instance.close().await;
}

#[tokio::test]
async fn attack_22_every_code_that_opens_nothing_is_answered_alike() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (item, revoked) = link(&instance, &owner, &json!({ "secrets": [{ "name": "A" }] })).await;
    owner.delete(&format!("links/{}", item["id"].as_str().unwrap())).send().await.expect(200);
    let (_, used) = link(&instance, &owner, &json!({ "secrets": [{ "name": "A" }] })).await;
    fill(&instance, &used, json!({ "A": instance.plant() })).await.expect(200);
    let mut nearly = used.clone();
    nearly.replace_range(10..11, if nearly.as_bytes()[10] == b'a' { "b" } else { "a" });
    let mut answers = Vec::new();
    for code in [revoked, used, nearly, String::new(), "srl_".to_owned(), "x".repeat(5_000)] {
        let mut problem = fill(&instance, &code, json!({ "A": "x" })).await.problem(404, "not_found");
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    instance.close().await;
}

#[tokio::test]
async fn attack_32_a_project_has_only_so_many_open_links_and_tokens() {
    let instance = Instance::start().await;
    let (token, record) = instance.mint(&["admin"]).await;
    let minter = instance.anonymous().with_token(&token);
    let body = json!({ "name": "child", "capabilities": ["secrets:list"] });
    for _ in 0..100 {
        minter.post("tokens").json(&body).unwitnessed().send().await.expect(201);
    }
    minter.post("tokens").json(&body).send().await.problem(409, "conflict");
    for _ in 0..200 {
        minter.post("links").json(&json!({ "secrets": [{ "name": "A" }] })).unwitnessed().send().await.expect(201);
    }
    minter.post("links").json(&json!({ "secrets": [{ "name": "A" }] })).send().await.problem(409, "conflict");
    // one revocation ends them all
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    let tokens = instance.owner().get("tokens?limit=1000").send().await.expect(200).json();
    assert!(tokens["items"].as_array().unwrap().iter().all(|item| item["state"] == "revoked"), "{tokens}");
    instance.close().await;
}
