//! Time, memory, concurrency, crashes.

use serde_json::json;
use strongroom_e2e::functions::{deploy, open, path};
use strongroom_e2e::{Instance, processes, wait};

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
async fn a_worker_that_dies_is_replaced() {
    let instance = Instance::start().await;
    let bundle = "export default (req) => { if (req.url.includes('exit')) process.exit(7); return new Response(String(Deno.pid)); };\n";
    deploy(&instance.owner(), "fragile", &open(), bundle).await;
    let pid = async || {
        wait::eventually("an answer", || async {
            let answer = instance.caller().get(&path("fragile")).send().await;
            (answer.status == 200).then(|| answer.text().parse::<i32>().unwrap())
        })
        .await
    };
    let first = pid().await;
    assert!(processes::family(instance.pid()).contains(&u32::try_from(first).unwrap()));
    rustix::process::kill_process(rustix::process::Pid::from_raw(first).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    wait::eventually("another worker", || async { (pid().await != first).then_some(()) }).await;
    let left = instance.caller().get(&format!("{}?exit", path("fragile"))).send().await;
    assert!(matches!(left.status, 500 | 502 | 503), "{}", left.status);
    pid().await;
    instance.close().await;
}

#[tokio::test]
async fn what_a_function_throws_late_ends_nothing() {
    let instance = Instance::start().await;
    let bundle = "export default () => { setTimeout(() => { throw new Error('late'); }, 0); Promise.reject(new Error('unhandled'));
        try { Deno.exit(3); } catch { return new Response('ok'); } };\n";
    deploy(&instance.owner(), "careless", &open(), bundle).await;
    for _ in 0..5 {
        instance.caller().get(&path("careless")).send().await.expect(200);
    }
    wait::eventually("the errors in the log", || async {
        let logs = instance.owner().get("logs?level=error&search=unhandled").send().await.expect(200).json();
        (!logs["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
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
    let bundle =
        "let running = 0; let most = 0; export default async () => { running += 1; most = Math.max(most, running);
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
