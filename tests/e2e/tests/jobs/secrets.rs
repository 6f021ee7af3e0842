//! A job reads secrets as functions do.

use http::Method;
use serde_json::json;
use strongroom_e2e::jobs::{deploy, run, show, until};
use strongroom_e2e::{Instance, functions::DIGEST, wait};

#[tokio::test]
async fn each_run_has_the_values_of_its_time() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (first, second) = (instance.plant(), instance.plant());
    owner.set("KEY", &first).await;
    let bundle = format!(
        "{DIGEST}export default async (payload, ctx) => [await digest(Deno.env.get('KEY')), \
         await digest(await ctx.secrets.get('KEY'))];\n"
    );
    deploy(&owner, "reads", &json!({ "secrets": [{ "name": "KEY" }] }), &bundle).await;
    let before = until(&owner, &run(&owner, "reads", &json!({})).await, "succeeded").await;
    owner.set("KEY", &second).await;
    let after = until(&owner, &run(&owner, "reads", &json!({})).await, "succeeded").await;
    assert_eq!(before["result"][0], before["result"][1]);
    assert_eq!(after["result"][0], after["result"][1]);
    assert_ne!(before["result"][0], after["result"][0]);
    let deliveries = owner.get("audit?action=values.worker").send().await.expect(200).json();
    assert_eq!(deliveries["items"][0]["actor"], "job:default/reads");
    assert_eq!(deliveries["items"][0]["target"]["names"], json!(["KEY"]));
    let secret = wait::eventually("who reads it", || async {
        let secret = owner.get("secrets/KEY").send().await.expect(200).json();
        let seen = secret["used_by"].as_array().unwrap().iter().any(|by| !by["last_read_at"].is_null());
        seen.then_some(secret)
    })
    .await;
    assert!(secret["used_by"].as_array().unwrap().iter().all(|by| by["kind"] == "job" && by["name"] == "reads"));
    instance.close().await;
}

#[tokio::test]
async fn a_required_name_that_is_missing_stops_the_deploy_and_later_the_attempt() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let manifest = json!({ "secrets": [{ "name": "KEY" }], "retries": 0 });
    let bundle = "export default (payload, ctx) => ctx.secrets.get('KEY').then(() => 'read');\n";
    let body = json!({ "manifest": manifest, "bundle": bundle });
    let refused = owner.put("jobs/needs").json(&body).send().await.problem(422, "secrets_missing");
    assert_eq!(refused["hint"], "strongroom secrets set KEY");
    owner.set("KEY", &instance.plant()).await;
    deploy(&owner, "needs", &manifest, bundle).await;
    let refused = owner.delete("secrets/KEY").send().await.problem(409, "conflict");
    assert_eq!(refused["detail"], "KEY is required by job default/needs");
    owner.delete("secrets/KEY?force=true").send().await.expect(200);
    let id = run(&owner, "needs", &json!({})).await;
    let dead = until(&owner, &id, "dead").await;
    let error = dead["error"].as_str().unwrap();
    assert!(error.contains("KEY (not set)") && error.contains("strongroom secrets set KEY"), "{error}");
    instance.close().await;
}

#[tokio::test]
async fn a_token_runs_jobs_of_its_namespaces_alone() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let bundle = "export default () => 'done';\n";
    for namespace in ["default", "staging"] {
        let body = json!({ "manifest": {}, "bundle": bundle });
        owner.put(&format!("jobs/task?namespace={namespace}")).json(&body).send().await.expect(200);
    }
    let (token, _) =
        instance.mint_with(&json!({ "name": "ci", "capabilities": ["jobs:run"], "namespaces": ["staging"] })).await;
    let ci = instance.anonymous().with_token(&token);
    ci.post("jobs/task/runs").json(&json!({})).send().await.problem(403, "forbidden");
    let run_there = ci.post("jobs/task/runs?namespace=staging").json(&json!({})).send().await.expect(202).json();
    let there = run_there["id"].as_str().unwrap();
    assert_eq!(until(&ci, there, "succeeded").await["result"], "done");
    let here = run(&owner, "task", &json!({})).await;
    for (method, path) in [(Method::GET, ""), (Method::POST, "/cancel"), (Method::POST, "/retry")] {
        ci.call(method, &format!("runs/{here}{path}")).send().await.problem(404, "not_found");
    }
    let listed = ci.get("runs").send().await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(show(&owner, &here).await["namespace"], "default");
    ci.put("jobs/task?namespace=staging").json(&json!({})).send().await.problem(403, "forbidden");
    instance.close().await;
}
