//! Coming in and going, in a browser.

use ::http::{Method, header};
use axum::body::Body;

use super::pages::form_request;
use crate::support::{Answer, House, request};

pub(crate) const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
pub(crate) const PASSWORD: &str = "four words that differ";

/// The cookie that an answer sets, as a browser sends it back.
#[track_caller]
pub(crate) fn cookie(answer: &Answer) -> String {
    let mut all = answer.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let session = all.rfind(|line| line.contains("strongroom_session="));
    let line = session.unwrap_or_else(|| panic!("no session: {} {:?}", answer.status, answer.headers));
    assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"), "{line}");
    line.split(';').next().unwrap().to_owned()
}

impl House {
    /// The first account's session.
    pub(crate) async fn set_up_ada(&self) -> String {
        let code = strongroom_app::accounts::offer_setup(&self.app).await.unwrap().unwrap();
        let path = format!("/setup/{}", code.as_str());
        assert!(self.get_page("", &path).await.html(200).contains("Make the first account"));
        let fields = [("name", "ada"), ("password", PASSWORD), ("again", "another password")];
        let refused = self.send(form_request(&path, &[OWN], &fields)).await;
        assert!(refused.html(400).contains("The two passwords differ") && !refused.text.contains(PASSWORD));
        let fields = [("name", "ada"), ("password", PASSWORD), ("again", PASSWORD)];
        let made = self.send(form_request(&path, &[OWN], &fields)).await;
        assert_eq!(made.sent_to(), "/");
        self.get_page("", &path).await.html(404);
        cookie(&made)
    }

    pub(crate) async fn get_page(&self, cookie: &str, path: &str) -> Answer {
        let headers = if cookie.is_empty() { Vec::new() } else { vec![("cookie", cookie)] };
        self.send(request("", Method::GET, path, &headers, None)).await
    }

    pub(crate) async fn sign_in(&self, fields: &[(&str, &str)]) -> Answer {
        self.send(form_request("/sign-in", &[OWN], fields)).await
    }
}

pub(crate) fn csrf(page: &Answer) -> String {
    let after = page.text.split_once("name=\"csrf\" value=\"").unwrap().1;
    after.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_person_sets_up_signs_out_and_signs_in_again() {
    let house = House::new().await;
    let session = house.set_up_ada().await;
    let front = house.get_page(&session, "/").await;
    assert!(front.html(200).contains("ada"));
    let token = csrf(&front);
    assert!(!token.is_empty());
    let headers = [OWN, ("cookie", session.as_str())];
    let out = house.send(form_request("/sign-out", &headers, &[("csrf", &token)])).await;
    assert_eq!(out.sent_to(), "/sign-in");
    assert!(out.headers["clear-site-data"].to_str().unwrap().contains("cache"));
    assert!(house.get_page(&session, "/").await.sent_to().starts_with("/sign-in"));

    let wrong = house.sign_in(&[("name", "ada"), ("password", "canary wrong password")]).await;
    let text = wrong.html(401).to_owned();
    assert!(!text.contains("canary"), "{text}");
    let nobody = house.sign_in(&[("name", "nobody"), ("password", "canary wrong password")]).await;
    assert_eq!(nobody.html(401).replace("nobody", "ada"), text, "the page tells who has an account");
    let next = "/projects/default/secrets?search=A";
    let signed = house.sign_in(&[("name", "ada"), ("password", PASSWORD), ("next", next)]).await;
    assert_eq!(signed.sent_to(), next);
    let session = cookie(&signed);
    house.get_page(&session, next).await.html(200);
    assert_eq!(house.get_page(&session, "/sign-in?next=/account").await.sent_to(), "/account");
}

#[tokio::test]
async fn a_sign_in_leads_to_no_other_site() {
    let house = House::new().await;
    house.set_up_ada().await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\"><script>"] {
        let signed = house.sign_in(&[("name", "ada"), ("password", PASSWORD), ("next", next)]).await;
        assert_eq!(signed.sent_to(), "/", "{next}");
        let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = house.get_page("", &format!("/sign-in?next={query}")).await;
        assert!(page.html(200).contains("name=\"next\" value=\"/\""), "{next}");
    }
}

#[tokio::test]
async fn no_form_is_taken_from_another_site_or_without_the_token_of_its_session() {
    let house = House::new().await;
    let session = house.set_up_ada().await;
    let page = house.get_page(&session, "/projects/default/new-secret").await;
    page.html(200);
    let token = csrf(&page);
    let path = "/projects/default/new-secret";
    let send = async |headers: &[(&str, &str)], csrf: &str| {
        let mut headers = headers.to_vec();
        headers.push(("cookie", &session));
        let fields = [("csrf", csrf), ("name", "FORGED"), ("place", "global"), ("value", "x")];
        house.send(form_request(path, &headers, &fields)).await
    };
    for foreign in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "https://evil.example"), ("host", "localhost")],
        vec![("origin", "null"), ("host", "localhost")],
        vec![],
    ] {
        assert_eq!(send(&foreign, &token).await.status, 403, "{foreign:?}");
    }
    for wrong in ["", "x", &token[1..]] {
        send(&[OWN], wrong).await.html(403);
    }
    house.get("secrets/FORGED").await.problem(404, "not_found");
    send(&[OWN], &token).await.sent_to();
    house.get("secrets/FORGED").await.expect(200);
    // signing somebody in from another site is refused, too
    let fields = [("name", "ada"), ("password", PASSWORD)];
    let forged = house.send(form_request("/sign-in", &[("sec-fetch-site", "cross-site")], &fields)).await;
    assert_eq!(forged.status, 403);
    let none = house.send(request("", Method::POST, "/sign-in", &[OWN], None).map(|_: Body| Body::empty())).await;
    assert_eq!(none.status, 415);
}

#[tokio::test]
async fn pages_cannot_be_framed_or_stored_and_tell_no_other_site_where_they_are() {
    let house = House::new().await;
    let session = house.set_up_ada().await;
    for path in
        ["/", "/projects/default/secrets", "/projects/default/new-secret", "/sign-in?next=/x", "/projects/no/secrets"]
    {
        let page = house.get_page(if path.starts_with("/sign") { "" } else { &session }, path).await;
        page.html(page.status.as_u16());
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for rule in
            ["frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "require-trusted-types-for 'script'"]
        {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert_eq!(page.headers[header::X_FRAME_OPTIONS], "DENY");
        assert!(["same-origin", "no-referrer"].contains(&page.headers[header::REFERRER_POLICY].to_str().unwrap()));
        assert_eq!(page.headers.get("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn somebody_invited_chooses_a_password_on_a_page_once() {
    let house = House::new().await;
    house.set_up_ada().await;
    let body = serde_json::json!({ "name": "bob@example.com", "project": "default", "role": "viewer" });
    let made = house.call(Method::POST, "/api/v1/invitations", Some(body)).await.expect(201);
    let path = made["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:7876").unwrap().to_owned();
    for _ in 0..2 {
        assert!(house.get_page("", &path).await.html(200).contains("bob@example.com"), "looking uses nothing up");
    }
    let send = async |headers: &[(&str, &str)], password: &str, again: &str| {
        house.send(form_request(&path, headers, &[("password", password), ("again", again)])).await
    };
    assert_eq!(send(&[("sec-fetch-site", "cross-site")], PASSWORD, PASSWORD).await.status, 403);
    let differ = send(&[OWN], PASSWORD, "canary of another").await;
    assert!(differ.html(400).contains("The two passwords differ") && !differ.text.contains("canary"));
    assert!(send(&[OWN], "short", "short").await.html(400).contains("at least 12 characters"));
    let entered = send(&[OWN], PASSWORD, PASSWORD).await;
    assert_eq!(entered.sent_to(), "/");
    house.get_page(&cookie(&entered), "/projects/default/secrets").await.html(200);
    assert!(house.get_page("", &path).await.html(404).contains("does not work any more"));
    send(&[OWN], PASSWORD, PASSWORD).await.html(404);
    house.get_page("", "/invitation/invented").await.html(404);
}

#[tokio::test]
async fn an_opened_address_is_spent_by_its_button_and_not_by_being_looked_at() {
    let house = House::new().await;
    let opened = house.post("/api/v1/session/opening", serde_json::json!({})).await.expect(201);
    let path = opened["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:7876").unwrap().to_owned();
    for _ in 0..3 {
        let page = house.get_page("", &path).await;
        assert!(page.html(200).contains("Sign this browser in") && page.headers.get(header::SET_COOKIE).is_none());
    }
    assert_eq!(house.send(form_request(&path, &[("sec-fetch-site", "cross-site")], &[])).await.status, 403);
    let entered = house.send(form_request(&path, &[OWN], &[])).await;
    assert_eq!(entered.sent_to(), "/");
    assert!(house.get_page(&cookie(&entered), "/account").await.html(200).contains("the local owner"));
    house.send(form_request(&path, &[OWN], &[])).await.html(404);
    house.get_page("", &path).await.html(404);
    // one that nobody presses in time is void
    let opened = house.post("/api/v1/session/opening", serde_json::json!({})).await.expect(201);
    let path = opened["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:7876").unwrap().to_owned();
    house.clock.advance(121);
    house.send(form_request(&path, &[OWN], &[])).await.html(404);
}

#[tokio::test]
async fn who_is_signed_in_may_sign_in_again_and_has_one_session_then() {
    let house = House::new().await;
    let before = house.set_up_ada().await;
    let page = house.get_page(&before, "/sign-in?again=yes&next=%2Faccount").await;
    assert!(page.html(200).contains("name=\"name\" value=\"ada\""));
    let token = csrf(&page);
    let fields = [("csrf", token.as_str()), ("name", "ada"), ("password", PASSWORD), ("next", "/account")];
    let headers = [OWN, ("cookie", before.as_str())];
    let again = house.send(form_request("/sign-in", &headers, &fields)).await;
    assert_eq!(again.sent_to(), "/account");
    assert!(house.get_page(&before, "/account").await.sent_to().starts_with("/sign-in"));
    let account = house.get_page(&cookie(&again), "/account").await;
    assert_eq!(account.html(200).matches(">this one<").count(), 1);
    assert_eq!(account.text.matches("<strong>Browser</strong>").count(), 1);
}
