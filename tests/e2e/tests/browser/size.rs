//! Pages of a project with many secrets.

use serde_json::{Map, Value, json};
use strongroom_e2e::browser::{Browser, Window};
use strongroom_e2e::{Instance, report};

const SECRETS: usize = 5_000;
/// Far above what a page takes, for a machine that is busy with other things.
const BOUND_MS: f64 = 2_000.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_with_five_thousand_secrets_are_quick_and_a_filter_finds_one_of_them() {
    let instance = Instance::start().await;
    let secrets: Map<String, Value> =
        (0..SECRETS).map(|number| (format!("SECRET_{number:05}"), json!(format!("value {number}")))).collect();
    instance.owner().put("secrets").json(&json!({ "secrets": secrets })).send().await.expect(200);
    let browser = Browser::start(&instance).await;
    let owner = browser.person("owner", Window::DESK).await;
    owner.carries(instance.owner().token().unwrap()).await;
    let pages = ["", "/secrets", "/secrets?search=0432", "/secrets/SECRET_04321", "/audit", "/settings", "/functions"];
    for page in pages.map(|page| format!("/projects/default{page}")) {
        let page = page.as_str();
        owner.open(page).await;
        let [answered, received, shown] = owner.timing().await;
        report(&format!(
            "{page} with {SECRETS} secrets: {answered:.0} ms to the first byte, {received:.0} ms to the last, shown after {shown:.0} ms"
        ));
        assert!(received < BOUND_MS, "{page} took {received} ms");
    }
    owner.open("/projects/default").await;
    assert_eq!(owner.texts(".number strong").await.first().map(String::as_str), Some("5000"));
    owner.open("/projects/default/secrets").await;
    let rows = owner.count("tbody tr").await;
    assert!((20..=200).contains(&rows), "{rows} rows");
    owner.fill("Search", "04321").await;
    let only = || async { (owner.count("tbody tr").await == 1).then_some(()) };
    strongroom_e2e::wait::eventually("one row", only).await;
    owner.sees("SECRET_04321").await;
    owner.look().await;
    instance.close().await;
}
