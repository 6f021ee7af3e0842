//! No value stays behind in a page, in a browser's memory of it, or on the server for the next one who sits down.

use http::Method;
use serde_json::json;

use super::{Browser, World};

#[tokio::test]
async fn attack_37_no_page_holds_a_value_or_is_kept_by_a_browser() {
    let world = World::new().await;
    let mut fields = 0;
    // every answer is searched for the planted values when the instance is closed
    for path in world.pages("GET") {
        let page = world.ada.get(&path).await;
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        let html = page.text();
        for (at, _) in html.match_indices("<input ") {
            let tag = html[at..].split_once('>').unwrap().0;
            if tag.contains("type=\"password\"") {
                assert!(!tag.contains(" value=") && tag.contains(" autocomplete="), "{path}: {tag}>");
                fields += 1;
            }
        }
        for (at, _) in html.match_indices("<textarea ") {
            let (tag, after) = html[at..].split_once('>').unwrap();
            let is_for_values = tag.contains("masked") || tag.contains("name=\"file\"");
            assert!(!is_for_values || after.starts_with("</textarea>"), "{path}: {tag}>");
        }
    }
    assert!(fields >= 4, "{fields} fields for values");
    // a value that was typed into a form with a mistake in it is not given back
    for path in world.pages("POST").into_iter().filter(|path| path != "/sign-out") {
        let typed = world.instance.plant_plain();
        let names = ["value", "value.lines", "password", "again", "value:KEY", "value:EMPTY", "ASKED"];
        let fields: Vec<_> = names.into_iter().map(|name| (name, typed.as_str())).collect();
        let wrong =
            [fields.as_slice(), &[("name", "not a name"), ("expires", "never ever"), ("place", "nowhere")]].concat();
        let answer = world.ada.send(&path, &wrong).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    // what delivers values to programs is not kept either, and no browser's session gets it
    let owner = world.instance.owner();
    for path in ["resolve", "export"] {
        assert_eq!(owner.get(path).send().await.expect(200).header("cache-control"), "no-store", "{path}");
        assert_eq!(world.ada.call(Method::GET, &format!("/api/v1/projects/default/{path}")).send().await.status, 403);
    }
    world.instance.close().await;
}

#[tokio::test]
async fn attack_37_nothing_is_left_for_the_next_session() {
    let world = World::new().await;
    let (ada, paste) = (&world.ada, format!("PASTED={}\n", world.instance.plant_plain()));
    let preview =
        ada.send("/projects/default/import", &[("place", "global"), ("file", &paste)]).await.expect(200).text();
    let draft = preview.split("name=\"draft\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let out = ada.send("/sign-out", &[]).await;
    assert_eq!((out.status, out.header("location")), (303, "/sign-in"));
    assert!(
        out.header("clear-site-data").contains("\"cache\"") && out.header("clear-site-data").contains("\"storage\"")
    );
    let cleared = |cookie: &http::HeaderValue| {
        cookie.to_str().is_ok_and(|cookie| cookie.contains("session=;") && cookie.contains("Max-Age=0"))
    };
    assert!(out.headers.get_all("set-cookie").iter().any(cleared), "the cookie stays");
    // the old session opens nothing, whatever the browser still shows of it
    assert_eq!(ada.get("/projects/default/secrets").await.status, 303);
    assert_eq!(ada.send("/projects/default/import/write", &[("draft", &draft)]).await.status, 401);
    // and what waited to be written is gone, for the same person too
    let again = Browser::enter(&world.instance, "ada").await;
    assert_eq!(again.send("/projects/default/import/write", &[("draft", &draft)]).await.status, 409);
    world.instance.owner().get("secrets/PASTED").send().await.problem(404, "not_found");
    // a value that is shown is shown for a moment after signing in, to a session of that person
    world.instance.owner().call(Method::PATCH, ".").json(&json!({ "allow_reveal": true })).send().await.expect(200);
    let stale = ada.client.post("secrets/KEY/reveal").header("cookie", &ada.cookie).header("x-csrf-token", &ada.csrf);
    assert_eq!(stale.json(&json!({})).send().await.status, 401);
    world.instance.close().await;
}
