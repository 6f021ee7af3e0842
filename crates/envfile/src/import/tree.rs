//! JSON and YAML into one tree that keeps what their usual readers drop: duplicate keys, and which values were no text.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};
use zeroize::Zeroizing;

use super::error::{ImportError, JsonType};
use crate::dotenv::MAX_FILE_BYTES;

/// How much text and how many nodes a tree may hold: a little more than any file says without aliases.
const MAX_TREE: usize = 2 * MAX_FILE_BYTES;

/// The error text by which the visitor's own refusal is known; no input can produce it elsewhere.
const INFLATED: &str = "the tree outgrows its file";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Json,
    Yaml,
}

/// A document. Text is wiped when dropped.
pub(super) enum Node {
    Null,
    Boolean,
    Number,
    Text(Zeroizing<String>),
    List(Vec<Node>),
    /// In the order of the file, duplicates included.
    Object(Vec<(Node, Node)>),
    Tagged,
}

impl Node {
    pub(super) fn json_type(&self) -> JsonType {
        match self {
            Self::Null => JsonType::Null,
            Self::Boolean => JsonType::Boolean,
            Self::Number => JsonType::Number,
            Self::Text(_) => JsonType::Text,
            Self::List(_) => JsonType::List,
            Self::Object(_) => JsonType::Object,
            Self::Tagged => JsonType::Tagged,
        }
    }
}

/// Parses one document. Errors carry a position, never the parser's message, which may quote the file.
pub(super) fn parse(syntax: Syntax, text: &str) -> Result<Node, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let left = Cell::new(MAX_TREE);
    match syntax {
        Syntax::Json => {
            let mut reader = serde_json::Deserializer::from_str(text);
            let node = Seed { left: &left }.deserialize(&mut reader);
            node.and_then(|node| reader.end().map(|()| node)).map_err(|error| {
                let (line, column) = (error.line(), error.column());
                ImportError::Malformed { syntax: "JSON", line, column }
            })
        }
        Syntax::Yaml => {
            let node = Seed { left: &left }.deserialize(serde_yaml_ng::Deserializer::from_str(text));
            node.map_err(|error| match error.location() {
                _ if left.get() == 0 => ImportError::Inflated,
                Some(place) => ImportError::Malformed { syntax: "YAML", line: place.line(), column: place.column() },
                None => ImportError::MalformedSomewhere { syntax: "YAML" },
            })
        }
    }
}

#[derive(Clone, Copy)]
struct Seed<'b> {
    left: &'b Cell<usize>,
}

impl Seed<'_> {
    fn spend<E: Error>(self, amount: usize) -> Result<(), E> {
        let left = self.left.get().saturating_sub(amount);
        self.left.set(left);
        if left == 0 { Err(E::custom(INFLATED)) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        self.spend(1)?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        self.deserialize(from)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Boolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        self.spend(text.len())?;
        Ok(Node::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Node, E> {
        let text = Zeroizing::new(text);
        self.spend(text.len())?;
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = from.next_element_seed(self)? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(pair) = from.next_entry_seed(self, self)? {
            object.push(pair);
        }
        Ok(Node::Object(object))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<Node, A::Error> {
        let (IgnoredAny, contents) = from.variant::<IgnoredAny>()?;
        contents.newtype_variant::<Ignored>().map(|_| Node::Tagged)
    }
}

/// The content of a tagged value, which is not looked at.
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|IgnoredAny| Self)
    }
}
