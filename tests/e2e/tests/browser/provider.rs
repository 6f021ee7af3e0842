//! People who sign in at an `OpenID` provider: one with a password links it, one who was invited never gets a password.

use serde_json::json;
use strongroom_e2e::Instance;
use strongroom_e2e::browser::{Browser, Person, Window};
use strongroom_e2e::provider::Provider;

/// A server with the account `ada`, whose password is given, and a provider with people.
async fn prepare() -> (Instance, Provider, String) {
    let mut provider = Provider::start().await;
    let instance = provider.setup().start().await;
    let people = json!({
        "ada-there": { "email": "ada@example.com", "email_verified": true },
        "grace-there": { "email": "grace@example.com", "email_verified": true },
    });
    // the address is told by userinfo alone, as small ID tokens have it
    provider.serve_with(&instance, &people, false).await;
    let log = instance.log();
    let code = log.split_whitespace().find(|word| word.contains("/setup/")).unwrap().rsplit('/').next().unwrap();
    let password = instance.plant();
    let body = json!({ "code": code, "name": "ada", "password": password });
    instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await.expect(201);
    (instance, provider, password)
}

/// Signs in on the provider's page.
async fn sign_in_there(person: &Person<'_>, name: &str) {
    person.fill("Account", name).await;
    person.press("Sign in there").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_links_an_account_of_the_provider_and_signs_in_with_it() {
    let (instance, provider, password) = prepare().await;
    let browser = Browser::start(&instance).await;
    browser.visits(provider.address()).await;
    let ada = browser.person("ada", Window::DESK).await;
    ada.open("/sign-in").await;
    ada.fill("Name or e-mail address", "ada").await;
    ada.fill("Password", &password).await;
    ada.press("Sign in").await;
    ada.open("/account").await;
    ada.press("Link your account of Example Login").await;
    ada.sees("On to Example Login").await;
    ada.follow("Continue to Example Login").await;
    sign_in_there(&ada, "ada-there").await;
    ada.sees("You sign in as").await;
    assert_eq!(ada.look().await, "/account");
    assert_eq!(ada.texts("#provider ~ .card strong").await, ["ada@example.com"]);

    // on another machine, and back to where she wanted to go
    let phone = browser.person("ada on her phone", Window::PHONE).await;
    phone.open("/projects/default/secrets").await;
    phone.follow("Continue with Example Login").await;
    sign_in_there(&phone, "ada-there").await;
    phone.sees("Secrets").await;
    assert_eq!(phone.look().await, "/projects/default/secrets");

    // without the link, nobody comes in by it
    ada.press("Take the link away").await;
    let other = browser.person("ada elsewhere", Window::WITHOUT_SCRIPT).await;
    other.open("/sign-in").await;
    other.follow("Continue with Example Login").await;
    sign_in_there(&other, "ada-there").await;
    other.sees("You are not signed in").await;
    other.look().await;
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invited_person_comes_in_by_the_provider_and_needs_no_password() {
    let (instance, provider, _) = prepare().await;
    let browser = Browser::start(&instance).await;
    browser.visits(provider.address()).await;
    let body = json!({ "name": "grace@example.com", "project": "default", "role": "developer" });
    let made = instance.owner().post("/api/v1/invitations").json(&body).unwitnessed().send().await.expect(201).json();
    let grace = browser.person("grace", Window::PHONE).await;
    grace.open(made.get("url").and_then(serde_json::Value::as_str).unwrap()).await;
    grace.press("Use your account of Example Login instead").await;
    grace.follow("Continue to Example Login").await;
    sign_in_there(&grace, "grace-there").await;
    grace.sees("default").await;
    grace.open("/account").await;
    grace.sees("Your account has no password").await;
    assert_eq!(grace.count("form[action='/account/oidc/unlink']").await, 0);
    assert_eq!(grace.open("/projects/default/secrets").await, 200);
    instance.close().await;
}
