//! Cargo manifests: each dependency stands in one place, with what it is for.

use super::Finding;
use crate::tree::{File, Tree};

/// Tables of a member's manifest that list dependencies.
const DEPENDENCIES: [&str; 3] = ["[dependencies]", "[dev-dependencies]", "[build-dependencies]"];

/// The name of a manifest's package.
pub(super) fn package_name(manifest: &str) -> Option<&str> {
    let mut lines = table(manifest, "[package]").map(|(_, line)| line);
    lines.find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
}

/// Each dependency of the workspace says behind a `#` what it is for; our own need no word.
pub(super) fn purposes(tree: &Tree) -> Vec<Finding> {
    let Some(root) = tree.file("Cargo.toml") else { return Vec::new() };
    let unexplained = table(&root.text, "[workspace.dependencies]").filter(|(_, line)| {
        let is_entry = line.contains('=') && !line.starts_with(['#', ' ']) && !line.starts_with("strongroom-");
        is_entry && !line.contains(" # ")
    });
    let finding = |(line, _)| finding(root, line, "a dependency says in one line what it is for: `name = \"1\" # …`");
    unexplained.map(finding).collect()
}

/// Each member takes the workspace's lints and the workspace's versions.
pub(super) fn members(tree: &Tree) -> Vec<Finding> {
    let is_member = |file: &&File| {
        file.name() == "Cargo.toml" && (file.path.starts_with("crates/") || file.path.starts_with("xtask/"))
    };
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(is_member) {
        if !table(&file.text, "[lints]").any(|(_, line)| line == "workspace = true") {
            findings.push(finding(file, 0, "takes the workspace's lints: `[lints]`, `workspace = true`"));
        }
        for (number, line) in DEPENDENCIES.iter().flat_map(|name| table(&file.text, name)) {
            if line.contains('=') && !line.starts_with('#') && !line.contains("workspace = true") {
                findings.push(finding(
                    file,
                    number,
                    "versions stand in the workspace's Cargo.toml: `name.workspace = true`",
                ));
            }
        }
    }
    findings
}

fn finding(file: &File, line: usize, message: &str) -> Finding {
    Finding { path: file.path.clone(), line, message: message.to_owned() }
}

/// The numbered lines between a table's header and the next table.
fn table<'m>(manifest: &'m str, header: &str) -> impl Iterator<Item = (usize, &'m str)> {
    let numbered = manifest.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    numbered.skip_while(move |(_, line)| *line != header).skip(1).take_while(|(_, line)| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[test]
    fn a_dependency_without_a_purpose_is_found() {
        let text = "[workspace.dependencies]\n# heading\nstrongroom-a = { path = \"a\" }\nb = \"1\" # bytes\nc = \"1\"\n\n[x]\nd = 1\n";
        let found = shown(purposes, &[("Cargo.toml", text)]);
        assert_eq!(found, ["Cargo.toml:5: a dependency says in one line what it is for: `name = \"1\" # …`"]);
    }

    #[test]
    fn a_member_with_its_own_version_or_without_lints_is_found() {
        let good =
            "[lints]\nworkspace = true\n[dependencies]\na.workspace = true\nb = { workspace = true, features = [] }\n";
        let bad = "[package]\nname = \"x\"\n[dev-dependencies]\na = \"1\"\n";
        let found =
            shown(members, &[("crates/a/Cargo.toml", good), ("crates/b/Cargo.toml", bad), ("fuzz/Cargo.toml", bad)]);
        assert_eq!(
            found,
            [
                "crates/b/Cargo.toml: takes the workspace's lints: `[lints]`, `workspace = true`",
                "crates/b/Cargo.toml:4: versions stand in the workspace's Cargo.toml: `name.workspace = true`"
            ]
        );
    }

    #[test]
    fn the_package_name_is_that_of_the_package_table() {
        assert_eq!(package_name("[[bin]]\nname = \"y\"\n[package]\nname = \"x\"\n"), Some("x"));
    }
}
