//! Pictures of every page, light and dark, at a desk and on a phone: `e2e-screenshots FOLDER [PART OF A NAME]`.
#![expect(clippy::print_stdout, reason = "says where the pictures are")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use strongroom_e2e::Instance;
use strongroom_e2e::browser::{Browser, Person, Window};
use strongroom_e2e::people::{self, Account};
use strongroom_e2e::sample::{self, Sample};

/// What the pictures are taken of.
struct Scene {
    instance: Instance,
    sample: Sample,
    /// Manages everything.
    ada: Account,
    /// The paths of one-time addresses that nobody uses.
    setup: String,
    invitation: String,
    invitation_id: String,
    fill: String,
}

/// Paths of addresses that are told once.
fn path_of(answer: &Value) -> String {
    let url = text_of(answer, "url");
    let path = url.splitn(4, '/').nth(3).expect("an address has a path");
    format!("/{path}")
}

fn text_of(answer: &Value, field: &str) -> String {
    answer.get(field).and_then(Value::as_str).expect("the answer has the field").to_owned()
}

async fn prepare() -> Scene {
    let instance = Instance::start().await;
    let sample = sample::seed(&instance).await;
    let setup = people::setup_address(&instance);
    let setup = format!("/setup/{}", setup.rsplit('/').next().unwrap_or_default());
    let owner = instance.owner();
    let asked = json!({ "name": "grace@example.com", "project": "default", "role": "developer" });
    let invitation = owner.post("/api/v1/invitations").json(&asked).unwitnessed().send().await.expect(201).json();
    let wanted = json!({ "secrets": [{ "name": "ADYEN_API_KEY", "description": "Adyen, live account" }, { "name": "ADYEN_HMAC_KEY" }], "expires_at": "3d" });
    let link = owner.post("links").json(&wanted).unwitnessed().send().await.expect(201).json();
    owner.post("/api/v1/projects").json(&json!({ "name": "empty" })).send().await.expect(201);
    let shared = instance.plant();
    let issuer = json!({ "name": "shop-login", "issuer": "https://login.example.com", "audience": "shop", "shared_key": shared });
    owner.post("issuers").json(&issuer).send().await.expect(201);
    long_names(&instance).await;
    Scene {
        ada: Account { name: "ada@example.com".to_owned(), password: instance.plant() },
        sample,
        setup,
        invitation_id: text_of(&invitation, "id"),
        invitation: path_of(&invitation),
        fill: path_of(&link),
        instance,
    }
}

const LONG: &str = "long-names-of-a-project-that-somebody-wanted-to-be-descriptive";
const LONG_SECRET: &str =
    "THE_CLIENT_SECRET_OF_THE_SECOND_PAYMENT_PROVIDER_FOR_SUBSCRIPTIONS_IN_THE_EUROPEAN_UNION_AND_SWITZERLAND";

/// Makes the accounts: Ada's at the setup address, and those that were invited. Gives the one who may only look.
async fn everybody(scene: &Scene, first: &Person<'_>) -> Account {
    first.open(&scene.setup).await;
    first.fill("Name or e-mail address", &scene.ada.name).await;
    first.fill("Password", &scene.ada.password).await;
    first.fill("The same password again", &scene.ada.password).await;
    first.press("Make the account").await;
    let (instance, owner) = (&scene.instance, scene.instance.owner());
    for project in ["empty", LONG] {
        let path = format!("/api/v1/projects/{project}/members/{}", scene.ada.name);
        owner.put(&path).json(&json!({ "role": "owner" })).send().await.expect(200);
    }
    let limited = json!({ "project": "default", "role": "developer", "namespaces": ["staging"] });
    people::invited(instance, "hedy.lamarr+contractor@a-rather-long-company-name.example.com", limited).await;
    people::invited(instance, "lin", json!({})).await;
    owner.call(http::Method::PATCH, "/api/v1/users/lin").json(&json!({ "disabled": true })).send().await.expect(200);
    people::invited(instance, "bea@example.com", json!({ "project": "default", "role": "viewer" })).await
}

/// A project whose names are as long as names may be.
async fn long_names(instance: &Instance) {
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": LONG })).send().await.expect(201);
    let owner = owner.in_project(LONG);
    for name in [
        "a-namespace-with-a-name-of-nearly-sixty-three-letters-in-it",
        "eu-west-1",
        "eu-west-2",
        "us-east-1",
        "us-east-2",
        "ap-south-1",
    ] {
        owner.post("namespaces").json(&json!({ "name": name })).send().await.expect(201);
    }
    for namespace in [None, Some("eu-west-1")] {
        let description = "A description that goes on for a while, because somebody thought that one should say where the key comes from, who renews it, and what breaks when nobody does";
        let secret = json!({ "name": LONG_SECRET, "namespace": namespace, "value": instance.plant_plain(), "description": description });
        owner.post("secrets").json(&secret).send().await.expect(201);
    }
}

/// Pages that somebody who manages everything opens; words in braces are filled in from the scene.
const PAGES: &[(&str, &str)] = &[
    ("projects", "/"),
    ("project-new", "/new-project"),
    ("users", "/users"),
    ("user", "/users/bea%40example.com"),
    ("user-disable", "/users/bea%40example.com/change?to=disable"),
    ("invite", "/invitations?project=default"),
    ("invitation-withdraw", "/invitations/{invitation_id}/withdraw"),
    ("account", "/account"),
    ("overview", "{project}"),
    ("overview-empty", "{empty}"),
    ("overview-long", "{long}"),
    ("secrets", "{project}/secrets"),
    ("secrets-none", "{project}/secrets?search=nothing"),
    ("secrets-empty", "{empty}/secrets"),
    ("secrets-long", "{long}/secrets"),
    ("secret-add", "{project}/new-secret"),
    ("secret", "{project}/secrets/STRIPE_SECRET_KEY"),
    ("secret-expired", "{project}/secrets/MAPS_API_KEY"),
    ("secret-waiting", "{project}/secrets/TWILIO_TOKEN"),
    ("secret-long", "{long}/secrets/{long_secret}"),
    ("secret-value", "{project}/secrets/STRIPE_SECRET_KEY/value"),
    ("secret-edit", "{project}/secrets/STRIPE_SECRET_KEY/edit"),
    ("secret-rollback", "{project}/secrets/STRIPE_SECRET_KEY/rollback?version=1"),
    ("secret-delete", "{project}/secrets/STRIPE_SECRET_KEY/delete"),
    ("secrets-deleted", "{project}/deleted-secrets"),
    ("secrets-deleted-empty", "{empty}/deleted-secrets"),
    ("import", "{project}/import"),
    ("fill", "{project}/fill?names=PAYPAL_CLIENT_SECRET,TWILIO_TOKEN,STRIPE_SECRET_KEY"),
    ("fill-nothing", "{empty}/fill"),
    ("members", "{project}/members"),
    ("members-empty", "{empty}/members"),
    ("member-remove", "{project}/members/bea%40example.com/remove"),
    ("functions", "{project}/functions"),
    ("functions-empty", "{empty}/functions"),
    ("function", "{project}/functions/default/charge-card"),
    ("function-rollback", "{project}/functions/default/charge-card/rollback?deployment=1"),
    ("jobs", "{project}/jobs"),
    ("jobs-empty", "{empty}/jobs"),
    ("job", "{project}/jobs/default/nightly-sync"),
    ("job-failed", "{project}/jobs/default/stock-report"),
    ("runs", "{project}/runs"),
    ("runs-none", "{project}/runs?state=running"),
    ("run-good", "{project}/runs/{good_run}"),
    ("run-dead", "{project}/runs/{dead_run}"),
    ("logs", "{project}/logs"),
    ("logs-none", "{project}/logs?search=nothing-like-this"),
    ("audit", "{project}/audit"),
    ("audit-none", "{project}/audit?search=nothing-like-this"),
    ("tokens", "{project}/tokens"),
    ("tokens-empty", "{empty}/tokens"),
    ("token-new", "{project}/tokens/new"),
    ("token-revoke", "{project}/tokens/{token}/revoke"),
    ("settings", "{project}/settings"),
    ("settings-long", "{long}/settings"),
    ("issuers", "{project}/issuers"),
    ("issuers-empty", "{empty}/issuers"),
    ("issuer-remove", "{project}/issuers/shop-login/remove"),
    ("namespace-delete", "{project}/settings/namespaces/staging/delete"),
    ("not-found", "{project}/nothing-here"),
    ("project-not-found", "/projects/no-such-project"),
];

/// The address of one of them.
fn filled(scene: &Scene, path: &str) -> String {
    let words = [
        ("{project}", "/projects/default".to_owned()),
        ("{empty}", "/projects/empty".to_owned()),
        ("{long}", format!("/projects/{LONG}")),
        ("{long_secret}", LONG_SECRET.to_owned()),
        ("{invitation_id}", scene.invitation_id.clone()),
        ("{good_run}", scene.sample.good_run.clone()),
        ("{dead_run}", scene.sample.dead_run.clone()),
        ("{token}", scene.sample.token.clone()),
    ];
    words.iter().fold(path.to_owned(), |path, (word, text)| path.replace(word, text))
}

/// Takes the pictures that were asked for.
struct Camera<'a> {
    folder: &'a Path,
    look: &'a str,
    wanted: &'a str,
}

impl Camera<'_> {
    fn wants(&self, name: &str) -> bool {
        name.contains(self.wanted)
    }

    async fn take(&self, person: &Person<'_>, name: &str) {
        if self.wants(name) {
            person.picture(&self.folder.join(format!("{name}-{}.png", self.look))).await;
        }
    }
}

/// What people see who are not signed in.
async fn at_the_door(scene: &Scene, camera: &Camera<'_>, stranger: &Person<'_>) {
    let plain = [
        ("invitation", scene.invitation.as_str()),
        ("fill-link", &scene.fill),
        ("fill-link-gone", "/fill/gone"),
        ("invitation-gone", "/invitation/gone"),
        ("sign-in", "/sign-in"),
    ];
    for (name, path) in plain {
        if camera.wants(name) {
            stranger.open(path).await;
            camera.take(stranger, name).await;
        }
    }
    if camera.wants("sign-in-refused") {
        stranger.open("/sign-in").await;
        stranger.fill("Name or e-mail address", "somebody").await;
        stranger.fill("Password", "not the password").await;
        stranger.press("Sign in").await;
        camera.take(stranger, "sign-in-refused").await;
    }
}

/// What comes of forms and buttons.
async fn in_use(camera: &Camera<'_>, ada: &Person<'_>) {
    let project = |path: &str| format!("/projects/default{path}");
    if camera.wants("import-preview") {
        ada.open(&project("/import")).await;
        let file = "STRIPE_SECRET_KEY=sk_test_1\nNEW_RELIC_KEY='a b'\nDATABASE_URL=postgres://${HOST}/db\nNODE_OPTIONS=--inspect\nnot a line\nEMPTY=\n";
        ada.fill("The file’s text", file).await;
        ada.press("Show the names").await;
        camera.take(ada, "import-preview").await;
    }
    if camera.wants("secret-add-refused") {
        ada.open(&project("/new-secret")).await;
        ada.fill("Name", "NODE_OPTIONS").await;
        ada.fill("Expires", "-3d").await;
        ada.press("Add the secret").await;
        camera.take(ada, "secret-add-refused").await;
    }
    let dialogs = [
        ("dialog-rollback", "/secrets/STRIPE_SECRET_KEY", "Roll back to version 1"),
        ("dialog-delete", "/secrets/STRIPE_SECRET_KEY", "Delete"),
        ("dialog-token", "/tokens", "Revoke github-deploy"),
    ];
    for (name, path, link) in dialogs {
        if camera.wants(name) {
            ada.open(&project(path)).await;
            ada.follow(link).await;
            camera.take(ada, name).await;
        }
    }
}

/// What is made, told and refused.
async fn answers(camera: &Camera<'_>, ada: &Person<'_>) {
    let project = |path: &str| format!("/projects/default{path}");
    if camera.wants("secret-delete-refused") {
        ada.open(&project("/secrets/STRIPE_SECRET_KEY/delete")).await;
        ada.press("Delete").await;
        camera.take(ada, "secret-delete-refused").await;
    }
    if camera.wants("token-made") {
        ada.open(&project("/tokens/new")).await;
        ada.fill("Name", "picture").await;
        ada.fill("Expires", "1s").await;
        ada.tick("read logs logs:read").await;
        ada.press("Create the token").await;
        camera.take(ada, "token-made").await;
    }
    if camera.wants("invited") {
        ada.open("/invitations?project=default").await;
        ada.fill("Name or e-mail address", "mary@example.com").await;
        ada.press("Create the invitation").await;
        camera.take(ada, "invited").await;
    }
    if camera.wants("audit-verified") {
        ada.open(&project("/audit?search=project.create")).await;
        ada.press("Verify the chain").await;
        camera.take(ada, "audit-verified").await;
    }
    if camera.wants("news") {
        ada.open(&project("/secrets/SMTP_PASSWORD/edit")).await;
        ada.fill("Description", "Mail to customers and to us").await;
        ada.press("Save").await;
        camera.take(ada, "news").await;
    }
    if camera.wants("focus") {
        ada.open(&project("/secrets")).await;
        for _ in 0..5 {
            ada.key("Tab").await;
        }
        camera.take(ada, "focus").await;
    }
}

/// What somebody sees who may only look.
async fn as_a_viewer(camera: &Camera<'_>, bea: &Person<'_>) {
    for (name, path) in [
        ("viewer-projects", "/"),
        ("viewer-overview", "/projects/default"),
        ("viewer-secret", "/projects/default/secrets/STRIPE_SECRET_KEY"),
        ("viewer-settings", "/projects/default/settings"),
        ("viewer-refused", "/projects/default/tokens"),
    ] {
        if camera.wants(name) {
            bea.open(path).await;
            camera.take(bea, name).await;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args_os().skip(1);
    let folder = PathBuf::from(words.next().expect("usage: e2e-screenshots FOLDER [PART OF A NAME]"));
    let wanted = words.next().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let scene = prepare().await;
    let browser = Browser::start(&scene.instance).await;
    let looks = [
        ("desk-light", Window::DESK),
        ("desk-dark", Window { is_dark: true, ..Window::DESK }),
        ("phone-light", Window { is_dark: false, ..Window::PHONE }),
        ("phone-dark", Window::PHONE),
    ];
    for (look, window) in looks {
        let camera = Camera { folder: &folder, look, wanted: &wanted };
        let stranger = browser.person(&format!("a stranger {look}"), window).await;
        stranger.open(&scene.setup).await;
        camera.take(&stranger, "setup").await;
    }
    let bea = everybody(&scene, &browser.person("ada sets up", Window::DESK).await).await;
    for (look, window) in looks {
        let camera = Camera { folder: &folder, look, wanted: &wanted };
        let stranger = browser.person(look, window).await;
        at_the_door(&scene, &camera, &stranger).await;
        scene.ada.sign_in(&stranger).await;
        let ada = stranger;
        for (name, path) in PAGES {
            if camera.wants(name) {
                ada.open(&filled(&scene, path)).await;
                camera.take(&ada, name).await;
            }
        }
        in_use(&camera, &ada).await;
        answers(&camera, &ada).await;
        let viewer = browser.person(&format!("bea {look}"), window).await;
        bea.sign_in(&viewer).await;
        as_a_viewer(&camera, &viewer).await;
    }
    scene.instance.close().await;
    println!("{}", folder.display());
}
