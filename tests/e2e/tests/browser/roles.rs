//! What a person is shown follows what he may do.

use strongroom_e2e::Instance;
use strongroom_e2e::browser::{Browser, Person, Window};
use strongroom_e2e::sample;

const VIEWER: &[&str] = &["secrets:list", "logs:read"];
const DEVELOPER: &[&str] = &[
    "secrets:list",
    "secrets:declare",
    "secrets:write",
    "secrets:delete",
    "values:read",
    "functions:deploy",
    "functions:invoke",
    "jobs:run",
    "logs:read",
];
const OWNER: &[&str] = &["admin"];

async fn person<'a>(browser: &'a Browser, instance: &Instance, name: &str, capabilities: &[&str]) -> Person<'a> {
    let (token, _) = instance.mint(capabilities).await;
    let person = browser.person(name, Window::DESK).await;
    person.carries(&token).await;
    person
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_looks_a_developer_works_and_an_owner_manages() {
    let instance = Instance::start().await;
    sample::seed(&instance).await;
    let browser = Browser::start(&instance).await;
    let viewer = person(&browser, &instance, "viewer", VIEWER).await;
    let developer = person(&browser, &instance, "developer", DEVELOPER).await;
    let owner = person(&browser, &instance, "owner", OWNER).await;
    let menu = |name: &'static str| format!(".side a[href='/projects/default{name}']");
    let function = "/projects/default/functions/default/charge-card";
    for (who, manages, works) in [(&viewer, 0, 0), (&developer, 0, 1), (&owner, 1, 1)] {
        assert_eq!(who.open("/projects/default").await, 200);
        for (place, count) in
            [("/tokens", manages), ("/audit", manages), ("/import", works), ("/secrets", 1), ("/logs", 1)]
        {
            assert_eq!(who.count(&menu(place)).await, count, "{place}");
        }
        assert_eq!(who.open("/projects/default/tokens").await, if manages == 1 { 200 } else { 403 });
        assert_eq!(who.open("/projects/default/audit").await, if manages == 1 { 200 } else { 403 });
        assert_eq!(who.open("/projects/default/new-secret").await, if works == 1 { 200 } else { 403 });
        assert_eq!(who.open("/projects/default/runs").await, if works == 1 { 200 } else { 403 });
        who.open(function).await;
        assert_eq!(who.count("a[href*='rollback']").await > 0, works == 1);
    }
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_rolled_back_and_a_dead_run_is_run_again_from_their_pages() {
    let instance = Instance::start().await;
    let sample = sample::seed(&instance).await;
    let browser = Browser::start(&instance).await;
    let developer = person(&browser, &instance, "developer", DEVELOPER).await;
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
    let viewer = person(&browser, &instance, "viewer", VIEWER).await;
    viewer.open("/projects/default/logs?workload=function/charge-card&search=order&follow=yes").await;
    let before = viewer.count(".log li").await;
    assert!(before > 0);
    instance.caller().get("/fn/default/default/charge-card").send().await.expect(200);
    let more = || async { (viewer.count(".log li").await > before).then_some(()) };
    strongroom_e2e::wait::eventually("the new line", more).await;
    viewer.look().await;
    instance.close().await;
}
