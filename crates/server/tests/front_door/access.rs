//! Who may do what: every route, every limit of a token.

use http::Method;
use serde_json::json;

use crate::support::House;

#[tokio::test]
async fn every_documented_route_refuses_callers_without_the_right_to_it() {
    let house = House::new().await;
    let other = house.call(Method::POST, "/api/v1/projects", Some(json!({ "name": "other" }))).await;
    assert_eq!(other.status, 201);
    let body = json!({ "name": "stranger", "capabilities": ["admin"] });
    let stranger = house.call(Method::POST, "/api/v1/projects/other/tokens", Some(body)).await;
    let stranger = stranger.body["token"].as_str().unwrap().to_owned();
    let weak = house.token(json!(["jobs:run"])).await;
    let document = serde_json::to_value(strongroom_server::document()).unwrap();
    let mut walked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let name = if path.contains("/secrets/") { "A" } else { "a" };
            let path = path.replace("{project}", "default").replace("{name}", name).replace("{id}", &"0".repeat(32));
            let path = if path.ends_with("/diff") { format!("{path}?first=global&second=default") } else { path };
            let open = operation["security"].as_array().is_some_and(|all| all.iter().all(|one| one == &json!({})));
            if open {
                continue;
            }
            let sends = method != Method::GET && method != Method::DELETE;
            let body = sends.then(|| json!({}));
            let anonymous = house.call_as("", method.clone(), &path, body.clone()).await;
            assert_eq!(anonymous.status, 401, "{method} {path}");
            assert_eq!(anonymous.body["code"], "unauthenticated");
            if path.starts_with("/api/v1/projects/default") {
                let foreign = house.call_as(&stranger, method.clone(), &path, body.clone()).await;
                assert!(
                    [403, 404].contains(&foreign.status.as_u16()),
                    "{method} {path}: {} {}",
                    foreign.status,
                    foreign.body
                );
                let weak = house.call_as(&weak, method.clone(), &path, body).await;
                let reads_itself = path == "/api/v1/projects/default" && method == Method::GET;
                assert!(weak.status == 403 || reads_itself, "{method} {path}: {} {}", weak.status, weak.body);
            }
            walked += 1;
        }
    }
    assert!(walked > 40, "only {walked} routes were walked");
}
