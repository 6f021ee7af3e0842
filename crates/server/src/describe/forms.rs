//! What the handlers' types leave open: how names, lengths of time and the like are written, as patterns and bounds. A
//! parameter or a field of a request is known by its name, and by its group where one name means several things.

use serde_json::{Value, json};

const SLUG: &str = "^[a-z0-9][a-z0-9_-]{0,62}$";
/// An empty text means none.
const MAYBE_SLUG: &str = "^([a-z0-9][a-z0-9_-]{0,62})?$";
const SECRET: &str = "^[A-Za-z_][A-Za-z0-9_]{0,255}$";
const ID: &str = "^[0-9a-f]{32}$";
/// A point in time or a length of time; an empty text means none.
const MOMENT: &str = "^(20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z|[1-9][0-9]{0,2}[smhdw])$";
const EXPIRY: &str = "^(never|2[1-9][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z|[1-9][0-9]{0,2}[hdw])?$";
/// Printable text without its ends being blank.
const WORDS: &str = "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$";

/// Writes the forms into a document.
pub(super) fn write(document: &mut Value) {
    let operations = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    let operations = operations.flat_map(|(path, item)| {
        item.as_object_mut().into_iter().flatten().map(|(_, operation)| (path.clone(), operation))
    });
    for (path, operation) in operations {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
        for parameter in parameters {
            let said = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
            if let Some(form) = parameter_form(&path, said("in"), said("name"))
                && let Some(schema) = parameter.get_mut("schema")
            {
                lay(schema, form);
            }
        }
    }
    names_alone(document);
    if let Some(result) = document.pointer_mut("/components/schemas/RunDetail/allOf/1/properties/result") {
        lay(result, json!({ "type": ANY }));
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut).into_iter().flatten();
    for (name, schema) in schemas {
        // only what is sent is told apart from what is not known
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            continue;
        }
        for (field, schema) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(form) = field_form(name, field) {
                lay(schema, form);
            }
        }
    }
}

/// Asked for `fields=name`, the list of secrets holds names and nothing else.
fn names_alone(document: &mut Value) {
    let at = "/paths/~1api~1v1~1projects~1{project}~1secrets/get/responses/200/content/application~1json/schema";
    let Some(schema) = document.pointer_mut(at) else { return };
    let name = json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } }, "additionalProperties": false });
    let names = json!({ "type": "object", "description": "With `fields=name`.", "required": ["items"],
        "properties": { "items": { "type": "array", "items": name }, "next_cursor": { "type": ["string", "null"] } } });
    *schema = json!({ "anyOf": [schema.clone(), names] });
}

/// Lays bounds over a schema: over its items if it is a list and they are not meant for the list itself.
fn lay(schema: &mut Value, form: Value) {
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    let target = if is_list && form.get("minItems").is_none() { schema.get_mut("items") } else { Some(schema) };
    let Some(target) = target.and_then(Value::as_object_mut) else { return };
    if let Value::Object(form) = form {
        target.extend(form);
    }
}

fn pattern(text: &str) -> Value {
    json!({ "pattern": text })
}

#[expect(clippy::match_same_arms, reason = "a table: each line stands for itself")]
fn parameter_form(path: &str, place: &str, name: &str) -> Option<Value> {
    let below = path.strip_prefix("/api/v1/projects/{project}/").unwrap_or(path);
    Some(match (place, name) {
        ("path", "project") => pattern(SLUG),
        ("path", "name") if below.contains("secrets/") => pattern(SECRET),
        ("path", "name") => pattern(SLUG),
        ("path", "id") if below.starts_with("apps/") => pattern(SLUG),
        ("path", "id" | "run") => pattern(ID),
        ("query", "namespace" | "app" | "function" | "job" | "first" | "second") => pattern(MAYBE_SLUG),
        ("query", "scope") => json!({ "enum": ["global", "namespace", "app", "system", "user", ""] }),
        ("query", "fields") => json!({ "enum": ["name"] }),
        ("query", "limit") => json!({ "minimum": 1, "maximum": 1000 }),
        ("query", "names") => pattern("^[A-Za-z_][A-Za-z0-9_]{0,63}(,[A-Za-z_][A-Za-z0-9_]{0,63}){0,9}$"),
        ("query", "wait") => pattern("^[1-9]s$"),
        ("query", "since" | "until") => pattern(MOMENT),
        ("query", "before") if below.starts_with("audit/") => pattern(MOMENT),
        ("query", "issuer") => pattern("^[!-~]{0,255}$"),
        ("query", "user") => pattern("^[^\\x00-\\x1f\\x7f-\\x9f]*$"),
        ("query", "level") => json!({ "enum": ["debug", "info", "warn", "error"] }),
        ("query", "category") => json!({ "enum": ["execution", "system", "security"] }),
        ("query", "state") => json!({ "enum": ["queued", "running", "retrying", "succeeded", "dead", "cancelled"] }),
        ("query", "head") => pattern("^[a-z]{1,20}:[1-9][0-9]{0,8}:[0-9a-f]{64}$"),
        ("header", "If-Match") => pattern("^(\\*|\"?[1-9][0-9]{0,8}\"?)$"),
        ("header", "Idempotency-Key") => pattern("^[!-~]{1,255}$"),
        ("header", "Last-Event-ID") => pattern("^[0-9]{1,15}$"),
        _ => return None,
    })
}

#[expect(clippy::match_same_arms, reason = "a table: each line stands for itself")]
fn field_form(schema: &str, field: &str) -> Option<Value> {
    Some(match (schema, field) {
        ("CreateSecret" | "Declaration", "name") => pattern(SECRET),
        ("UpdateSecret", "name") => pattern("^([A-Za-z_][A-Za-z0-9_]{0,255})?$"),
        ("AddTrust", "name") | ("LoginByJwt", "trust" | "project") => pattern(SLUG),
        ("AddTrust", "preset") => json!({ "enum": ["github", "gitlab", "kubernetes", null] }),
        ("AddTrust", "issuer") => pattern("^https://[a-z]{1,20}\\.example\\.invalid$"),
        ("AddTrust", "audience") => json!({ "pattern": WORDS }),
        ("AddTrust", "capabilities") => json!({ "minItems": 1, "items": { "enum": CAPABILITIES } }),
        ("AddTrust", "namespaces" | "app") => pattern(SLUG),
        ("AddTrust", "names") => pattern(SECRET),
        ("AddTrust", "from") => pattern("^(192\\.0\\.2\\.[1-9]|198\\.51\\.100\\.0/24|2001:db8::/32)$"),
        ("AddTrust", "lasts") => pattern("^[1-9][0-9]?m$"),
        ("AddIssuer", "name") => pattern(SLUG),
        ("AddIssuer", "issuer") => pattern("^https://[a-z]{1,20}\\.example\\.invalid$"),
        ("AddIssuer", "audience") => json!({ "pattern": WORDS }),
        ("CreateToken", "name") => json!({ "pattern": WORDS }),
        ("CreateToken", "capabilities") => {
            json!({ "minItems": 1, "items": { "enum": CAPABILITIES } })
        }
        ("CreateToken", "from") => pattern("^(192\\.0\\.2\\.[1-9]|198\\.51\\.100\\.0/24|2001:db8::/32)$"),
        ("CreateToken" | "CopySecrets", "names") => pattern(SECRET),
        ("CreateToken", "namespaces") => pattern(SLUG),
        ("CreateToken", "app") => pattern(SLUG),
        ("RunJob", "payload") => json!({ "type": ANY }),
        ("CreateApp", "id") | ("CreateNamed" | "CreateNamespace" | "CreateProject", "name") => pattern(SLUG),
        (_, "namespace" | "app" | "from_namespace" | "to_namespace") => pattern(MAYBE_SLUG),
        (_, "scope") => json!({ "enum": ["global", "namespace", "app", "system", "", null] }),
        (_, "expires_at") => pattern(EXPIRY),
        ("AuditAnchor", "seq") => json!({ "maximum": u64::MAX }),
        ("SetSecrets", "if_version") | ("Rollback", "version") | ("RollbackFunction", "deployment") => {
            json!({ "minimum": 1, "maximum": 1_000_000_000 })
        }
        ("SetSecrets", "secrets") => {
            json!({ "minProperties": 1, "propertyNames": { "pattern": SECRET } })
        }
        ("DeclareSecrets" | "CreateLink", "secrets") => json!({ "minItems": 1 }),
        (_, "allow_names") => pattern(SECRET),
        _ => return None,
    })
}

/// Whatever JSON can say.
const ANY: [&str; 6] = ["object", "array", "string", "number", "boolean", "null"];

const CAPABILITIES: [&str; 11] = [
    "secrets:list",
    "secrets:declare",
    "secrets:write",
    "secrets:delete",
    "values:read",
    "functions:deploy",
    "functions:invoke",
    "jobs:run",
    "logs:read",
    "audit:read",
    "admin",
];
