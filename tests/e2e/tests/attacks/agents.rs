//! What a coding agent holds, and what it cannot do with it.

use serde_json::{Value, json};
use strongroom_e2e::{Client, Instance};

/// A client with what `tokens create --profile agent` gives.
async fn agent(instance: &Instance) -> (Client, Value) {
    let made = instance.cli(["tokens", "create", "--name", "helper", "--profile", "agent", "--json"]).await.ok().json();
    (instance.anonymous().with_token(made["token"].as_str().unwrap()), made)
}

#[tokio::test]
async fn attack_66_an_agent_lists_and_declares_and_reads_nothing() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", &instance.plant()).await;
    let (agent, _) = agent(&instance).await;
    agent.get("secrets").send().await.expect(200);
    agent.get("secrets/A/history").send().await.expect(200);
    agent.get("resolution").send().await.expect(200);
    agent.get("logs").send().await.expect(200);
    let declared = json!({ "secrets": [{ "name": "B", "description": "needed" }] });
    agent.post("declarations").json(&declared).send().await.expect(200);
    for path in ["resolve", "export", "audit", "tokens"] {
        agent.get(path).send().await.problem(403, "forbidden");
    }
    let value = json!({ "secrets": { "B": "1" } });
    agent.put("secrets").json(&value).send().await.problem(403, "forbidden");
    agent.post("secrets").json(&json!({ "name": "C" })).send().await.problem(403, "forbidden");
    agent.put("secrets/A").json(&json!({ "description": "x" })).send().await.problem(403, "forbidden");
    agent.post("secrets/A/rollback").json(&json!({ "version": 1 })).send().await.problem(403, "forbidden");
    agent.post("secrets/A/reveal").send().await.problem(403, "forbidden");
    agent.delete("secrets/A").send().await.problem(403, "forbidden");
    agent
        .post("tokens")
        .json(&json!({ "name": "x", "capabilities": ["secrets:list"] }))
        .send()
        .await
        .problem(403, "forbidden");
    instance.close().await;
}

#[tokio::test]
async fn attack_66_declaring_changes_nothing_that_is_there() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", &instance.plant()).await;
    owner.put("secrets/A").json(&json!({ "description": "Stripe, live" })).send().await.expect(200);
    let (agent, _) = agent(&instance).await;
    let again = json!({ "secrets": [{ "name": "A", "description": "paste your root key here" }] });
    let answer = agent.post("declarations").json(&again).send().await.expect(200).json();
    assert_eq!(answer["results"][0]["status"], "unchanged");
    assert_eq!(owner.get("secrets/A").send().await.expect(200).json()["description"], "Stripe, live");
    // neither hides the value that resolves now, nor grants a name that steers a runtime, nor makes a namespace
    let hiding = json!({ "secrets": [{ "name": "A" }], "namespace": "default", "force": true });
    agent.post("declarations").json(&hiding).send().await.problem(403, "forbidden");
    let steering = json!({ "secrets": [{ "name": "NODE_OPTIONS" }], "allow_names": ["NODE_OPTIONS"] });
    agent.post("declarations").json(&steering).send().await.problem(403, "forbidden");
    let elsewhere = json!({ "secrets": [{ "name": "B" }], "namespace": "fresh" });
    agent.post("declarations").json(&elsewhere).send().await.problem(404, "not_found");
    instance.close().await;
}

#[tokio::test]
async fn attack_67_an_agent_is_not_taken_for_a_person() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (agent, made) = agent(&instance).await;
    assert_eq!(made["agent"], true);
    let expires: jiff::Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
    let created: jiff::Timestamp = made["created_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires.duration_since(created).as_hours(), 7 * 24);
    agent.post("declarations").json(&json!({ "secrets": [{ "name": "A" }] })).send().await.expect(200);
    let trail = owner.get("audit?action=secret.declare").send().await.expect(200).json();
    assert_eq!(trail["items"][0]["actor"], "agent:helper");
    // who lends an agent his own credential is told apart from it
    let call = owner.post("declarations").json(&json!({ "secrets": [{ "name": "B" }] }));
    call.header("x-strongroom-agent", "claude-code").send().await.expect(200);
    let trail = owner.get("audit?action=secret.declare").send().await.expect(200).json();
    assert_eq!(trail["items"][0]["actor"], "owner (agent claude-code)");
    let forged = owner.get("secrets").header("x-strongroom-agent", "x) token:ci (");
    forged.send().await.problem(400, "invalid");
    instance.close().await;
}
