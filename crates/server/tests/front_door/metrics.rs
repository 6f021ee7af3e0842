//! `/metrics`: figures, and who gets them.

use ::http::Method;
use serde_json::json;

use crate::support::House;

#[tokio::test]
async fn figures_name_nothing_and_count_what_there_is() {
    let house = House::new().await;
    house.set(None, "CANARY_NAME", "canary-value").await;
    house.put("secrets", json!({ "secrets": { "SOON": "x" }, "expires_at": "2d" })).await.expect(200);
    house.get("resolve").await.expect(200);
    let page = house.call(Method::GET, "/metrics", None).await;
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    for line in [
        "strongroom_secrets{state=\"set\"} 1",
        "strongroom_secrets{state=\"expiring_soon\"} 1",
        "strongroom_secrets{state=\"expired\"} 0",
        "strongroom_resolutions_total 1",
        "strongroom_values_delivered_total 2",
        "strongroom_projects 1",
        "# TYPE strongroom_http_answers_total counter",
    ] {
        assert!(page.text.lines().any(|told| told == line), "{line} is not in {}", page.text);
    }
    for word in ["CANARY", "SOON", "canary", "default"] {
        assert!(!page.text.contains(word), "{word} is in {}", page.text);
    }
    house.clock.advance(3 * 86_400);
    let later = house.call(Method::GET, "/metrics", None).await.text;
    assert!(later.contains("strongroom_secrets{state=\"expired\"} 1"), "{later}");
}

#[tokio::test]
async fn figures_of_the_instance_are_for_its_own_readers() {
    let house = House::new().await;
    house.post("/api/v1/projects", json!({ "name": "other" })).await.expect(201);
    let reader = house.token(json!(["logs:read"])).await;
    assert_eq!(house.call_as(&reader, Method::GET, "/metrics", None).await.status, 200);
    let other = house.token(json!(["secrets:list", "values:read"])).await;
    house.call_as(&other, Method::GET, "/metrics", None).await.problem(403, "forbidden");
    let body = json!({ "capabilities": ["logs:read"], "namespaces": ["default"] });
    let limited = house.mint(body).await.token;
    house.call_as(&limited, Method::GET, "/metrics", None).await.problem(403, "forbidden");
    let foreign = json!({ "name": "foreign", "capabilities": ["admin"] });
    let foreign = house.post("/api/v1/projects/other/tokens", foreign).await.expect(201)["token"].clone();
    let refused = house.call_as(foreign.as_str().unwrap(), Method::GET, "/metrics", None).await;
    refused.problem(404, "not_found");
    house.call_as("", Method::GET, "/metrics", None).await.problem(401, "unauthenticated");
}
