//! Command lines that sign in through a browser.

use ::http::Method;
use serde_json::{Value, json};

use super::door::{OWN, PASSWORD, csrf};
use super::pages::form_request;
use crate::support::{Answer, House};

struct Login {
    device: String,
    user: String,
}

async fn begin(house: &House) -> Login {
    let body = json!({ "label": "ada@laptop" });
    let begun = house.call_as("", Method::POST, "/api/v1/logins", Some(body)).await.expect(201);
    assert_eq!((&begun["url"], &begun["interval"]), (&json!("http://127.0.0.1:7876/login"), &json!(2)));
    let text = |key: &str| begun[key].as_str().unwrap().to_owned();
    Login { device: text("device_code"), user: text("user_code") }
}

async fn claim(house: &House, device: &str) -> Answer {
    house.clock.advance(2);
    house.call_as("", Method::POST, "/api/v1/logins/claim", Some(json!({ "device_code": device }))).await
}

/// Types a code on the page; the answer, and what the page's form carries.
async fn typed(house: &House, session: &str, code: &str) -> Answer {
    let token = csrf(&house.get_page(session, "/login").await);
    let headers = [OWN, ("cookie", session)];
    house.send(form_request("/login", &headers, &[("csrf", &token), ("code", code)])).await
}

async fn decide(house: &House, session: &str, (code, answer): (&str, &str)) -> Answer {
    let token = csrf(&house.get_page(session, "/login").await);
    let headers = [OWN, ("cookie", session)];
    house.send(form_request("/login/confirm", &headers, &[("csrf", &token), ("code", code), ("answer", answer)])).await
}

#[tokio::test]
async fn a_command_line_comes_in_once_a_person_has_typed_its_code_and_confirmed() {
    let house = House::new().await;
    let session = house.set_up_ada().await;
    let login = begin(&house).await;
    claim(&house, &login.device).await.expect(202);
    house.clock.advance(-2);
    claim(&house, &login.device).await.problem(429, "too_many");
    assert!(house.get_page("", "/login").await.sent_to().starts_with("/sign-in?next=%2Flogin"));
    let written = login.user.to_lowercase().replace('-', " ");
    let page = typed(&house, &session, &written).await;
    for shown in [login.user.as_str(), "ada@laptop", "process", "typed <code>strongroom login</code> yourself"] {
        assert!(page.html(200).contains(shown), "{shown}: {}", page.text);
    }
    // looking lets nobody in
    claim(&house, &login.device).await.expect(202);
    assert!(decide(&house, &session, (&login.user, "yes")).await.html(200).contains("is signed in"));
    let signed = claim(&house, &login.device).await;
    assert!(signed.headers.get("set-cookie").is_none());
    let signed = signed.expect(201);
    assert_eq!((&signed["kind"], &signed["name"]), (&json!("cli"), &json!("ada")));
    let token = signed["token"].as_str().unwrap();
    house.call_as(token, Method::GET, "resolve", None).await.expect(200);
    // neither code serves again
    claim(&house, &login.device).await.problem(404, "not_found");
    typed(&house, &session, &login.user).await.html(404);
    // it is listed, and ends as sessions end
    let account = house.get_page(&session, "/account").await;
    assert!(account.html(200).contains("Command line") && account.text.contains("ada@laptop"));
    let end = account.text.split_once("action=\"/account/sessions/").unwrap().1.split_once('"').unwrap().0.to_owned();
    let fields = [("csrf", csrf(&account))];
    let fields = fields.each_ref().map(|(name, text)| (*name, text.as_str()));
    let headers = [OWN, ("cookie", session.as_str())];
    house.send(form_request(&format!("/account/sessions/{end}"), &headers, &fields)).await.sent_to();
    house.call_as(token, Method::GET, "resolve", None).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_login_ends_with_a_no_with_time_and_with_the_session_that_confirmed_it() {
    let house = House::new().await;
    let session = house.set_up_ada().await;
    let refused = begin(&house).await;
    assert_eq!(decide(&house, &session, (&refused.user, "no")).await.sent_to(), "/account");
    claim(&house, &refused.device).await.problem(403, "forbidden");
    claim(&house, &refused.device).await.problem(404, "not_found");
    let late = begin(&house).await;
    for _ in 0..299 {
        assert_eq!(claim(&house, &late.device).await.status, 202);
    }
    claim(&house, &late.device).await.problem(404, "not_found");
    typed(&house, &session, &late.user).await.html(404);
    // nobody asks any more
    let gone = begin(&house).await;
    house.clock.advance(61);
    begin(&house).await;
    claim(&house, &gone.device).await.problem(404, "not_found");
    let ended = begin(&house).await;
    decide(&house, &session, (&ended.user, "yes")).await.html(200);
    let front = house.get_page(&session, "/").await;
    let headers = [OWN, ("cookie", session.as_str())];
    house.send(form_request("/sign-out", &headers, &[("csrf", &csrf(&front))])).await.sent_to();
    claim(&house, &ended.device).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_stranger_who_begins_a_login_gains_nothing_and_guesses_are_limited() {
    let house = House::new().await;
    let session = house.set_up_ada().await;
    let login = begin(&house).await;
    let api = |path: &'static str, body: Value| house.call_as("", Method::POST, path, Some(body));
    for guess in ["", "0", &"0".repeat(64), &login.user] {
        api("/api/v1/logins/claim", json!({ "device_code": guess })).await.problem(404, "not_found");
    }
    // the code of the device is none for the page
    typed(&house, &session, &login.device).await.html(404);
    let headers = [("sec-fetch-site", "cross-site"), ("cookie", session.as_str())];
    let token = csrf(&house.get_page(&session, "/login").await);
    let fields = [("csrf", token.as_str()), ("code", login.user.as_str()), ("answer", "yes")];
    assert_eq!(house.send(form_request("/login/confirm", &headers, &fields)).await.status, 403);
    house.send(form_request("/login/confirm", &[OWN, ("cookie", session.as_str())], &fields[1..])).await.html(403);
    claim(&house, &login.device).await.expect(202);
    let mut limited = 0;
    for _ in 0..12 {
        limited += usize::from(typed(&house, &session, "BCDF-GHJK").await.status == 429);
    }
    assert!(limited > 0, "codes can be guessed");
    // neither a token, nor a command line, nor the local owner lets a command line in
    let other = begin(&house).await;
    let body = json!({ "name": "ada", "password": PASSWORD, "command_line": true });
    let signed = api("/api/v1/session", body).await.expect(201);
    let minted = house.token(json!(["admin"])).await;
    for bearer in [house.owner.as_str(), signed["token"].as_str().unwrap(), minted.as_str()] {
        let fields = [("code", other.user.as_str()), ("answer", "yes")];
        let headers = [OWN, ("authorization", &format!("Bearer {bearer}"))];
        assert_eq!(house.send(form_request("/login/confirm", &headers, &fields)).await.status, 403);
    }
    claim(&house, &other.device).await.expect(202);
    let begun = (0..40).map(|_| house.call_as("", Method::POST, "/api/v1/logins", Some(json!({}))));
    let mut refused = 0;
    for one in begun {
        refused += usize::from(one.await.status == 429);
    }
    assert!(refused > 0, "logins can be begun without end");
}
