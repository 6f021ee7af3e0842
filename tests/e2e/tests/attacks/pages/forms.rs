//! No other site's page changes anything through somebody's browser, frames a page of ours, reads one, or leads him away.

use http::Method;
use serde_json::json;
use strongroom_e2e::routes;

use super::{Browser, World, form};
use crate::rows::PASSWORD;

/// What a browser says of a form that another site's page sent, and what no browser says.
const FOREIGN: [&[(&str, &str)]; 8] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "none")],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
    &[],
];

/// Everything that has been changed: the records of the trail that are no denials.
async fn changes(world: &World) -> usize {
    let trail = world.instance.owner().get("audit?everything=true&limit=1000").send().await.expect(200).json();
    let is_change = |record: &&serde_json::Value| record["result"] == "ok";
    trail["items"].as_array().unwrap().iter().filter(is_change).count()
}

#[tokio::test]
async fn attack_62_no_form_is_taken_from_another_site_or_with_another_sessions_token() {
    let world = World::new().await;
    let other = Browser::enter(&world.instance, "ada").await;
    let (ada, paths) = (&world.ada, world.pages("POST"));
    let before = changes(&world).await;
    for path in &paths {
        // the code in its address is the whole credential, and this one opens nothing
        let is_code = path.starts_with("/fill/");
        let path = if is_code { "/fill/nothing" } else { path };
        let refused = if is_code { 404 } else { 403 };
        let right = [("csrf", ada.csrf.as_str())];
        for says in FOREIGN {
            let call = says.iter().fold(ada.call(Method::POST, path), |call, (name, value)| call.header(name, value));
            let answer = form(call, &right).send().await;
            assert_eq!(answer.status, refused, "{path} takes a form that says {says:?}");
        }
        let is_open = ["/sign-in", "/invitation/", "/setup/", "/open/"].iter().any(|open| path.starts_with(open));
        let (half, longer) = (&ada.csrf[1..], format!("{}0", ada.csrf));
        for wrong in ["", "x", half, &longer, &other.csrf, &ada.cookie] {
            let call = ada.call(Method::POST, path).header("sec-fetch-site", "same-origin");
            let answer = form(call, &[("csrf", wrong)]).send().await;
            assert_eq!(answer.status, refused, "{path} takes the token {wrong:?} in somebody's session");
        }
        let call = ada.call(Method::POST, path).header("sec-fetch-site", "same-origin");
        assert_eq!(form(call, &[]).send().await.status, refused, "{path} takes a form without a token");
        // the token alone is nobody
        let call = world.instance.anonymous().post(path).header("sec-fetch-site", "same-origin");
        let answer = form(call, &right).send().await.status;
        assert!(if is_open || is_code { (400..500).contains(&answer) } else { answer == 401 }, "{path}: {answer}");
    }
    assert_eq!(changes(&world).await, before, "a forged form changed something");
    // the same forms from our own page are taken: what was refused above was refused for what it was
    for path in paths.iter().filter(|path| path.contains("/edit") || path.contains("/new-secret")) {
        let answer = ada.send(path, &[("name", "MADE"), ("place", "global"), ("value", &world.instance.plant())]).await;
        assert_eq!(answer.status, 303, "{path}");
    }
    world.instance.close().await;
}

#[tokio::test]
async fn attack_62_no_change_through_the_api_is_made_by_a_cookie_alone() {
    let world = World::new().await;
    let ada = &world.ada;
    let before = changes(&world).await;
    for (method, path) in routes::all() {
        let is_door = [
            "/api/v1/setup",
            "/api/v1/fill",
            "/api/v1/fill/look",
            "/api/v1/invitations/accept",
            "/api/v1/logins/claim",
            "/api/v1/login/jwt",
        ]
        .contains(&path)
            || (method, path) == ("POST", "/api/v1/session");
        if method == "GET" || method == "ANY" || routes::is_page(path) {
            continue;
        }
        let at = ["{project}", "{name}", "{id}", "{run}"]
            .iter()
            .fold(path.to_owned(), |at, part| at.replace(part, "default"));
        let call = || ada.client.call(method.parse().unwrap(), &at).header("cookie", &ada.cookie).json(&json!({}));
        let forged = [
            call(),
            call().header("x-csrf-token", "x"),
            call().header("x-csrf-token", &ada.csrf).header("sec-fetch-site", "cross-site"),
            call().header("x-csrf-token", &ada.csrf).header("origin", "https://evil.example"),
            call().header("x-csrf-token", &ada.csrf).header("origin", "null"),
        ];
        for (turn, call) in forged.into_iter().enumerate() {
            let answer = call.send().await;
            // who is not signed in yet has no token; whatever he sends opens nothing by a cookie
            // and where end users come, a cookie is nothing at all
            let is_nobody = path.starts_with("/api/v1/me/") && answer.status == 401;
            let is_refused =
                if is_door { (400..500).contains(&answer.status) } else { answer.status == 403 || is_nobody };
            // two codes for whoever asks, from no other site's page
            let is_refused = is_refused || (path == "/api/v1/logins" && turn < 2 && answer.status == 201);
            assert!(is_refused, "{method} {path}, forgery {turn}: {}", answer.status);
        }
    }
    assert_eq!(changes(&world).await, before, "a forged request changed something");
    world.instance.close().await;
}

#[tokio::test]
async fn attack_62_no_other_origin_reads_or_frames_a_page() {
    let world = World::new().await;
    let evil = |call: strongroom_e2e::Call| {
        call.header("origin", "https://evil.example").header("sec-fetch-site", "cross-site")
    };
    for path in world.pages("GET") {
        for method in [Method::GET, Method::OPTIONS, Method::HEAD] {
            let call = evil(world.ada.call(method.clone(), &path)).header("access-control-request-method", "POST");
            let answer = call.send().await;
            assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{method} {path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{method} {path}");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{method} {path}: {policy}");
            assert_ne!(answer.status, 204, "{method} {path}");
        }
    }
    world.instance.close().await;
}

#[tokio::test]
async fn attack_62_signing_in_leads_to_no_other_site_and_is_done_by_no_other() {
    let world = World::new().await;
    let instance = &world.instance;
    let sign_in = |next: &str| {
        let call = instance.anonymous().post("/sign-in").header("sec-fetch-site", "same-origin");
        form(call, &[("name", "ada"), ("password", PASSWORD), ("next", next)]).unwitnessed().send()
    };
    for next in [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.example",
        "http:/evil.example",
    ] {
        let page =
            instance.anonymous().get(&format!("/sign-in?next={}", super::encoded(next))).send().await.expect(200);
        assert!(page.text().contains("name=\"next\" value=\"/\""), "{next:?}");
        let known = world.ada.get(&format!("/sign-in?next={}", super::encoded(next))).await;
        assert_eq!((known.status, known.header("location")), (303, "/"), "{next:?}");
    }
    // each takes one of the tries that an account has
    for next in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"]
    {
        assert_eq!(sign_in(next).await.header("location"), "/", "{next:?}");
    }
    let entered = sign_in("/projects/default/secrets?search=A").await;
    assert_eq!((entered.status, entered.header("location")), (303, "/projects/default/secrets?search=A"));
    let cookie = entered.header("set-cookie").to_ascii_lowercase();
    assert!(
        cookie.contains("httponly") && cookie.contains("samesite=lax") && cookie.contains("path=/"),
        "the cookie's marks"
    );
    // another site signs nobody in, neither by a form nor through the API (login CSRF)
    let fields = [("name", "ada"), ("password", PASSWORD)];
    for says in FOREIGN {
        let call =
            says.iter().fold(instance.anonymous().post("/sign-in"), |call, (name, value)| call.header(name, value));
        let answer = form(call, &fields).send().await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{says:?}");
    }
    for says in &FOREIGN[..6] {
        let call = instance.anonymous().post("/api/v1/session").json(&json!({ "name": "ada", "password": PASSWORD }));
        let answer = says.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{says:?}");
    }
    world.instance.close().await;
}
