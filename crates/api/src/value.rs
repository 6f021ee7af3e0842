//! Plaintext on the wire. These two types are the only ones that turn secret values into JSON and back.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use strongroom_model::SecretName;
use strongroom_secret::{SecretValue, ValueError};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};
use utoipa::{PartialSchema, ToSchema};

/// One secret value as a JSON string. Never formatted, never compared.
pub struct Plaintext(pub SecretValue);

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(..)")
    }
}

impl Serialize for Plaintext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Plaintext {
    /// Refusals say what is wrong with the value and never repeat it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = read_text(deserializer, SecretValue::new)?;
        value.map(Plaintext).map_err(D::Error::custom)
    }
}

/// Reads a string and gives it to `make`; anything else is refused without being repeated.
fn read_text<'de, D: Deserializer<'de>, T>(deserializer: D, make: fn(String) -> T) -> Result<T, D::Error> {
    struct Text<T>(fn(String) -> T);
    impl<T> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            Ok(self.0(text.to_owned()))
        }

        fn visit_string<E: serde::de::Error>(self, text: String) -> Result<T, E> {
            Ok(self.0(text))
        }

        fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<T, E> {
            Err(E::custom("a secret value is a string; put the number in quotes"))
        }

        fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<T, E> {
            Err(E::custom("a secret value is a string; put the number in quotes"))
        }

        fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<T, E> {
            Err(E::custom("a secret value is a string; put the number in quotes"))
        }

        fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<T, E> {
            Err(E::custom("a secret value is a string; put it in quotes"))
        }
    }
    deserializer.deserialize_any(Text(make))
}

impl PartialSchema for Plaintext {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A secret value: UTF-8 text of at most 64 KiB without NUL, kept byte for byte."))
            .into()
    }
}

impl ToSchema for Plaintext {
    fn name() -> Cow<'static, str> {
        "Plaintext".into()
    }
}

/// A string that may be no value, so that all of an object's problems can be told at once.
struct Checked(Result<SecretValue, ValueError>);

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, SecretValue::new).map(Checked)
    }
}

/// A name as a message may carry it: people paste values where names belong.
fn shown(name: &str) -> &str {
    if name.parse::<SecretName>().is_ok() { name } else { "a name that is none" }
}

/// Names and values as one JSON object, in order. A name given twice is refused by its name.
#[derive(Default)]
pub struct PlaintextMap(pub Vec<(String, SecretValue)>);

impl PlaintextMap {
    /// About how many bytes it has as JSON: exactly so many where no value needs an escape.
    pub fn about_bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len() + r#""":"","#.len()).sum()
    }
}

impl fmt::Debug for PlaintextMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Serialize for PlaintextMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value.expose())?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for PlaintextMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = PlaintextMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and string values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PlaintextMap, A::Error> {
                let mut entries: Vec<(String, SecretValue)> = Vec::new();
                let mut seen = std::collections::HashSet::new();
                let mut refused = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom("an object names one secret twice"));
                    }
                    match map.next_value::<Checked>()? {
                        Checked(Ok(value)) => entries.push((name, value)),
                        Checked(Err(problem)) => refused.push(format!("{} ({problem})", shown(&name))),
                    }
                }
                match refused.as_slice() {
                    [] => Ok(PlaintextMap(entries)),
                    all => Err(A::Error::custom(format_args!("the value is refused of {}", all.join(", ")))),
                }
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl PartialSchema for PlaintextMap {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(Plaintext::schema()))
            .description(Some("Secret names and their values."))
            .into()
    }
}

impl ToSchema for PlaintextMap {
    fn name() -> Cow<'static, str> {
        "PlaintextMap".into()
    }
}
