//! Who may do what: every route, every limit of a token.

use ::http::Method;
use serde_json::json;

use crate::support::{House, names};

#[tokio::test]
async fn every_documented_route_refuses_callers_without_the_right_to_it() {
    let house = House::new().await;
    let other = house.call(Method::POST, "/api/v1/projects", Some(json!({ "name": "other" }))).await;
    assert_eq!(other.status, 201);
    let body = json!({ "name": "stranger", "capabilities": ["admin"] });
    let stranger = house.call(Method::POST, "/api/v1/projects/other/tokens", Some(body)).await;
    let stranger = stranger.body["token"].as_str().unwrap().to_owned();
    let weak = house.token(json!(["functions:invoke"])).await;
    let document = crate::openapi::document();
    let mut walked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let name = if path.contains("/secrets/") { "A" } else { "a" };
            let path = path
                .replace("{project}", "default")
                .replace("{name}", name)
                .replace("{id}", &"0".repeat(32))
                .replace("{run}", "0");
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

/// A house with secrets of three names in two namespaces, of an app, and of the system.
async fn furnished() -> House {
    let house = House::new().await;
    house.set(None, "SHARED", "wide").await;
    house.set(None, "MINE", "global-mine").await;
    house.set(Some("staging"), "MINE", "staging-mine").await;
    house.set(Some("production"), "MINE", "production-mine").await;
    house.set(Some("production"), "THEIRS", "production-theirs").await;
    for id in ["own", "other"] {
        let body = json!({ "secrets": { "APP_KEY": id }, "namespace": "staging", "app": id });
        house.put("secrets", body).await.expect(200);
    }
    house.put("settings/secrets/SYSTEM_KEY", json!({ "value": "system" })).await.expect(200);
    house
}

#[tokio::test]
async fn a_token_for_some_names_sees_and_compares_and_exports_those_alone() {
    let house = furnished().await;
    let mine = json!({ "capabilities": ["secrets:list", "values:read"], "names": ["MINE"] });
    let token = house.mint(mine).await.token;
    let get = async |path: &str| house.call_as(&token, Method::GET, path, None).await;
    assert_eq!(names(&get("secrets").await.expect(200)), ["MINE"; 3]);
    assert_eq!(get("stats").await.expect(200)["total"], 3);
    let diff = get("diff?first=staging&second=production").await.expect(200);
    assert_eq!(diff["items"], json!([{ "name": "MINE", "difference": "different" }]));
    let exported = get("export?namespace=production").await.expect(200);
    assert_eq!(exported["secrets"], json!({ "MINE": "production-mine" }));
    let resolved = get("resolve?namespace=production").await.expect(200);
    assert_eq!(resolved["secrets"], json!({ "MINE": "production-mine" }));
    get("secrets/SHARED").await.problem(403, "forbidden");
    get("logs").await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_token_for_some_names_copies_those_alone() {
    let house = furnished().await;
    let mine = json!({ "capabilities": ["values:read", "secrets:write"], "names": ["MINE"] });
    let token = house.mint(mine).await.token;
    let copy = json!({ "from_namespace": "production", "to_namespace": "staging", "overwrite": true });
    let copied = house.call_as(&token, Method::POST, "copies", Some(copy)).await.expect(200);
    assert_eq!(copied["results"].as_array().unwrap().len(), 1, "{copied}");
    assert_eq!(house.get("resolve?namespace=staging").await.expect(200)["secrets"]["MINE"], "production-mine");
}

#[tokio::test]
async fn an_admin_for_some_names_administers_nothing_else() {
    let house = furnished().await;
    let token = house.mint(json!({ "capabilities": ["admin"], "names": ["MINE"] })).await.token;
    let refused = async |method: Method, path: &str, body| {
        house.call_as(&token, method, path, body).await.problem(403, "forbidden");
    };
    let project = "/api/v1/projects/default";
    refused(Method::PATCH, project, Some(json!({ "allow_reveal": true }))).await;
    refused(Method::DELETE, "namespaces/production", None).await;
    refused(Method::POST, "namespaces", Some(json!({ "name": "fresh" }))).await;
    refused(Method::DELETE, "apps/own?namespace=staging", None).await;
    refused(Method::GET, "tokens", None).await;
    refused(Method::GET, "audit", None).await;
    let write = json!({ "namespace": "unknown", "secrets": { "MINE": "x" } });
    house.call_as(&token, Method::PUT, "secrets", Some(write)).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_token_for_some_names_or_an_app_deploys_nothing() {
    let house = furnished().await;
    let deploy = json!({ "manifest": { "secrets": [{ "name": "MINE" }] }, "bundle": "export default () => 1" });
    for limits in [json!({ "names": ["MINE"] }), json!({ "app": "own" })] {
        let mut body = limits;
        body["capabilities"] = json!(["functions:deploy"]);
        let token = house.mint(body).await.token;
        for (method, path, body) in [
            (Method::PUT, "functions/f?namespace=staging", Some(deploy.clone())),
            (Method::POST, "functions/f/rollback?namespace=staging", Some(json!({}))),
            (Method::DELETE, "functions/f?namespace=staging", None),
        ] {
            house.call_as(&token, method, path, body).await.problem(403, "forbidden");
        }
    }
}

#[tokio::test]
async fn a_token_for_one_app_lists_what_that_app_resolves() {
    let house = furnished().await;
    let body = json!({ "capabilities": ["secrets:list", "logs:read"], "namespaces": ["staging"], "app": "own" });
    let token = house.mint(body).await.token;
    let get = async |path: &str| house.call_as(&token, Method::GET, path, None).await;
    let seen = get("secrets").await.expect(200);
    assert_eq!(names(&seen), ["APP_KEY", "MINE", "MINE", "SHARED"]);
    assert_eq!(seen["items"][0]["app"], "own");
    assert_eq!(names(&get("secrets?namespace=staging&fields=name").await.expect(200)), ["APP_KEY", "MINE"]);
    get("secrets?namespace=production").await.problem(403, "forbidden");
    get("secrets?scope=system").await.problem(403, "forbidden");
    get("logs?namespace=staging").await.problem(403, "forbidden");
    assert_eq!(get("stats").await.expect(200)["total"], 4);
}

#[tokio::test]
async fn a_hint_tells_nobody_of_a_secret_that_he_may_not_list() {
    let house = furnished().await;
    let get = async |body, path: &str| {
        let token = house.mint(body).await.token;
        house.call_as(&token, Method::GET, path, None).await
    };
    let limited = json!({ "capabilities": ["secrets:list"], "namespaces": ["staging"] });
    let missing = get(limited, "secrets/THEIRS?namespace=staging").await.expect(404);
    assert_eq!(missing.get("hint"), None, "{missing}");
    let open = json!({ "capabilities": ["secrets:list"] });
    let missing = get(open, "secrets/THEIRS?namespace=staging").await.expect(404);
    assert_eq!(missing["hint"], "strongroom secrets get THEIRS --namespace production");
}

#[tokio::test]
async fn events_reach_those_who_could_list_what_changed() {
    use futures_util::StreamExt as _;
    let house = furnished().await;
    let body = json!({ "capabilities": ["secrets:list"], "namespaces": ["staging"], "app": "own", "names": ["APP_KEY", "MINE"] });
    let token = house.mint(body).await.token;
    let request = crate::support::request(&token, Method::GET, "events?namespace=staging", &[], None);
    let response = tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = response.into_body().into_data_stream();
    house
        .put("secrets", json!({ "app": "other", "namespace": "staging", "secrets": { "APP_KEY": "2" } }))
        .await
        .expect(200);
    house.put("settings/secrets/MINE", json!({ "value": "s" })).await.expect(200);
    house.set(Some("production"), "MINE", "p").await;
    house
        .put("secrets", json!({ "namespace": "staging", "secrets": { "MINE": "2", "SHARED": "2" } }))
        .await
        .expect(200);
    let first = stream.next().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    assert!(first.contains("\"names\":[\"MINE\"]") && first.contains("\"namespace\":\"staging\""), "{first}");
}
