//! The description of the API is true: a tool that reads nothing else finds no answer that it does not describe, and a
//! client that is made from it type-checks.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use strongroom_e2e::{Instance, binary};
use tokio::process::Command;

/// Streams have no end, which a tool that waits for whole answers cannot try: they have tests of their own. Accounts are tried
/// by themselves, since each sign-in takes its time.
const STREAMS_AND_ACCOUNTS: &str =
    "/events$|/(users|session|sessions|logins|setup|invitations|members|me|account)(/|$)";
/// Everything about accounts.
const ACCOUNTS: &str = "/(users|session|sessions|logins|setup|invitations|members|me|account)(/|$)";

async fn run(folder: &Path, program: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).env_clear().env("PATH", binary::search_path()).env("HOME", folder);
    command.kill_on_drop(true).output().await.unwrap()
}

fn said(output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    text.chars().skip(text.chars().count().saturating_sub(20_000)).collect()
}

/// Has the tool try the operations that these words choose, with all its checks, as the owner.
async fn try_operations(instance: &Instance, choice: [&str; 2]) {
    let root = binary::repository();
    let program = root.join(".strongroom-tools/venv/bin/python");
    let config = root.join("tests/e2e/schemathesis.toml").display().to_string();
    let url = format!("http://{}", instance.management());
    let bearer = format!("Authorization: Bearer {}", instance.owner().token().unwrap());
    let examples = strongroom_e2e::count(5, 100).to_string();
    let words = [
        "-m",
        "schemathesis.cli",
        "--config-file",
        &config,
        "run",
        &format!("{url}/api/v1/openapi.json"),
        "-H",
        &bearer,
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        &examples,
        "--seed",
        "1",
        "--no-shrink",
        "--continue-on-failure",
        "--request-timeout",
        "30",
        "--suppress-health-check",
        "all",
    ];
    let done = run(&instance.work(), &program, &[words.as_slice(), &choice].concat()).await;
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("passed"), "{}", said(&done));
    assert!(!instance.log().contains("panicked"), "something panicked");
}

#[tokio::test]
async fn no_answer_differs_from_what_the_description_says() {
    let instance = Instance::start().await;
    try_operations(&instance, ["--exclude-path-regex", STREAMS_AND_ACCOUNTS]).await;
    instance.close().await;
}

#[tokio::test]
async fn no_answer_about_accounts_differs_from_what_the_description_says() {
    let instance = Instance::start().await;
    try_operations(&instance, ["--include-path-regex", ACCOUNTS]).await;
    instance.close().await;
}

#[tokio::test]
async fn a_typescript_client_made_from_the_description_type_checks() {
    let folder = tempfile::Builder::new().prefix("srtypes").tempdir().unwrap();
    let root = binary::repository();
    let tools = root.join(".strongroom-tools");
    let description = root.join("docs/openapi.json").display().to_string();
    let maker = tools.join("openapi/node_modules/openapi-typescript/bin/cli.js").display().to_string();
    let made = run(folder.path(), &tools.join("bin/node"), &[&maker, &description, "-o", "api.d.ts"]).await;
    assert!(made.status.success(), "{}", said(&made));
    std::fs::copy(root.join("tests/types/client.ts"), folder.path().join("client.ts")).unwrap();
    let words = [
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--allowImportingTsExtensions",
        "client.ts",
    ];
    let checked = run(folder.path(), &tools.join("bin/tsc"), &words).await;
    assert!(checked.status.success(), "{}", said(&checked));
}

#[tokio::test]
async fn every_operation_has_an_example_of_what_is_sent_and_of_each_answer() {
    let instance = Instance::start().await;
    let document = instance.anonymous().get("/api/v1/openapi.json").send().await.expect(200).json();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().values();
            for part in std::iter::once(&operation["requestBody"]).chain(answers) {
                for (media, content) in part["content"].as_object().into_iter().flatten() {
                    assert_ne!(content["example"], Value::Null, "{method} {path} {media}");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 100);
    instance.close().await;
}

#[tokio::test]
async fn unknown_parameters_and_fields_are_refused_by_name_everywhere() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let document = owner.get("/api/v1/openapi.json").send().await.expect(200).json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_open =
                operation["security"].as_array().is_some_and(|all| all.iter().any(|one| one == &serde_json::json!({})));
            let parts = ["users", "session", "sessions", "setup", "invitations", "members", "me", "account"];
            if is_open || path.split('/').any(|part| parts.contains(&part)) {
                continue;
            }
            let at = ["{project}", "{name}", "{id}", "{run}"]
                .iter()
                .zip(["default", "a", "a", "a"])
                .fold(path.clone(), |at, (part, word)| at.replace(part, word));
            let call = || owner.call(method.to_uppercase().parse().unwrap(), &format!("{at}?no-such-word=1"));
            let body = operation["requestBody"].is_object();
            let call = if body { call().json(&serde_json::json!({})) } else { call() };
            let told = call.send().await.problem(400, "invalid").to_string();
            assert!(told.contains("no-such-word"), "{method} {path}: {told}");
            if body {
                let call = owner.call(method.to_uppercase().parse().unwrap(), &at);
                let told = call
                    .json(&serde_json::json!({ "no_such_field": 1 }))
                    .send()
                    .await
                    .problem(400, "invalid")
                    .to_string();
                assert!(told.contains("no_such_field"), "{method} {path}: {told}");
            }
        }
    }
    instance.close().await;
}
