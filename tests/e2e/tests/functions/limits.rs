//! Time, memory, concurrency, crashes.

use serde_json::json;
use strongroom_e2e::functions::{deploy, open, path};
use strongroom_e2e::{Instance, wait};

#[tokio::test]
async fn a_function_that_takes_too_long_is_answered_with_504() {
    let instance = Instance::start().await;
    let bundle = "export default async (req) => { if (req.url.includes('slow')) await new Promise((done) => setTimeout(done, 60_000));
        if (req.url.includes('stuck')) while (true); return new Response('ok'); };\n";
    let manifest = json!({ "auth": "public", "timeout_ms": 400 });
    deploy(&instance.owner(), "late", &manifest, bundle).await;
    for query in ["slow", "stuck"] {
        instance.caller().get(&format!("{}?{query}", path("late"))).send().await.problem(504, "timeout");
        wait::eventually("the function to answer again", || async {
            (instance.caller().get(&path("late")).send().await.status == 200).then_some(())
        })
        .await;
    }
    instance.close().await;
}

#[tokio::test]
async fn a_crashed_worker_is_replaced() {
    let instance = Instance::start().await;
    let bundle = "export default (req) => { if (req.url.includes('exit')) Deno.exit(7); if (req.url.includes('late')) setTimeout(() => { throw new Error('unhandled'); }, 0);
        return new Response(String(Deno.pid)); };\n";
    deploy(&instance.owner(), "fragile", &open(), bundle).await;
    let first = instance.caller().get(&path("fragile")).send().await.expect(200).text();
    let broken = instance.caller().get(&format!("{}?exit", path("fragile"))).send().await;
    assert!(matches!(broken.status, 500 | 502 | 503), "{}", broken.status);
    let second = wait::eventually("a new worker", || async {
        let answer = instance.caller().get(&path("fragile")).send().await;
        (answer.status == 200).then(|| answer.text())
    });
    assert_ne!(second.await, first);
    instance.close().await;
}

#[tokio::test]
async fn a_worker_that_takes_too_much_memory_is_ended_alone() {
    let instance = Instance::start().await;
    let hungry = "const kept = []; export default (req) => { if (req.url.includes('eat')) while (true) kept.push(new Array(100_000).fill(Math.random())); return new Response('ok'); };\n";
    deploy(&instance.owner(), "hungry", &json!({ "auth": "public", "memory_bytes": 64 << 20 }), hungry).await;
    deploy(&instance.owner(), "modest", &open(), "export default () => new Response('ok');\n").await;
    instance.caller().get(&path("hungry")).send().await.expect(200);
    let eaten = instance.caller().get(&format!("{}?eat", path("hungry"))).send().await;
    assert!(matches!(eaten.status, 500 | 502 | 503 | 504), "{}", eaten.status);
    instance.caller().get(&path("modest")).send().await.expect(200);
    wait::eventually("the hungry function again", || async {
        (instance.caller().get(&path("hungry")).send().await.status == 200).then_some(())
    })
    .await;
    instance.close().await;
}

#[tokio::test]
async fn no_more_requests_run_at_once_than_the_manifest_says() {
    let instance = Instance::start().await;
    let bundle = "let running = 0; let most = 0; export default async () => { running += 1; most = Math.max(most, running);
        await new Promise((done) => setTimeout(done, 30)); running -= 1; return new Response(String(most)); };\n";
    deploy(&instance.owner(), "narrow", &json!({ "auth": "public", "concurrency": 2 }), bundle).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let caller = instance.caller();
        calls.spawn(async move { caller.get(&path("narrow")).send().await.expect(200).text() });
    }
    let most = calls.join_all().await.into_iter().map(|text| text.parse::<u32>().unwrap()).max();
    assert_eq!(most, Some(2));
    instance.close().await;
}

#[tokio::test]
async fn manifests_out_of_bounds_are_refused() {
    let instance = Instance::start().await;
    for manifest in [
        json!({ "timeout_ms": 0 }),
        json!({ "memory_bytes": 1 }),
        json!({ "concurrency": 0 }),
        json!({ "auth": "nobody" }),
        json!({ "colour": "red" }),
        json!({ "secrets": [{ "name": "A" }, { "name": "B", "as": "A" }] }),
        json!({ "secrets": [{ "name": "not a name" }] }),
        json!({ "env": { "A": "x" }, "secrets": [{ "name": "A" }] }),
        json!({ "allow_net": ["bad host"] }),
    ] {
        let body = json!({ "manifest": manifest, "bundle": "export default () => new Response('ok');\n" });
        instance.owner().put("functions/odd").json(&body).send().await.problem(400, "invalid");
    }
    instance.owner().get("functions/odd").send().await.problem(404, "not_found");
    instance.close().await;
}
