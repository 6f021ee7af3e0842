//! The plugin for coding agents: the layout that Claude Code installs from, and what its skill must teach.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::{Way, World};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_marketplace_leads_to_the_plugin_and_the_plugin_to_the_program() {
    let marketplace = json(".claude-plugin/marketplace.json");
    assert!(marketplace["owner"]["name"].is_string());
    let entry = &marketplace["plugins"][0];
    let folder = entry["source"].as_str().and_then(|source| source.strip_prefix("./")).expect("a relative folder");
    let plugin = json(&format!("{folder}/.claude-plugin/plugin.json"));
    assert_eq!((&plugin["name"], &entry["name"]), (&"strongroom".into(), &"strongroom".into()));
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    let server = &json(&format!("{folder}/.mcp.json"))["mcpServers"]["strongroom"];
    assert_eq!(server["command"], "strongroom");
    let arguments: Vec<_> = server["args"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(World::new(Way::InProcess).piped(b"", &arguments).exit, 0);
}

#[test]
fn the_skill_says_when_it_is_for_and_ends_with_six_checks() {
    let page = text("plugin/skills/app-secrets/SKILL.md");
    let (head, body) = page.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).expect("a front matter");
    assert!(head.lines().any(|line| line == "name: app-secrets"), "{head}");
    let description = head.lines().find_map(|line| line.strip_prefix("description: ")).expect("a description");
    assert!(description.contains("Use when") && description.len() <= 1024, "{}", description.len());
    let checklist = body.split_once("## Checklist").expect("a checklist").1;
    assert_eq!(checklist.matches("- [ ] ").count(), 6);
    for taught in
        ["requireEnv", "strongroom run", "strongroom dev", "`.env`", "`dotenv`", "httpOnly", "getUser", "read-only"]
    {
        assert!(body.contains(taught), "{taught}");
    }
}
