//! The second factor: setting it up, signing in with it, each code once, recovery codes, removing it.

use ::http::Method;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use crate::people::{Browser, PASSWORD, join, set_up};
use strongroom_app::Clock as _;

use crate::support::{Answer, House};

const FACTOR: &str = "/api/v1/session/factor";

/// An authenticator app.
pub(crate) struct App(pub(crate) String);

impl App {
    /// What it shows at the house's time, `steps` later.
    pub(crate) fn code(&self, house: &House, steps: i64) -> String {
        let secret = Secret::try_from_base32(&self.0).unwrap();
        let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap();
        let at = house.clock.now().as_second() + steps * 30;
        totp.generate(u64::try_from(at).unwrap()).to_string()
    }
}

/// Sets a second factor up; the app, the recovery codes, and the browser with its new session.
async fn with_factor(house: &House, browser: &Browser) -> (App, Vec<String>, Browser) {
    let begun = browser.call(house, Method::POST, FACTOR, Some(json!({}))).await.expect(201);
    let app = App(begun["secret"].as_str().unwrap().to_owned());
    let body = Some(json!({ "code": app.code(house, 0) }));
    let confirmed = browser.call(house, Method::PUT, FACTOR, body).await;
    let browser = Browser::of(&confirmed);
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    (app, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect(), browser)
}

async fn sign_in(house: &House, password: &str, code: Option<&str>) -> Answer {
    let mut body = json!({ "name": "ada@example.com", "password": password });
    if let Some(code) = code {
        body["code"] = code.into();
    }
    house.call_as("", Method::POST, "/api/v1/session", Some(body)).await
}

#[tokio::test]
async fn a_second_factor_counts_once_a_code_confirms_it_and_its_codes_are_shown_once() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    let elsewhere = Browser::of(&sign_in(&house, PASSWORD, None).await);
    assert_eq!(ada.get(&house, FACTOR).await.expect(200), json!({ "is_set_up": false, "recovery_codes": 0 }));
    let begun = ada.call(&house, Method::POST, FACTOR, Some(json!({}))).await.expect(201);
    let (secret, url) = (begun["secret"].as_str().unwrap(), begun["url"].as_str().unwrap());
    assert_eq!(secret.len(), 32);
    assert!(url.starts_with("otpauth://totp/Strongroom%20%28127.0.0.1%29:ada%40example.com?secret="), "{url}");
    assert!(url.contains(secret) && url.ends_with("&algorithm=SHA1&digits=6&period=30"), "{url}");
    Browser::of(&sign_in(&house, PASSWORD, None).await);
    let app = App(secret.to_owned());
    let send = async |browser: &Browser, code: &str| {
        browser.call(&house, Method::PUT, FACTOR, Some(json!({ "code": code }))).await
    };
    send(&ada, "000000").await.problem(400, "invalid");
    // another session of the same person has not been shown the secret
    send(&elsewhere, &app.code(&house, 0)).await.problem(409, "conflict");
    let confirmed = send(&ada, &app.code(&house, 0)).await;
    let ada_now = Browser::of(&confirmed);
    let mut codes: Vec<&str> =
        confirmed.body["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 10);
    assert_eq!(ada_now.get(&house, FACTOR).await.expect(200), json!({ "is_set_up": true, "recovery_codes": 10 }));
    // every session of before has ended, and the secret is not shown again
    elsewhere.get(&house, "/api/v1/session").await.problem(401, "unauthenticated");
    ada.get(&house, "/api/v1/session").await.problem(401, "unauthenticated");
    ada_now.call(&house, Method::POST, FACTOR, Some(json!({}))).await.problem(409, "conflict");
    sign_in(&house, PASSWORD, None).await.problem(401, "second_factor_required");
    let list = house.get("/api/v1/users").await.expect(200);
    assert_eq!(list["items"][0]["has_second_factor"], true);
}

#[tokio::test]
async fn what_is_not_confirmed_in_time_or_not_freshly_signed_in_counts_for_nothing() {
    let house = House::new().await;
    let ada = set_up(&house).await;
    let begun = ada.call(&house, Method::POST, FACTOR, Some(json!({}))).await.expect(201);
    let app = App(begun["secret"].as_str().unwrap().to_owned());
    house.clock.advance(5 * 60 + 1);
    let body = Some(json!({ "code": app.code(&house, 0) }));
    assert!(ada.call(&house, Method::PUT, FACTOR, body).await.problem(403, "forbidden").contains("sign in again"));
    ada.call(&house, Method::POST, FACTOR, Some(json!({}))).await.problem(403, "forbidden");
    let again = Browser::of(&sign_in(&house, PASSWORD, None).await);
    let body = Some(json!({ "code": app.code(&house, 0) }));
    again.call(&house, Method::PUT, FACTOR, body).await.problem(409, "conflict");
    // neither a token, nor a command line's session, nor the local owner has one
    let body = json!({ "name": "ada@example.com", "password": PASSWORD, "command_line": true });
    let signed = house.call_as("", Method::POST, "/api/v1/session", Some(body)).await.expect(201);
    for token in [signed["token"].as_str().unwrap(), &house.owner, &house.token(json!(["admin"])).await] {
        house.call_as(token, Method::POST, FACTOR, Some(json!({}))).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_code_serves_once_and_so_does_every_earlier_one() {
    let house = House::new().await;
    let (app, _, _) = with_factor(&house, &set_up(&house).await).await;
    // the code that confirmed it has served
    sign_in(&house, PASSWORD, Some(&app.code(&house, 0))).await.problem(401, "unauthenticated");
    house.clock.advance(30);
    let code = app.code(&house, 0);
    Browser::of(&sign_in(&house, PASSWORD, Some(&format!(" {} {}\t", &code[..3], &code[3..]))).await);
    for again in [code.clone(), format!("{} {}", &code[..3], &code[3..]), format!("{code} "), app.code(&house, -1)] {
        sign_in(&house, PASSWORD, Some(&again)).await.problem(401, "unauthenticated");
    }
    // a clock that runs ahead by a step is accepted, and ends the steps before
    Browser::of(&sign_in(&house, PASSWORD, Some(&app.code(&house, 1))).await);
    house.clock.advance(30);
    sign_in(&house, PASSWORD, Some(&app.code(&house, 0))).await.problem(401, "unauthenticated");
    house.clock.advance(31);
    sign_in(&house, PASSWORD, Some(&app.code(&house, -3))).await.problem(401, "unauthenticated");
    sign_in(&house, PASSWORD, Some(&app.code(&house, 2))).await.problem(401, "unauthenticated");
    Browser::of(&sign_in(&house, PASSWORD, Some(&app.code(&house, 0))).await);
}

#[tokio::test]
async fn of_sign_ins_at_once_with_one_code_one_comes_in() {
    let house = House::new().await;
    let (app, recovery, _) = with_factor(&house, &set_up(&house).await).await;
    house.clock.advance(60);
    for code in [app.code(&house, 0), recovery[3].clone()] {
        let tries = (0..4).map(|_| sign_in(&house, PASSWORD, Some(&code)));
        let mut statuses = Vec::new();
        let mut tries: Vec<_> = tries.map(Box::pin).collect();
        // all are on their way before the first is answered
        std::future::poll_fn(|context| {
            tries.retain_mut(|one| match one.as_mut().poll(context) {
                std::task::Poll::Ready(answer) => {
                    statuses.push(answer.status.as_u16());
                    false
                }
                std::task::Poll::Pending => true,
            });
            if tries.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401]);
        house.clock.advance(300);
    }
}

#[tokio::test]
async fn a_recovery_code_serves_once_in_any_writing_and_new_ones_end_the_old() {
    let house = House::new().await;
    let (app, codes, _) = with_factor(&house, &set_up(&house).await).await;
    let written = codes[0].to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l");
    let ada = Browser::of(&sign_in(&house, PASSWORD, Some(&written)).await);
    assert_eq!(ada.get(&house, FACTOR).await.expect(200)["recovery_codes"], 9);
    for again in [&codes[0], &written, &codes[0].replace('-', "")] {
        sign_in(&house, PASSWORD, Some(again)).await.problem(401, "unauthenticated");
    }
    let renew = async |code: &str| {
        let path = format!("{FACTOR}/recovery");
        ada.call(&house, Method::POST, &path, Some(json!({ "code": code }))).await
    };
    renew("000000").await.problem(400, "invalid");
    house.clock.advance(30);
    let renewed = renew(&app.code(&house, 0)).await.expect(200);
    renew(&app.code(&house, 0)).await.problem(400, "invalid");
    let new: Vec<&str> = renewed["recovery_codes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(new.len() == 10 && new.iter().all(|code| !codes.iter().any(|old| old == code)));
    sign_in(&house, PASSWORD, Some(&codes[1])).await.problem(401, "unauthenticated");
    Browser::of(&sign_in(&house, PASSWORD, Some(new[9])).await);
}

#[tokio::test]
async fn who_has_no_password_learns_nothing_of_the_second_factor() {
    let house = House::new().await;
    let (app, codes, _) = with_factor(&house, &set_up(&house).await).await;
    join(&house, "bob", "viewer", &[]).await;
    let wrong = async |name: &str, password: &str, code: Option<&str>| {
        let mut body = json!({ "name": name, "password": password });
        if let Some(code) = code {
            body["code"] = code.into();
        }
        house.call_as("", Method::POST, "/api/v1/session", Some(body)).await.problem(401, "unauthenticated")
    };
    let said = wrong("nobody", "wrong password", None).await;
    house.clock.advance(300);
    let code = app.code(&house, 0);
    for code in [None, Some("000000"), Some(code.as_str()), Some(codes[0].as_str())] {
        for name in ["ada@example.com", "bob", "nobody"] {
            assert_eq!(wrong(name, "wrong password", code).await, said, "{name}");
        }
    }
    assert_eq!(wrong("ada@example.com", PASSWORD, Some("000000")).await, said);
    // what was tried with a wrong password has not served
    Browser::of(&sign_in(&house, PASSWORD, Some(&code)).await);
}

#[tokio::test]
async fn wrong_codes_count_against_the_limits() {
    let house = House::new().await;
    with_factor(&house, &set_up(&house).await).await;
    let mut limited = 0;
    for _ in 0..12 {
        let answer = sign_in(&house, PASSWORD, Some("000000")).await;
        limited += usize::from(answer.status == 429);
        assert!([401, 429].contains(&answer.status.as_u16()), "{}", answer.text);
    }
    assert_eq!(limited, 2);
}

#[tokio::test]
async fn removing_a_factor_takes_a_code_or_an_admin_who_is_somebody_else() {
    let house = House::new().await;
    let (app, codes, ada) = with_factor(&house, &set_up(&house).await).await;
    let remove = async |browser: &Browser, code: &str| {
        browser.call(&house, Method::POST, &format!("{FACTOR}/remove"), Some(json!({ "code": code }))).await
    };
    remove(&ada, "000000").await.problem(400, "invalid");
    remove(&ada, &app.code(&house, 0)).await.problem(400, "invalid");
    let own = "/api/v1/users/ada@example.com/factor";
    assert!(ada.call(&house, Method::DELETE, own, None).await.problem(403, "forbidden").contains("account page"));
    let removed = Browser::of(&remove(&ada, &codes[0]).await);
    ada.get(&house, "/api/v1/session").await.problem(401, "unauthenticated");
    assert_eq!(removed.get(&house, FACTOR).await.expect(200)["is_set_up"], false);
    let ada = Browser::of(&sign_in(&house, PASSWORD, None).await);
    // set up anew, and lost
    let (_, _, ada) = with_factor(&house, &ada).await;
    let bob = join(&house, "bob", "developer", &[]).await;
    bob.call(&house, Method::DELETE, own, None).await.problem(403, "forbidden");
    let item = house.delete(own).await.expect(200);
    assert_eq!(item["has_second_factor"], false);
    ada.get(&house, "/api/v1/session").await.problem(401, "unauthenticated");
    house.delete(own).await.problem(409, "conflict");
    Browser::of(&sign_in(&house, PASSWORD, None).await);
    let trail = house.get("/api/v1/admin/audit?everything=true&limit=1000").await.expect(200).to_string();
    for action in ["user.factor.begin", "user.factor", "user.factor.remove", "session.begin"] {
        assert!(trail.contains(&format!("\"{action}\"")), "{action}");
    }
    assert!(codes.iter().all(|code| !trail.contains(code) && !trail.contains(&code.replace('-', ""))));
}

#[tokio::test]
async fn a_factor_of_another_account_or_an_older_step_put_into_the_row_lets_nobody_in() {
    let house = House::new().await;
    let (app, _, _) = with_factor(&house, &set_up(&house).await).await;
    house.clock.advance(60);
    Browser::of(&sign_in(&house, PASSWORD, Some(&app.code(&house, 0))).await);
    house
        .damage(|tx| {
            let ada = tx.user_by_name(&"ada@example.com".parse().unwrap())?.unwrap();
            tx.update_user(&strongroom_store::port::UserRow { factor_step: 0, ..ada })?;
            Ok(())
        })
        .await;
    assert_eq!(sign_in(&house, PASSWORD, Some(&app.code(&house, 0))).await.status, 500);
    house
        .damage(|tx| {
            let ada = tx.user_by_name(&"ada@example.com".parse().unwrap())?.unwrap();
            tx.update_user(&strongroom_store::port::UserRow { factor: None, ..ada })?;
            Ok(())
        })
        .await;
    assert_eq!(sign_in(&house, PASSWORD, None).await.status, 500);
}
