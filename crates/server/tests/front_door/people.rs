//! People: the first account, sessions, roles, and what ends them.

use ::http::{Method, header};
use serde_json::{Value, json};

use super::pages::form_request;
use crate::support::{Answer, House, request};

pub(crate) const PASSWORD: &str = "four random canary words";

/// A browser that is signed in.
pub(crate) struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert!(answer.status.is_success(), "{}", answer.text);
        let line = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(line.contains("; HttpOnly; SameSite=Lax") && line.contains("; Path=/"), "{line}");
        let cookie = line.split(';').next().unwrap().to_owned();
        Self { cookie, csrf: answer.body["csrf_token"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn call(&self, house: &House, method: Method, path: &str, body: Option<Value>) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("x-csrf-token", self.csrf.as_str())];
        house.send(request("", method, path, &headers, body)).await
    }

    pub(crate) async fn get(&self, house: &House, path: &str) -> Answer {
        self.call(house, Method::GET, path, None).await
    }
}

pub(crate) async fn set_up(house: &House) -> Browser {
    let code = strongroom_app::accounts::offer_setup(&house.app).await.unwrap().unwrap();
    let body = json!({ "code": code.as_str(), "name": "Ada@Example.com", "password": PASSWORD });
    Browser::of(&house.call_as("", Method::POST, "/api/v1/setup", Some(body)).await)
}

#[tokio::test]
async fn the_first_account_is_made_once_and_with_the_printed_code_alone() {
    let house = House::new().await;
    let code = strongroom_app::accounts::offer_setup(&house.app).await.unwrap().unwrap();
    let body = |code: &str, password: &str| Some(json!({ "code": code, "name": "ada", "password": password }));
    let send = async |body| house.call_as("", Method::POST, "/api/v1/setup", body).await;
    for wrong in ["", "0", &"0".repeat(32), &code.to_uppercase()] {
        send(body(wrong, PASSWORD)).await.problem(404, "not_found");
    }
    send(body(&code, "short")).await.problem(400, "invalid");
    let ada = Browser::of(&send(body(&code, PASSWORD)).await);
    send(body(&code, PASSWORD)).await.problem(404, "not_found");
    assert!(strongroom_app::accounts::offer_setup(&house.app).await.unwrap().is_none());
    let who = ada.get(&house, "/api/v1/session").await.expect(200);
    assert_eq!((&who["name"], &who["is_instance_admin"]), (&json!("ada"), &json!(true)));
    assert_eq!(who["projects"][0]["project"], "default");
    ada.get(&house, "secrets").await.expect(200);
}

#[tokio::test]
async fn a_session_is_a_cookie_and_no_bearer_and_needs_its_csrf_token_and_origin() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    let text = ada.cookie.split_once('=').unwrap().1;
    house.call_as(text, Method::GET, "secrets", None).await.problem(401, "unauthenticated");
    let body = json!({ "secrets": { "A": "1" } });
    let put = async |headers: &[(&str, &str)]| {
        let headers: Vec<_> = [&[("cookie", ada.cookie.as_str())], headers].concat();
        house.send(request("", Method::PUT, "secrets", &headers, Some(body.clone()))).await
    };
    put(&[]).await.problem(403, "forbidden");
    put(&[("x-csrf-token", "")]).await.problem(403, "forbidden");
    put(&[("x-csrf-token", &"0".repeat(64))]).await.problem(403, "forbidden");
    let token = ("x-csrf-token", ada.csrf.as_str());
    put(&[token, ("origin", "https://evil.example")]).await.problem(403, "forbidden");
    put(&[token, ("origin", "null")]).await.problem(403, "forbidden");
    put(&[token, ("sec-fetch-site", "cross-site")]).await.problem(403, "forbidden");
    put(&[token, ("sec-fetch-site", "same-site")]).await.problem(403, "forbidden");
    put(&[token, ("origin", "http://127.0.0.1:7876"), ("sec-fetch-site", "same-origin")]).await.expect(200);
    let twice = format!("{0}; {0}", ada.cookie);
    let get = request("", Method::GET, "secrets", &[("cookie", twice.as_str())], None);
    house.send(get).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn signing_in_from_another_sites_page_is_refused() {
    let house = House::new().await;
    set_up(&house).await;
    let body = json!({ "name": "ada@example.com", "password": PASSWORD });
    let send = async |headers: &[(&str, &str)]| {
        house.send(request("", Method::POST, "/api/v1/session", headers, Some(body.clone()))).await
    };
    send(&[("origin", "https://evil.example")]).await.problem(403, "forbidden");
    send(&[("sec-fetch-site", "cross-site")]).await.problem(403, "forbidden");
    Browser::of(&send(&[("sec-fetch-site", "same-origin")]).await);
}

#[tokio::test]
async fn values_are_not_delivered_to_a_browser() {
    let house = House::new().await;
    house.set(None, "KEY", "canary-value").await;
    let ada = set_up(&house).await;
    for path in ["resolve", "export", "resolve?names=KEY", "/api/v1/projects/default/resolve"] {
        let answer = ada.get(&house, path).await;
        assert!(!answer.text.contains("canary-value"));
        answer.problem(403, "forbidden");
    }
    ada.get(&house, "resolution").await.expect(200);
}

#[tokio::test]
async fn whatever_is_wrong_a_sign_in_is_refused_alike_and_names_have_one_writing() {
    let house = House::new().await;
    set_up(&house).await;
    let send = async |name: &str, password: &str| {
        let body = json!({ "name": name, "password": password });
        house.call_as("", Method::POST, "/api/v1/session", Some(body)).await
    };
    let mut details = Vec::new();
    for (name, password) in
        [("ada@example.com", "wrong password"), ("eve@example.com", PASSWORD), ("root", PASSWORD), ("", "")]
    {
        let mut answer = send(name, password).await;
        answer.body["request_id"] = Value::Null;
        let body = answer.body.clone();
        answer.expect(401);
        details.push(body);
    }
    assert!(details.windows(2).all(|pair| pair[0] == pair[1]), "{details:?}");
    Browser::of(&send("ADA@EXAMPLE.COM", PASSWORD).await);
    let audit = house.get("audit").await.text;
    assert!(!audit.contains("wrong password") && !audit.contains("canary") && !audit.contains("eve@"), "{audit}");
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    let out = ada.call(&house, Method::DELETE, "/api/v1/session", None).await;
    assert_eq!(out.status, 204);
    assert!(out.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    ada.get(&house, "secrets").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_when_it_rested_too_long_and_when_it_is_old() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    house.clock.advance(11 * 3_600);
    ada.get(&house, "secrets").await.expect(200);
    house.clock.advance(13 * 3_600);
    ada.get(&house, "secrets").await.problem(401, "unauthenticated");
    let again = json!({ "name": "ada@example.com", "password": PASSWORD });
    let ada = Browser::of(&house.call_as("", Method::POST, "/api/v1/session", Some(again)).await);
    for _ in 0..15 {
        house.clock.advance(11 * 3_600);
        ada.get(&house, "secrets").await.expect(200);
    }
    house.clock.advance(11 * 3_600);
    ada.get(&house, "secrets").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn the_local_owner_opens_a_browser_once_and_it_cannot_open_another() {
    let house = House::new().await;
    let opening = house.call(Method::POST, "/api/v1/session/opening", None).await.expect(201);
    let path = opening["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:7876").unwrap().to_owned();
    let own = [("sec-fetch-site", "same-origin")];
    let open = async || house.send(form_request(&path, &own, &[])).await;
    let opened = open().await;
    assert_eq!((opened.status.as_u16(), opened.headers[header::LOCATION].to_str().unwrap()), (303, "/"));
    let cookie = opened.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let who = house.send(request("", Method::GET, "/api/v1/session", &[("cookie", &cookie)], None)).await.expect(200);
    assert_eq!((&who["actor"], &who["name"]), (&json!("owner"), &Value::Null));
    let owner = Browser { cookie, csrf: who["csrf_token"].as_str().unwrap().to_owned() };
    owner.get(&house, "secrets").await.expect(200);
    owner.get(&house, "resolve").await.problem(403, "forbidden");
    owner.call(&house, Method::POST, "/api/v1/session/opening", None).await.problem(403, "forbidden");
    assert_eq!(open().await.status, 404);
    house.clock.advance(12 * 3_600);
    owner.get(&house, "secrets").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_token_ends_with_its_minters_role_and_is_never_wider_than_he() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    let wide = json!({ "name": "ci", "capabilities": ["values:read"] });
    let minted = ada.call(&house, Method::POST, "tokens", Some(wide.clone())).await.expect(201);
    let ci = minted["token"].as_str().unwrap();
    house.call_as(ci, Method::GET, "resolve", None).await.expect(200);
    // the last owner stays
    let member = "members/ada@example.com";
    let viewer = Some(json!({ "role": "viewer" }));
    house.call(Method::PUT, member, viewer.clone()).await.problem(409, "conflict");
    house.call(Method::DELETE, member, None).await.problem(409, "conflict");
    house
        .call(Method::PUT, member, Some(json!({ "role": "owner", "namespaces": ["default"] })))
        .await
        .problem(400, "invalid");
    house.call(Method::PUT, "members/nobody@example.com", viewer).await.problem(404, "not_found");
    let listed = ada.get(&house, "members").await.expect(200);
    assert_eq!(
        (&listed["items"][0]["name"], &listed["items"][0]["role"]),
        (&json!("ada@example.com"), &json!("owner"))
    );
}

#[tokio::test]
async fn edited_rows_of_people_let_nobody_in() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    house
        .damage(|tx| {
            let mut row = tx.users()?.remove(0);
            row.generation += 1;
            tx.update_user(&row).map(drop)
        })
        .await;
    house.app.forget_credentials();
    assert_eq!(ada.get(&house, "secrets").await.status, 500);
    let again = json!({ "name": "ada@example.com", "password": PASSWORD });
    let answer = house.call_as("", Method::POST, "/api/v1/session", Some(again)).await;
    assert_eq!(answer.status, 500, "{}", answer.text);
}

/// Invites somebody to the project `default` and lets him accept.
pub(crate) async fn join(house: &House, name: &str, role: &str, namespaces: &[&str]) -> Browser {
    let body = json!({ "name": name, "project": "default", "role": role, "namespaces": namespaces });
    let made = house.call(Method::POST, "/api/v1/invitations", Some(body)).await.expect(201);
    let code = made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let body = json!({ "code": code, "password": PASSWORD });
    Browser::of(&house.call_as("", Method::POST, "/api/v1/invitations/accept", Some(body)).await)
}

async fn sign_in(house: &House, name: &str, password: &str) -> Answer {
    let body = json!({ "name": name, "password": password });
    house.call_as("", Method::POST, "/api/v1/session", Some(body)).await
}

#[tokio::test]
async fn an_invitation_is_accepted_once_within_its_time_and_gives_what_it_says() {
    let house = House::new().await;
    set_up(&house).await;
    let invite = async |name: &str| {
        let body = json!({ "name": name, "project": "default", "role": "viewer" });
        let made = house.call(Method::POST, "/api/v1/invitations", Some(body)).await.expect(201);
        made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    let accept = async |code: &str, password: &str| {
        let body = json!({ "code": code, "password": password });
        house.call_as("", Method::POST, "/api/v1/invitations/accept", Some(body)).await
    };
    let earlier = invite("bob@example.com").await;
    let code = invite("BOB@example.com").await;
    // nobody has power by being invited, and a newer invitation withdraws the one before
    sign_in(&house, "bob@example.com", PASSWORD).await.problem(401, "unauthenticated");
    accept(&earlier, PASSWORD).await.problem(404, "not_found");
    accept(&"0".repeat(32), PASSWORD).await.problem(404, "not_found");
    accept(&code, "short").await.problem(400, "invalid");
    let bob = Browser::of(&accept(&code, PASSWORD).await);
    accept(&code, PASSWORD).await.problem(404, "not_found");
    bob.get(&house, "secrets").await.expect(200);
    bob.call(&house, Method::PUT, "secrets", Some(json!({ "secrets": { "A": "1" } }))).await.problem(403, "forbidden");
    bob.get(&house, "members").await.problem(403, "forbidden");
    bob.get(&house, "/api/v1/users").await.problem(403, "forbidden");
    let late = invite("eve").await;
    house.clock.advance(8 * 24 * 3_600);
    accept(&late, PASSWORD).await.problem(404, "not_found");
    let withdrawn = invite("eve").await;
    let id = house.get("/api/v1/invitations").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    house.delete(&format!("/api/v1/invitations/{id}")).await.expect(200);
    accept(&withdrawn, PASSWORD).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_invitation_ends_with_its_inviters_power() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    let bob = join(&house, "bob", "owner", &[]).await;
    drop(bob);
    house.call(Method::PATCH, "/api/v1/users/bob", Some(json!({ "instance_admin": true }))).await.expect(200);
    let made =
        ada.call(&house, Method::POST, "/api/v1/invitations", Some(json!({ "name": "eve", "instance_admin": true })));
    let code = made.await.expect(201)["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    house.call(Method::PATCH, "/api/v1/users/ada@example.com", Some(json!({ "disabled": true }))).await.expect(200);
    let body = json!({ "code": code, "password": PASSWORD });
    house.call_as("", Method::POST, "/api/v1/invitations/accept", Some(body)).await.problem(404, "not_found");
}

#[tokio::test]
async fn sessions_and_tokens_die_with_role_membership_password_disabling_and_deletion() {
    let house = House::new().await;
    set_up(&house).await;
    let enter = async |name: &str| {
        let browser = Browser::of(&sign_in(&house, name, PASSWORD).await);
        let body = json!({ "name": "ci", "capabilities": ["secrets:list"] });
        let minted = browser.call(&house, Method::POST, "tokens", Some(body)).await.expect(201);
        let token = minted["token"].as_str().unwrap().to_owned();
        house.call_as(&token, Method::GET, "secrets", None).await.expect(200);
        (browser, token)
    };
    join(&house, "bob", "admin", &[]).await;
    let changes: [(Method, &str, Option<Value>); 4] = [
        (Method::PUT, "members/bob", Some(json!({ "role": "developer" }))),
        (Method::PATCH, "/api/v1/users/bob", Some(json!({ "disabled": true }))),
        (Method::DELETE, "members/bob", None),
        (Method::DELETE, "/api/v1/users/bob", None),
    ];
    for (method, path, body) in changes {
        let (browser, token) = enter("bob").await;
        house.call(method, path, body).await.expect(200);
        browser.get(&house, "secrets").await.problem(401, "unauthenticated");
        house.call_as(&token, Method::GET, "secrets", None).await.problem(401, "unauthenticated");
        if path.contains("users/bob") {
            sign_in(&house, "bob", PASSWORD).await.problem(401, "unauthenticated");
        }
        // as he was before
        house.call(Method::PATCH, "/api/v1/users/bob", Some(json!({ "disabled": false }))).await;
        house.call(Method::PUT, "members/bob", Some(json!({ "role": "admin" }))).await;
    }
}

#[tokio::test]
async fn another_password_takes_the_present_one_and_ends_every_other_session() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    let elsewhere = Browser::of(&sign_in(&house, "ada@example.com", PASSWORD).await);
    let change = async |present: &str, new: &str| {
        let body = json!({ "password": present, "new_password": new });
        ada.call(&house, Method::PUT, "/api/v1/session/password", Some(body)).await
    };
    change("not the present one", "another four random words").await.problem(403, "forbidden");
    change(PASSWORD, "short").await.problem(400, "invalid");
    let ada_now = Browser::of(&change(PASSWORD, "another four random words").await);
    for old in [&ada, &elsewhere] {
        old.get(&house, "secrets").await.problem(401, "unauthenticated");
    }
    ada_now.get(&house, "secrets").await.expect(200);
    sign_in(&house, "ada@example.com", PASSWORD).await.problem(401, "unauthenticated");
    Browser::of(&sign_in(&house, "ada@example.com", "another four random words").await);
    let sessions = ada_now.get(&house, "/api/v1/sessions").await.expect(200);
    let other = sessions["items"].as_array().unwrap().iter().find(|item| item["is_this"] == false).unwrap();
    let path = format!("/api/v1/sessions/{}", other["id"].as_str().unwrap());
    let bob = join(&house, "bob", "viewer", &[]).await;
    bob.call(&house, Method::DELETE, &path, None).await.problem(404, "not_found");
    assert_eq!(ada_now.call(&house, Method::DELETE, &path, None).await.status, 204);
}

#[tokio::test]
async fn roles_reach_what_they_say_and_an_instance_admin_reads_nothing_as_such() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    house.post("namespaces", json!({ "name": "staging" })).await.expect(201);
    house.post("namespaces", json!({ "name": "production" })).await.expect(201);
    house.set(Some("staging"), "KEY", "1").await;
    house.set(Some("production"), "KEY", "2").await;
    let dev = join(&house, "dev", "developer", &["staging"]).await;
    let listed = dev.get(&house, "secrets").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    // the same by a path that is written otherwise
    let encoded = dev.get(&house, "/api/v1/projects/%64efault/secrets").await;
    assert!(encoded.status != 200 || encoded.body["items"].as_array().unwrap().len() == 1, "{}", encoded.text);
    let write = |namespace: &str| Some(json!({ "namespace": namespace, "secrets": { "NEW": "x" } }));
    dev.call(&house, Method::PUT, "secrets", write("staging")).await.expect(200);
    dev.call(&house, Method::PUT, "secrets", write("production")).await.problem(403, "forbidden");
    dev.call(&house, Method::PUT, "secrets", Some(json!({ "secrets": { "G": "x" } }))).await.problem(403, "forbidden");
    dev.call(&house, Method::POST, "/api/v1/projects", Some(json!({ "name": "mine" }))).await.problem(403, "forbidden");
    house.call(Method::POST, "/api/v1/projects", Some(json!({ "name": "other" }))).await.expect(201);
    dev.get(&house, "/api/v1/projects/other/secrets").await.problem(404, "not_found");
    // the instance's admin manages who is a member there, and sees nothing of it before he is one
    ada.get(&house, "/api/v1/projects/other/secrets").await.problem(404, "not_found");
    ada.get(&house, "/api/v1/projects/other/members").await.expect(200);
    let owner = Some(json!({ "role": "owner" }));
    ada.call(&house, Method::PUT, "/api/v1/projects/other/members/ada@example.com", owner).await.expect(200);
    ada.get(&house, "/api/v1/projects/other/secrets").await.expect(200);
    let body = Some(json!({ "name": "hers" }));
    ada.call(&house, Method::POST, "/api/v1/projects", body).await.expect(201);
    ada.get(&house, "/api/v1/projects/hers/secrets").await.expect(200);
}

#[tokio::test]
async fn admins_make_no_owners_and_last_ones_stay() {
    let house = House::new().await;
    set_up(&house).await;
    let bob = join(&house, "bob", "admin", &[]).await;
    join(&house, "eve", "viewer", &[]).await;
    let owner = Some(json!({ "role": "owner" }));
    bob.call(&house, Method::PUT, "members/eve", owner.clone()).await.problem(403, "forbidden");
    bob.call(&house, Method::PUT, "members/bob", owner).await.problem(403, "forbidden");
    bob.call(&house, Method::DELETE, "members/ada@example.com", None).await.problem(403, "forbidden");
    bob.call(&house, Method::PUT, "members/eve", Some(json!({ "role": "developer" }))).await.expect(200);
    let ada = "/api/v1/users/ada@example.com";
    for body in [json!({ "disabled": true }), json!({ "instance_admin": false })] {
        house.call(Method::PATCH, ada, Some(body)).await.problem(409, "conflict");
    }
    house.delete(ada).await.problem(409, "conflict");
}

#[tokio::test]
async fn tries_are_counted_by_account_whatever_the_writing_and_come_back_with_time() {
    let house = House::new().await;
    set_up(&house).await;
    let writings = ["ada@example.com", "ADA@example.com", " ada@example.com", "ada@example.com ", "Ada@Example.com"];
    let mut refused = 0;
    for turn in 0..12 {
        let answer = sign_in(&house, writings[turn % writings.len()], "wrong password").await;
        refused += usize::from(answer.status == 429);
        assert!([401, 429].contains(&answer.status.as_u16()), "{}", answer.text);
    }
    assert_eq!(refused, 2);
    sign_in(&house, "ada@example.com", PASSWORD).await.problem(429, "too_many");
    // who is not there has as many tries
    for _ in 0..10 {
        sign_in(&house, "nobody@example.com", "wrong password").await.problem(401, "unauthenticated");
    }
    sign_in(&house, "nobody@example.com", "wrong password").await.problem(429, "too_many");
    house.clock.advance(31);
    Browser::of(&sign_in(&house, "ada@example.com", PASSWORD).await);
}

#[tokio::test]
async fn a_command_lines_session_is_a_bearer_and_no_cookie_and_may_resolve() {
    let house = House::new().await;
    house.set(None, "KEY", "value").await;
    set_up(&house).await;
    let body = json!({ "name": "ada@example.com", "password": PASSWORD, "command_line": true });
    let answer = house.call_as("", Method::POST, "/api/v1/session", Some(body)).await;
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    let signed = answer.expect(201);
    assert_eq!(signed["kind"], "cli");
    let token = signed["token"].as_str().unwrap();
    house.call_as(token, Method::GET, "resolve", None).await.expect(200);
    house.call_as(token, Method::PUT, "secrets", Some(json!({ "secrets": { "A": "1" } }))).await.expect(200);
    let cookie = format!("strongroom_session={token}");
    let as_cookie = request("", Method::GET, "secrets", &[("cookie", cookie.as_str())], None);
    house.send(as_cookie).await.problem(401, "unauthenticated");
    assert_eq!(house.call_as(token, Method::DELETE, "/api/v1/session", None).await.status, 204);
    house.call_as(token, Method::GET, "resolve", None).await.problem(401, "unauthenticated");
}

/// The cookie by which a browser is known again.
fn device(answer: &Answer) -> String {
    let mut all = answer.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    let line = all.find(|line| line.contains("strongroom_device=")).unwrap();
    assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"), "{line}");
    line.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_stranger_cannot_use_up_the_tries_of_a_browser_that_has_signed_in_before() {
    let house = House::new().await;
    set_up(&house).await;
    let known = device(&sign_in(&house, "ada@example.com", PASSWORD).await);
    let try_as = async |cookie: &str, name: &str, password: &str| {
        let body = json!({ "name": name, "password": password });
        let headers = if cookie.is_empty() { Vec::new() } else { vec![("cookie", cookie)] };
        house.send(request("", Method::POST, "/api/v1/session", &headers, Some(body))).await.status.as_u16()
    };
    for _ in 0..12 {
        try_as("", "ada@example.com", "wrong password").await;
    }
    assert_eq!(try_as("", "ada@example.com", PASSWORD).await, 429, "a stranger has tries without end");
    assert_eq!(try_as(&known, "Ada@Example.com", PASSWORD).await, 200, "the known browser is kept out");
    // what is made up, or made for somebody else, is a stranger's
    let (name, text) = known.split_once('=').unwrap();
    let changed = format!("{name}={}", text.replacen('~', "0~", 1));
    for foreign in [changed.as_str(), "strongroom_device=a~1~b", "strongroom_device=~~.~~..", "strongroom_device="] {
        assert_eq!(try_as(foreign, "ada@example.com", PASSWORD).await, 429, "{foreign}");
    }
    for _ in 0..12 {
        try_as(&known, "bob", "wrong password").await;
    }
    assert_eq!(try_as(&known, "bob", "wrong password").await, 429);
    // its own tries have an end, too
    let mut refused = 0;
    for _ in 0..12 {
        refused += usize::from(try_as(&known, "ada@example.com", "wrong password").await == 429);
    }
    assert!(refused >= 2, "a known browser has tries without end");
    house.clock.advance(181 * 24 * 3_600);
    let again = sign_in(&house, "ada@example.com", PASSWORD).await;
    assert_ne!(device(&again), known);
}
