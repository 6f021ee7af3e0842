//! An instance of its own behind its routers, with a clock that a test sets and a store that a test can damage.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ::http::{Method, Request, StatusCode, header};
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_app::{App, AppConfig, Clock};
use strongroom_seal::{RootKey, SystemRandom};
use strongroom_secret::SecretValue;
use strongroom_server::{Served, management_router};
use strongroom_store::sqlite::{SqliteOptions, SqliteStore};
use strongroom_store::{Store, StoreError, Tx};
use tower::ServiceExt as _;

/// A clock that stands still until it is moved.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(crate) struct House {
    pub(crate) router: Router,
    pub(crate) app: Arc<App>,
    pub(crate) owner: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<TestClock>,
    _home: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: ::http::HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// The answer's body, once its status is the expected one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.body
    }

    /// The detail of a refusal with this status and code, which is a problem-details object with the request's id.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.body["code"], code, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.headers["x-request-id"], self.body["request_id"].as_str().unwrap());
        self.body["detail"].as_str().unwrap().to_owned()
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with_environment(Vec::new()).await
    }

    /// A house whose server has `STRONGROOM_SECRET_NAME` variables in its own environment.
    pub(crate) async fn with_environment(variables: Vec<(&str, &str)>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            SqliteStore::open(&home.path().join("strongroom.db"), SqliteOptions::default()).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_900_000_000_000)));
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), SecretValue::new(value.to_owned()).unwrap()));
        let app = App::open(AppConfig {
            clock: Arc::<TestClock>::clone(&clock),
            server_environment: variables.collect(),
            public_url: Some("http://127.0.0.1:7876".to_owned()),
            password_cost: strongroom_app::PasswordCost::LEAST,
            ..AppConfig::new(Arc::clone(&store), RootKey::generate(&SystemRandom))
        });
        let app = app.await.unwrap();
        let owner = app.owner_token().to_owned();
        let router = management_router(&Served::new(Arc::clone(&app), 1));
        Self { router, app, owner, store, clock, _home: home }
    }

    /// A call by the owner. A path that does not begin with `/` stands below `/api/v1/admin/`.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.owner, method, path, body).await
    }

    pub(crate) async fn call_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(request(token, method, path, &[], body)).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Sets a secret of global scope, or of the namespace.
    pub(crate) async fn set(&self, namespace: Option<&str>, name: &str, value: &str) {
        let mut body = json!({ "secrets": { name: value } });
        if let Some(namespace) = namespace {
            body["namespace"] = namespace.into();
        }
        self.put("secrets", body).await.expect(200);
    }

    /// A new token of the project `default`.
    pub(crate) async fn mint(&self, body: Value) -> Minted {
        let mut body = body;
        if body.get("name").is_none() {
            body["name"] = "test".into();
        }
        let made = self.post("tokens", body).await.expect(201);
        Minted { token: made["token"].as_str().unwrap().to_owned(), id: made["id"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn token(&self, capabilities: Value) -> String {
        self.mint(json!({ "capabilities": capabilities })).await.token
    }

    /// Writes to the store as somebody would who has the database but no key.
    pub(crate) async fn damage(&self, work: impl FnOnce(&mut dyn Tx) -> Result<(), StoreError> + Send + 'static) {
        self.store.write(work).await.unwrap();
    }

    /// Waits until `done`, and gives up after ten seconds.
    pub(crate) async fn eventually<F: Future<Output = bool>>(&self, what: &str, done: impl Fn() -> F) {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while !done().await {
            assert!(tokio::time::Instant::now() < deadline, "{what} did not come");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

pub(crate) struct Minted {
    pub(crate) token: String,
    pub(crate) id: String,
}

/// A request; a path that does not begin with `/` stands below `/api/v1/admin/`.
pub(crate) fn request(
    token: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Request<Body> {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/admin/{path}") };
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    request.body(body).unwrap()
}

/// The names in a list's items.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}
