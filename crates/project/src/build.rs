//! From keys that are all right to manifests, and what is wrong with those.

use jsonc_parser::ast::{Object as Node, Value};
use jsonc_parser::common::Ranged as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use strongroom_model::manifest::{FunctionManifest, JobManifest, ManifestError, SecretRef};

use crate::check::{Found, clean, property, top};
use crate::keys::{APP, FUNCTION, JOB, Object};
use crate::{App, Declared, Project, in_units, secret_ref, units};

/// The whole file. What it answers counts only if nothing was found.
pub(crate) fn project(node: &Node<'_>, found: &mut Found) -> Project {
    let read = top(node, found);
    twice(node, found);
    let prefixes = read.get("env_prefix").cloned().unwrap_or_else(|| json!([]));
    Project {
        project: typed(read.get("project")),
        namespace: typed(read.get("namespace")),
        server: typed(read.get("server")),
        env_prefix: typed(Some(&prefixes)).unwrap_or_default(),
        functions: workloads(node, ("functions", &FUNCTION), &prefixes, found, FunctionManifest::problems),
        jobs: workloads(node, ("jobs", &JOB), &prefixes, found, JobManifest::problems),
        apps: apps(node, found),
    }
}

fn typed<T: DeserializeOwned>(value: Option<&Json>) -> Option<T> {
    value.and_then(|value| serde_json::from_value(value.clone()).ok())
}

/// Those entries of a list in which every key is all right.
fn workloads<M: DeserializeOwned>(
    node: &Node<'_>,
    (list, known): (&str, &Object),
    prefixes: &Json,
    found: &mut Found,
    problems: impl Fn(&M) -> Vec<ManifestError>,
) -> Vec<Declared<M>> {
    let mut declared = Vec::new();
    for node in nodes(node, list) {
        let Some(Json::Object(entry)) = clean(node, known) else { continue };
        let Some(workload) = workload::<M>(entry, prefixes) else {
            found.note(node.start(), "this cannot be read");
            continue;
        };
        for problem in problems(&workload.manifest) {
            found.note(place(node, &problem), in_units(&problem));
        }
        declared.push(workload);
    }
    declared
}

/// The objects of one list.
fn nodes<'a, 'b>(node: &'b Node<'a>, list: &str) -> impl Iterator<Item = &'b Node<'a>> {
    let elements = property(node, list).and_then(|list| list.value.as_array()).map(|list| &list.elements);
    elements.into_iter().flatten().filter_map(Value::as_object)
}

/// The manifest has the keys of the file, but for units, the file's own prefixes and the short form of secrets.
fn workload<M: DeserializeOwned>(mut entry: Map<String, Json>, prefixes: &Json) -> Option<Declared<M>> {
    let name = entry.remove("name")?;
    let path = entry.remove("entry")?;
    for key in ["timeout", "backoff", "max_backoff"] {
        if let Some(text) = entry.remove(key) {
            entry.insert(format!("{key}_ms"), json!(units::time_ms(text.as_str()?).ok()?));
        }
    }
    if let Some(text) = entry.remove("memory") {
        entry.insert("memory_bytes".to_owned(), json!(units::memory_bytes(text.as_str()?).ok()?));
    }
    let mut all = prefixes.as_array()?.clone();
    all.extend(entry.get("env_prefix").and_then(Json::as_array).into_iter().flatten().cloned());
    entry.insert("env_prefix".to_owned(), Json::Array(all));
    if let Some(list) = entry.remove("secrets") {
        entry.insert("secrets".to_owned(), serde_json::to_value(secrets(&list)?).ok()?);
    }
    Some(Declared {
        name: typed(Some(&name))?,
        entry: typed(Some(&path))?,
        manifest: serde_json::from_value(Json::Object(entry)).ok()?,
    })
}

fn secrets(list: &Json) -> Option<Vec<SecretRef>> {
    let reference = |entry: &Json| match entry {
        Json::String(text) => secret_ref(text).ok(),
        object => typed(Some(object)),
    };
    list.as_array()?.iter().map(reference).collect()
}

fn apps(node: &Node<'_>, found: &mut Found) -> Vec<App> {
    let mut declared = Vec::new();
    for node in nodes(node, "apps") {
        let Some(entry) = clean(node, &APP) else { continue };
        let Some(app) = app(&entry) else {
            found.note(node.start(), "this cannot be read");
            continue;
        };
        let list = app.secrets.as_deref().unwrap_or_default();
        let manifest = FunctionManifest {
            workload: strongroom_model::manifest::Workload { secrets: app.secrets.clone(), ..Default::default() },
            ..FunctionManifest::default()
        };
        for problem in manifest.problems() {
            found.note(place(node, &problem), in_units(&problem));
        }
        if let Some(property) = property(node, "secrets").filter(|_| app.frontend && !list.is_empty()) {
            let message =
                "a front end gets no secrets: what it gets stands in browsers; take the list or \"frontend\" out";
            found.note(property.start(), message);
        }
        declared.push(app);
    }
    declared
}

fn app(entry: &Json) -> Option<App> {
    let list = match entry.get("secrets") {
        Some(list) => Some(secrets(list)?),
        None => None,
    };
    Some(App {
        id: typed(entry.get("id"))?,
        name: typed(entry.get("name")),
        path: typed(entry.get("path")),
        command: typed(entry.get("command")),
        secrets: list,
        frontend: typed(entry.get("frontend")).unwrap_or_default(),
    })
}

/// Where the cause of a manifest's problem stands.
fn place(node: &Node<'_>, problem: &ManifestError) -> usize {
    let value = |name: &str| property(node, name).map(|property| &property.value);
    let element = |name: &str, at: &dyn Fn(usize, &Value<'_>) -> bool| {
        let elements = value(name).and_then(Value::as_array).map(|list| &list.elements)?;
        elements
            .iter()
            .enumerate()
            .filter(|(index, element)| at(*index, element))
            .last()
            .map(|(_, element)| element.start())
    };
    let found = match problem {
        ManifestError::TwoSources { target } | ManifestError::Steers { target } => {
            element("secrets", &|_, element| sees(element, target))
        }
        ManifestError::Range { field, .. } => value(field).map(jsonc_parser::common::Ranged::start),
        ManifestError::Prefix => value("env_prefix").map(jsonc_parser::common::Ranged::start),
        ManifestError::EnvName { .. } => value("env").map(jsonc_parser::common::Ranged::start),
        ManifestError::Host { position } => element("allow_net", &|index, _| index + 1 == *position),
    };
    found.unwrap_or_else(|| node.start())
}

/// Whether an entry of `secrets` gives the code this name.
fn sees(entry: &Value<'_>, target: &str) -> bool {
    let text = |value: &Value<'_>| value.as_string_lit().map(|text| text.value.to_string());
    let name = match entry {
        Value::Object(node) => property(node, "as").or_else(|| property(node, "name")).and_then(|it| text(&it.value)),
        other => text(other).and_then(|text| text.rsplit(':').next().map(|name| name.trim().to_owned())),
    };
    name.as_deref() == Some(target)
}

/// Two workloads of one kind and name. Looked for in the text itself, so that it is told beside everything else.
fn twice(node: &Node<'_>, found: &mut Found) {
    for (list, key, what) in [("functions", "name", "function"), ("jobs", "name", "job"), ("apps", "id", "app")] {
        let mut seen: Vec<String> = Vec::new();
        for node in nodes(node, list) {
            let Some(name) = property(node, key).and_then(|property| property.value.as_string_lit()) else { continue };
            if seen.contains(&name.value.to_string()) {
                found.note(name.range.start, format!("an earlier {what} has this {key}; choose another"));
            }
            seen.push(name.value.to_string());
        }
    }
}
