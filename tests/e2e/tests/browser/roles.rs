//! What a person is shown follows what he may do.

use serde_json::json;
use strongroom_e2e::browser::{Browser, Person, Window};
use strongroom_e2e::people::{self, Account};
use strongroom_e2e::{Instance, canary, sample};

/// Somebody of the project `default` with this role, in these namespaces, signed in.
async fn member<'a>(browser: &'a Browser, instance: &Instance, role: &str, namespaces: &[&str]) -> Person<'a> {
    let name = format!("{role}{}@example.com", namespaces.len());
    let terms = json!({ "project": "default", "role": role, "namespaces": namespaces });
    let account = people::invited(instance, &name, terms).await;
    let person = browser.person(&name, Window::DESK).await;
    account.sign_in(&person).await;
    person
}

/// What the four roles find in the menu and behind each address: 200 where they may, 403 where they may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_looks_a_developer_works_and_admins_and_owners_manage() {
    let instance = Instance::start().await;
    sample::seed(&instance).await;
    let browser = Browser::start(&instance).await;
    people::first(&instance, "ada@example.com").await;
    for (role, works, manages) in
        [("viewer", false, false), ("developer", true, false), ("admin", true, true), ("owner", true, true)]
    {
        let who = member(&browser, &instance, role, &[]).await;
        let places = [
            ("", true),
            ("/secrets", true),
            ("/logs", true),
            ("/import", works),
            ("/tokens", manages),
            ("/audit", manages),
            ("/members", manages),
        ];
        for (place, is_open) in places {
            who.open("/projects/default/settings").await;
            let link = format!(".side a[href='/projects/default{place}']");
            assert_eq!(who.count(&link).await, u64::from(is_open), "{role} finds {place}");
            let status = who.open(&format!("/projects/default{place}")).await;
            assert_eq!(status, if is_open { 200 } else { 403 }, "{role} opens {place}");
        }
        for (address, is_open) in [
            ("/projects/default/new-secret", works),
            ("/projects/default/runs", works),
            ("/projects/default/secrets/STRIPE_SECRET_KEY/value", works),
            ("/projects/default/tokens/new", manages),
            ("/users", false),
            ("/new-project", false),
        ] {
            let status = who.open(address).await;
            assert_eq!(status, if is_open { 200 } else { 403 }, "{role} opens {address}");
        }
        who.open("/projects/default/secrets/STRIPE_SECRET_KEY").await;
        assert_eq!(who.count("main .actions a").await, if works { 3 } else { 0 }, "what {role} may do with a secret");
        who.open("/projects/default/functions/default/charge-card").await;
        assert_eq!(who.count("a[href*='rollback']").await > 0, works);
    }
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_some_namespaces_sees_and_changes_those_alone() {
    let instance = Instance::start().await;
    sample::seed(&instance).await;
    let browser = Browser::start(&instance).await;
    people::first(&instance, "ada@example.com").await;
    let who = member(&browser, &instance, "developer", &["staging"]).await;
    who.open("/projects/default").await;
    assert_eq!(who.texts("thead th").await, ["Name", "staging"]);
    who.open("/projects/default/secrets").await;
    let places = who.texts("td[data-label='Where']").await;
    assert!(places.iter().all(|place| place == "Global" || place == "staging"), "{places:?}");
    assert!(places.contains(&"staging".to_owned()));
    assert_eq!(who.open("/projects/default/secrets/DATABASE_URL?scope=namespace&namespace=staging").await, 200);
    let foreign = "/projects/default/secrets/DATABASE_URL?scope=namespace&namespace=production";
    assert!(matches!(who.open(foreign).await, 403 | 404), "a foreign namespace opens");
    who.open("/projects/default/new-secret").await;
    let choices = who.texts("#place option").await;
    assert!(!choices.is_empty() && choices.iter().all(|choice| choice.contains("staging")), "{choices:?}");
    who.open("/projects/default/secrets/DATABASE_URL?scope=namespace&namespace=staging").await;
    who.follow("Set a new value").await;
    let value = instance.plant();
    who.fill("Value", &value).await;
    who.press("Set the value").await;
    let stored = instance.owner().resolve("staging", "DATABASE_URL").await;
    assert_eq!(stored.as_deref().map(canary::digest), Some(canary::digest(&value)));
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_invited_disabled_and_shut_out_on_the_pages_of_whoever_manages_the_server() {
    let instance = Instance::start().await;
    let browser = Browser::start(&instance).await;
    let ada = people::first(&instance, "ada@example.com").await;
    let admin = browser.person("ada", Window::DESK).await;
    ada.sign_in(&admin).await;
    admin.follow("People").await;
    admin.follow("Invite somebody").await;
    admin.fill("Name or e-mail address", "grace@example.com").await;
    admin.choose("Project", "default").await;
    admin.press("Create the invitation").await;
    let address = admin.shown("Address of the invitation").await;
    let grace = browser.person("grace", Window::PHONE).await;
    let account = Account { name: "grace@example.com".to_owned(), password: instance.plant() };
    grace.open(&address).await;
    grace.fill("Password", &account.password).await;
    grace.fill("The same password again", &account.password).await;
    assert_eq!(grace.press("Make the account").await, "/");
    assert_eq!(grace.open("/projects/default").await, 200);
    admin.follow("I have it").await;
    admin.follow("Manage grace@example.com").await;
    admin.follow("Disable").await;
    admin.press_in("dialog", "Disable the account").await;
    admin.sees("is disabled").await;
    grace.open("/projects/default/secrets").await;
    grace.sees("No account?").await;
    account.sign_in_here(&grace).await;
    grace.sees("is not right").await;
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_rolled_back_and_a_dead_run_is_run_again_from_their_pages() {
    let instance = Instance::start().await;
    let sample = sample::seed(&instance).await;
    let browser = Browser::start(&instance).await;
    people::first(&instance, "ada@example.com").await;
    let developer = member(&browser, &instance, "developer", &[]).await;
    developer.open("/projects/default/functions/default/charge-card").await;
    assert_eq!(developer.texts("#variables ~ dl dd").await, ["EUR", "platinum"]);
    developer.follow("Roll back to deployment 1").await;
    developer.press_in("[data-question]", "Roll back").await;
    developer.sees("runs deployment 1 now").await;
    assert_eq!(developer.texts("#variables ~ dl dd").await, ["EUR", "silver"]);
    developer.open("/projects/default/runs?state=dead").await;
    assert_eq!(developer.count("tbody tr").await, 1);
    developer.open(&format!("/projects/default/runs/{}", sample.dead_run)).await;
    developer.sees("the warehouse does not answer").await;
    developer.press("Run again").await;
    developer.sees("will run again").await;
    developer.open("/projects/default/jobs/default/nightly-sync").await;
    assert!(developer.press("Run now").await.starts_with("/projects/default/runs/"));
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_log_lines_come_by_themselves_while_they_are_followed() {
    let instance = Instance::start().await;
    sample::seed(&instance).await;
    let browser = Browser::start(&instance).await;
    people::first(&instance, "ada@example.com").await;
    let viewer = member(&browser, &instance, "viewer", &[]).await;
    viewer.open("/projects/default/logs?workload=function/charge-card&search=order&follow=yes").await;
    let before = viewer.count(".log li").await;
    assert!(before > 0);
    instance.caller().get("/fn/default/default/charge-card").send().await.expect(200);
    let more = || async { (viewer.count(".log li").await > before).then_some(()) };
    strongroom_e2e::wait::eventually("the new line", more).await;
    viewer.look().await;
    instance.close().await;
}
