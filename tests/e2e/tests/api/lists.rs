//! Lists: pages, filters, and that no list ever holds a value.

use serde_json::{Map, Value, json};
use strongroom_e2e::{Client, Instance};

async fn fill(instance: &Instance, names: impl IntoIterator<Item = String>) {
    let secrets: Map<String, Value> = names.into_iter().map(|name| (name, json!(instance.plant()))).collect();
    instance.owner().put("secrets").json(&json!({ "secrets": secrets })).send().await.expect(200);
}

fn names(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

async fn page(owner: &Client, query: &str) -> Value {
    owner.get(&format!("secrets?{query}")).send().await.expect(200).json()
}

#[tokio::test]
async fn an_empty_list_is_an_empty_list() {
    let instance = Instance::start().await;
    let answer = instance.owner().get("secrets").send().await.expect(200);
    assert_eq!(answer.json(), json!({ "items": [], "next_cursor": null }));
    assert_eq!(answer.header("cache-control"), "no-store");
    instance.close().await;
}

#[tokio::test]
async fn pages_hold_every_name_once_and_in_order() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    fill(&instance, (0..25).map(|number| format!("NAME_{number:02}"))).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let next = page(&owner, &format!("limit=7{cursor}")).await;
        seen.extend(names(&next));
        match next["next_cursor"].as_str() {
            Some(text) => cursor = format!("&cursor={text}"),
            None => break,
        }
    }
    let expected: Vec<_> = (0..25).map(|number| format!("NAME_{number:02}")).collect();
    assert_eq!(seen, expected);
    let only = page(&owner, "fields=name&limit=10000").await;
    assert_eq!(only["items"][0], json!({ "name": "NAME_00" }));
    instance.close().await;
}

#[tokio::test]
async fn pages_keep_within_their_bounds() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=many",
        "fields=name&limit=10001",
        "fields=value",
        "cursor=zz",
        "cursor=5b5d",
    ] {
        owner.get(&format!("secrets?{query}")).send().await.problem(400, "invalid");
    }
    page(&owner, "limit=1000").await;
    page(&owner, "limit=10000&fields=name").await;
    instance.close().await;
}

#[tokio::test]
async fn filters_narrow_a_list() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    fill(&instance, ["STRIPE_KEY".to_owned(), "MAIL_KEY".to_owned()]).await;
    for (namespace, app) in [(Some("production"), None), (Some("production"), Some("web-api")), (None, Some("web"))] {
        let body = json!({ "name": "STRIPE_KEY", "value": instance.plant(), "namespace": namespace, "app": app });
        owner.post("secrets").json(&body).send().await.expect(201);
    }
    assert_eq!(page(&owner, "").await["items"].as_array().unwrap().len(), 5);
    assert_eq!(names(&page(&owner, "scope=global").await), ["MAIL_KEY", "STRIPE_KEY"]);
    assert_eq!(names(&page(&owner, "scope=namespace").await), ["STRIPE_KEY"]);
    assert_eq!(page(&owner, "scope=app").await["items"].as_array().unwrap().len(), 2);
    assert_eq!(page(&owner, "namespace=production").await["items"].as_array().unwrap().len(), 2);
    assert_eq!(page(&owner, "app=web").await["items"][0]["namespace"], "default");
    assert_eq!(names(&page(&owner, "search=mail").await), ["MAIL_KEY"]);
    assert_eq!(page(&owner, "search=%25").await["items"], json!([]), "a percent sign is no wild card");
    assert_eq!(page(&owner, "namespace=nowhere").await["items"], json!([]));
    instance.close().await;
}
