//! The JSON Schema of the file, for editors: JSON Schema 2020-12.

use serde_json::{Map, Value, json};

use crate::keys::{Key, Object, PROJECT, Shape, Text};

/// The schema, as text that ends with a line's end.
pub fn schema() -> String {
    let mut definitions = Map::new();
    let mut root = Map::new();
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_owned(), json!("strongroom.json"));
    root.insert("allowTrailingCommas".to_owned(), json!(true));
    root.extend(object(&PROJECT, &mut definitions));
    root.insert("$defs".to_owned(), Value::Object(definitions));
    let text = serde_json::to_string_pretty(&Value::Object(root)).expect("text keys only");
    text + "\n"
}

fn object(object: &Object, definitions: &mut Map<String, Value>) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in object.keys {
        properties.insert(key.name.to_owned(), described(key, definitions));
    }
    let required: Vec<_> = object.keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

fn described(key: &Key, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = Map::new();
    schema.insert("description".to_owned(), json!(key.about));
    schema.extend(shape(&key.shape, definitions));
    Value::Object(schema)
}

fn shape(shape: &Shape, definitions: &mut Map<String, Value>) -> Map<String, Value> {
    let schema = match shape {
        Shape::Text(text) => return self::text(text),
        Shape::Words(words) => json!({ "enum": words }),
        Shape::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::List(entry) => json!({ "type": "array", "items": self::shape(entry, definitions) }),
        Shape::Variables => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,255}$" },
            "additionalProperties": { "type": "string" },
        }),
        Shape::TextOr(text, object) => {
            json!({ "anyOf": [self::text(text), { "$ref": reference(object, definitions) }] })
        }
        Shape::Object(object) => json!({ "$ref": reference(object, definitions) }),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn text(text: &Text) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("string"));
    if let Some(pattern) = text.pattern {
        schema.insert("pattern".to_owned(), json!(pattern));
    }
    schema.insert("examples".to_owned(), json!([text.example]));
    schema
}

fn reference(known: &Object, definitions: &mut Map<String, Value>) -> String {
    let name = known.what.rsplit(' ').next().unwrap_or(known.what);
    if !definitions.contains_key(name) {
        let schema = object(known, definitions);
        definitions.insert(name.to_owned(), Value::Object(schema));
    }
    format!("#/$defs/{name}")
}
