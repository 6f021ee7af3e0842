//! How long files are, what they are called, and what none of them may name.

use super::Finding;
use super::manifests::package_name;
use crate::tree::{File, Tree};

/// Lines from which a file is mentioned.
const LONG_LINES: usize = 400;
/// Lines from which a file fails.
const MAX_LINES: usize = 600;

/// Names that say nothing about what is in a file.
const VAGUE: [&str; 8] = ["util", "utils", "helper", "helpers", "misc", "common", "manager", "stuff"];

/// Package registries, in pieces, so that this file does not name them either.
const HOSTS: [&str; 8] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("proxy.golang", ".org"),
];

fn source_lines(tree: &Tree) -> impl Iterator<Item = (&File, usize)> {
    let is_source = |file: &&File| {
        let written = matches!(file.extension(), "rs" | "ts" | "js" | "mjs" | "sh" | "py" | "css" | "html" | "sql");
        written && !file.path.split('/').any(|part| part == "vendor")
    };
    tree.files.iter().filter(is_source).map(|file| (file, file.text.lines().count()))
}

/// Source files of more than 400 lines, which are only mentioned.
pub(super) fn long_file_notes(tree: &Tree) -> Vec<String> {
    let long = source_lines(tree).filter(|(_, lines)| (LONG_LINES + 1..=MAX_LINES).contains(lines));
    long.map(|(file, lines)| format!("note: {}: {lines} lines; about {LONG_LINES} are the aim", file.path)).collect()
}

/// Source files of more than 600 lines.
pub(super) fn long_files(tree: &Tree) -> Vec<Finding> {
    let too_long = source_lines(tree).filter(|(_, lines)| *lines > MAX_LINES);
    let finding = |(file, lines): (&File, usize)| {
        let message = format!("{lines} lines; split it by noun, {MAX_LINES} are the limit");
        Finding { path: file.path.clone(), line: 0, message }
    };
    too_long.map(finding).collect()
}

/// Rust files whose name says nothing.
pub(super) fn vague_names(tree: &Tree) -> Vec<Finding> {
    let is_vague = |file: &&File| file.name().strip_suffix(".rs").is_some_and(|stem| VAGUE.contains(&stem));
    let finding = |file: &File| {
        let message = "a file is named after the noun that it is about".to_owned();
        Finding { path: file.path.clone(), line: 0, message }
    };
    tree.files.iter().filter(is_vague).map(finding).collect()
}

/// A crate's folder is its name less the prefix.
pub(super) fn crate_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let Some(folder) = file.path.strip_prefix("crates/").and_then(|rest| rest.strip_suffix("/Cargo.toml")) else {
            continue;
        };
        let expected = if folder == "strongroom" { folder.to_owned() } else { format!("strongroom-{folder}") };
        if package_name(&file.text) != Some(expected.as_str()) {
            let message = format!("the crate in this folder is named {expected}");
            findings.push(Finding { path: file.path.clone(), line: 0, message });
        }
    }
    findings
}

/// Files that name a package registry: where packages come from is a setting of each machine.
pub(super) fn registry_hosts(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.name() != "Cargo.lock") {
        for (index, line) in file.text.lines().enumerate() {
            let lower = line.to_ascii_lowercase();
            if HOSTS.iter().any(|host| lower.contains(host)) {
                let message = "names the host of a package registry; use the package's name alone".to_owned();
                findings.push(Finding { path: file.path.clone(), line: index + 1, message });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    #[test]
    fn files_over_600_lines_fail_and_over_400_are_mentioned() {
        let (long, too_long) = ("\n".repeat(401), "\n".repeat(601));
        let files = [("a.rs", long.as_str()), ("b.ts", &too_long), ("c.json", &too_long), ("vendor/d.js", &too_long)];
        assert_eq!(shown(long_files, &files), ["b.ts: 601 lines; split it by noun, 600 are the limit"]);
        assert_eq!(long_file_notes(&Tree::of(&files)), ["note: a.rs: 401 lines; about 400 are the aim"]);
    }

    #[test]
    fn vague_file_names_are_found() {
        assert_eq!(shown(vague_names, &[("crates/a/src/utils.rs", ""), ("crates/a/src/secrets.rs", "")]).len(), 1);
    }

    #[test]
    fn a_crate_is_named_after_its_folder() {
        let manifest = |name: &str| format!("[package]\nname = \"{name}\"\n");
        let (seal, store, binary) = (manifest("strongroom-seal"), manifest("storage"), manifest("strongroom"));
        let files = [
            ("crates/seal/Cargo.toml", seal.as_str()),
            ("crates/store/Cargo.toml", &store),
            ("crates/strongroom/Cargo.toml", &binary),
        ];
        let expected = ["crates/store/Cargo.toml: the crate in this folder is named strongroom-store"];
        assert_eq!(shown(crate_names, &files), expected);
    }

    #[test]
    fn registry_hosts_are_found_in_any_text_but_the_lock_file() {
        let text = format!("fine\nsee https://{}/x\n", concat!("WWW.Npmjs", ".Com"));
        let found = shown(registry_hosts, &[("docs/a.md", &text), ("Cargo.lock", &text)]);
        assert_eq!(found, ["docs/a.md:2: names the host of a package registry; use the package's name alone"]);
    }
}
