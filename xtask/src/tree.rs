//! The project's files, read once.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

/// Folders that hold nothing of the project's own, wherever they stand.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", ".venv"];

/// Whether the `.gitignore` of the folder itself names this entry of it. Patterns are not looked at.
fn is_ignored(gitignore: &str, name: &str) -> bool {
    gitignore.lines().any(|line| line == "*" || line.trim_matches('/') == name)
}

/// The project's files.
#[derive(Default)]
pub(crate) struct Tree {
    /// Every file and folder, by its path from the root with `/`.
    pub(crate) paths: BTreeSet<String>,
    /// The files that are UTF-8 text.
    pub(crate) files: Vec<File>,
}

/// One text file.
pub(crate) struct File {
    /// Path from the root with `/`.
    pub(crate) path: String,
    /// Content.
    pub(crate) text: String,
}

impl File {
    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(self.path.as_str(), |(_, name)| name)
    }

    /// The part of the name behind the last dot, or nothing.
    pub(crate) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The folder, or nothing at the root.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl Tree {
    /// Reads everything below `root` but what is built, installed, a store of secrets, or ignored by name.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    /// The file of this path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let gitignore = fs::read_to_string(folder.join(".gitignore")).unwrap_or_default();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if SKIPPED.contains(&name.as_str()) || name.starts_with(".strongroom") || is_ignored(&gitignore, &name) {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file()
                && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
            {
                self.files.push(File { path: path.clone(), text });
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    /// A tree of these texts.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.files.push(File { path: (*path).to_owned(), text: (*text).to_owned() });
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            tree.paths.extend(ends.filter_map(|end| path.get(..end)).map(str::to_owned));
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    #[test]
    fn built_and_ignored_folders_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        for path in ["a/src", "a/corpus", "target/debug", "tools", ".strongroom-tools"] {
            fs::create_dir_all(root.path().join(path)).unwrap();
            fs::write(root.path().join(path).join("x.rs"), "").unwrap();
        }
        fs::write(root.path().join("a/.gitignore"), "/corpus\n").unwrap();
        fs::write(root.path().join("tools/.gitignore"), "*\n").unwrap();
        let tree = Tree::read(root.path()).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a/.gitignore", "a/src/x.rs"]);
    }
}
