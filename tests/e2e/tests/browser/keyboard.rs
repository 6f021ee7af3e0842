//! The pages with the keyboard alone.

use strongroom_e2e::Instance;
use strongroom_e2e::browser::{Browser, Window};
use strongroom_e2e::{people, sample};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_on_a_page_is_reached_with_the_tab_key_in_the_order_in_which_it_stands() {
    let instance = Instance::start().await;
    sample::seed(&instance).await;
    let ada = people::first(&instance, "ada@example.com").await;
    let browser = Browser::start(&instance).await;
    for (name, window) in [("at her desk", Window::DESK), ("on her phone", Window::PHONE)] {
        let person = browser.person(name, window).await;
        ada.sign_in(&person).await;
        for (path, least) in [
            ("/", 5),
            ("/users", 6),
            ("/invitations", 10),
            ("/account", 5),
            ("/projects/default", 25),
            ("/projects/default/secrets", 30),
            ("/projects/default/secrets/STRIPE_SECRET_KEY", 20),
            ("/projects/default/new-secret", 20),
            ("/projects/default/fill?names=PAYPAL_CLIENT_SECRET", 15),
            ("/projects/default/import", 15),
            ("/projects/default/tokens/new", 25),
            ("/projects/default/members", 15),
            ("/projects/default/settings", 20),
            ("/projects/default/issuers", 15),
            ("/projects/default/jobs", 15),
            ("/projects/default/logs", 15),
        ] {
            person.open(path).await;
            let count = person.walk().await;
            assert!(count >= least, "{path} has {count} things to use {name}");
        }
    }
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_tab_leads_past_the_menu_and_a_question_keeps_the_keyboard_until_it_is_answered() {
    let instance = Instance::start().await;
    sample::seed(&instance).await;
    let ada = people::first(&instance, "ada@example.com").await;
    let browser = Browser::start(&instance).await;
    let person = browser.person("ada", Window::DESK).await;
    ada.sign_in(&person).await;
    person.open("/projects/default/secrets/STRIPE_SECRET_KEY").await;
    person.key("Tab").await;
    assert_eq!(person.focused().await, "Skip to content");
    person.key("Enter").await;
    assert!(person.is_within("main").await);
    person.key("Tab").await;
    assert_eq!(person.focused().await, "Projects", "the first thing to use behind the menu");

    let link = "Roll back to version 2";
    person.focus_link(link).await;
    person.key("Enter").await;
    person.sees("Roll back to version 2?").await;
    person.look().await;
    for _ in 0..7 {
        assert!(person.is_within("dialog, body:not(:has(*:focus))").await, "the keyboard leaves the question");
        person.key("Tab").await;
    }
    person.key("Escape").await;
    assert_eq!(person.count("dialog").await, 0);
    assert_eq!(person.focused().await, link, "the keyboard comes back to where it was");
    person.key("Enter").await;
    person.sees("Roll back to version 2?").await;
    while person.focused().await != "Roll back" {
        person.key("Tab").await;
    }
    person.key("Enter").await;
    person.sees("has the value of version 2 again").await;
    instance.close().await;
}
