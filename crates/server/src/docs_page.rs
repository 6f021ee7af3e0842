//! `/api/docs`: the OpenAPI document as one page, rendered here, without script and without anything from outside.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::Value;

const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where the page's style stands.
pub(crate) const STYLE_PATH: &str = "/api/docs/style.css";

pub(crate) async fn serve() -> Response {
    let document = crate::openapi::text().ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page(&document)).into_response()
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs.css")).into_response()
}

/// A page in the making. Writing to a text cannot fail.
struct Page {
    html: String,
}

fn page(document: &Value) -> String {
    let mut page = Page { html: String::new() };
    page.put(&format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Strongroom API</title><link rel=\"stylesheet\" href=\"{STYLE_PATH}\"></head><body><main><h1>Strongroom API</h1>"
    ));
    page.says("p", text(document.pointer("/info/description")));
    page.put("<p>This page shows <a href=\"/api/v1/openapi.json\">openapi.json</a>, from which clients can be generated.</p>");
    let all = operations(document);
    let mut groups: Vec<&str> = Vec::new();
    for (_, _, operation) in &all {
        let group = text(operation.pointer("/tags/0"));
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    page.put("<nav aria-label=\"Groups\">");
    for group in &groups {
        page.put(&format!("<a href=\"#{0}\">{0}</a>", escape(group)));
    }
    page.put("<a href=\"#schemas\">schemas</a></nav>");
    for group in &groups {
        page.put(&format!("<h2 id=\"{0}\">{0}</h2>", escape(group)));
        for (path, method, operation) in all.iter().filter(|(_, _, one)| text(one.pointer("/tags/0")) == *group) {
            page.operation(method, path, operation);
        }
    }
    page.put("<h2 id=\"schemas\">schemas</h2>");
    for (name, schema) in document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten() {
        page.schema(name, schema);
    }
    page.put("</main></body></html>");
    page.html
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let all = paths.flat_map(|(path, methods)| {
        let each = methods.as_object().into_iter().flatten();
        each.map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    all.collect()
}

impl Page {
    fn put(&mut self, html: &str) {
        self.html.push_str(html);
    }

    fn says(&mut self, tag: &str, words: &str) {
        if !words.is_empty() {
            let _infallible = write!(self.html, "<{tag}>{}</{tag}>", marked(words));
        }
    }

    fn operation(&mut self, method: &str, path: &str, operation: &Value) {
        self.put(&format!(
            "<details id=\"{}\"><summary><span class=\"method\">{}</span> <code>{}</code> <small>{}</small></summary><div>",
            escape(text(operation.get("operationId"))),
            escape(&method.to_uppercase()),
            escape(path),
            marked(text(operation.get("summary")))
        ));
        self.says("p", text(operation.get("description")));
        self.parameters(operation);
        if let Some((media, content)) = first(operation.pointer("/requestBody/content")) {
            self.put(&format!("<h3>Body <small>{}</small></h3>", escape(media)));
            self.content(content);
        }
        for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
            let says = marked(text(response.get("description")));
            self.put(&format!("<h3>{} <small>{says}</small></h3>", escape(status)));
            if let Some((_, content)) = first(response.get("content")) {
                self.content(content);
            }
        }
        self.put("</div></details>");
    }

    fn parameters(&mut self, operation: &Value) {
        let all = operation.get("parameters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if all.is_empty() {
            return;
        }
        self.put("<h3>Parameters</h3><div class=\"scroll\"><table>");
        for parameter in all {
            let schema = parameter.get("schema").map(kind).unwrap_or_default();
            self.put(&format!(
                "<tr><th scope=\"row\"><code>{}</code></th><td class=\"soft\">{}</td><td>{schema}</td><td>{}</td></tr>",
                escape(text(parameter.get("name"))),
                escape(text(parameter.get("in"))),
                marked(text(parameter.get("description")))
            ));
        }
        self.put("</table></div>");
    }

    fn content(&mut self, content: &Value) {
        if let Some(schema) = content.get("schema") {
            self.put(&format!("<p>{}</p>", kind(schema)));
        }
        if let Some(example) = content.get("example") {
            let shown = example.as_str().map(str::to_owned);
            let shown = shown.unwrap_or_else(|| serde_json::to_string_pretty(example).unwrap_or_default());
            self.put(&format!("<pre>{}</pre>", escape(&shown)));
        }
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        self.put(&format!("<details id=\"schema-{0}\"><summary><code>{0}</code></summary><div>", escape(name)));
        self.says("p", text(schema.get("description")));
        let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let fields = schema.get("properties").and_then(Value::as_object);
        match fields.filter(|fields| !fields.is_empty()) {
            None => self.put(&format!("<p>{}</p>", kind(schema))),
            Some(fields) => {
                self.put("<div class=\"scroll\"><table>");
                for (field, schema) in fields {
                    let needed = if required.iter().any(|name| name == field) { "required" } else { "" };
                    self.put(&format!(
                        "<tr><th scope=\"row\"><code>{}</code></th><td class=\"soft\">{needed}</td><td>{}</td><td>{}</td></tr>",
                        escape(field),
                        kind(schema),
                        marked(text(schema.get("description")))
                    ));
                }
                self.put("</table></div>");
            }
        }
        self.put("</div></details>");
    }
}

fn first(content: Option<&Value>) -> Option<(&str, &Value)> {
    content?.as_object()?.iter().next().map(|(media, content)| (media.as_str(), content))
}

/// What kind of value a schema takes, in a few words, with links to the schemas it names.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\"><code>{name}</code></a>");
    }
    let either = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|key| schema.get(key).and_then(Value::as_array));
    if let Some(either) = either {
        return either.iter().map(kind).filter(|kind| !kind.is_empty()).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words = words.iter().map(|word| format!("<code>{}</code>", escape(word.as_str().unwrap_or_default())));
        return words.collect::<Vec<_>>().join(", ");
    }
    let types = match schema.get("type") {
        Some(Value::String(only)) => vec![only.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let types = types.into_iter().map(|word| match (word, schema.get("items")) {
        ("array", Some(items)) => format!("list of {}", kind(items)),
        _ => escape(word),
    });
    let named = types.collect::<Vec<_>>().join(" or ");
    match schema.get("format").and_then(Value::as_str) {
        Some(format) => format!("{named} ({})", escape(format)),
        None => named,
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// Words whose parts between backticks are code.
fn marked(words: &str) -> String {
    let parts = words.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_said_in_words_and_nothing_is_markup() {
        for (schema, said) in [
            (json!({ "type": "string", "format": "date-time" }), "string (date-time)"),
            (json!({ "type": ["string", "null"] }), "string or null"),
            (json!({ "type": "array", "items": { "type": "integer" } }), "list of integer"),
            (json!({ "enum": ["a", "b"] }), "<code>a</code>, <code>b</code>"),
            (json!({ "oneOf": [{ "type": "null" }, { "type": "string" }] }), "null or string"),
            (json!({ "type": "<b>" }), "&lt;b&gt;"),
        ] {
            assert_eq!(kind(&schema), said);
        }
        assert_eq!(marked("`<a>` & b"), "<code>&lt;a&gt;</code> &amp; b");
    }
}
