//! The JSON Schema says what reading does.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail where it stands")]

use serde_json::{Value, json};
use strongroom_project::{parse, schema};

/// Whether a value fits a schema, by the words that the schema of the project file uses. Patterns are left out.
fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let object = schema.as_object().expect("a schema is an object");
    object.iter().all(|(word, rule)| match word.as_str() {
        "$ref" => fits(root, root.pointer(&rule.as_str().expect("a text")[1..]).expect("a definition"), value),
        "anyOf" => rule.as_array().expect("a list").iter().any(|schema| fits(root, schema, value)),
        "type" => match rule.as_str().expect("one type") {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64(),
            other => panic!("unknown type {other}"),
        },
        "enum" => rule.as_array().expect("a list").contains(value),
        "minimum" => value.as_u64() >= rule.as_u64(),
        "maximum" => value.as_u64() <= rule.as_u64(),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|entry| fits(root, rule, entry))),
        "required" => {
            let names = rule.as_array().expect("a list").iter();
            value.as_object().is_none_or(|object| names.clone().all(|name| object.contains_key(name.as_str().unwrap())))
        }
        "additionalProperties" => value.as_object().is_none_or(|entries| {
            let known = |name: &String| object.get("properties").is_some_and(|known| known.get(name).is_some());
            entries.iter().filter(|(name, _)| !known(name)).all(|(_, value)| match rule {
                Value::Bool(allowed) => *allowed,
                schema => fits(root, schema, value),
            })
        }),
        "properties" => value.as_object().is_none_or(|entries| {
            entries.iter().all(|(name, value)| rule.get(name).is_none_or(|schema| fits(root, schema, value)))
        }),
        "$schema"
        | "$defs"
        | "title"
        | "description"
        | "examples"
        | "pattern"
        | "propertyNames"
        | "allowTrailingCommas" => true,
        other => panic!("unknown word {other}"),
    })
}

#[test]
fn the_schema_and_the_reader_agree() {
    let schema: Value = serde_json::from_str(&schema()).expect("a schema is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let function = |further: Value| {
        let mut entry = json!({ "name": "a", "entry": "a.ts" });
        entry.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        json!({ "functions": [entry] })
    };
    let good = [
        json!({}),
        json!({ "$schema": "x", "project": "shop", "env_prefix": ["X_"], "jobs": [], "apps": [{ "id": "web" }] }),
        function(json!({})),
        function(
            json!({ "secrets": ["A", "B:C", { "name": "D", "required": false, "via": "env" }], "env": { "E": "" } }),
        ),
        function(json!({ "runtime": "node", "auth": "public", "concurrency": 10_000, "on_change": "live" })),
        json!({ "jobs": [{ "name": "n", "entry": "n.ts", "retries": 100, "missed": "all", "overlap": "queue" }] }),
    ];
    let bad = [
        json!([]),
        json!({ "x": 1 }),
        json!({ "project": null }),
        json!({ "functions": {} }),
        json!({ "functions": [{ "name": "a" }] }),
        function(json!({ "secrets": [{ "as": "B" }] })),
        function(json!({ "secrets": [1] })),
        function(json!({ "env": { "A": 1 } })),
        function(json!({ "auth": "anyone" })),
        function(json!({ "concurrency": 10_001 })),
        function(json!({ "concurrency": "64" })),
        json!({ "jobs": [{ "name": "n", "entry": "n.ts", "retries": 101 }] }),
        json!({ "apps": [{ "id": "web", "frontend": "yes" }] }),
    ];
    for (files, is_good) in [(&good[..], true), (&bad[..], false)] {
        for file in files {
            assert_eq!(fits(&schema, &schema, file), is_good, "the schema: {file}");
            assert_eq!(parse(&file.to_string()).is_ok(), is_good, "the reader: {file}");
        }
    }
}

#[test]
fn every_example_of_the_schema_is_accepted() {
    fn collect(schema: &Value, key: &str, found: &mut Vec<(String, Value)>) {
        for (word, value) in schema.as_object().into_iter().flatten() {
            if word == "examples" {
                found.push((key.to_owned(), value[0].clone()));
            } else if word == "properties" {
                value.as_object().into_iter().flatten().for_each(|(key, schema)| collect(schema, key, found));
            }
        }
    }
    let schema: Value = serde_json::from_str(&schema()).expect("JSON");
    for (list, definition) in [("functions", "function"), ("jobs", "job"), ("apps", "app")] {
        let mut examples = Vec::new();
        collect(&schema["$defs"][definition], "", &mut examples);
        assert!(examples.len() > 3);
        let entry: serde_json::Map<_, _> = examples.into_iter().collect();
        let file = json!({ list: [entry] }).to_string();
        assert!(parse(&file).is_ok(), "{:?}", parse(&file));
    }
}
