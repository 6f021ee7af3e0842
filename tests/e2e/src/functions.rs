//! Functions to deploy, as bundles, and the calls that deploy them.

use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// JavaScript that turns a value into its SHA-256, so that an answer tells which value was seen, not the value.
pub const DIGEST: &str = "\
const digest = async (value) => value === undefined ? 'undefined' : Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', \
new TextEncoder().encode(value)))).map((byte) => byte.toString(16).padStart(2, '0')).join('');\n";

/// A function that answers with the digest of what `expression` gives.
pub fn digest_of(expression: &str) -> String {
    format!(
        "{DIGEST}export default async function handler(req, ctx) {{ return new Response(await digest({expression})); }}\n"
    )
}

/// The manifest of a function that anyone may call and that gets these secrets.
pub fn public(secrets: &[&str]) -> Value {
    let list: Vec<_> = secrets.iter().map(|name| json!({ "name": name })).collect();
    json!({ "auth": "public", "secrets": list })
}

/// The manifest of a function that anyone may call and that gets everything.
pub fn open() -> Value {
    json!({ "auth": "public" })
}

/// Tries to deploy into a namespace.
pub async fn try_deploy(client: &Client, at: (&str, &str), manifest: &Value, bundle: &str) -> Answer {
    let (namespace, name) = at;
    let body = json!({ "manifest": manifest, "bundle": bundle });
    client.put(&format!("functions/{name}?namespace={namespace}")).json(&body).send().await
}

/// Deploys into the namespace `default`; it must succeed.
pub async fn deploy(client: &Client, name: &str, manifest: &Value, bundle: &str) -> Value {
    try_deploy(client, ("default", name), manifest, bundle).await.expect(200).json()
}

/// The path of a function in the namespace `default`.
pub fn path(name: &str) -> String {
    format!("/fn/default/default/{name}")
}
