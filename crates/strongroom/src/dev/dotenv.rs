//! `.env` beside `strongroom.json`: values of this machine alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strongroom_envfile::{FileError, parse};
use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

use super::layers::is_injectable;
use crate::environment::Environment;

/// The file's name.
pub(super) const NAME: &str = ".env";

/// What the file says.
#[derive(Default)]
pub(super) struct DotEnv {
    pub(super) entries: Vec<(String, SecretValue)>,
    /// What a person should know, without values.
    pub(super) warnings: Vec<String>,
}

/// Reads the file of a folder. None there is no values; one that cannot be read is an error without its text.
pub(super) fn read(root: &Path) -> Result<DotEnv, String> {
    let path = root.join(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(DotEnv::default()),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let parsed = match parse(&bytes) {
        Ok(parsed) => parsed,
        Err(FileError::Empty | FileError::OnlyComments) => return Ok(DotEnv::default()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut warnings: Vec<String> =
        parsed.warnings.iter().map(|warning| format!(".env, line {}: {}", warning.line, warning.kind)).collect();
    let mut entries = Vec::new();
    for entry in parsed.entries {
        if is_injectable(&entry.name) {
            entries.push((entry.name, entry.value));
        } else {
            let name = &entry.name;
            warnings.push(format!(".env, line {}: {name} is not handed on: it is no name for a secret", entry.line));
        }
    }
    Ok(DotEnv { entries, warnings })
}

/// The shell's `STRONGROOM_SECRET_NAME`, as far as names and values are legal.
pub(super) fn of_shell(environment: &Environment) -> Vec<(String, SecretValue)> {
    let legal = |(name, value): (&str, &str)| {
        let name: strongroom_model::SecretName = name.parse().ok()?;
        Some((name.to_string(), SecretValue::new(value.to_owned()).ok()?))
    };
    environment.secrets().filter_map(legal).collect()
}

/// Whether git tracks the file, so that it will be shared with its values. No git, no repository: no.
pub(super) fn is_tracked(root: &Path) -> bool {
    let asked = Command::new("git")
        .args(["ls-files", "--error-unmatch", "--", NAME])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    root.join(NAME).is_file() && asked.is_ok_and(|status| status.success())
}

/// The same file in the folders of apps, which nobody reads here.
pub(super) fn strays<'a>(root: &Path, folders: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = folders
        .filter(|folder| root.join(folder) != root)
        .map(|folder| folder.join(NAME))
        .filter(|path| root.join(path).is_file())
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_for_secrets_are_taken_and_the_rest_is_named_without_values() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(folder.path()).is_ok_and(|file| file.entries.is_empty()));
        std::fs::write(folder.path().join(NAME), "A=1\nPORT=canary\nB='x'\n").expect("a file");
        let file = read(folder.path()).expect("readable");
        let names: Vec<_> = file.entries.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(names, [("A", "1"), ("B", "x")]);
        assert!(file.warnings.iter().any(|warning| warning.contains("PORT")), "{:?}", file.warnings);
        assert!(!file.warnings.join("").contains("canary"));
        std::fs::write(folder.path().join(NAME), "# nothing\n").expect("a file");
        assert!(read(folder.path()).is_ok_and(|file| file.entries.is_empty()));
        std::fs::write(folder.path().join(NAME), [0xff, 0xfe]).expect("a file");
        let error = read(folder.path()).err().expect("not UTF-8");
        assert!(error.contains(".env"), "{error}");
    }
}
