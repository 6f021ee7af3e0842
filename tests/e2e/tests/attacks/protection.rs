//! Protected namespaces: a right that holds everywhere does not hold there.

use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Client, Instance, jobs};

const EVERYTHING_BUT_ADMIN: [&str; 9] = [
    "secrets:list",
    "secrets:write",
    "secrets:delete",
    "values:read",
    "functions:deploy",
    "functions:invoke",
    "jobs:run",
    "logs:read",
    "audit:read",
];

async fn guarded(instance: &Instance) -> Client {
    let owner = instance.owner();
    owner.post("namespaces").json(&json!({ "name": "production", "protected": true })).send().await.expect(201);
    for (name, namespace) in [("A", "production"), ("A", "staging")] {
        let body = json!({ "name": name, "value": instance.plant(), "namespace": namespace });
        owner.post("secrets").json(&body).send().await.expect(201);
    }
    owner.set("SHARED", &instance.plant()).await;
    owner
}

#[tokio::test]
async fn attack_07_a_protected_namespace_is_closed_to_every_verb_that_reads_changes_or_runs() {
    let instance = Instance::start().await;
    let owner = guarded(&instance).await;
    let job = json!({ "manifest": {}, "bundle": "export default async function handler() {}\n" });
    owner.put("jobs/j?namespace=production").json(&job).send().await.expect(200);
    let run = owner.post("jobs/j/runs?namespace=production").json(&json!({})).send().await.expect(202).json();
    let run = run["id"].as_str().unwrap().to_owned();
    jobs::until(&owner, &run, "succeeded").await;
    let wide = instance.client(&EVERYTHING_BUT_ADMIN).await;
    let value = json!({ "secrets": { "A": "x" }, "namespace": "production" });
    let calls: Vec<(Method, String, Option<Value>)> = vec![
        (Method::GET, "resolve?namespace=production".into(), None),
        (Method::GET, "resolve?namespace=production&names=SHARED".into(), None),
        (Method::GET, "export?namespace=production".into(), None),
        (Method::POST, "secrets/A/reveal?namespace=production".into(), None),
        (Method::PUT, "secrets".into(), Some(value)),
        (Method::PUT, "secrets/A?namespace=production".into(), Some(json!({ "expires_at": "1s" }))),
        (Method::DELETE, "secrets/A?namespace=production".into(), None),
        (Method::POST, "secrets/A/rollback?namespace=production".into(), Some(json!({ "version": 1 }))),
        (Method::POST, "secrets/A/restore?namespace=production".into(), None),
        (
            Method::POST,
            "links".into(),
            Some(json!({ "namespace": "production", "secrets": [{ "name": "A" }], "replace": true })),
        ),
        (Method::PUT, "functions/f?namespace=production".into(), Some(job.clone())),
        (Method::PUT, "jobs/j?namespace=production".into(), Some(job)),
        (Method::POST, "jobs/j/rollback?namespace=production".into(), Some(json!({}))),
        (Method::DELETE, "jobs/j?namespace=production".into(), None),
        (Method::POST, "jobs/j/runs?namespace=production".into(), Some(json!({}))),
        (Method::GET, "runs?namespace=production".into(), None),
    ];
    for (method, path, body) in calls {
        let call = wide.call(method.clone(), &path);
        let call = if let Some(body) = &body { call.json(body) } else { call };
        let problem = call.send().await.problem(403, "forbidden");
        assert!(problem["detail"].to_string().contains("protected"), "{method} {path}: {problem}");
    }
    // a run there is not to be had by its id, nor by asking for all
    for action in ["retry", "cancel"] {
        wide.post(&format!("runs/{run}/{action}")).json(&json!({})).send().await.problem(404, "not_found");
    }
    wide.get(&format!("runs/{run}")).send().await.problem(404, "not_found");
    let runs = wide.get("runs").send().await.expect(200).text();
    assert!(!runs.contains(&run), "{runs}");
    let difference = wide.get("diff?first=staging&second=production").send().await.expect(200).json();
    assert_eq!(difference["items"][0]["difference"], "both", "whether values are equal is told");
    instance.close().await;
}

#[tokio::test]
async fn attack_11_nothing_is_lifted_out_of_a_protected_namespace_nor_slipped_into_it() {
    let instance = Instance::start().await;
    let owner = guarded(&instance).await;
    let before = owner.resolve("production", "A").await;
    let wide = instance.client(&EVERYTHING_BUT_ADMIN).await;
    for (from, to) in [("production", "staging"), ("production", "default"), ("staging", "production")] {
        let copy = json!({ "from_namespace": from, "to_namespace": to, "overwrite": true });
        wide.post("copies").json(&copy).send().await.problem(403, "forbidden");
    }
    let copy = json!({ "from_namespace": "staging", "overwrite": true });
    wide.post("copies").json(&copy).send().await.problem(403, "forbidden");
    // what every namespace shares would be resolved there
    for (method, path, body) in [
        (Method::PUT, "secrets", Some(json!({ "secrets": { "SHARED": "mine" } }))),
        (Method::PUT, "secrets", Some(json!({ "secrets": { "NEW_GLOBAL": "mine" } }))),
        (Method::DELETE, "secrets/SHARED", None),
        (Method::PUT, "settings/secrets/SYSTEM_NAME", Some(json!({ "value": "mine" }))),
        (Method::POST, "links", Some(json!({ "secrets": [{ "name": "SHARED" }], "replace": true }))),
    ] {
        let call = wide.call(method, path);
        let call = if let Some(body) = &body { call.json(body) } else { call };
        call.send().await.problem(403, "forbidden");
    }
    assert_eq!(owner.resolve("production", "A").await, before);
    instance.close().await;
}

#[tokio::test]
async fn attack_16_a_child_is_accepted_from_no_more_addresses_than_its_parent() {
    let instance = Instance::start().await;
    let body = json!({ "name": "parent", "capabilities": ["admin"], "from": ["127.0.0.1"] });
    let (token, _) = instance.mint_with(&body).await;
    let parent = instance.anonymous().with_token(&token);
    for from in [json!([]), json!(["0.0.0.0/0", "127.0.0.1"]), json!(["::/0"])] {
        let body = json!({ "name": "child", "capabilities": ["secrets:list"], "from": from });
        parent.post("tokens").json(&body).send().await.problem(403, "forbidden");
    }
    let body = json!({ "name": "child", "capabilities": ["secrets:list"], "from": ["127.0.0.1"] });
    parent.post("tokens").json(&body).unwitnessed().send().await.expect(201);
    // one for elsewhere is nobody here, whatever a header says
    let body = json!({ "name": "elsewhere", "capabilities": ["secrets:list"], "from": ["198.51.100.7"] });
    let (token, _) = instance.mint_with(&body).await;
    let elsewhere = instance.anonymous().with_token(&token);
    let call = elsewhere.get("secrets").header("x-forwarded-for", "198.51.100.7").header("x-real-ip", "198.51.100.7");
    call.send().await.problem(401, "unauthenticated");
    instance.socket().with_token(&token).get("secrets").send().await.problem(401, "unauthenticated");
    instance.close().await;
}
