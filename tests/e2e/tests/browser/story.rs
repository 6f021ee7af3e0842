//! The story that the pages are for: a developer declares what is needed in a terminal, a colleague fills it in in a
//! browser, and the running app has it.

use std::process::Stdio;

use strongroom_e2e::browser::{Browser, Person, Window};
use strongroom_e2e::{Instance, canary, wait};
use tokio::process::Child;

/// Writes the digest of what it sees under its name into a file, and runs until it is ended.
const APP: &str = "const { createHash } = require('node:crypto'); const { writeFileSync } = require('node:fs'); \
     const value = process.env.STRIPE_KEY; writeFileSync('seen', value === undefined ? 'nothing' : \
     createHash('sha256').update(value).digest('hex')); setInterval(() => {}, 1000);";

/// The app under `run --watch`.
fn start_app(instance: &Instance) -> Child {
    let mut command = instance.command(["run", "--watch", "--", "node", "-e", APP]).command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Waits until the app saw this.
async fn app_sees(instance: &Instance, digest: &str) {
    let file = instance.work().join("seen");
    let sees = || async { (std::fs::read_to_string(&file).ok()? == digest).then_some(()) };
    wait::eventually("the app with the newest value", sees).await;
}

/// Makes the first account at the address that the server printed, and gives the password.
async fn set_up(instance: &Instance, ada: &Person<'_>) -> String {
    let log = instance.log();
    let printed = log.split_whitespace().find(|word| word.contains("/setup/")).expect("a setup address is printed");
    let password = instance.plant();
    assert_eq!(ada.open(printed).await, 200);
    ada.fill("Name or e-mail address", "ada@example.com").await;
    ada.fill("Password", &password).await;
    ada.fill("The same password again", &password).await;
    ada.press("Make the account").await;
    password
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_developer_declares_in_a_terminal_is_filled_in_in_a_browser_and_reaches_the_running_app() {
    let instance = Instance::start().await;
    let browser = Browser::start(&instance).await;
    let first_window = browser.person("ada at her desk", Window::DESK).await;
    let password = set_up(&instance, &first_window).await;
    let declared =
        instance.cli(["secret", "create", "--secret", "STRIPE_KEY:Stripe, live mode", "--secret", "DB_PASSWORD"]);
    let declared = declared.await.ok();
    let printed =
        declared.stdout.split_whitespace().find(|word| word.starts_with("http")).expect("an address is printed");
    let mut app = start_app(&instance);
    app_sees(&instance, "nothing").await;

    let ada = browser.person("ada on her phone", Window::PHONE).await;
    ada.open(printed).await;
    ada.fill("Name or e-mail address", "ada@example.com").await;
    ada.fill("Password", &password).await;
    assert!(ada.press("Sign in").await.starts_with("/projects/default/fill"), "the sign-in leads on");
    let (first, second) = (instance.plant(), instance.plant());
    ada.fill("STRIPE_KEY", &first).await;
    ada.fill("DB_PASSWORD", &second).await;
    ada.press("Save").await;
    app_sees(&instance, &canary::digest(&first)).await;
    assert_eq!(
        instance.owner().resolve("default", "DB_PASSWORD").await.as_deref().map(canary::digest),
        Some(canary::digest(&second))
    );

    ada.open("/projects/default/secrets/STRIPE_KEY").await;
    ada.follow("Set a new value").await;
    let newer = instance.plant();
    ada.fill("Value", &newer).await;
    ada.press("Set the value").await;
    app_sees(&instance, &canary::digest(&newer)).await;
    ada.open("/projects/default/secrets/STRIPE_KEY").await;
    ada.follow("Roll back to version 1").await;
    ada.sees("becomes version 3").await;
    ada.press_in("[data-question]", "Roll back").await;
    app_sees(&instance, &canary::digest(&first)).await;

    ada.follow("Edit").await;
    ada.fill("Expires", "30d").await;
    ada.press("Save").await;
    let facts = ada.texts(".facts dd").await.join("\n");
    assert!(facts.contains("days") && !facts.contains("never"), "{facts}");
    ada.follow("Delete").await;
    ada.press_in("[data-question]", "Delete").await;
    app_sees(&instance, "nothing").await;
    ada.open("/projects/default/deleted-secrets").await;
    ada.press("Restore STRIPE_KEY").await;
    app_sees(&instance, &canary::digest(&first)).await;
    app.start_kill().unwrap();
    app.wait().await.unwrap();
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_imported_by_paste_after_its_names_were_shown() {
    let instance = Instance::start().await;
    let browser = Browser::start(&instance).await;
    for (name, window) in [("desk", Window::DESK), ("plain", Window::WITHOUT_SCRIPT)] {
        let person = browser.person(name, window).await;
        person.carries(instance.owner().token().unwrap()).await;
        let (one, two) = (instance.plant_plain(), instance.plant_plain());
        let prefix = name.to_uppercase();
        person.open("/projects/default/import").await;
        person.fill("The file’s text", &format!("{prefix}_ONE={one}\n{prefix}_TWO='{two}'\nnot a line\n")).await;
        person.press("Show the names").await;
        assert_eq!(person.texts("td .name").await, [format!("{prefix}_ONE"), format!("{prefix}_TWO")]);
        assert!(
            instance.owner().resolve("default", &format!("{prefix}_ONE")).await.is_none(),
            "written before it was asked for"
        );
        person.press("Write them").await;
        let stored = instance.owner().resolve("default", &format!("{prefix}_TWO")).await;
        assert_eq!(stored.as_deref().map(canary::digest), Some(canary::digest(&two)));
    }
    instance.close().await;
}
