//! The document that describes the API.

use std::collections::BTreeSet;

use ::http::Method;
use serde_json::Value;

use crate::support::House;

pub(crate) fn document() -> Value {
    serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        all.extend(item.as_object().unwrap().iter().map(|(method, operation)| (format!("{method} {path}"), operation)));
    }
    all
}

#[test]
fn every_operation_has_a_name_of_its_own_and_its_parameters() {
    let document = document();
    let mut names = BTreeSet::new();
    for (at, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} stands twice");
        assert!(operation["summary"].is_string(), "{at}");
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let in_path: BTreeSet<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let wanted: BTreeSet<_> = at.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(in_path, wanted, "{at}");
        let all: BTreeSet<_> = parameters.iter().map(|one| (one["in"].as_str(), one["name"].as_str())).collect();
        assert_eq!(all.len(), parameters.len(), "{at}: a parameter stands twice");
    }
    assert!(names.len() > 40);
}

#[test]
fn refusals_are_problems_and_every_reference_leads_somewhere() {
    let document = document();
    let mut problems = 0;
    for (at, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            for (media, content) in response["content"].as_object().into_iter().flatten() {
                let is_problem = content["schema"]["$ref"] == "#/components/schemas/Problem";
                assert_eq!(is_problem, media == "application/problem+json", "{at} {status}");
                problems += usize::from(is_problem);
            }
        }
    }
    assert!(problems > 40);
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(&target[1..]).is_some(), "{target} leads nowhere");
                }
                waiting.extend(fields.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_page_names_every_operation_and_loads_nothing() {
    let house = House::new().await;
    let page = house.call_as("", Method::GET, "/api/docs", None).await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(!page.text.contains("<script") && !page.text.contains("src=") && !page.text.contains("style="));
    assert!(!page.headers["content-security-policy"].to_str().unwrap().contains("unsafe"));
    let style = house.call_as("", Method::GET, "/api/docs/style.css", None).await;
    assert_eq!(
        (style.status.as_u16(), &style.headers["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
    let document = document();
    for (at, _) in operations(&document) {
        let (method, path) = at.split_once(' ').unwrap();
        let row = format!("{}</span> <code>{path}</code>", method.to_uppercase());
        assert!(page.text.contains(&row), "{row}");
    }
    assert!(page.text.contains("<code>Problem</code>"));
    let served = house.call_as("", Method::GET, "/api/v1/openapi.json", None).await;
    assert_eq!(served.body, document);
}
