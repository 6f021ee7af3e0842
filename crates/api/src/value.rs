//! Plaintext on the wire. These two types are the only ones that turn secret values into JSON and back.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use strongroom_secret::SecretValue;
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
        struct Text;
        impl Visitor<'_> for Text {
            type Value = SecretValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretValue, E> {
                SecretValue::new(text.to_owned()).map_err(E::custom)
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<SecretValue, E> {
                SecretValue::new(text).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretValue, E> {
                Err(E::custom("a secret value is a string; put the number in quotes"))
            }

            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<SecretValue, E> {
                Err(E::custom("a secret value is a string; put the number in quotes"))
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretValue, E> {
                Err(E::custom("a secret value is a string; put the number in quotes"))
            }

            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<SecretValue, E> {
                Err(E::custom("a secret value is a string; put it in quotes"))
            }
        }
        deserializer.deserialize_any(Text).map(Plaintext)
    }
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

/// Names and values as one JSON object, in order. A name given twice is refused by its name.
#[derive(Default)]
pub struct PlaintextMap(pub Vec<(String, SecretValue)>);

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
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom("an object names one secret twice"));
                    }
                    entries.push((name, map.next_value::<Plaintext>()?.0));
                }
                Ok(PlaintextMap(entries))
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
