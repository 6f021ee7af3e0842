//! `/api/docs`: the OpenAPI document as one page, rendered here, without script and without anything from outside.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::Value;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}\
code{font:13px ui-monospace,monospace}h2{margin-top:2.5rem;border-bottom:1px solid #d5dbe3}\
section{margin:1rem 0;padding:.75rem 1rem;border:1px solid #d5dbe3;border-radius:8px}\
.m{display:inline-block;min-width:4.5rem;font-weight:600}p{margin:.3rem 0;overflow-wrap:anywhere}li{margin:.1rem 0}\
@media(prefers-color-scheme:dark){body{color:#e4e9f0;background:#12161c}section,h2{border-color:#2c3542}a{color:#8ab4ff}}";
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn serve() -> Response {
    let document = crate::openapi::text().ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page(&document)).into_response()
}

fn page(document: &Value) -> String {
    let mut html = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Strongroom API</title><style>",
    );
    html.push_str(STYLE);
    html.push_str("</style><main><h1>Strongroom API</h1>");
    let _infallible = write!(
        html,
        "<p>{}</p><p><a href=\"/api/v1/openapi.json\">openapi.json</a></p>",
        escape(text(document.pointer("/info/description")))
    );
    let mut group = String::new();
    for (path, operations) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let tag = text(operation.pointer("/tags/0"));
            if tag != group {
                tag.clone_into(&mut group);
                let _infallible = write!(html, "<h2>{}</h2>", escape(tag));
            }
            section(&mut html, method, path, operation);
        }
    }
    html.push_str("</main></html>");
    html
}

fn section(html: &mut String, method: &str, path: &str, operation: &Value) {
    let _infallible = write!(
        html,
        "<section><p><span class=\"m\">{}</span> <code>{}</code></p>",
        escape(&method.to_uppercase()),
        escape(path)
    );
    let _infallible = write!(html, "<p>{}</p><ul>", escape(text(operation.get("summary"))));
    for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let (name, place, says) =
            (text(parameter.get("name")), text(parameter.get("in")), text(parameter.get("description")));
        let _infallible = write!(html, "<li><code>{}</code> ({}) {}</li>", escape(name), escape(place), escape(says));
    }
    if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
        let _infallible = write!(html, "<li>body: <code>{}</code></li>", escape(schema_name(schema)));
    }
    for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let contents = response.get("content").and_then(Value::as_object);
        let schema = contents.and_then(|contents| contents.values().next()?.get("schema"));
        let schema = schema.map(schema_name).unwrap_or_default();
        let _infallible = write!(
            html,
            "<li>{}: {} <code>{}</code></li>",
            escape(status),
            escape(text(response.get("description"))),
            escape(schema)
        );
    }
    html.push_str("</ul></section>");
}

fn schema_name(schema: &Value) -> &str {
    let reference = text(schema.get("$ref"));
    reference.rsplit('/').next().unwrap_or_default()
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
