//! `.env` files where they must not be, and what loads them.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use strongroom_project::Project;

use super::code::has_ending;
use super::finding::{Finding, Severity, position};
use super::tree::Tree;

/// Endings of files that show which variables there are, without values.
const TEMPLATES: [&str; 7] = [".example", ".sample", ".template", ".dist", ".defaults", ".schema", ".tpl"];
/// Names in one archive that are looked at.
const MAX_ENTRIES: usize = 100_000;
/// So much of a compressed archive is unpacked.
const MAX_UNPACKED_BYTES: u64 = 512 << 20;

fn is_env_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is = name == ".env" || name.starts_with(".env.");
    is && !TEMPLATES.iter().any(|ending| name.ends_with(ending))
}

/// Looks at names alone.
pub(super) fn files(tree: &Tree, project: Option<&Project>, findings: &mut Vec<Finding>) {
    let is_tracked = |path: &str| tree.tracked.as_ref().is_some_and(|tracked| tracked.contains(path));
    for path in tree.files.union(&tree.ignored).filter(|path| is_env_file(path)) {
        let app = project.and_then(|project| app_around(project, path));
        let ignore = "echo '.env*' >> .gitignore";
        let finding = if tree.is_staged() {
            Finding::new("env_file_tracked", Severity::Problem, "is an environment file, and is staged")
                .fix(format!("git restore --staged '{path}' && {ignore}"))
        } else if is_tracked(path) {
            Finding::new("env_file_tracked", Severity::Problem, "is an environment file, and git tracks it").fix(format!(
                "strongroom secrets set --env-file '{path}', then: git rm --cached '{path}' && {ignore}; who has the repository has the values, so replace them"
            ))
        } else if let Some(app) = app {
            let message = format!("is an environment file inside the app {app}, and goes wherever the app goes");
            Finding::new("env_file_in_app", Severity::Problem, message)
                .fix(format!("strongroom secrets set --env-file '{path}' --app {app} && rm '{path}'"))
        } else if tree.files.contains(path) {
            Finding::new("env_file_not_ignored", Severity::Problem, "is an environment file that git does not ignore")
                .fix(ignore)
        } else {
            Finding::new(
                "env_file_ignored",
                Severity::Note,
                "is an environment file; git ignores it, and no deploy takes it",
            )
        };
        findings.push(finding.in_file(path));
    }
}

/// The app whose folder, other than the root, a file lies in.
fn app_around<'p>(project: &'p Project, path: &str) -> Option<&'p str> {
    let inside = |folder: &Path| {
        let folder = folder.strip_prefix(".").unwrap_or(folder);
        !folder.as_os_str().is_empty() && Path::new(path).starts_with(folder)
    };
    project.apps.iter().find(|app| app.path.as_deref().is_some_and(inside)).map(|app| app.id.as_str())
}

/// Looks at the names in archives.
pub(super) fn archives(tree: &Tree, findings: &mut Vec<Finding>) {
    for path in tree.files.union(&tree.ignored).filter(|_| !tree.is_staged()) {
        let lower = path.to_ascii_lowercase();
        let whole = tree.root.join(path);
        let names = if has_ending(path, "zip") {
            zip_names(&whole)
        } else if has_ending(path, "tar") {
            std::fs::File::open(&whole).ok().and_then(tar_names)
        } else if lower.ends_with(".tar.gz") || has_ending(path, "tgz") {
            let unpacked = std::fs::File::open(&whole).map(flate2::read::GzDecoder::new);
            unpacked.ok().and_then(|unpacked| tar_names(unpacked.take(MAX_UNPACKED_BYTES)))
        } else {
            continue;
        };
        let Some(names) = names else {
            let note = "is an archive that could not be read";
            findings.push(Finding::new("archive_not_read", Severity::Note, note).in_file(path));
            continue;
        };
        for name in names.iter().filter(|name| is_env_file(name)) {
            let shown: String = name.chars().filter(|each| !each.is_control()).take(200).collect();
            let finding =
                Finding::new("env_file_in_archive", Severity::Problem, format!("is an archive that holds {shown}"));
            findings.push(
                finding.in_file(path).fix("make the archive again without it, and replace the values that were in it"),
            );
        }
    }
}

fn zip_names(path: &Path) -> Option<Vec<String>> {
    let archive = zip::ZipArchive::new(std::io::BufReader::new(std::fs::File::open(path).ok()?)).ok()?;
    let name = |name: zip::result::ZipResult<std::borrow::Cow<'_, str>>| name.ok().map(std::borrow::Cow::into_owned);
    archive.file_names().take(MAX_ENTRIES).map(name).collect()
}

fn tar_names(archive: impl std::io::Read) -> Option<Vec<String>> {
    let mut archive = tar::Archive::new(archive);
    let mut names = Vec::new();
    for entry in archive.entries().ok()?.take(MAX_ENTRIES) {
        names.push(entry.ok()?.path().ok()?.to_string_lossy().into_owned());
    }
    Some(names)
}

/// Whether a package or module loads `.env` files.
pub(super) fn is_dotenv(specifier: &str) -> bool {
    let bare = specifier.strip_prefix("npm:").or_else(|| specifier.strip_prefix("jsr:")).unwrap_or(specifier);
    let names =
        ["dotenv", "dotenv-flow", "dotenv-expand", "dotenv-safe", "dotenv-cli", "dotenv-defaults", "dotenv-vault"];
    let scoped = ["@dotenvx/dotenvx", "@std/dotenv"];
    let is = |name: &str| {
        let rest = bare.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with('@'))
    };
    names.into_iter().chain(scoped).any(is) || (bare.starts_with("https://deno.land/") && bare.contains("/dotenv/"))
}

const FIX: &str =
    "start it with `strongroom run -- COMMAND` (or `strongroom dev`), which sets the environment, and take it out";

/// Looks at the manifests of packages.
pub(super) fn manifest(path: &str, text: &[u8], findings: &mut Vec<Finding>) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let found = |needle: &str, message: String| {
        let offset = String::from_utf8_lossy(text).find(needle).unwrap_or_default();
        Finding::new("dotenv_dependency", Severity::Problem, message).in_file(path).at(position(text, offset)).fix(FIX)
    };
    if name == "package.json" {
        let Ok(json) = serde_json::from_slice::<Value>(text) else { return };
        for list in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
            let names = json.get(list).and_then(Value::as_object).into_iter().flat_map(|list| list.keys());
            for name in names.filter(|name| is_dotenv(name)) {
                findings.push(found(&format!("\"{name}\""), format!("{name} is a dependency: it loads .env files")));
            }
        }
        for (script, line) in json.get("scripts").and_then(Value::as_object).into_iter().flatten() {
            if line.as_str().is_some_and(loads) {
                findings.push(found(&format!("\"{script}\""), format!("the script {script} loads an .env file")));
            }
        }
    } else if matches!(name, "deno.json" | "deno.jsonc" | "import_map.json") {
        let whole = String::from_utf8_lossy(text);
        for part in whole.split('"').skip(1).step_by(2).filter(|part| is_dotenv(part)) {
            findings.push(found(&format!("\"{part}\""), "imports a module that loads .env files".to_owned()));
        }
    }
}

/// Whether a command line loads an `.env` file.
pub(super) fn loads(line: &str) -> bool {
    line.split_whitespace().any(|word| {
        word == "dotenv" || word == "dotenvx" || word.starts_with("--env-file") || word.starts_with("dotenv/config")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_load_env_files_are_known_however_they_are_named() {
        for (specifier, is) in [
            ("dotenv", true),
            ("dotenv/config", true),
            ("npm:dotenv@17", true),
            ("npm:dotenv@17/config", true),
            ("jsr:@std/dotenv@0.225", true),
            ("@std/dotenv/load", true),
            ("@dotenvx/dotenvx", true),
            ("https://deno.land/std@0.224.0/dotenv/mod.ts", true),
            ("dotenvious", false),
            ("./dotenv.ts", false),
            ("express", false),
        ] {
            assert_eq!(is_dotenv(specifier), is, "{specifier}");
        }
    }

    #[test]
    fn templates_are_no_env_files() {
        for (path, is) in [
            (".env", true),
            ("backend/.env.production", true),
            (".env.local", true),
            (".env.example", false),
            ("a/.env.sample", false),
            (".environment", false),
            ("env", false),
            (".envrc", false),
        ] {
            assert_eq!(is_env_file(path), is, "{path}");
        }
    }
}
