//! How processes follow changes: entity tags, long polls, events.

use std::time::Duration;

use serde_json::json;
use strongroom_e2e::client::Stream;
use strongroom_e2e::{Client, Instance, wait};

async fn tag(client: &Client) -> String {
    client.get("resolve").send().await.expect(200).header("etag").to_owned()
}

#[tokio::test]
async fn the_entity_tag_changes_with_what_is_resolved() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("KEY", &instance.plant()).await;
    let first = tag(&owner).await;
    assert!(first.starts_with('"') && first.len() > 10, "{first}");
    assert_eq!(tag(&owner).await, first);
    let unchanged = owner.get("resolve").header("if-none-match", &first).send().await;
    assert_eq!((unchanged.status, unchanged.body.len(), unchanged.header("etag")), (304, 0, first.as_str()));
    owner.set("KEY", &instance.plant()).await;
    assert_ne!(tag(&owner).await, first);
    let changed = owner.get("resolve").header("if-none-match", &first).send().await.expect(200);
    assert_eq!(changed.header("cache-control"), "no-store");
    instance.close().await;
}

#[tokio::test]
async fn a_long_poll_returns_with_the_change() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("KEY", &instance.plant()).await;
    let first = tag(&owner).await;
    let poll = {
        let (client, first) = (owner.clone(), first.clone());
        tokio::spawn(async move { client.get("resolve?wait=25s").header("if-none-match", &first).send().await })
    };
    // a poll that nothing has changed for stays open
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!poll.is_finished(), "the poll did not wait");
    let value = instance.plant();
    owner.set("KEY", &value).await;
    let answer = wait::in_time("the long poll", poll).await.unwrap().expect(200);
    assert!(answer.json()["secrets"]["KEY"] == value, "the poll returned another value");
    let brief = owner.get("resolve?wait=1s").header("if-none-match", &tag(&owner).await).send().await;
    assert_eq!(brief.status, 304);
    owner.get("resolve?wait=soon").send().await.problem(400, "invalid");
    instance.close().await;
}

#[tokio::test]
async fn a_long_poll_returns_when_time_makes_the_change() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "name": "KEY", "value": instance.plant(), "expires_at": "2s" });
    owner.post("secrets").json(&body).send().await.expect(201);
    let answer = owner.get("resolve").send().await.expect(200);
    assert!(answer.json()["valid_until"].is_string());
    let later = owner.get("resolve?wait=25s").header("if-none-match", answer.header("etag")).send().await.expect(200);
    assert_eq!(later.json()["missing"], json!([{ "name": "KEY", "reason": "expired" }]));
    instance.close().await;
}

async fn events(client: &Client, query: &str, last: Option<&str>) -> Stream {
    let mut call = client.get(&format!("events{query}"));
    if let Some(id) = last {
        call = call.header("last-event-id", id);
    }
    let (status, headers, stream) = call.stream().await;
    assert_eq!(status, 200);
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    stream
}

fn field<'a>(event: &'a str, name: &str) -> &'a str {
    event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim).unwrap_or_default()
}

#[tokio::test]
async fn events_tell_names_and_never_values() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let mut stream = events(&owner, "", None).await;
    let value = instance.plant();
    owner
        .put("secrets")
        .json(&json!({ "secrets": { "A": value, "B": value }, "namespace": "default" }))
        .send()
        .await
        .expect(200);
    let text = stream.until("\n\n").await;
    assert_eq!(field(&text, "event"), "changed", "{text}");
    let event: serde_json::Value = serde_json::from_str(field(&text, "data")).unwrap();
    assert_eq!((&event["namespace"], &event["names"]), (&json!("default"), &json!(["A", "B"])));
    assert_eq!(field(&text, "id"), event["epoch"].to_string());
    assert_eq!(instance.witness.search().bytes("events", text.as_bytes()), vec![]);
    instance.close().await;
}

#[tokio::test]
async fn a_listener_that_comes_back_is_told_that_it_missed_something() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let mut stream = events(&owner, "", None).await;
    owner.set("A", &instance.plant()).await;
    let seen = stream.until("\n\n").await;
    let id = field(&seen, "id").to_owned();
    drop(stream);
    owner.set("A", &instance.plant()).await;
    let mut back = events(&owner, "", Some(&id)).await;
    let missed = back.until("\n\n").await;
    assert!(field(&missed, "id").parse::<u64>().unwrap() > id.parse::<u64>().unwrap(), "{missed}");
    let id = field(&missed, "id").to_owned();
    let mut current = events(&owner, "", Some(&id)).await;
    owner.set("LAST", &instance.plant()).await;
    assert!(current.until("\n\n").await.contains("LAST"), "nothing was missed, so the next change comes first");
    instance.close().await;
}

#[tokio::test]
async fn events_of_one_namespace_leave_out_the_others() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for namespace in ["staging", "production"] {
        owner.post("namespaces").json(&json!({ "name": namespace })).send().await.expect(201);
    }
    let mut stream = events(&owner, "?namespace=production", None).await;
    for (name, namespace) in [("HIDDEN", "staging"), ("SHOWN", "production")] {
        owner
            .post("secrets")
            .json(&json!({ "name": name, "value": "x", "namespace": namespace }))
            .send()
            .await
            .expect(201);
    }
    let text = stream.until("\n\n").await;
    assert!(text.contains("SHOWN") && !text.contains("HIDDEN"), "{text}");
    owner.set("EVERYWHERE", &instance.plant()).await;
    assert!(stream.until("\n\n").await.contains("EVERYWHERE"));
    instance.close().await;
}
