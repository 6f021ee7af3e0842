//! Resolution, its entity tags, waiting for a change.

use ::http::{Method, header};
use serde_json::json;

use crate::support::{Answer, House, request};

async fn with_tag(house: &House, path: &str, tag: &str) -> Answer {
    house.send(request(&house.owner, Method::GET, path, &[("if-none-match", tag)], None)).await
}

fn tag(answer: &Answer) -> String {
    answer.headers[header::ETAG].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_tag_changes_with_how_long_the_answer_holds() {
    let house = House::new().await;
    house.set(None, "K", "v").await;
    let first = tag(&house.get("resolve").await);
    assert_eq!(with_tag(&house, "resolve", &first).await.status, 304);
    house.put("secrets/K", json!({ "expires_at": "1h" })).await.expect(200);
    let sooner = with_tag(&house, "resolve", &first).await;
    assert!(sooner.body["valid_until"].is_string(), "{}", sooner.text);
    house.clock.advance(3_600);
    let over = with_tag(&house, "resolve", &tag(&sooner)).await.expect(200);
    assert_eq!(over["missing"], json!([{ "name": "K", "reason": "expired" }]));
}

#[tokio::test]
async fn tags_are_compared_weakly_and_in_lists() {
    let house = House::new().await;
    house.set(None, "K", "v").await;
    let current = tag(&house.get("resolve").await);
    for sent in [current.clone(), format!("W/{current}"), format!("\"other\", {current}"), "*".to_owned()] {
        let answer = with_tag(&house, "resolve", &sent).await;
        assert_eq!((answer.status.as_u16(), tag(&answer)), (304, current.clone()), "{sent}");
    }
    for sent in ["\"other\"", "", current.trim_matches('"')] {
        assert_eq!(with_tag(&house, "resolve", sent).await.status, 200, "{sent}");
    }
}

#[tokio::test]
async fn who_waits_hears_of_the_end_of_his_namespace() {
    let house = House::new().await;
    house.set(Some("brief"), "K", "v").await;
    let current = tag(&house.get("resolve?namespace=brief").await);
    let wait = with_tag(&house, "resolve?namespace=brief&wait=30s", &current);
    let delete = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        house.delete("namespaces/brief").await.expect(200);
    };
    let both = tokio::time::timeout(std::time::Duration::from_secs(10), async { tokio::join!(wait, delete) });
    let (waited, ()) = both.await.unwrap();
    waited.problem(404, "not_found");
}

#[tokio::test]
async fn what_the_servers_environment_supplies_is_explained() {
    let house = House::with_environment(vec![("OVER", "e"), ("EXTRA", "e")]).await;
    house.set(None, "OVER", "stored").await;
    house.set(None, "PLAIN", "stored").await;
    let explained = house.get("resolution").await.expect(200);
    let scopes: Vec<_> =
        explained["items"].as_array().unwrap().iter().map(|item| (&item["name"], &item["scope"])).collect();
    assert_eq!(
        scopes,
        [
            (&json!("EXTRA"), &json!("environment")),
            (&json!("OVER"), &json!("environment")),
            (&json!("PLAIN"), &json!("global"))
        ]
    );
    let listed = house.get("secrets").await.expect(200);
    assert_eq!((&listed["items"][0]["overridden"], listed["items"][1].get("overridden")), (&json!(true), None));
}
