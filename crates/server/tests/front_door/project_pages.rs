//! Pages about what runs in a project and who may use it: what they show, to whom, and what their forms do.

use ::http::Method;
use serde_json::json;

use crate::pages::{HOSTILE, askama_escaped};
use crate::support::House;

const PROJECT: &str = "/projects/default";

fn address(path: &str) -> String {
    format!("{PROJECT}{path}")
}

#[tokio::test]
async fn the_overview_shows_where_each_name_resolves_in_each_namespace() {
    let house = House::new().await;
    house.set(None, "DATABASE_URL", "canary-global").await;
    house.set(Some("production"), "DATABASE_URL", "canary-production").await;
    house.call(Method::POST, "secrets", Some(json!({ "name": "EMPTY" }))).await.expect(201);
    let page = house.page(PROJECT).await;
    let html = page.html(200);
    for shown in ["<strong>3</strong>secrets", "global v1", "own v1", "no value yet", "EMPTY", "production"] {
        assert!(html.contains(shown), "{shown} is missing: {html}");
    }
    assert!(!html.contains("canary"), "{html}");
    let found = house.page(&address("?search=EMP")).await;
    assert!(found.html(200).contains("EMPTY") && !found.text.contains("DATABASE_URL"));
}

#[tokio::test]
async fn the_overview_shows_a_visitor_only_the_namespaces_that_he_reaches() {
    let house = House::new().await;
    house.set(Some("staging"), "A", "canary").await;
    house.set(Some("production"), "ONLY_PRODUCTION", "canary").await;
    let limited = json!({ "name": "t", "capabilities": ["secrets:list", "logs:read"], "namespaces": ["staging"] });
    let limited = house.mint(limited).await.token;
    let html = house.call_as(&limited, Method::GET, PROJECT, None).await.html(200).to_owned();
    assert!(
        html.contains(">staging</th>") && !html.contains("production") && !html.contains("ONLY_PRODUCTION"),
        "{html}"
    );
    let settings = house.call_as(&limited, Method::GET, &address("/settings"), None).await;
    assert!(!settings.html(200).contains("production"), "{}", settings.text);
    house.call_as(&limited, Method::GET, &address("/logs"), None).await.html(200);
    house.call_as(&limited, Method::GET, &address("/logs?namespace=production"), None).await.html(403);
}

#[tokio::test]
async fn a_token_is_shown_once_made_once_and_revoked() {
    let house = House::new().await;
    let form = house.page(&address("/tokens/new")).await.html(200).to_owned();
    let (_, rest) = form.split_once("name=\"once\" value=\"").unwrap();
    let once = rest.split('"').next().unwrap().to_owned();
    let typed = [
        ("once", once.as_str()),
        ("name", HOSTILE),
        ("capability", "secrets:list"),
        ("capability", "logs:read"),
        ("expires", "1d"),
    ];
    let wrong = [typed[0], typed[1], typed[2], ("expires", HOSTILE)];
    let refused = house.form(&address("/tokens"), &wrong).await;
    assert!(refused.html(400).contains("value=\"secrets:list\" checked"), "{}", refused.text);
    assert!(refused.text.contains(&askama_escaped(HOSTILE)), "{}", refused.text);
    let fields = [("name", "ci"), typed[0], typed[2], typed[3], typed[4]];
    let made = house.form(&address("/tokens"), &fields).await;
    let html = made.html(200);
    let token = html.split('"').find(|part| part.starts_with("srt_")).expect("the token is shown").to_owned();
    house.call_as(&token, Method::GET, &address("/secrets"), None).await.html(200);
    let again = house.form(&address("/tokens"), &fields).await;
    assert_eq!(again.sent_to(), address("/tokens"));
    let list = house.page(&address("/tokens")).await;
    assert!(!list.html(200).contains(&token));
    let revoke = list.text.split('"').find(|part| part.ends_with("/revoke")).unwrap().to_owned();
    assert!(house.page(&revoke).await.html(200).contains("Revoke ci?"));
    assert_eq!(house.form(&revoke, &[]).await.sent_to(), address("/tokens"));
    assert_eq!(house.call_as(&token, Method::GET, &address("/secrets"), None).await.status, 401);
}

#[tokio::test]
async fn the_settings_make_protect_and_delete_namespaces_and_change_what_the_project_allows() {
    let house = House::new().await;
    let settings = address("/settings");
    let namespaces = format!("{settings}/namespaces");
    assert_eq!(house.form(&namespaces, &[("namespace", "live"), ("protected", "yes")]).await.sent_to(), settings);
    assert!(house.page(&settings).await.html(200).contains("protected</span>"));
    let twice = house.form(&namespaces, &[("namespace", "live")]).await;
    assert!(twice.html(409).contains("role=\"alert\""), "{}", twice.text);
    house.form(&namespaces, &[("namespace", HOSTILE)]).await.html(400);
    house.form(&format!("{namespaces}/live/delete"), &[]).await.html(409);
    assert_eq!(house.form(&format!("{namespaces}/live/protection"), &[]).await.sent_to(), settings);
    assert!(house.page(&format!("{namespaces}/live/delete")).await.html(200).contains("data-question"));
    assert_eq!(house.form(&format!("{namespaces}/live/delete"), &[]).await.sent_to(), settings);
    assert_eq!(house.form(&settings, &[("value_hints", "yes")]).await.sent_to(), settings);
    let project = house.get("/api/v1/projects/default").await.expect(200);
    assert_eq!(project["settings"]["value_hints"], true);
    assert_eq!(project["settings"]["allow_reveal"], false);
    let wrong = house.form(&format!("{settings}/destroy"), &[("confirm", "defalt")]).await;
    assert!(wrong.html(400).contains("role=\"alert\""), "{}", wrong.text);
    let viewer = house.token(json!(["secrets:list"])).await;
    let seen = house.call_as(&viewer, Method::GET, &settings, None).await;
    assert!(!seen.html(200).contains("method=\"post\" action=\"/projects"), "{}", seen.text);
}

#[tokio::test]
async fn the_audit_page_filters_escapes_and_verifies() {
    let house = House::new().await;
    house.set(None, "FIRST", "canary-value").await;
    let description = json!({ "name": "SECOND", "description": HOSTILE });
    house.call(Method::POST, "secrets", Some(description)).await.expect(201);
    let all = house.page(&address("/audit")).await;
    assert!(all.html(200).contains("FIRST") && all.text.contains("secret.set") && !all.text.contains("canary"));
    let some = house.page(&address("/audit?action=secret.&search=SECOND&since=1d")).await;
    assert!(some.html(200).contains("SECOND") && !some.text.contains("FIRST"), "{}", some.text);
    house.page(&address("/audit?since=never")).await.html(400);
    let verdict = house.form(&address("/audit/verify"), &[]).await;
    assert!(verdict.html(200).contains("The trail is whole"), "{}", verdict.text);
}

#[tokio::test]
async fn the_logs_page_filters_and_escapes() {
    let house = House::new().await;
    let viewer = house.token(json!(["secrets:list"])).await;
    house.form_as(&viewer, &address("/new-secret"), &[("name", "A")]).await.html(403);
    let page = house.page(&address("/logs?level=warn")).await;
    assert!(page.html(200).contains("refused:"), "{}", page.text);
    let hostile: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    let none = house.page(&address(&format!("/logs?search={hostile}&execution={hostile}&follow=yes"))).await;
    assert!(none.html(200).contains("data-watch") && none.text.contains(&askama_escaped(HOSTILE)));
    house.page(&address("/logs?level=loud")).await.html(400);
}
