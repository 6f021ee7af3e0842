//! The pages outside the projects: accounts, invitations, a new project.

use ::http::Method;
use serde_json::json;

use crate::people::set_up;
use crate::support::House;

#[tokio::test]
async fn an_invitations_address_is_shown_once_lets_one_person_in_and_is_in_no_list() {
    let house = House::new().await;
    let asked = [
        ("name", "grace@example.com"),
        ("project", "default"),
        ("role", "developer"),
        ("namespaces", "staging production"),
    ];
    house.post("namespaces", json!({ "name": "staging" })).await.expect(201);
    let refused = house.form("/invitations", &[("name", "No Name"), ("admin", "yes")]).await;
    assert!(refused.html(400).contains("An account name is an e-mail address"), "{}", refused.text);
    assert!(refused.text.contains("value=\"No Name\"") && refused.text.contains("value=\"yes\" checked"));
    let made = house.form("/invitations", &asked).await;
    let address = made.html(200).split("value=\"").find_map(|rest| rest.split_once('"')?.0.split_once("/invitation/"));
    let (_, code) = address.expect("the page shows the address");
    let list = house.page("/users").await;
    assert!(
        list.html(200).contains("grace@example.com") && list.text.contains("developer in a project"),
        "{}",
        list.text
    );
    assert!(!list.text.contains(code), "the list shows the code");
    let accepted = json!({ "code": code, "password": "a long enough password" });
    house.call_as("", Method::POST, "/api/v1/invitations/accept", Some(accepted)).await.expect(201);
    let members = house.get("members").await.expect(200);
    assert_eq!(members["items"][0]["namespaces"], json!(["staging", "production"]));
    assert!(house.page("/users").await.html(200).contains("href=\"/users/grace%40example.com\""));
}

#[tokio::test]
async fn an_invitation_is_withdrawn_after_a_question() {
    let house = House::new().await;
    let made = house.call(Method::POST, "/api/v1/invitations", Some(json!({ "name": "hopper" }))).await.expect(201);
    let path = format!("/invitations/{}/withdraw", made["id"].as_str().unwrap());
    assert!(house.page(&path).await.html(200).contains("Withdraw the invitation of hopper?"));
    assert_eq!(house.form(&path, &[]).await.sent_to(), "/users");
    assert!(!house.page("/users").await.html(200).contains("hopper"));
    assert!(house.page(&path).await.html(404).contains("withdrawn already"));
}

#[tokio::test]
async fn accounts_are_changed_after_a_question_and_the_last_admin_stays() {
    let house = House::new().await;
    set_up(&house).await;
    let made = house.call(Method::POST, "/api/v1/invitations", Some(json!({ "name": "lin" }))).await.expect(201);
    let code = made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let accepted = json!({ "code": code, "password": "a long enough password" });
    house.call_as("", Method::POST, "/api/v1/invitations/accept", Some(accepted)).await.expect(201);
    for (word, question, state) in [
        ("disable", "Disable lin?", "disabled"),
        ("enable", "Enable lin?", "active"),
        ("admin", "Make an administrator of lin?", "Administration"),
        ("no-admin", "Take administration from lin?", "Does not manage"),
    ] {
        assert!(house.page(&format!("/users/lin/change?to={word}")).await.html(200).contains(question));
        assert_eq!(house.form("/users/lin/change", &[("to", word)]).await.sent_to(), "/users/lin");
        assert!(house.page("/users/lin").await.html(200).contains(state), "{word}");
    }
    let last = house.form("/users/ada%40example.com/change", &[("to", "disable")]).await;
    assert!(last.html(409).contains("last admin") && last.text.contains("Disable ada@example.com?"), "{}", last.text);
    assert_eq!(house.form("/users/lin/change", &[("to", "delete")]).await.sent_to(), "/users");
    house.page("/users/lin").await.html(404);
    house.form("/users/lin/change", &[("to", "enable")]).await.html(404);
    house.form("/users/ada%40example.com/change", &[("to", "rule the world")]).await.html(404);
}

#[tokio::test]
async fn a_project_is_created_on_its_page_and_a_taken_name_is_kept_in_the_form() {
    let house = House::new().await;
    assert!(house.page("/").await.html(200).contains("/new-project"));
    assert_eq!(house.form("/new-project", &[("name", "web-shop")]).await.sent_to(), "/projects/web-shop");
    let taken = house.form("/new-project", &[("name", "web-shop")]).await;
    assert!(taken.html(409).contains("exists already") && taken.text.contains("value=\"web-shop\""), "{}", taken.text);
    house.form("/new-project", &[("name", "Web Shop")]).await.html(400);
    let page = house.call_as(&house.token(json!(["admin"])).await, Method::GET, "/", None).await;
    assert!(!page.html(200).contains("/new-project") && !page.text.contains("web-shop"), "{}", page.text);
}

#[tokio::test]
async fn pages_of_the_instance_are_closed_to_who_manages_a_project_alone() {
    let house = House::new().await;
    let admin = house.token(json!(["admin"])).await;
    for path in [
        "/users",
        "/users/lin",
        "/users/lin/change?to=delete",
        "/invitations",
        "/invitations/x/withdraw",
        "/new-project",
    ] {
        assert!(house.call_as(&admin, Method::GET, path, None).await.html(403).contains("Not allowed"), "{path}");
    }
    for path in ["/users/lin/change", "/invitations", "/invitations/x/withdraw", "/new-project"] {
        house.form_as(&admin, path, &[("name", "x"), ("to", "delete")]).await.html(403);
    }
}

#[tokio::test]
async fn issuers_of_end_users_are_trusted_and_removed_and_a_shared_key_never_comes_back() {
    let house = House::new().await;
    let path = "/projects/default/issuers";
    let key = "canary-key-of-more-than-thirty-two-bytes";
    let fields = [("name", "shop"), ("issuer", "https://login.example.com"), ("audience", "app"), ("shared_key", key)];
    let both = house.form(path, &[&fields[..], &[("jwks_url", "https://login.example.com/keys")]].concat()).await;
    assert!(both.html(400).contains("not both") && both.text.contains("value=\"app\""), "{}", both.text);
    assert!(!both.text.contains(key));
    let short = house.form(path, &[&fields[..3], &[("shared_key", "canary-short")]].concat()).await;
    assert!(short.html(400).contains("32 bytes") && !short.text.contains("canary"), "{}", short.text);
    assert_eq!(house.form(path, &fields).await.sent_to(), path);
    let list = house.page(path).await;
    assert!(list.html(200).contains("a shared key") && list.text.contains("https://login.example.com"));
    assert!(!list.text.contains("canary"), "{}", list.text);
    assert!(house.page("/projects/default/settings").await.html(200).contains(&format!("href=\"{path}\"")));
    assert!(house.page(&format!("{path}/shop/remove")).await.html(200).contains("Trust shop no longer?"));
    assert_eq!(house.form(&format!("{path}/shop/remove"), &[]).await.sent_to(), path);
    assert!(house.page(path).await.html(200).contains("No issuer is trusted yet"));
    house.form(&format!("{path}/shop/remove"), &[]).await.html(404);
}
