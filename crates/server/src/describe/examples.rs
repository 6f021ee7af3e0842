//! An example for every request and every answer, put together from the schemas: what stands for a field is looked up by
//! its name, so that the same thing looks the same in all of them.

use serde_json::{Map, Value, json};

/// Schemas lead to each other no deeper than this.
const MAX_DEPTH: usize = 12;

/// Writes examples into a document whose forms are written.
pub(super) fn write(document: &mut Value) {
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let items = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (path, item) in items {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                parameter_example(path, parameter);
            }
            if let Some(content) = operation.pointer_mut("/requestBody/content") {
                fill(&schemas, content, None);
            }
            let answers = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
            for (status, answer) in answers {
                if let Some(content) = answer.get_mut("content") {
                    // a conflict may also be a refusal like any other
                    if let (Some(content), "409") = (content.as_object_mut(), status.as_str()) {
                        let refusal = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
                        content.entry("application/problem+json").or_insert(refusal);
                    }
                    fill(&schemas, content, Some(status));
                }
            }
        }
    }
}

/// Path parameters have an example each; others are left out of an example, as they may be.
fn parameter_example(path: &str, parameter: &mut Value) {
    if parameter.get("in").is_none_or(|place| place != "path") {
        return;
    }
    let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
    let example = match name {
        "project" => "default",
        "name" if path.contains("/secrets/") => "STRIPE_KEY",
        "name" if path.contains("/namespaces/") => "staging",
        "name" if path.contains("/issuers/") => "app",
        "name" if path.contains("/trusts/") => "deploy",
        "name" if path.contains("/jobs/") => "nightly-sync",
        "name" => "call-openai",
        "id" if path.contains("/apps/") => "web",
        _ => ID,
    };
    if let Some(parameter) = parameter.as_object_mut() {
        parameter.insert("example".to_owned(), json!(example));
    }
}

fn fill(schemas: &Value, content: &mut Value, status: Option<&str>) {
    for (media, content) in content.as_object_mut().into_iter().flatten() {
        let Some(content) = content.as_object_mut() else { continue };
        if content.contains_key("example") || content.contains_key("examples") {
            continue;
        }
        let example = match media.as_str() {
            "application/problem+json" => problem(status),
            "text/event-stream" => json!(
                "id: 42\nevent: changed\ndata: {\"namespace\":\"default\",\"epoch\":42,\"names\":[\"STRIPE_KEY\"]}\n\n"
            ),
            "application/json" => {
                content.get("schema").map(|schema| example(schemas, schema, "", 0)).unwrap_or_default()
            }
            _ => json!("ok\n"),
        };
        content.insert("example".to_owned(), example);
    }
}

fn problem(status: Option<&str>) -> Value {
    let (code, title, number, detail) = match status {
        Some("503") => ("unavailable", "Unavailable", 503, "the store does not answer"),
        _ => ("not_found", "Not found", 404, "secret STRIPE_KEY was not found"),
    };
    json!({ "type": format!("urn:strongroom:problem:{code}"), "title": title, "status": number, "code": code, "detail": detail,
        "request_id": "2e1c9a70b54f8d36-1f" })
}

fn example(schemas: &Value, schema: &Value, name: &str, depth: usize) -> Value {
    if let Some(given) = schema.get("example") {
        return given.clone();
    }
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.rsplit('/').next()) {
        let whole = schemas.get(target);
        return whole
            .map(|schema| known(target).unwrap_or_else(|| example(schemas, schema, name, depth + 1)))
            .unwrap_or_default();
    }
    let parts = |key: &str| schema.get(key).and_then(Value::as_array);
    if let Some(either) = parts("oneOf").or_else(|| parts("anyOf")) {
        let first = either.iter().find(|one| one.get("type").is_none_or(|kind| kind != "null"));
        return first.map(|one| example(schemas, one, name, depth + 1)).unwrap_or_default();
    }
    if let Some(words) = parts("enum") {
        return words.first().cloned().unwrap_or_default();
    }
    let mut whole = Map::new();
    for part in parts("allOf").into_iter().flatten() {
        if let Value::Object(fields) = example(schemas, part, name, depth + 1) {
            whole.extend(fields);
        }
    }
    match kind(schema) {
        "object" => object(schemas, schema, whole, depth),
        "array" => json!([example(schemas, schema.get("items").unwrap_or(&Value::Null), name, depth + 1)]),
        "integer" | "number" => integer(name),
        "boolean" => json!(matches!(name, "current" | "active" | "ok")),
        "string" => string(schema, name),
        _ if !whole.is_empty() => Value::Object(whole),
        _ => Value::Null,
    }
}

/// The one kind of value that a schema takes, apart from null.
fn kind(schema: &Value) -> &str {
    let of = |value: &Value| value.as_str().is_some_and(|kind| kind != "null");
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find(|kind| of(kind)).and_then(Value::as_str).unwrap_or_default(),
        Some(kind) => kind.as_str().unwrap_or_default(),
        None if schema.get("properties").is_some() => "object",
        None => "",
    }
}

fn object(schemas: &Value, schema: &Value, mut whole: Map<String, Value>, depth: usize) -> Value {
    for (field, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        whole.insert(field.clone(), example(schemas, schema, field, depth + 1));
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        whole.insert("STRIPE_KEY".to_owned(), example(schemas, values, "value", depth + 1));
    }
    Value::Object(whole)
}

const ID: &str = "9f2c41d0a7b34e58b6d1c0e93fa27516";

fn integer(name: &str) -> Value {
    json!(match name {
        "status" => 404,
        "bundle_bytes" => 18_432,
        "percent" => 40,
        "epoch" | "seq" | "records" | "total" => 42,
        _ => 1,
    })
}

#[expect(clippy::match_same_arms, reason = "a table: each line stands for itself")]
fn string(schema: &Value, name: &str) -> Value {
    if schema.get("format").is_some_and(|format| format == "date-time") {
        return json!(if name == "expires_at" { "2127-01-31T00:00:00Z" } else { "2026-11-22T09:30:00Z" });
    }
    json!(match name {
        "id" | "run" | "token_id" => ID,
        "name" | "secret" | "names" | "allow_names" => "STRIPE_KEY",
        "value" => "an-example-value",
        "token" => "srt_…",
        "project" => "default",
        "namespace" | "namespaces" | "from_namespace" => "production",
        "to_namespace" => "staging",
        "app" => "web",
        "scope" => "global",
        "description" => "Stripe production key",
        "expires_at" => "30d",
        "state" => "set",
        "status" => "updated",
        "kind" => "set",
        "at" | "when" => "2026-11-22T09:30:00Z",
        "created_by" | "updated_by" | "actor" => "token:ci",
        "capabilities" => "secrets:list",
        "from" => "192.0.2.0/24",
        "source" => "192.0.2.7",
        "action" => "secret.set",
        "result" => "ok",
        "digest" | "link" => "5f1d8c0b2a7e4936d1c0e93fa27516b49f2c41d0a7b34e58b6d1c0e93fa27516",
        "fingerprint" => "9f2c-41d0-a7b3",
        "url" | "public_url" => "https://secrets.example.com/fill/…",
        "functions_url" => "https://functions.example.com",
        "version" => "0.1.0",
        "via" => "helper",
        "node" => "local",
        "next_cursor" => "",
        "bundle" => "export default () => new Response('hello');\n",
        "schedule" => "0 3 * * *",
        "auth" => "token",
        "level" => "info",
        "category" => "execution",
        "message" => "synced 12 rows",
        "hint" => "1234",
        "issuer" => "https://login.example.com",
        "audience" => "shop",
        "jwks_url" => "https://login.example.com/jwks.json",
        "user" => "5f0c",
        "warnings" => "its keys could not be fetched just now",
        "code" => "lnk_…",
        _ => "text",
    })
}

/// Whole examples of what no field's name tells.
fn known(schema: &str) -> Option<Value> {
    Some(match schema {
        "CreateSecret" => {
            json!({ "name": "STRIPE_KEY", "value": "an-example-value", "description": "Stripe production key" })
        }
        "SetSecrets" => json!({ "secrets": { "STRIPE_KEY": "an-example-value", "MAIL_KEY": "another" } }),
        "UpdateSecret" => json!({ "value": "an-example-value", "expires_at": "30d" }),
        "DeclareSecrets" => json!({ "secrets": [{ "name": "STRIPE_KEY", "description": "Stripe production key" }] }),
        "CreateLink" => {
            json!({ "secrets": [{ "name": "STRIPE_KEY", "description": "Stripe production key" }], "expires_at": "72h" })
        }
        "CreateToken" => {
            json!({ "name": "ci", "capabilities": ["values:read"], "namespaces": ["default"], "expires_at": "90d" })
        }
        "CopySecrets" => {
            json!({ "from_namespace": "default", "to_namespace": "staging", "names": ["STRIPE_KEY"], "dry_run": true })
        }
        "AddIssuer" => {
            json!({ "name": "app", "issuer": "https://login.example.com", "audience": "shop", "jwks_url": "https://login.example.com/jwks.json" })
        }
        "AddTrust" => {
            json!({ "name": "deploy", "preset": "github", "audience": "https://secrets.example.com", "claims": { "repository": "acme/shop", "environment": "production" }, "capabilities": ["values:read"], "namespaces": ["default"], "lasts": "15m" })
        }
        "LoginByJwt" => json!({ "trust": "deploy", "project": "default", "jwt": "eyJhbGciOiJSUzI1NiIs…" }),
        "SetOwnSecret" => json!({ "value": "an-example-value", "expires_at": "90d" }),
        "CreateNamed" => json!({ "name": "staging" }),
        "CreateNamespace" => json!({ "name": "staging", "protected": false }),
        "CreateApp" => json!({ "id": "web", "name": "The web server" }),
        "Deploy" => {
            json!({ "manifest": { "auth": "token", "secrets": [] }, "bundle": "export default () => new Response('hello');\n", "dry_run": true })
        }
        "DeployJob" => {
            json!({ "manifest": { "schedule": "0 3 * * *", "secrets": [] }, "bundle": "export default async () => 'done';\n", "dry_run": true })
        }
        "Rollback" => json!({ "version": 1 }),
        "RollbackFunction" => json!({ "deployment": 1 }),
        "RunJob" => json!({ "payload": { "since": "2026-11-22" } }),
        "UpdateProject" => json!({ "allow_reveal": true }),
        "VerifyAudit" => json!({ "anchors": [] }),
        _ => return None,
    })
}
