//! The API through its router, on a real store, without a network.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use strongroom_app::{App, AppConfig, SystemClock};
use strongroom_model::ProjectName;
use strongroom_seal::{RootKey, SystemRandom};
use strongroom_server::{Served, management_router};
use strongroom_store::sqlite::{SqliteOptions, SqliteStore};
use tower::ServiceExt as _;

/// An instance of its own, with its router and the owner's token.
struct House {
    router: Router,
    owner: String,
    _home: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

impl House {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&home.path().join("strongroom.db"), SqliteOptions::default()).unwrap();
        let app = App::open(AppConfig {
            store,
            root: RootKey::generate(&SystemRandom),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRandom),
            server_environment: Vec::new(),
            environment_projects: vec![ProjectName::default_project()],
            functions: Arc::new(|| Err("no functions here".to_owned())),
            functions_url: None,
            public_url: Some("http://127.0.0.1:7876".to_owned()),
            restore_window: std::time::Duration::from_hours(168),
            relaxed_audit: false,
        });
        let app = app.await.unwrap();
        let owner = app.owner_token().to_owned();
        Self { router: management_router(&Served::new(app, 1)), owner, _home: home }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.owner, method, path, body).await
    }

    async fn call_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn token(&self, capabilities: Value) -> String {
        let body = json!({ "name": "test", "capabilities": capabilities });
        let answer = self.call(Method::POST, "/api/v1/admin/tokens", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["token"].as_str().unwrap().to_owned()
    }
}

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
