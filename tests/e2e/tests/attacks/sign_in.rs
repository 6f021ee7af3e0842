//! Sign-in at an `OpenID` provider, a real one: whose browser it was, whose account it is, and what an answer is worth.

use http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use strongroom_e2e::provider::{Provider, Wanderer, escaped};
use strongroom_e2e::{Answer, Instance};

use super::rows::{PASSWORD, setup_code};

struct World {
    instance: Instance,
    provider: Provider,
}

/// A server with one account, `ada`, and a provider with people.
async fn prepare() -> World {
    let mut provider = Provider::start().await;
    let instance = provider.setup().start().await;
    let people = json!({
        "ada-there": { "email": "ada@example.com", "email_verified": true },
        "bob-there": { "email": "bob@example.com", "email_verified": true },
        "eve-there": { "email": "bob@example.com", "email_verified": false },
        "eva-there": { "email": "bob@example.com", "email_verified": "true" },
        "joe-there": {},
    });
    provider.serve(&instance, &people).await;
    let body = json!({ "code": setup_code(&instance).await, "name": "ada", "password": PASSWORD });
    instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await.expect(201);
    World { instance, provider }
}

impl World {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.instance.management())
    }

    /// Begins a sign-in and signs in at the provider: the address of the callback.
    async fn callback(&self, who: &mut Wanderer, name: &str) -> String {
        let begun = who.open(&self.url("/sign-in/oidc")).await.expect(303);
        who.sign_in_there(begun.header("location"), name).await
    }

    /// An invitation's code.
    async fn invite(&self, name: &str) -> String {
        let body = json!({ "name": name, "project": "default", "role": "developer" });
        let made = self.instance.owner().post("/api/v1/invitations").json(&body).unwitnessed().send().await.expect(201);
        let url = made.json()["url"].as_str().unwrap().to_owned();
        url.rsplit('/').next().unwrap().to_owned()
    }

    /// Accepts an invitation by a sign-in at the provider.
    async fn accept(&self, who: &mut Wanderer, code: &str, name: &str) -> Answer {
        let onward = who.post(&self.url("/sign-in/oidc"), &[("code", code)]).await.expect(200).text();
        let address = onward.split("href=\"").find(|rest| rest.starts_with(self.provider.issuer())).unwrap();
        let address = address.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        let callback = who.sign_in_there(&address, name).await;
        who.open(&callback).await
    }

    async fn is_in(&self, who: &mut Wanderer) -> bool {
        who.open(&self.url("/account")).await.status == 200
    }

    async fn trail(&self) -> String {
        self.instance.owner().get("audit?everything=true&limit=1000").send().await.expect(200).text()
    }
}

/// A refusal: a page that says what to do, and no session.
fn refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}: {}", answer.line, answer.text());
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert!(cookies.is_empty(), "{} sets {cookies:?}", answer.line);
    assert!(answer.text().contains("You are not signed in"), "{}", answer.text());
}

fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let query = url.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

#[tokio::test]
async fn attack_26_a_callback_counts_once_and_only_in_the_browser_that_began_it() {
    let world = prepare().await;
    let code = world.invite("bob@example.com").await;
    let mut bob = Wanderer::new(&world.instance);
    assert_eq!(world.accept(&mut bob, &code, "bob-there").await.status, 303);
    assert!(world.is_in(&mut bob).await);

    // somebody else's callback, in a browser that began nothing, and in one that began a sign-in of its own
    let mut mallory = Wanderer::new(&world.instance);
    let callback = world.callback(&mut mallory, "bob-there").await;
    let mut victim = Wanderer::new(&world.instance);
    refused(&victim.come_from_elsewhere(&callback).await, 401);
    let own = world.callback(&mut victim, "bob-there").await;
    refused(&victim.come_from_elsewhere(&callback).await, 401);
    assert!(!world.is_in(&mut victim).await);

    // made-up and mixed answers: no state, another one, somebody else's code, another issuer, an error beside a code
    let (state, issuer) = (parameter(&own, "state"), escaped(world.provider.issuer()));
    let path = world.url("/sign-in/oidc/callback");
    for made_up in [
        path.clone(),
        format!("{path}?code=x"),
        format!("{path}?code=x&state="),
        format!("{path}?code=x&state={}&iss={issuer}", parameter(&callback, "state")),
        format!("{own}&state={state}"),
    ] {
        let answer = victim.come_from_elsewhere(&made_up).await;
        assert!([400, 401].contains(&answer.status), "{made_up}: {}", answer.status);
    }
    let mut injected = Wanderer::new(&world.instance);
    let begun = world.callback(&mut injected, "bob-there").await;
    let with_code =
        format!("{path}?code={}&state={}&iss={issuer}", parameter(&callback, "code"), parameter(&begun, "state"));
    refused(&injected.come_from_elsewhere(&with_code).await, 503);
    for (with, status) in [("iss=https%3A%2F%2Fevil.example", 401), ("x=y", 401)] {
        let mut mixed = Wanderer::new(&world.instance);
        let begun = world.callback(&mut mixed, "bob-there").await;
        let other = format!("{path}?code={}&state={}&{with}", parameter(&begun, "code"), parameter(&begun, "state"));
        refused(&mixed.come_from_elsewhere(&other).await, status);
        // the state is spent by the attempt
        refused(&mixed.come_from_elsewhere(&begun).await, 401);
        assert!(!world.is_in(&mut mixed).await);
    }

    // the true one: from the provider's page, once
    let kept = victim.cookies(world.instance.management()).clone();
    assert_eq!(victim.come_from_elsewhere(&own).await.expect(303).header("location"), "/");
    assert!(world.is_in(&mut victim).await);
    let mut again = Wanderer::new(&world.instance);
    again.cookies(world.instance.management()).extend(kept);
    refused(&again.come_from_elsewhere(&own).await, 401);
    world.instance.close().await;
}

#[tokio::test]
async fn attack_13_and_26_an_error_beside_a_code_and_an_edited_cookie_let_nobody_in() {
    let world = prepare().await;
    let code = world.invite("bob").await;
    let mut bob = Wanderer::new(&world.instance);
    world.accept(&mut bob, &code, "bob-there").await.expect(303);
    let here = world.instance.management();

    let mut torn = Wanderer::new(&world.instance);
    let callback = world.callback(&mut torn, "bob-there").await;
    refused(&torn.come_from_elsewhere(&format!("{callback}&error=access_denied")).await, 401);

    let mut edited = Wanderer::new(&world.instance);
    let callback = world.callback(&mut edited, "bob-there").await;
    let whole = edited.cookies(here)["strongroom_oidc"].clone();
    let (body, mac) = whole.split_once('.').unwrap();
    for forged in [
        format!("{body}x.{mac}"),
        format!("{}{}.{mac}", if body.starts_with('a') { 'b' } else { 'a' }, &body[1..]),
        format!("{body}."),
        body.to_owned(),
        format!("{body}.{}", "0".repeat(mac.len())),
        "x".repeat(4_000),
    ] {
        edited.cookies(here).insert("strongroom_oidc".to_owned(), forged);
        refused(&edited.come_from_elsewhere(&callback).await, 401);
    }
    edited.cookies(here).insert("strongroom_oidc".to_owned(), whole);
    edited.come_from_elsewhere(&callback).await.expect(303);

    // no other site's page begins a sign-in, and none of its forms a link
    let mut foreign = Wanderer::new(&world.instance);
    let begun = foreign.come_from_elsewhere(&world.url("/sign-in/oidc")).await.expect(303);
    assert_eq!(begun.header("location"), "/sign-in");
    assert!(foreign.cookies(here).is_empty());
    let without_csrf = bob.post(&world.url("/account/oidc"), &[]).await;
    assert_eq!(without_csrf.status, 403);
    world.instance.close().await;
}

#[tokio::test]
async fn attack_62_a_sign_in_at_the_provider_leads_on_to_own_pages_alone() {
    let world = prepare().await;
    let code = world.invite("bob").await;
    let mut bob = Wanderer::new(&world.instance);
    world.accept(&mut bob, &code, "bob-there").await.expect(303);
    for (next, leads_to) in [
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/projects/default/secrets?search=A", "/projects/default/secrets?search=A"),
    ] {
        let mut person = Wanderer::new(&world.instance);
        let begun = person.open(&world.url(&format!("/sign-in/oidc?next={}", escaped(next)))).await.expect(303);
        let callback = person.sign_in_there(begun.header("location"), "bob-there").await;
        let answer = person.come_from_elsewhere(&callback).await.expect(303);
        assert_eq!(answer.header("location"), leads_to, "{next}");
    }
    world.instance.close().await;
}

#[tokio::test]
async fn attack_19_an_address_alone_lets_nobody_in_and_one_that_is_not_verified_links_nobody() {
    let world = prepare().await;
    // an account that is called as the address of somebody at the provider
    let code = world.invite("bob@example.com").await;
    let body = json!({ "code": code, "password": PASSWORD });
    world.instance.anonymous().post("/api/v1/invitations/accept").json(&body).unwitnessed().send().await.expect(201);
    for name in ["bob-there", "eve-there", "eva-there", "joe-there", "nobody-there"] {
        let mut person = Wanderer::new(&world.instance);
        let callback = world.callback(&mut person, name).await;
        refused(&person.open(&callback).await, 401);
        assert!(!world.is_in(&mut person).await, "{name} is in");
    }
    // an invitation to an address is for whom the provider vouches under it
    let code = world.invite("bob.smith@example.com").await;
    for name in ["bob-there", "eve-there", "eva-there", "joe-there"] {
        refused(&world.accept(&mut Wanderer::new(&world.instance), &code, name).await, 401);
    }
    // an address that is not verified accepts no invitation at all, also one to a plain name
    let code = world.invite("robert").await;
    for name in ["eve-there", "eva-there"] {
        refused(&world.accept(&mut Wanderer::new(&world.instance), &code, name).await, 401);
    }
    let mut joe = Wanderer::new(&world.instance);
    world.accept(&mut joe, &code, "joe-there").await.expect(303);
    assert!(world.is_in(&mut joe).await);
    // who is linked already makes no second account, and the invitation stays open for its person
    let code = world.invite("second").await;
    assert_eq!(world.accept(&mut Wanderer::new(&world.instance), &code, "joe-there").await.status, 409);
    world.accept(&mut Wanderer::new(&world.instance), &code, "bob-there").await.expect(303);
    let trail = world.trail().await;
    for reason in ["not linked", "address not verified", "other address than invited"] {
        assert!(trail.contains(reason), "the trail lacks {reason:?}");
    }
    world.instance.close().await;
}

#[tokio::test]
async fn attack_12_and_24_a_disabled_person_stays_out_at_the_provider_too() {
    let world = prepare().await;
    let code = world.invite("bob").await;
    let mut bob = Wanderer::new(&world.instance);
    world.accept(&mut bob, &code, "bob-there").await.expect(303);
    let replayed = Wanderer::new(&world.instance).post(&world.url("/sign-in/oidc"), &[("code", &code)]).await;
    assert_eq!(replayed.status, 404, "an invitation is accepted twice");
    let change = async |body: Value| {
        world.instance.owner().call(Method::PATCH, "/api/v1/users/bob").json(&body).send().await.expect(200);
    };
    let mut late = Wanderer::new(&world.instance);
    let callback = world.callback(&mut late, "bob-there").await;
    change(json!({ "disabled": true })).await;
    assert!(!world.is_in(&mut bob).await, "a disabled person's session lives");
    refused(&late.open(&callback).await, 401);
    change(json!({ "disabled": false })).await;
    let callback = world.callback(&mut late, "bob-there").await;
    late.open(&callback).await.expect(303);
    world.instance.owner().delete("/api/v1/users/bob").send().await.expect(200);
    assert!(!world.is_in(&mut late).await);
    let callback = world.callback(&mut late, "bob-there").await;
    refused(&late.open(&callback).await, 401);
    world.instance.close().await;
}

#[tokio::test]
async fn attack_53_an_edited_link_with_the_provider_lets_nobody_in() {
    let mut world = prepare().await;
    let code = world.invite("bob").await;
    world.accept(&mut Wanderer::new(&world.instance), &code, "bob-there").await.expect(303);
    let edits = [
        "user = (SELECT id FROM users WHERE name = 'ada')",
        "subject = 'joe-there'",
        "mac = randomblob(32)",
        "mac = x''",
        "issuer = issuer || '/'",
    ];
    for edit in edits {
        let whole: (Vec<u8>, String, Vec<u8>, String) = Connection::open(world.instance.database())
            .unwrap()
            .query_row("SELECT user, subject, mac, issuer FROM identities", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        let database = Connection::open(world.instance.database()).unwrap();
        database.execute(&format!("UPDATE identities SET {edit}"), []).unwrap();
        let name = if edit.contains("joe") { "joe-there" } else { "bob-there" };
        let mut person = Wanderer::new(&world.instance);
        let callback = world.callback(&mut person, name).await;
        // a row of another issuer is nobody's
        let status = if edit.contains("issuer") { 401 } else { 500 };
        refused(&person.open(&callback).await, status);
        assert!(!world.is_in(&mut person).await, "{edit}");
        let back = "UPDATE identities SET user = ?1, subject = ?2, mac = ?3, issuer = ?4";
        database.execute(back, rusqlite::params![whole.0, whole.1, whole.2, whole.3]).unwrap();
    }
    let mut person = Wanderer::new(&world.instance);
    let callback = world.callback(&mut person, "bob-there").await;
    person.open(&callback).await.expect(303);
    world.instance.stop().await;
    world.instance.close().await;
}
