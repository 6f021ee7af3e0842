//! The story that the pages are for: somebody sets the server up and creates a project in a browser; a developer declares
//! what is needed in a terminal; a colleague fills it in; and the running app has it.

use std::process::Stdio;

use strongroom_e2e::browser::{Browser, Person, Window};
use strongroom_e2e::people::{self, Account};
use strongroom_e2e::{Instance, canary, functions, wait};
use tokio::process::Child;

/// Writes the digest of what it sees under its name into a file, and runs until it is ended.
const APP: &str = "const { createHash } = require('node:crypto'); const { writeFileSync } = require('node:fs'); \
     const value = process.env.STRIPE_KEY; writeFileSync('seen', value === undefined ? 'nothing' : \
     createHash('sha256').update(value).digest('hex')); setInterval(() => {}, 1000);";

/// The app under `run --watch`.
fn start_app(instance: &Instance) -> Child {
    let words = ["run", "--project", "web-shop", "--watch", "--", "node", "-e", APP];
    let mut command = instance.command(words).command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Waits until the app saw this.
async fn app_sees(instance: &Instance, digest: &str) {
    let file = instance.work().join("seen");
    let sees = || async { (std::fs::read_to_string(&file).ok()? == digest).then_some(()) };
    wait::eventually("the app with the newest value", sees).await;
}

/// Makes the first account in the browser, at the address that the server printed, and a project.
async fn set_up(instance: &Instance, ada: &Person<'_>) -> Account {
    let account = Account { name: "ada@example.com".to_owned(), password: instance.plant() };
    assert_eq!(ada.open(&people::setup_address(instance)).await, 200);
    ada.fill("Name or e-mail address", &account.name).await;
    ada.fill("Password", &account.password).await;
    ada.fill("The same password again", &account.password).await;
    assert_eq!(ada.press("Make the account").await, "/");
    ada.follow("New project").await;
    ada.fill("Name", "web-shop").await;
    assert_eq!(ada.press("Create the project").await, "/projects/web-shop");
    ada.sees("No secrets yet").await;
    account
}

/// Declares two names in a terminal, and gives the address that it printed.
async fn declare(instance: &Instance) -> String {
    let words = ["secret", "create", "--project", "web-shop", "--secret", "STRIPE_KEY:Stripe, live mode"];
    let declared = instance.command(words.into_iter().chain(["--secret", "DB_PASSWORD"])).run().await.ok();
    let address = declared.stdout.split_whitespace().find(|word| word.starts_with("http"));
    address.expect("an address is printed").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_developer_declares_in_a_terminal_is_filled_in_in_a_browser_and_reaches_the_running_app() {
    let instance = Instance::start().await;
    let browser = Browser::start(&instance).await;
    let desk = browser.person("ada at her desk", Window::DESK).await;
    let account = set_up(&instance, &desk).await;
    let printed = declare(&instance).await;
    let mut app = start_app(&instance);
    app_sees(&instance, "nothing").await;

    let ada = browser.person("ada on her phone", Window::PHONE).await;
    ada.open(&printed).await;
    assert!(account.sign_in_here(&ada).await.starts_with("/projects/web-shop/fill"), "the sign-in leads on");
    let (first, second) = (instance.plant(), instance.plant());
    ada.fill("STRIPE_KEY", &first).await;
    ada.fill("DB_PASSWORD", &second).await;
    ada.press("Save").await;
    app_sees(&instance, &canary::digest(&first)).await;
    let shop = instance.owner().in_project("web-shop");
    let stored = shop.resolve("default", "DB_PASSWORD").await;
    assert_eq!(stored.as_deref().map(canary::digest), Some(canary::digest(&second)));

    ada.open("/projects/web-shop/secrets/STRIPE_KEY").await;
    ada.follow("Set a new value").await;
    let newer = instance.plant();
    ada.fill("Value", &newer).await;
    ada.press("Set the value").await;
    app_sees(&instance, &canary::digest(&newer)).await;
    ada.open("/projects/web-shop/secrets/STRIPE_KEY").await;
    ada.follow("Roll back to version 1").await;
    ada.sees("becomes version 3").await;
    ada.press_in("[data-question]", "Roll back").await;
    app_sees(&instance, &canary::digest(&first)).await;

    expiry_delete_and_restore(&instance, &ada, &first).await;
    app.start_kill().unwrap();
    app.wait().await.unwrap();
    instance.close().await;
}

/// A secret runs out and is given longer, is deleted and comes back; the app follows.
async fn expiry_delete_and_restore(instance: &Instance, ada: &Person<'_>, value: &str) {
    let expires = async |when: &str| {
        ada.follow("Edit").await;
        ada.fill("Expires", when).await;
        ada.press("Save").await;
    };
    expires("1s").await;
    app_sees(instance, "nothing").await;
    ada.open("/projects/web-shop/secrets/STRIPE_KEY").await;
    ada.sees("Its value has run out.").await;
    expires("30d").await;
    app_sees(instance, &canary::digest(value)).await;
    let facts = ada.texts(".facts dd").await.join("\n");
    assert!(facts.contains("days") && !facts.contains("never"), "{facts}");
    ada.follow("Delete").await;
    ada.press_in("[data-question]", "Delete").await;
    app_sees(instance, "nothing").await;
    ada.follow("Deleted secrets").await;
    ada.press("Restore STRIPE_KEY").await;
    app_sees(instance, &canary::digest(value)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_was_invited_imports_a_file_and_the_deployed_function_has_its_values() {
    let instance = Instance::start().await;
    people::first(&instance, "ada@example.com").await;
    let manifest = serde_json::json!({ "auth": "public", "secrets": [{ "name": "PAYMENT_KEY", "required": false }] });
    let code = functions::digest_of("await ctx.secrets.get('PAYMENT_KEY', '')");
    functions::deploy(&instance.owner(), "pay", &manifest, &code).await;
    let browser = Browser::start(&instance).await;
    let grace = browser.person("grace", Window::DESK).await;
    let account = people::invited(
        &instance,
        "grace@example.com",
        serde_json::json!({ "project": "default", "role": "developer" }),
    )
    .await;
    account.sign_in(&grace).await;
    grace.open("/projects/default/import").await;
    let (value, other) = (instance.plant_plain(), instance.plant_plain());
    let file = instance.work().join("shop.env");
    std::fs::write(&file, format!("PAYMENT_KEY={value}\nOTHER='{other}'\nLD_PRELOAD=x\nno line\n")).unwrap();
    grace.upload("Or choose a file", &file).await;
    let read = || async { grace.has_text("The file’s text").await.then_some(()) };
    wait::eventually("the file's text in its field", read).await;
    std::fs::remove_file(&file).unwrap();
    grace.press("Show the names").await;
    assert_eq!(grace.texts("td .name").await, ["PAYMENT_KEY", "OTHER"]);
    let notices = grace.texts(".notice.warning").await.join("\n");
    assert!(notices.contains("line 3: LD_PRELOAD steers the runtime") && notices.contains("line 4"), "{notices}");
    assert!(instance.owner().resolve("default", "OTHER").await.is_none(), "written before it was asked for");
    grace.press("Write them").await;
    let answer = instance.caller().get(&functions::path("pay")).send().await.expect(200);
    assert_eq!(String::from_utf8_lossy(&answer.body), canary::digest(&value));
    grace.open("/projects/default/secrets/PAYMENT_KEY").await;
    grace.follow("pay").await;
    assert!(grace.texts("td .name").await.contains(&"PAYMENT_KEY".to_owned()));
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_imported_by_paste_after_its_names_were_shown_even_where_scripts_are_off() {
    let instance = Instance::start().await;
    let browser = Browser::start(&instance).await;
    let ada = people::first(&instance, "ada@example.com").await;
    for (name, window) in [("desk", Window::DESK), ("plain", Window::WITHOUT_SCRIPT)] {
        let person = browser.person(name, window).await;
        ada.sign_in(&person).await;
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
