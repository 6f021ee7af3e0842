//! Jobs to deploy, and the calls that deploy and run them.

use serde_json::{Value, json};

use crate::client::Client;
use crate::wait;

/// Deploys a job into the namespace `default`; it must succeed.
pub async fn deploy(client: &Client, name: &str, manifest: &Value, bundle: &str) -> Value {
    let body = json!({ "manifest": manifest, "bundle": bundle });
    client.put(&format!("jobs/{name}")).json(&body).send().await.expect(200).json()
}

/// Queues a run with a payload; gives its id.
pub async fn run(client: &Client, name: &str, payload: &Value) -> String {
    let body = json!({ "payload": payload });
    let run = client.post(&format!("jobs/{name}/runs")).json(&body).send().await.expect(202).json();
    run["id"].as_str().expect("a run has an id").to_owned()
}

/// The run as it stands.
pub async fn show(client: &Client, id: &str) -> Value {
    client.get(&format!("runs/{id}")).send().await.expect(200).json()
}

/// The run once it is in this state.
pub async fn until(client: &Client, id: &str, state: &str) -> Value {
    wait::eventually(&format!("a run that is {state}"), || async {
        let run = show(client, id).await;
        let is_over = ["succeeded", "dead", "cancelled"].iter().any(|over| run["state"] == *over);
        assert!(run["state"] == state || !is_over, "the run is not {state}: {run}");
        (run["state"] == state).then_some(run)
    })
    .await
}
