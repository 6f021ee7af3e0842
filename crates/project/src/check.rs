//! Reading the file against the table of keys: everything that is wrong is noted with its place.

use jsonc_parser::ast::{Object as Node, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Value as Json};

use crate::keys::{Key, Object, PROJECT, Shape, Text, any, variable};
use crate::place::{Problem, is_word};
use crate::{Project, build};

/// Words that people type for a key of another name.
const MEANT: &[(&str, &str)] = &[
    ("cron", "schedule"),
    ("main", "entry"),
    ("file", "entry"),
    ("handler", "entry"),
    ("environment", "env"),
    ("variables", "env"),
    ("vars", "env"),
    ("cmd", "command"),
    ("start", "command"),
    ("dir", "path"),
    ("cwd", "path"),
    ("max_retries", "retries"),
    ("attempts", "retries"),
    ("url", "server"),
    ("environment", "namespace"),
    ("cronjobs", "jobs"),
];

/// Everything that was found wrong, by byte.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<(usize, String)>);

impl Found {
    pub(crate) fn note(&mut self, byte: usize, message: impl Into<String>) {
        self.0.push((byte, message.into()));
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

const JSON_WITH_COMMENTS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads the whole file.
pub(crate) fn check(text: &str) -> Result<Project, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = parse_to_ast(text, &CollectOptions::default(), &JSON_WITH_COMMENTS);
    let parsed = parsed.map_err(|error| {
        let message = lower_first(&error.kind().to_string());
        vec![Problem::at(text, error.range().start, message)]
    })?;
    let mut found = Found::default();
    let project = match &parsed.value {
        Some(Value::Object(node)) => Some(build::project(node, &mut found)),
        Some(other) => {
            found.note(other.start(), "strongroom.json is an object: it begins with { and ends with }");
            None
        }
        None => {
            found.note(0, "the file is empty; `strongroom init` writes one, and {} is the smallest");
            None
        }
    };
    match project {
        Some(project) if found.0.is_empty() => Ok(project),
        _ => {
            found.0.sort();
            Err(found.0.into_iter().map(|(byte, message)| Problem::at(text, byte, message)).collect())
        }
    }
}

/// What the file says outside of its lists of workloads.
pub(crate) fn top(node: &Node<'_>, found: &mut Found) -> Map<String, Json> {
    object(node, &PROJECT, found)
}

/// One entry of a list, if nothing in it is wrong. What is wrong has been noted with the whole file.
pub(crate) fn clean(node: &Node<'_>, known: &Object) -> Option<Json> {
    let mut found = Found::default();
    let read = object(node, known, &mut found);
    found.0.is_empty().then_some(Json::Object(read))
}

fn object(node: &Node<'_>, object: &Object, found: &mut Found) -> Map<String, Json> {
    let mut read = Map::new();
    let mut seen: Vec<&str> = Vec::new();
    for property in &node.properties {
        let name = property.name.as_str();
        let Some(key) = object.keys.iter().find(|key| key.name == name) else {
            found.note(property.start(), unknown(name, object));
            continue;
        };
        if seen.contains(&name) {
            found.note(property.start(), format!("\"{name}\" stands twice; keep one"));
            continue;
        }
        seen.push(name);
        if let Some(value) = self::value(&property.value, &key.shape, &format!("\"{name}\""), found) {
            read.insert(name.to_owned(), value);
        }
    }
    for key in object.keys.iter().filter(|key| key.is_required && !seen.contains(&key.name)) {
        found.note(node.start(), format!("{} needs \"{}\"{}", object.what, key.name, such_as(key)));
    }
    read
}

/// The value, if nothing in it is wrong.
fn value(node: &Value<'_>, shape: &Shape, place: &str, found: &mut Found) -> Option<Json> {
    let before = found.count();
    let read = match (shape, node) {
        (Shape::Text(text) | Shape::TextOr(text, _), Value::StringLit(node)) => {
            if let Err(problem) = (text.check)(&node.value) {
                found.note(node.range.start, format!("{place}: {problem}"));
            }
            Json::String(node.value.to_string())
        }
        (Shape::Words(words), Value::StringLit(node)) => {
            if !words.contains(&&*node.value) {
                let meant = nearest(&node.value, words.iter().copied());
                let meant = meant.map_or_else(String::new, |word| format!("; did you mean \"{word}\"?"));
                found.note(node.range.start, format!("{place} is {}{meant}", expected(shape)));
            }
            Json::String(node.value.to_string())
        }
        (Shape::Whole(least, most), Value::NumberLit(node)) => {
            let number = node.value.parse().ok().filter(|number| (least..=most).contains(&number));
            if number.is_none() {
                found.note(node.range.start, format!("{place} must be a whole number from {least} to {most}"));
            }
            Json::from(number.unwrap_or_default())
        }
        (Shape::Flag, Value::BooleanLit(node)) => Json::Bool(node.value),
        (Shape::List(shape), Value::Array(node)) => {
            let entries = node.elements.iter().enumerate().map(|(index, element)| {
                let place = format!("entry {} of {place}", index + 1);
                value(element, shape, &place, found)
            });
            Json::Array(entries.collect::<Vec<_>>().into_iter().flatten().collect())
        }
        (Shape::Variables, Value::Object(node)) => Json::Object(variables(node, place, found)),
        (Shape::Object(known) | Shape::TextOr(_, known), Value::Object(node)) => {
            Json::Object(object(node, known, found))
        }
        _ => {
            found.note(node.start(), format!("{place} is {}, not {}", expected(shape), kind(node)));
            return None;
        }
    };
    (found.count() == before).then_some(read)
}

fn variables(node: &Node<'_>, place: &str, found: &mut Found) -> Map<String, Json> {
    let mut read = Map::new();
    for property in &node.properties {
        let name = property.name.as_str();
        if let Err(problem) = variable(name) {
            found.note(property.start(), format!("{place}: {problem}"));
        }
        match &property.value {
            Value::StringLit(text) => {
                if let Err(problem) = any(&text.value) {
                    found.note(text.range.start, format!("{place}: {problem}"));
                }
                if read.insert(name.to_owned(), Json::String(text.value.to_string())).is_some() {
                    found.note(property.start(), format!("{place}: this name stands twice; keep one"));
                }
            }
            other => {
                let quoted =
                    if matches!(other, Value::NumberLit(_) | Value::BooleanLit(_)) { "; put it in quotes" } else { "" };
                found.note(other.start(), format!("{place}: a variable is a text, not {}{quoted}", kind(other)));
            }
        }
    }
    read
}

/// The property of that name, if it stands there.
pub(crate) fn property<'a, 'b>(node: &'b Node<'a>, name: &str) -> Option<&'b ObjectProp<'a>> {
    node.properties.iter().find(|property| property.name.as_str() == name)
}

fn unknown(name: &str, object: &Object) -> String {
    let known = || object.keys.iter().map(|key| key.name);
    let shown = if is_word(name) { format!("unknown key \"{name}\"") } else { "unknown key".to_owned() };
    match nearest(name, known()) {
        Some(meant) => format!("{shown}; did you mean \"{meant}\"?"),
        None => format!("{shown} of {}, expected one of {}", object.what, known().collect::<Vec<_>>().join(", ")),
    }
}

/// The known word that was meant perhaps: written another way, of another name, or with a slip.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let word = plain(word);
    let other = |candidate: &&str| MEANT.iter().any(|(typed, meant)| plain(typed) == word && meant == candidate);
    let slips = |candidate: &&str| {
        let distance = strsim::damerau_levenshtein(&word, &plain(candidate));
        (distance <= (word.len() / 3).clamp(1, 3) && distance < candidate.len()).then_some(distance)
    };
    if word.len() > 64 {
        return None;
    }
    known.clone().find(|candidate| plain(candidate) == word).or_else(|| known.clone().find(|it| other(it))).or_else(
        || {
            known
                .filter_map(|candidate| Some((slips(&candidate)?, candidate)))
                .min_by_key(|(slips, _)| *slips)
                .map(|(_, it)| it)
        },
    )
}

fn such_as(key: &Key) -> String {
    match &key.shape {
        Shape::Text(Text { example, .. }) => format!(", such as \"{}\": \"{example}\"", key.name),
        _ => String::new(),
    }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text(text) => format!("a text such as \"{}\"", text.example),
        Shape::Words(words) => match words {
            [others @ .., last] => {
                let others = others.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
                format!("{others} or \"{last}\"")
            }
            [] => String::new(),
        },
        Shape::Whole(least, most) => format!("a whole number from {least} to {most}"),
        Shape::Flag => "true or false".to_owned(),
        Shape::List(_) => "a list: [ … ]".to_owned(),
        Shape::Variables => "an object of names and texts: { \"NAME\": \"text\" }".to_owned(),
        Shape::TextOr(text, _) => format!("a text such as \"{}\", or an object", text.example),
        Shape::Object(_) => "an object: { … }".to_owned(),
    }
}

fn kind(node: &Value<'_>) -> &'static str {
    match node {
        Value::StringLit(_) => "a text",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "true or false",
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::NullKeyword(_) => "null",
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
