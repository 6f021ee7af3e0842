//! Which product wrote a document, and where in it the pairs of name and value stand.

use super::Format;
use super::error::{ImportError, Problem};
use super::tree::Node;

/// What Doppler adds to each export about itself.
pub(super) const DOPPLER_NAMES: [&str; 3] = ["DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG"];

/// What stands beside `data` in an answer of Vault or `OpenBao`.
const VAULT_FIELDS: [&str; 10] = [
    "data",
    "metadata",
    "request_id",
    "lease_id",
    "renewable",
    "lease_duration",
    "wrap_info",
    "warnings",
    "auth",
    "mount_type",
];

/// The names that Infisical's exports and API give a pair's halves.
const INFISICAL_PAIRS: [(&str, &str); 2] = [("key", "value"), ("secretKey", "secretValue")];

/// Names with whatever stands as their value, and what could not be made such a pair.
pub(super) struct Pairs {
    pub(super) pairs: Vec<(String, Node)>,
    pub(super) problems: Vec<Problem>,
}

/// The product whose export this is, if it is one's.
pub(super) fn recognise(node: &Node) -> Option<Format> {
    if infisical_list(node).is_some() {
        return Some(Format::Infisical);
    }
    let Node::Object(fields) = node else { return None };
    let names = || fields.iter().filter_map(|(name, _)| text(name));
    if matches!(field(node, "data"), Some(Node::Object(_))) && names().all(|name| VAULT_FIELDS.contains(&name)) {
        return Some(Format::Vault);
    }
    names().any(|name| DOPPLER_NAMES.contains(&name)).then_some(Format::Doppler)
}

/// The pairs of a document of this format.
pub(super) fn pairs(format: Format, node: Node) -> Result<Pairs, ImportError> {
    match format {
        Format::Vault => vault(node),
        Format::Infisical => infisical(node),
        Format::Dotenv | Format::Json | Format::Yaml | Format::Doppler => {
            flat(node, "one flat object of names and strings")
        }
    }
}

fn flat(node: Node, expected: &'static str) -> Result<Pairs, ImportError> {
    let Node::Object(fields) = node else { return Err(ImportError::Shape { expected }) };
    let mut read = Pairs { pairs: Vec::with_capacity(fields.len()), problems: Vec::new() };
    for (name, value) in fields {
        match name {
            Node::Text(name) => read.pairs.push((name.as_str().to_owned(), value)),
            other => read.problems.push(Problem::NameNotText { found: other.json_type() }),
        }
    }
    Ok(read)
}

/// `{"data": {"data": {…}, "metadata": {…}}}` is version 2 of the KV engine, `{"data": {…}}` version 1.
fn vault(node: Node) -> Result<Pairs, ImportError> {
    let expected =
        "an answer of the KV engine, {\"data\": {…}} or {\"data\": {\"data\": {…}}}, of a version that is not deleted";
    let outer = take(node, "data").ok_or(ImportError::Shape { expected })?;
    let is_version_2 = match field(&outer, "data") {
        Some(Node::Object(_)) => true,
        Some(Node::Null) => field(&outer, "metadata").is_some(),
        _ => false,
    };
    let inner = if is_version_2 { take(outer, "data").ok_or(ImportError::Shape { expected })? } else { outer };
    flat(inner, expected)
}

fn infisical(node: Node) -> Result<Pairs, ImportError> {
    let node = if matches!(node, Node::Object(_)) { take(node, "secrets") } else { Some(node) };
    let Some(Node::List(elements)) = node else {
        return Err(ImportError::Shape {
            expected: "a list of {\"key\", \"value\"} or {\"secretKey\", \"secretValue\"}",
        });
    };
    let mut read = Pairs { pairs: Vec::with_capacity(elements.len()), problems: Vec::new() };
    for (index, element) in elements.into_iter().enumerate() {
        match infisical_pair(element) {
            Some(pair) => read.pairs.push(pair),
            None => read.problems.push(Problem::NoPair { position: index + 1 }),
        }
    }
    Ok(read)
}

fn infisical_pair(element: Node) -> Option<(String, Node)> {
    let (name_field, value_field) = infisical_fields(&element)?;
    let name = field(&element, name_field).and_then(text)?.to_owned();
    Some((name, take(element, value_field)?))
}

fn infisical_fields(element: &Node) -> Option<(&'static str, &'static str)> {
    INFISICAL_PAIRS.into_iter().find(|(name, value)| field(element, name).is_some() && field(element, value).is_some())
}

fn infisical_list(node: &Node) -> Option<&[Node]> {
    match field(node, "secrets").unwrap_or(node) {
        Node::List(elements) if elements.iter().any(|element| infisical_fields(element).is_some()) => Some(elements),
        _ => None,
    }
}

fn text(node: &Node) -> Option<&str> {
    match node {
        Node::Text(text) => Some(text),
        _ => None,
    }
}

/// The only field of this name; two of one name are none.
fn field<'n>(node: &'n Node, wanted: &str) -> Option<&'n Node> {
    let Node::Object(fields) = node else { return None };
    let mut found = fields.iter().filter(|(name, _)| text(name) == Some(wanted));
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value)
}

fn take(node: Node, wanted: &str) -> Option<Node> {
    field(&node, wanted)?;
    let Node::Object(fields) = node else { return None };
    fields.into_iter().find(|(name, _)| text(name) == Some(wanted)).map(|(_, value)| value)
}
