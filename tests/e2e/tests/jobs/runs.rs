//! What a run goes through.

use serde_json::{Value, json};
use strongroom_e2e::jobs::{deploy, run, show, until};
use strongroom_e2e::{Instance, functions::DIGEST, wait};

/// Waits until it is asked to stop, and says before that it is there.
const WAITS: &str = "export default async (payload, ctx) => {
  await ctx.progress(10, 'waiting');
  await new Promise((stop) => ctx.signal.addEventListener('abort', stop));
  console.log('asked to stop');
};\n";

async fn lines(instance: &Instance, id: &str) -> Vec<Value> {
    let answer = instance.owner().get("logs?limit=1000&category=execution").send().await.expect(200);
    let of = |line: &&Value| line["execution"].as_str().is_some_and(|execution| execution.starts_with(id));
    answer.json()["items"].as_array().unwrap().iter().filter(of).cloned().collect()
}

async fn running(instance: &Instance, id: &str) {
    wait::eventually("progress", || async {
        let run = show(&instance.owner(), id).await;
        (run["state"] == "running" && run["progress"]["message"] == "waiting").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_run_gets_its_payload_tells_how_far_it_is_and_returns_its_result() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let bundle = format!(
        "{DIGEST}export default async (payload, ctx) => {{
           console.log('working on ' + payload.items.length);
           await ctx.progress(50, 'half of it');
           return {{ seen: await digest(payload.card), run: ctx.job.id, attempt: ctx.job.attempt, name: ctx.job.name }};
         }};\n"
    );
    let deployed = deploy(&owner, "sync", &json!({}), &bundle).await;
    assert_eq!(
        (&deployed["deployment"], &deployed["status"], &deployed["url"]),
        (&json!(1), &json!("deployed"), &Value::Null)
    );
    let again = deploy(&owner, "sync", &json!({}), &bundle).await;
    assert_eq!(again["status"], "unchanged");
    let card = instance.plant();
    let id = run(&owner, "sync", &json!({ "items": [1, 2], "card": card })).await;
    let done = until(&owner, &id, "succeeded").await;
    assert_eq!((&done["result"]["run"], &done["result"]["attempt"]), (&json!(id), &json!(1)));
    assert_eq!(done["result"]["name"], "sync");
    assert_eq!(done["result"]["seen"].as_str().unwrap().len(), 64);
    assert_eq!((&done["attempts"], &done["error"], &done["job"]), (&json!(1), &Value::Null, &json!("sync")));
    assert_eq!(done["progress"], json!({ "percent": 50, "message": "half of it" }));
    let said: Vec<_> = lines(&instance, &id).await.iter().map(|line| line["message"].clone()).collect();
    assert_eq!(said, ["working on 2", "attempt 1 succeeded"]);
    let listed = owner.get("runs?job=sync&state=succeeded").send().await.expect(200).json();
    assert_eq!(listed["items"][0]["id"], json!(id));
    let jobs = owner.get("jobs").send().await.expect(200).json();
    assert_eq!((&jobs["items"][0]["name"], &jobs["items"][0]["last_run"]["id"]), (&json!("sync"), &json!(id)));
    let verdict = owner.get("audit?action=job.").send().await.expect(200).json();
    let actions: Vec<_> = verdict["items"].as_array().unwrap().iter().map(|item| item["action"].clone()).collect();
    assert_eq!(actions, ["job.run", "job.deploy"]);
    instance.close().await;
}

#[tokio::test]
async fn a_failed_attempt_is_retried_and_a_repeated_request_is_one_run() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let bundle = "export default (payload, ctx) => {
      if (ctx.job.attempt < 3) throw new TypeError('not yet: ' + ctx.job.attempt);
      return 'third time';
    };\n";
    deploy(&owner, "flaky", &json!({ "retries": 5, "backoff_ms": 20 }), bundle).await;
    let ask = async |payload: Value| {
        let call = owner.post("jobs/flaky/runs").header("Idempotency-Key", "once").json(&json!({ "payload": payload }));
        call.send().await
    };
    let first = ask(json!(1)).await.expect(202).json();
    let second = ask(json!(1)).await.expect(202).json();
    assert_eq!(first["id"], second["id"]);
    ask(json!(2)).await.problem(409, "conflict");
    let id = first["id"].as_str().unwrap();
    let done = until(&owner, id, "succeeded").await;
    assert_eq!((&done["attempts"], &done["result"]), (&json!(3), &json!("third time")));
    let said: Vec<_> = lines(&instance, id).await.iter().map(|line| line["message"].to_string()).collect();
    assert!(said.iter().any(|line| line.contains("attempt 2 failed: TypeError: not yet: 2; next one at ")), "{said:?}");
    assert_eq!(owner.get("runs").send().await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    instance.close().await;
}

#[tokio::test]
async fn what_fails_for_good_is_a_dead_letter_that_can_be_put_back() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("MODE", "broken-until-fixed").await;
    let bundle = "export default async (payload, ctx) => {
      if ((await ctx.secrets.get('MODE')).startsWith('broken')) throw new Error('it is broken');
      return payload;
    };\n";
    deploy(&owner, "letters", &json!({ "retries": 1, "backoff_ms": 10 }), bundle).await;
    let id = run(&owner, "letters", &json!({ "letter": 7 })).await;
    owner.post(&format!("runs/{id}/retry")).send().await.problem(409, "conflict");
    let dead = until(&owner, &id, "dead").await;
    assert_eq!((&dead["attempts"], &dead["error"]), (&json!(2), &json!("it is broken")));
    owner.post(&format!("runs/{id}/cancel")).send().await.problem(409, "conflict");
    owner.set("MODE", "works-again-now").await;
    let queued = owner.post(&format!("runs/{id}/retry")).send().await.expect(202).json();
    assert_eq!(queued["id"], json!(id));
    let done = until(&owner, &id, "succeeded").await;
    assert_eq!((&done["attempts"], &done["result"]), (&json!(3), &json!({ "letter": 7 })));
    instance.close().await;
}

#[tokio::test]
async fn a_run_is_cancelled_in_the_queue_and_at_work() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    deploy(&owner, "waits", &json!({ "concurrency": 1 }), WAITS).await;
    let (first, second) = (run(&owner, "waits", &json!({})).await, run(&owner, "waits", &json!({})).await);
    running(&instance, &first).await;
    assert_eq!(show(&owner, &second).await["state"], "queued", "one at once");
    let cancelled = owner.post(&format!("runs/{second}/cancel")).send().await.expect(200).json();
    assert_eq!((&cancelled["state"], &cancelled["attempts"]), (&json!("cancelled"), &json!(0)));
    owner.post(&format!("runs/{first}/cancel")).send().await.expect(200);
    assert_eq!(show(&owner, &first).await["state"], "cancelled");
    wait::eventually("the handler's last word", || async {
        let lines = lines(&instance, &first).await;
        lines.iter().any(|line| line["message"] == "asked to stop").then_some(())
    })
    .await;
    owner.post(&format!("runs/{first}/cancel")).send().await.problem(409, "conflict");
    let third = run(&owner, "waits", &json!({})).await;
    running(&instance, &third).await;
    owner.delete("jobs/waits").send().await.expect(200);
    owner.get(&format!("runs/{third}")).send().await.expect(404);
    instance.close().await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_fails_and_so_does_one_that_exits() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    deploy(&owner, "slow", &json!({ "retries": 0, "timeout_ms": 300 }), WAITS).await;
    deploy(&owner, "exits", &json!({ "retries": 0 }), "export default () => { Deno.exit(3); };\n").await;
    let (slow, exits) = (run(&owner, "slow", &json!({})).await, run(&owner, "exits", &json!({})).await);
    let dead = until(&owner, &slow, "dead").await;
    assert_eq!(dead["error"], "it took longer than 300ms");
    let dead = until(&owner, &exits, "dead").await;
    assert_ne!(dead["error"], Value::Null);
    instance.close().await;
}

#[tokio::test]
async fn no_more_runs_of_a_job_go_on_at_once_than_may() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let bundle = "export default () => new Promise((done) => setTimeout(done, 150));\n";
    deploy(&owner, "few", &json!({ "concurrency": 2 }), bundle).await;
    for _ in 0..6 {
        run(&owner, "few", &json!({})).await;
    }
    wait::eventually("all runs", || async {
        let running = owner.get("runs?job=few&state=running").send().await.expect(200).json();
        let running = running["items"].as_array().unwrap().len();
        assert!(running <= 2, "{running} at once");
        let done = owner.get("runs?job=few&state=succeeded").send().await.expect(200).json();
        (done["items"].as_array().unwrap().len() == 6).then_some(())
    })
    .await;
    instance.close().await;
}

#[tokio::test]
async fn a_server_that_stops_puts_back_what_it_cannot_end() {
    let mut instance = Instance::start().await;
    let owner = instance.owner();
    let bundle = "export default async (payload, ctx) => {
      if (ctx.job.attempt > 1) return 'after the restart';
      await ctx.progress(10, 'waiting');
      await new Promise(() => setInterval(() => {}, 1000));
    };\n";
    deploy(&owner, "long", &json!({ "retries": 0 }), bundle).await;
    let id = run(&owner, "long", &json!({})).await;
    running(&instance, &id).await;
    assert_eq!(instance.stop().await.code(), Some(0));
    instance.boot().await;
    let done = until(&instance.owner(), &id, "succeeded").await;
    assert_eq!((&done["result"], &done["attempts"]), (&json!("after the restart"), &json!(2)));
    instance.close().await;
}
