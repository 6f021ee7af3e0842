//! Pictures of every page, light and dark, at a desk and on a phone: `e2e-screenshots FOLDER`.
#![expect(clippy::print_stdout, reason = "says where the pictures are")]

use std::path::PathBuf;

use strongroom_e2e::Instance;
use strongroom_e2e::browser::{Browser, Window};
use strongroom_e2e::sample::{self, Sample};

fn pages(sample: &Sample) -> Vec<(&'static str, String)> {
    let project = |path: &str| format!("/projects/default{path}");
    vec![
        ("projects", "/".to_owned()),
        ("overview", project("")),
        ("secrets", project("/secrets")),
        ("secrets-none", project("/secrets?search=nothing")),
        ("secret-add", project("/new-secret")),
        ("secret", project("/secrets/STRIPE_SECRET_KEY")),
        ("secret-value", project("/secrets/STRIPE_SECRET_KEY/value")),
        ("secret-edit", project("/secrets/STRIPE_SECRET_KEY/edit")),
        ("secret-rollback", project("/secrets/STRIPE_SECRET_KEY/rollback?version=1")),
        ("secret-delete", project("/secrets/STRIPE_SECRET_KEY/delete")),
        ("secrets-deleted", project("/deleted-secrets")),
        ("import", project("/import")),
        ("fill", project("/fill?name=PAYPAL_CLIENT_SECRET&name=TWILIO_TOKEN")),
        ("members", project("/members")),
        ("account", "/account".to_owned()),
        ("functions", project("/functions")),
        ("function", project("/functions/default/charge-card")),
        ("function-rollback", project("/functions/default/charge-card/rollback?deployment=1")),
        ("jobs", project("/jobs")),
        ("job", project("/jobs/default/stock-report")),
        ("runs", project("/runs")),
        ("run-good", project(&format!("/runs/{}", sample.good_run))),
        ("run-dead", project(&format!("/runs/{}", sample.dead_run))),
        ("logs", project("/logs")),
        ("audit", project("/audit")),
        ("tokens", project("/tokens")),
        ("token-new", project("/tokens/new")),
        ("token-revoke", project(&format!("/tokens/{}/revoke", sample.token))),
        ("settings", project("/settings")),
        ("not-found", project("/nothing-here")),
    ]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("usage: e2e-screenshots FOLDER"));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let instance = Instance::start().await;
    let sample = sample::seed(&instance).await;
    let browser = Browser::start(&instance).await;
    let looks = [
        ("desk-light", Window::DESK),
        ("desk-dark", Window { is_dark: true, ..Window::DESK }),
        ("phone-light", Window { is_dark: false, ..Window::PHONE }),
        ("phone-dark", Window::PHONE),
    ];
    for (look, window) in looks {
        let owner = browser.person(look, window).await;
        owner.carries(instance.owner().token().expect("the owner has a token")).await;
        for (name, path) in pages(&sample) {
            owner.open(&path).await;
            owner.picture(&folder.join(format!("{name}-{look}.png"))).await;
        }
    }
    instance.close().await;
    println!("{}", folder.display());
}
