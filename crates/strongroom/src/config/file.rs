//! `strongroom.json`: what a repository says about its workloads.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer};
use strongroom_model::manifest::{CallAuth, OnChange, Runtime, SecretRef};

use super::jsonc;
use crate::errors::Failure;

/// The file's name.
pub(crate) const FILE_NAME: &str = "strongroom.json";

/// The file, and where it stands.
#[derive(Debug)]
pub(crate) struct ProjectFile {
    /// The file itself.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) content: Content,
}

/// What the file says. Unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    /// Where editors find the schema.
    #[serde(rename = "$schema", default)]
    _schema: Option<IgnoredAny>,
    /// The project; `default` if absent.
    #[serde(default)]
    pub(crate) project: Option<String>,
    /// Where workloads deploy, run and resolve.
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    /// The server.
    #[serde(default)]
    pub(crate) server: Option<String>,
    /// Further prefixes under which secrets appear in the environment of every function.
    #[serde(default)]
    pub(crate) env_prefix: Vec<String>,
    /// Functions.
    #[serde(default)]
    pub(crate) functions: Vec<FunctionEntry>,
    /// Jobs: read by a later version.
    #[serde(default)]
    jobs: Vec<IgnoredAny>,
    /// Apps.
    #[serde(default)]
    pub(crate) apps: Vec<AppEntry>,
}

impl Content {
    /// Whether there are jobs, which are not run yet.
    pub(crate) fn declares_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }
}

/// One function.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionEntry {
    /// Its name.
    pub(crate) name: String,
    /// Its source file, from the project file's directory.
    pub(crate) entry: PathBuf,
    /// What runs it.
    #[serde(default)]
    pub(crate) runtime: Runtime,
    /// Who may call it.
    #[serde(default)]
    pub(crate) auth: CallAuth,
    /// What it gets; absent means everything that resolves.
    #[serde(default)]
    pub(crate) secrets: Option<Vec<SecretEntry>>,
    /// Hosts it may reach.
    #[serde(default)]
    pub(crate) allow_net: Option<Vec<String>>,
    /// Such as `30s`.
    #[serde(default)]
    pub(crate) timeout: Option<String>,
    /// Such as `256MB`.
    #[serde(default)]
    pub(crate) memory: Option<String>,
    /// Requests at once.
    #[serde(default)]
    pub(crate) concurrency: Option<u32>,
    /// Variables that are no secrets.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Further prefixes of this function.
    #[serde(default)]
    pub(crate) env_prefix: Vec<String>,
    /// What happens to its workers after a change.
    #[serde(default)]
    pub(crate) on_change: OnChange,
}

/// One app.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppEntry {
    /// Its id.
    pub(crate) id: String,
    /// A name for people.
    #[serde(default, rename = "name")]
    _name: Option<String>,
    /// Where it lives.
    #[serde(default, rename = "path")]
    _path: Option<PathBuf>,
    /// What starts it.
    #[serde(default, rename = "command")]
    _command: Option<String>,
    /// What it gets; absent means everything that resolves.
    #[serde(default)]
    pub(crate) secrets: Option<Vec<SecretEntry>>,
}

/// One entry of a `secrets` list: `"NAME"`, `"NAME:ALIAS"`, or an object.
#[derive(Debug, Clone)]
pub(crate) struct SecretEntry(pub(crate) SecretRef);

/// Reads `NAME` or `NAME:ALIAS`.
pub(crate) fn secret_entry(text: &str) -> Result<SecretEntry, strongroom_model::name::NameError> {
    let (name, alias) = text.split_once(':').map_or((text, None), |(name, alias)| (name, Some(alias)));
    let alias = alias.map(|alias| alias.trim().parse()).transpose()?;
    Ok(SecretEntry(SecretRef { name: name.trim().parse()?, alias, required: None, default: None, via: None }))
}

impl<'de> Deserialize<'de> for SecretEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = SecretEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret's name or an object with one")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretEntry, E> {
                secret_entry(text).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretEntry, A::Error> {
                let reference = SecretRef::deserialize(MapAccessDeserializer::new(map));
                reference.map(SecretEntry).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

/// The nearest project file from `start` upwards.
pub(crate) fn find(start: &Path) -> Result<Option<ProjectFile>, Failure> {
    for folder in start.ancestors() {
        let path = folder.join(FILE_NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => return parse(&text, path).map(Some),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(Failure::failed(format!("{} cannot be read", path.display())).because(&error));
            }
        }
    }
    Ok(None)
}

fn parse(text: &str, path: PathBuf) -> Result<ProjectFile, Failure> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let content = serde_json::from_str(&jsonc::to_json(text)).map_err(|error| {
        let place = format!("{}:{}:{}", path.display(), error.line(), error.column());
        Failure::usage(format!("{place}: {}", reason(&error)))
    })?;
    Ok(ProjectFile { path, content })
}

/// What is wrong, without the texts that stand in the file: one of them may be a secret in the wrong place.
fn reason(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let text = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(text, _)| text);
    match (text.find(": string \""), text.rfind("\", expected")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}: a string{}", text.get(..start).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
        }
        _ if text.starts_with("unknown variant") => {
            format!(
                "a word that is not known here{}",
                text.find(", expected").and_then(|at| text.get(at..)).unwrap_or_default()
            )
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Content, String> {
        parse(text, PathBuf::from("strongroom.json")).map(|file| file.content).map_err(|failure| failure.text())
    }

    #[test]
    fn the_documented_file_is_read() {
        let content = read(
            r#"{ "project": "shop", "namespace": "development", "server": "https://secrets.example.com",
  "functions": [{ "name": "call-openai", "entry": "functions/call-openai.ts", "runtime": "deno", "auth": "token",
                  "secrets": ["OPENAI_API_KEY", { "name": "AWS_REGION", "default": "us-east-1" }, { "name": "STRIPE_LIVE", "as": "STRIPE_KEY", "required": false }],
                  "allow_net": ["api.openai.com"], "timeout": "30s", "memory": "256MB", "env": { "TIER": "gold" } }],
  "jobs": [{ "name": "nightly-sync", "entry": "jobs/nightly.ts", "schedule": "0 3 * * *", "retries": 5 }],
  "apps": [{ "id": "abc123", "name": "api", "path": "backend", "command": "node src/index.js" }], // comment
}"#,
        )
        .expect("the documented file");
        assert_eq!(content.project.as_deref(), Some("shop"));
        let function = content.functions.first().expect("one function");
        let targets: Vec<_> = function.secrets.iter().flatten().map(|entry| entry.0.target().as_str()).collect();
        assert_eq!(targets, ["OPENAI_API_KEY", "AWS_REGION", "STRIPE_KEY"]);
    }

    #[test]
    fn unknown_keys_are_refused_with_their_place() {
        let refused = read("{\n  \"projct\": \"shop\"\n}").expect_err("an unknown key");
        assert!(refused.contains("strongroom.json:2:"), "{refused}");
        assert!(refused.contains("unknown field `projct`, expected one of"), "{refused}");
    }

    #[test]
    fn texts_of_the_file_do_not_stand_in_errors() {
        for text in [
            r#"{ "functions": "canary" }"#,
            r#"{ "functions": [{ "name": "a", "entry": "b", "secrets": "canary, \"expected" }] }"#,
            r#"{ "functions": [{ "name": "a", "entry": "b", "on_change": "canary" }] }"#,
            r#"{ "functions": [{ "name": "a", "entry": "b", "secrets": ["can-ary"] }] }"#,
        ] {
            let refused = read(text).expect_err("a wrong type");
            assert!(!refused.contains("canary") && !refused.contains("can-ary"), "{refused}");
        }
    }
}
