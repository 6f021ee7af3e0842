//! One's own account in a browser: the second factor, the password, the sessions.

use ::http::Method;

use super::door::{OWN, PASSWORD, cookie, csrf};
use super::factor::App;
use super::pages::form_request;
use crate::support::{Answer, House};

/// A browser with its session's cookie.
struct Window<'a> {
    house: &'a House,
    cookie: String,
}

impl Window<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.house.get_page(&self.cookie, path).await
    }

    /// Sends a form that stands on the page at `from`.
    async fn send(&mut self, from: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = csrf(&self.get(from).await);
        let fields = [&[("csrf", token.as_str())], fields].concat();
        let headers = [OWN, ("cookie", self.cookie.as_str())];
        let answer = self.house.send(form_request(path, &headers, &fields)).await;
        let new = answer
            .headers
            .get_all(::http::header::SET_COOKIE)
            .iter()
            .any(|line| line.to_str().unwrap().contains("strongroom_session="));
        if new {
            self.cookie = cookie(&answer);
        }
        answer
    }
}

/// What an input of this id holds.
fn value_of(page: &Answer, id: &str) -> String {
    let after = page.text.split_once(&format!("id=\"{id}\" value=\"")).unwrap().1;
    after.split_once('"').unwrap().0.to_owned()
}

async fn with_factor(window: &mut Window<'_>) -> (App, Vec<String>) {
    assert_eq!(window.send("/account", "/account/factor/begin", &[]).await.sent_to(), "/account/factor");
    let page = window.get("/account/factor").await;
    assert!(page.html(200).contains("<svg class=\"qr\""));
    let app = App(value_of(&page, "secret").replace(' ', ""));
    let wrong = window.send("/account/factor", "/account/factor", &[("code", "000000")]).await;
    assert!(wrong.html(400).contains("The code is not right"));
    let code = app.code(window.house, 0);
    let on = window.send("/account/factor", "/account/factor", &[("code", &code)]).await;
    let codes: Vec<String> =
        on.html(200).split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (app, codes)
}

#[tokio::test]
async fn a_second_factor_is_set_up_used_and_removed_on_pages() {
    let house = House::new().await;
    let mut window = Window { cookie: house.set_up_ada().await, house: &house };
    let (app, codes) = with_factor(&mut window).await;
    let account = window.get("/account").await;
    assert!(account.html(200).contains("10 recovery codes are left"), "{}", account.text);
    assert_eq!(window.get("/account/factor").await.sent_to(), "/account", "the secret is shown again");
    // two steps; the password is in no page
    let first = house.sign_in(&[("name", "ada"), ("password", PASSWORD), ("next", "/account")]).await;
    assert!(first.html(200).contains("Your code") && !first.text.contains(PASSWORD));
    assert!(!first.headers.contains_key(::http::header::SET_COOKIE));
    let ticket = first.text.split_once("name=\"ticket\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let second = async |ticket: &str, code: &str| {
        house.sign_in(&[("ticket", ticket), ("code", code), ("next", "/account")]).await
    };
    assert!(second(&ticket, "000000").await.html(401).contains("The code is not right"));
    second(&ticket.replace('a', "b"), &codes[0]).await.html(401);
    second("", &codes[0]).await.html(401);
    assert_eq!(second(&ticket, &codes[0]).await.sent_to(), "/account");
    second(&ticket, &codes[0]).await.html(401);
    // the ticket runs out
    let first = house.sign_in(&[("name", "ada"), ("password", PASSWORD)]).await;
    let ticket = first.text.split_once("name=\"ticket\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    house.clock.advance(5 * 60);
    assert!(second(&ticket, &codes[1]).await.html(401).contains("took too long"));
    // what is changed takes a sign-in just now
    house.clock.advance(60);
    assert!(window.get("/account/factor/remove").await.sent_to().starts_with("/sign-in?again=yes"));
    let first = house.sign_in(&[("name", "ada"), ("password", PASSWORD)]).await;
    let ticket = first.text.split_once("name=\"ticket\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    window.cookie = cookie(&second(&ticket, &app.code(&house, 0)).await);
    let renewed = window.send("/account/factor/recovery", "/account/factor/recovery", &[("code", &codes[2])]).await;
    assert!(renewed.html(200).contains("The earlier ones have ended") && !renewed.text.contains(&codes[3]));
    let stale = [("code", codes[3].as_str())];
    window.send("/account/factor/remove", "/account/factor/remove", &stale).await.html(400);
    let code = app.code(&house, 1);
    let removed = window.send("/account/factor/remove", "/account/factor/remove", &[("code", &code)]).await;
    assert_eq!(removed.sent_to(), "/account");
    assert!(window.get("/account").await.html(200).contains("Set it up"));
}

#[tokio::test]
async fn the_password_is_changed_and_sessions_are_signed_out_on_pages() {
    let house = House::new().await;
    let mut window = Window { cookie: house.set_up_ada().await, house: &house };
    let elsewhere = cookie(&house.sign_in(&[("name", "ada"), ("password", PASSWORD)]).await);
    let page = window.get("/account").await;
    let end = page.html(200).split_once("action=\"/account/sessions/").unwrap().1.split_once('"').unwrap().0.to_owned();
    let path = format!("/account/sessions/{end}");
    assert_eq!(window.send("/account", &path, &[]).await.sent_to(), "/account");
    assert!(house.get_page(&elsewhere, "/account").await.sent_to().starts_with("/sign-in"));
    window.send("/account", &path, &[]).await.html(404);
    let path = "/account/password";
    let new = "seven other words";
    let wrong = window.send(path, path, &[("present", "canary wrong"), ("password", new), ("again", new)]).await;
    assert!(wrong.html(403).contains("The present password is not right") && !wrong.text.contains("canary"));
    let differ = window.send(path, path, &[("present", PASSWORD), ("password", new), ("again", "other")]).await;
    assert!(differ.html(400).contains("The two passwords differ"));
    let elsewhere = cookie(&house.sign_in(&[("name", "ada"), ("password", PASSWORD)]).await);
    let changed = window.send(path, path, &[("present", PASSWORD), ("password", new), ("again", new)]).await;
    assert_eq!(changed.sent_to(), "/account");
    window.get("/account").await.html(200);
    assert!(house.get_page(&elsewhere, "/account").await.sent_to().starts_with("/sign-in"));
    house.sign_in(&[("name", "ada"), ("password", PASSWORD)]).await.html(401);
    house.sign_in(&[("name", "ada"), ("password", new)]).await.sent_to();
    // the local owner has neither
    let token = house.owner.clone();
    let account = house.call_as(&token, Method::GET, "/account", None).await;
    assert!(account.html(200).contains("the local owner") && !account.text.contains("Second factor"));
}
