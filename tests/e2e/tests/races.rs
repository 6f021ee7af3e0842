//! Many at once: writers of one name, deploys of one function, deletions under way. Nothing is lost, nothing is torn,
//! and nobody is answered with a failure of the server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::json;
use strongroom_e2e::functions::{deploy, open, path, public, try_deploy};
use strongroom_e2e::load::{Load, Plan};
use strongroom_e2e::{Client, Instance, canary, wait};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_writer_of_one_name_gets_a_version_of_its_own() {
    let instance = Instance::start().await;
    let mut writers = JoinSet::new();
    for _ in 0..12 {
        let owner = instance.owner();
        writers.spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..10 {
                let value = canary::plain_value();
                let written = owner.set("CONTENDED", &value).await;
                mine.push((written["results"][0]["version"].as_u64().unwrap(), value));
            }
            mine
        });
    }
    let mut all: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    all.sort();
    let versions: Vec<u64> = all.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, (1..=120).collect::<Vec<_>>());
    let (_, newest) = all.pop().unwrap();
    assert!(instance.owner().resolve("default", "CONTENDED").await == Some(newest), "the newest version is another");
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_that_expect_the_same_version_one_wins() {
    let instance = Instance::start().await;
    instance.owner().set("CONTENDED", "first").await;
    let mut writers = JoinSet::new();
    for number in 0..12 {
        let owner = instance.owner();
        writers.spawn(async move {
            let call = owner.put("secrets/CONTENDED").header("if-match", "\"1\"");
            call.json(&json!({ "value": format!("from {number}") })).send().await.status
        });
    }
    let mut statuses = writers.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 412), "{statuses:?}");
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_creators_of_the_same_name_one_wins() {
    let instance = Instance::start().await;
    let mut creators = JoinSet::new();
    for number in 0..12 {
        let owner = instance.owner();
        // the case differs, the name is the same
        let name = if number % 2 == 0 { "Contended" } else { "CONTENDED" };
        creators.spawn(async move {
            let body = json!({ "name": name, "value": "x", "namespace": "fresh" });
            owner.post("secrets").json(&body).send().await.status
        });
    }
    let mut statuses = creators.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deploys_of_one_function_leave_one_that_serves_and_is_recorded_as_active() {
    let instance = Instance::start().await;
    let mut deploys = JoinSet::new();
    for number in 0..6 {
        let owner = instance.owner();
        deploys.spawn(async move {
            let bundle = format!("export default () => new Response('code {number}');\n");
            let answer = try_deploy(&owner, ("default", "contended"), &open(), &bundle).await;
            let number_of_deployment = answer.json()["deployment"].as_u64();
            (answer.status, number_of_deployment)
        });
    }
    let done = deploys.join_all().await;
    assert!(done.iter().all(|(status, _)| matches!(status, 200 | 409)), "{done:?}");
    let numbers: Vec<u64> = done.iter().filter_map(|(_, number)| *number).collect();
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len(), "two deploys got one number: {done:?}");
    let before = instance.caller().get(&path("contended")).send().await.expect(200).text();
    let detail = instance.owner().get("functions/contended").send().await.expect(200).json();
    let active = detail["deployments"].as_array().unwrap().iter().filter(|each| each["active"] == true).count();
    assert_eq!(active, 1, "{detail}");
    let mut instance = instance;
    instance.stop().await;
    instance.boot().await;
    let after = instance.caller().get(&path("contended")).send().await.expect(200).text();
    assert_eq!(before, after, "another deployment serves after a restart than before");
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deploys_under_load_fail_no_request() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let code = |number: u64| format!("export default () => new Response('{number}');\n");
    deploy(&owner, "target", &open(), &code(1)).await;
    let plan = Plan { address: instance.functions(), path: path("target"), token: None, rate: 150, connections: 8 };
    let load = Load::start(plan, Box::new(|body| String::from_utf8_lossy(body).parse().ok()));
    for number in 2..8 {
        let before = load.requests();
        wait::eventually("load", || async { (load.requests() > before + 30).then_some(()) }).await;
        deploy(&owner, "target", &open(), &code(number)).await;
        load.raise_floor(number);
    }
    let seen = load.stop().await;
    assert_eq!((seen.failed, seen.stale), (0, 0), "of {} requests: {:?}", seen.requests, seen.complaints);
    instance.close().await;
}

/// Writes into a namespace while it is deleted: each answer is one that makes sense.
async fn write_on(client: Client, rounds: usize) {
    for number in 0..rounds {
        let body = json!({ "secrets": { "A": format!("value {number}") }, "namespace": "doomed" });
        let status = client.put("secrets").json(&body).send().await.status;
        assert!(matches!(status, 200 | 404 | 409), "{status}");
        let status = client.get("resolve?namespace=doomed&names=A").send().await.status;
        assert!(matches!(status, 200 | 404), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_under_way_fails_nobody() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", "x").await;
    deploy(&owner, "reader", &public(&["A"]), "export default () => new Response(secrets.get('A') ?? 'none');\n").await;
    let mut work = JoinSet::new();
    for _ in 0..3 {
        work.spawn(write_on(owner.clone(), 20));
    }
    for _ in 0..10 {
        let status = owner.delete("namespaces/doomed").send().await.status;
        assert!(matches!(status, 200 | 404 | 409), "{status}");
        owner.delete("secrets/A?force=true").send().await.expect(200);
        let status = instance.caller().get(&path("reader")).send().await.status;
        assert!(matches!(status, 200 | 503), "{status}");
        owner.post("secrets/A/restore").send().await.expect(200);
        instance.caller().get(&path("reader")).send().await.expect(200);
    }
    work.join_all().await;
    assert!(!instance.log().contains("panicked"), "something panicked");
    let verdict = owner.get("audit/verify").send().await.expect(200).json();
    assert_eq!(verdict["ok"], true, "{verdict}");
    instance.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_refused_from_the_answer_on() {
    let instance = Instance::start().await;
    deploy(&instance.owner(), "private", &json!({}), "export default () => new Response('in');\n").await;
    for _ in 0..10 {
        let (token, record) = instance.mint(&["functions:invoke", "secrets:list"]).await;
        let (caller, client) = (instance.caller().with_token(&token), instance.anonymous().with_token(&token));
        let mut calls = JoinSet::new();
        for _ in 0..4 {
            let caller = caller.clone();
            calls.spawn(async move { while caller.get(&path("private")).send().await.status == 200 {} });
        }
        client.get("secrets").send().await.expect(200);
        instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
        assert_eq!(caller.get(&path("private")).send().await.status, 401);
        assert_eq!(client.get("secrets").send().await.status, 401);
        wait::in_time("the callers' end", calls.join_all()).await;
    }
    instance.close().await;
}
