//! `/issuers` and `/api/v1/me/secrets`: whom a project believes, and end users with their own secrets.

use serde_json::{Value, json};
use strongroom_e2e::identity::{self, Issuer, KeyServer};
use strongroom_e2e::{Client, Instance, Setup};

fn names(answer: &Value) -> Vec<String> {
    answer["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

async fn set(user: &Client, name: &str, value: &str) -> Value {
    let path = format!("/api/v1/me/secrets/{name}");
    user.put(&path).json(&json!({ "value": value })).send().await.expect(200).json()
}

async fn own(user: &Client) -> Vec<String> {
    names(&user.get("/api/v1/me/secrets").send().await.expect(200).json())
}

#[tokio::test]
async fn an_end_user_lists_sets_and_deletes_his_own_secrets_and_no_others() {
    let (instance, issuer) = identity::instance().await;
    let [ann, bob] = ["ann", "bob"].map(|user| instance.anonymous().with_token(&issuer.token(user)));
    assert_eq!(own(&ann).await, Vec::<String>::new());
    let made = set(&ann, "OPENAI_API_KEY", &instance.plant()).await;
    assert_eq!((&made["name"], &made["state"]), (&json!("OPENAI_API_KEY"), &json!("set")));
    set(&bob, "GITHUB_TOKEN", &instance.plant()).await;
    assert_eq!(own(&ann).await, ["OPENAI_API_KEY"]);
    assert_eq!(own(&bob).await, ["GITHUB_TOKEN"]);
    bob.delete("/api/v1/me/secrets/OPENAI_API_KEY").send().await.problem(404, "not_found");
    ann.delete("/api/v1/me/secrets/OPENAI_API_KEY").send().await.expect(200);
    assert_eq!(own(&ann).await, Vec::<String>::new());
    // the operator sees whose they are, and the trail who did it
    let listed = instance.owner().get("settings/secrets?user=bob").send().await.expect(200).json();
    assert_eq!(listed["items"][0]["issuer"], json!(issuer.url));
    let trail = instance.owner().get("audit?limit=1000").send().await.expect(200).json();
    let deleted = trail["items"].as_array().unwrap().iter().find(|record| record["action"] == "secret.delete").unwrap();
    assert_eq!((&deleted["actor"], &deleted["target"]["user"]), (&json!("end-user:ann"), &json!("ann")));
    instance.close().await;
}

#[tokio::test]
async fn what_an_end_user_sends_is_limited_and_told_by_name() {
    let (instance, issuer) = identity::instance().await;
    let ann = instance.anonymous().with_token(&issuer.token("ann"));
    let path = "/api/v1/me/secrets/KEY";
    for body in [json!({ "value": "x".repeat(16 * 1024 + 1) }), json!({ "value": "a\0b" }), json!({}), json!([])] {
        ann.put(path).json(&body).send().await.problem(400, "invalid");
    }
    for name in ["PATH", "STRONGROOM_X", "a-b", "1A"] {
        ann.put(&format!("/api/v1/me/secrets/{name}"))
            .json(&json!({ "value": "v" }))
            .send()
            .await
            .problem(400, "invalid");
    }
    ann.put(&format!("{path}?user=bob")).json(&json!({ "value": "v" })).send().await.problem(400, "invalid");
    assert_eq!(own(&ann).await, Vec::<String>::new());
    instance.close().await;
}

#[tokio::test]
async fn the_list_comes_in_pages_and_unknown_words_are_refused_by_name() {
    let (instance, issuer) = identity::instance().await;
    let ann = instance.anonymous().with_token(&issuer.token("ann"));
    for name in ["C", "A", "B"] {
        set(&ann, name, &instance.plant()).await;
    }
    let first = ann.get("/api/v1/me/secrets?limit=2").send().await.expect(200).json();
    let at = format!("/api/v1/me/secrets?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = ann.get(&at).send().await.expect(200).json();
    assert_eq!([names(&first), names(&second)].concat(), ["A", "B", "C"]);
    assert_eq!(second["next_cursor"], Value::Null);
    let unknown = ann.get("/api/v1/me/secrets?no-such-word=1").send().await.problem(400, "invalid").to_string();
    assert!(unknown.contains("no-such-word"), "{unknown}");
    let body = json!({ "value": "v", "no_such_field": 1 });
    let unknown = ann.put("/api/v1/me/secrets/A").json(&body).send().await.problem(400, "invalid").to_string();
    assert!(unknown.contains("no_such_field"), "{unknown}");
    instance.close().await;
}

#[tokio::test]
async fn an_end_users_token_opens_nothing_but_his_own_secrets() {
    let (instance, issuer) = identity::instance().await;
    let ann = instance.anonymous().with_token(&issuer.token("ann"));
    for path in
        ["secrets", "settings/secrets?user=ann", "resolve", "issuers", "audit", "/api/v1/whoami", "/api/v1/projects"]
    {
        ann.get(path).send().await.problem(401, "unauthenticated");
    }
    // another project trusts nobody, and one that is not there looks alike
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    let refused = |project: &str| ann.get(&format!("/api/v1/me/secrets?project={project}"));
    let (other, none) = (refused("other").send().await, refused("nothing").send().await);
    let said = |body: Value| (body["code"].clone(), body["detail"].clone());
    assert_eq!(said(other.problem(401, "unauthenticated")), said(none.problem(401, "unauthenticated")));
    instance.close().await;
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_anew_when_a_token_names_another() {
    let instance = Setup::default().env("STRONGROOM_FETCH", "local").start().await;
    let mut issuer = Issuer::published("https://login.example.com");
    let keys = KeyServer::start(&issuer.document()).await;
    let trusted = issuer.trusted_by(&instance.owner(), Some(&keys)).await;
    assert_eq!((&trusted["jwks_url"], &trusted["warnings"]), (&json!(keys.url), &Value::Null));
    for user in ["ann", "bob"] {
        assert_eq!(own(&instance.anonymous().with_token(&issuer.token(user))).await, Vec::<String>::new());
    }
    assert_eq!(keys.asked(), 1, "keys that are known are fetched again");
    let known = issuer.token("ann");
    issuer = Issuer::published("https://login.example.com");
    keys.give(&issuer.document());
    // the issuer was asked a moment ago: a new key waits, a known one goes on
    instance
        .anonymous()
        .with_token(&issuer.token("ann"))
        .get("/api/v1/me/secrets")
        .send()
        .await
        .problem(401, "unauthenticated");
    assert_eq!(own(&instance.anonymous().with_token(&known)).await, Vec::<String>::new());
    assert_eq!(keys.asked(), 1);
    instance.close().await;
}

#[tokio::test]
async fn an_issuer_is_trusted_from_the_command_line_until_it_is_deleted() {
    let instance = Instance::start().await;
    let issuer = Issuer::shared("https://login.example.com");
    instance.watch(issuer.shared_key());
    let words = ["issuers", "add", "app", "--issuer", &issuer.url, "--audience", identity::AUDIENCE, "--shared-key"];
    let short = instance.command(words).input("too short").run().await.expect(2);
    assert!(short.stderr.contains("at least 32 bytes"), "{}", short.stderr);
    let added = instance.command(words).input(issuer.shared_key()).run().await.ok();
    assert!(added.stdout.contains("Issuer trusted: app"), "{}", added.stdout);
    let listed = instance.cli(["issuers", "list"]).await.ok();
    assert!(listed.stdout.contains("(shared key)") && listed.stdout.contains(&issuer.url), "{}", listed.stdout);
    let ann = instance.anonymous().with_token(&issuer.token("ann"));
    set(&ann, "KEY", &instance.plant()).await;
    let theirs = instance.cli(["settings", "secrets", "list", "--user", "ann", "--json"]).await.ok();
    assert!(theirs.stdout.contains("\"KEY\""), "{}", theirs.stdout);
    instance.cli(["issuers", "delete", "app"]).await.ok();
    ann.get("/api/v1/me/secrets").send().await.problem(401, "unauthenticated");
    instance.cli(["issuers", "delete", "app"]).await.expect(3);
    instance.close().await;
}
