//! Pages: who gets to see one, what stands around it, what its forms take.

use ::http::{Method, Request, header};
use axum::body::Body;
use serde_json::json;

use crate::support::{Answer, House};

/// Names that would do harm where a page forgot to escape them.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

impl House {
    /// A page as the owner sees it.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// A form that the owner sends.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.form_as(&self.owner, path, fields).await
    }

    pub(crate) async fn form_as(&self, token: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(form_request(path, &[("authorization", &format!("Bearer {token}"))], fields)).await
    }
}

/// A form as a browser sends it.
pub(crate) fn form_request(path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Request<Body> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = Request::builder().method(Method::POST).uri(path);
    request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

impl Answer {
    /// Where the browser is sent.
    #[track_caller]
    pub(crate) fn sent_to(&self) -> &str {
        assert_eq!(self.status.as_u16(), 303, "{}", self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The page, once its status is the expected one. No page holds a script or style of its own.
    #[track_caller]
    pub(crate) fn html(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        let policy = self.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        for inline in ["<style", "style=", "javascript:", " onclick", " onload", " onerror"] {
            let escaped = self.text.replace(&askama_escaped(HOSTILE), "");
            assert!(!escaped.contains(inline), "{inline} stands in the page: {}", self.text);
        }
        assert!(!self.text.contains("<script>"), "{}", self.text);
        let forms = self.text.matches("method=\"post\"").count();
        assert_eq!(self.text.matches("name=\"csrf\"").count(), forms, "a form carries no token: {}", self.text);
        &self.text
    }
}

pub(crate) fn askama_escaped(text: &str) -> String {
    let entity = |letter| match letter {
        '&' => "&#38;".to_owned(),
        '<' => "&#60;".to_owned(),
        '>' => "&#62;".to_owned(),
        '"' => "&#34;".to_owned(),
        '\'' => "&#39;".to_owned(),
        letter => letter.to_string(),
    };
    text.chars().map(entity).collect()
}

#[tokio::test]
async fn signing_in_leads_back_to_the_page_that_was_asked_for() {
    let house = House::new().await;
    let answer = house.call_as("", Method::GET, "/projects/default/secrets?search=A&state=set", None).await;
    assert_eq!(answer.sent_to(), "/sign-in?next=%2Fprojects%2Fdefault%2Fsecrets%3Fsearch%3DA%26state%3Dset");
}

#[tokio::test]
async fn a_browser_that_lost_its_way_gets_a_page_and_a_program_gets_json() {
    let house = House::new().await;
    let lost = house.page("/projects/nowhere/secrets").await;
    assert!(lost.html(404).contains("Not found"));
    assert!(lost.text.contains(lost.headers["x-request-id"].to_str().unwrap()));
    let accept = [("accept", "text/html,application/xhtml+xml")];
    let unknown = house.send(crate::support::request(&house.owner, Method::GET, "/nonsense", &accept, None)).await;
    unknown.html(404);
    house.call(Method::GET, "/api/v1/nonsense", None).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_asset_may_be_kept_for_ever_under_the_name_of_its_content() {
    let house = House::new().await;
    let page = house.page("/").await.html(200).to_owned();
    let mut found = 0;
    for part in page.split('"').filter(|part| part.starts_with("/assets/")) {
        let asset = house.call_as("", Method::GET, part, None).await;
        assert_eq!(asset.status, 200, "{part}");
        assert_eq!(asset.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(asset.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let media = asset.headers[header::CONTENT_TYPE].to_str().unwrap();
        assert!(["text/css", "text/javascript", "image/svg"].iter().any(|known| media.starts_with(known)), "{media}");
        assert!(asset.text.len() < 50_000, "{part}");
        found += 1;
    }
    assert_eq!(found, 3);
    house.call_as("", Method::GET, "/assets/strongroom-0000000000000000.css", None).await.html(404);
}

#[tokio::test]
async fn the_table_shows_names_and_states_and_escapes_what_people_wrote() {
    let house = House::new().await;
    house.set(None, "GLOBAL_KEY", "canary-global-value").await;
    house.set(Some("staging"), "STAGING_KEY", "canary-staging-value").await;
    let hostile = json!({ "name": "HOSTILE", "description": HOSTILE });
    house.call(Method::POST, "secrets", Some(hostile)).await.expect(201);
    let page = house.page("/projects/default/secrets").await;
    let html = page.html(200);
    for shown in ["GLOBAL_KEY", "STAGING_KEY", "HOSTILE", "is-no_value", &askama_escaped(HOSTILE)] {
        assert!(html.contains(shown), "{shown} is missing: {html}");
    }
    assert!(!html.contains("canary"), "{html}");
    let listed = async |query: &str| {
        let page = house.page(&format!("/projects/default/secrets?{query}")).await;
        let html = page.html(200);
        let names = ["GLOBAL_KEY", "STAGING_KEY", "HOSTILE"];
        names.into_iter().filter(|name| html.contains(&format!("/secrets/{name}"))).collect::<Vec<_>>()
    };
    assert_eq!(listed("scope=&namespace=&state=&search=").await, ["GLOBAL_KEY", "STAGING_KEY", "HOSTILE"]);
    assert_eq!(listed("scope=namespace").await, ["STAGING_KEY"]);
    assert_eq!(listed("namespace=staging").await, ["STAGING_KEY"]);
    assert_eq!(listed("state=no_value").await, ["HOSTILE"]);
    assert_eq!(listed("search=key").await, ["GLOBAL_KEY", "STAGING_KEY"]);
    let hostile: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    house.page(&format!("/projects/default/secrets?search={hostile}")).await.html(200);
    house.page(&format!("/projects/default/secrets?state={hostile}")).await.html(400);
}

#[tokio::test]
async fn a_secret_is_added_by_a_form_which_never_gives_back_what_was_typed_as_its_value() {
    let house = House::new().await;
    let path = "/projects/default/new-secret";
    assert!(house.page(path).await.html(200).contains("type=\"password\""));
    let pem = "-----BEGIN KEY-----\r\ncanary\r\n-----END KEY-----\r\n";
    let fields = [("name", "PEM"), ("place", "global"), ("value", ""), ("value.lines", pem), ("expires", "30d")];
    let added = house.form(path, &fields).await;
    assert_eq!(added.sent_to(), "/projects/default/secrets/PEM");
    let stored = house.get("resolve").await.expect(200);
    assert_eq!(stored["secrets"]["PEM"], pem.replace("\r\n", "\n"));
    let news = added.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let get =
        crate::support::request(&house.owner, Method::GET, "/projects/default/secrets", &[("cookie", &news)], None);
    let shown = house.send(get).await;
    assert!(shown.html(200).contains("PEM is set."), "{}", shown.text);
    assert!(shown.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));

    let wrong = [("name", "BAD NAME"), ("place", "global"), ("value", "canary-value"), ("expires", "soon")];
    let refused = house.form(path, &wrong).await;
    let html = refused.html(400);
    assert!(html.contains("BAD NAME") && !html.contains("canary-value"), "{html}");
    let twice = house.form(path, &[("name", "PEM"), ("value", "canary-value")]).await;
    assert!(twice.html(409).contains("exists already") && !twice.text.contains("canary-value"));
    let steering = house.form(path, &[("name", "NODE_OPTIONS"), ("value", "canary-value")]).await;
    assert!(steering.html(400).contains("name=\"allow_name\""));
    let granted = house.form(path, &[("name", "NODE_OPTIONS"), ("value", "v"), ("allow_name", "yes")]).await;
    assert_eq!(granted.sent_to(), "/projects/default/secrets/NODE_OPTIONS");
    let generated = house.form(path, &[("name", "RANDOM"), ("place", "namespace:default"), ("generate", "yes")]).await;
    assert_eq!(generated.sent_to(), "/projects/default/secrets/RANDOM?namespace=default");
    let stored = house.get("resolve").await.expect(200);
    assert_eq!(stored["secrets"]["RANDOM"].as_str().unwrap().len(), 43);
}
