//! The project's own code: who reaches whom, what it reads, and what of it runs in browsers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;

use strongroom_project::Project;
use strongroom_runtime::references::{self, Exports, Imported, Kind, References};

use super::finding::{Finding, Severity, position};
use super::tree::{PUBLIC_FOLDERS, Tree};

const ENDINGS: [&str; 8] = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];
/// Languages in which backends are written and whose reads are not seen.
const OTHER_ENDINGS: [&str; 9] = [".py", ".go", ".rb", ".php", ".java", ".kt", ".rs", ".cs", ".ex"];
/// What must stand in a file that is worth reading as a program.
const WORDS: [&[u8]; 5] = [b"process", b"Deno", b"env", b"secrets", b"dotenv"];
/// Files that wait for the files they import.
const MAX_DEPTH: usize = 200;
/// A public file that is larger than this is not read as a program; its text is searched all the same.
const MAX_PROGRAM_BYTES: usize = 1 << 20;

/// One read of a name in a file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) file: String,
    pub(super) at: (usize, usize),
}

/// A file, read as a program.
pub(super) struct Program {
    pub(super) references: References,
    /// Its imports that are files of the tree.
    reaches: Vec<String>,
    text: Vec<u8>,
}

impl Program {
    pub(super) fn at(&self, offset: u32) -> (usize, usize) {
        position(&self.text, usize::try_from(offset).unwrap_or(usize::MAX))
    }
}

/// Programs of the tree, read when they are asked for.
pub(super) struct Code<'t> {
    tree: &'t Tree,
    read: HashMap<String, Option<Rc<Program>>>,
    pub(super) findings: Vec<Finding>,
}

pub(super) fn is_program(path: &str) -> bool {
    ENDINGS.iter().any(|ending| path.ends_with(ending)) && !path.ends_with(".d.ts")
}

/// Whether reads of this file's language are not seen.
pub(super) fn is_other_language(path: &str) -> bool {
    OTHER_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

impl<'t> Code<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        Self { tree, read: HashMap::new(), findings: Vec::new() }
    }

    /// A file, if it is a program that has anything to do with secrets.
    pub(super) fn worth_reading(&mut self, path: &str, text: &[u8]) -> Option<Rc<Program>> {
        let is_worth = text.len() <= MAX_PROGRAM_BYTES && WORDS.iter().any(|word| holds(text, word));
        if is_worth { self.program(path) } else { None }
    }

    /// A file as a program.
    pub(super) fn program(&mut self, path: &str) -> Option<Rc<Program>> {
        self.program_within(path, MAX_DEPTH)
    }

    fn program_within(&mut self, path: &str, depth: usize) -> Option<Rc<Program>> {
        if let Some(known) = self.read.get(path) {
            return known.clone();
        }
        // who imports itself in a circle sees nothing of what is not read yet
        self.read.insert(path.to_owned(), None);
        let text = self.tree.read(path)?;
        let source = String::from_utf8_lossy(&text).into_owned();
        let first = match references::find(&source, path) {
            Ok(found) => found,
            Err(error) => {
                let note = Finding::new("code_not_read", Severity::Note, error.to_string()).in_file(path);
                self.findings.push(note);
                return None;
            }
        };
        let mut imports: BTreeMap<String, Rc<Program>> = BTreeMap::new();
        let mut reaches = Vec::new();
        for import in &first.imports {
            let Some(target) = self.resolve(path, &import.specifier) else { continue };
            if let Some(program) = depth.checked_sub(1).and_then(|depth| self.program_within(&target, depth)) {
                imports.insert(import.specifier.clone(), program);
            }
            reaches.push(target);
        }
        let hands_over = |program: &Rc<Program>| !program.references.exports.is_empty();
        let imported: Imported<'_> = imports
            .iter()
            .filter(|(_, program)| hands_over(program))
            .map(|(specifier, program)| (specifier.clone(), &program.references.exports))
            .collect();
        let mut found =
            if imported.is_empty() { first } else { references::find_with(&source, path, &imported).unwrap_or(first) };
        let of = |specifier: &str| -> Option<&Exports> { imported.get(specifier).copied() };
        found.exports.pass_on(of);
        let program = Rc::new(Program { references: found, reaches, text });
        self.read.insert(path.to_owned(), Some(Rc::clone(&program)));
        Some(program)
    }

    /// The file of the tree that an import means.
    fn resolve(&self, from: &str, specifier: &str) -> Option<String> {
        if !specifier.starts_with("./") && !specifier.starts_with("../") {
            return None;
        }
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.file_of(&join(folder, specifier)?)
    }

    /// A file that is there, perhaps with an ending that the code leaves out or writes as JavaScript.
    pub(super) fn file_of(&self, path: &str) -> Option<String> {
        let has = |path: &str| self.tree.files.contains(path) || self.tree.ignored.contains(path);
        if has(path) {
            return Some(path.to_owned());
        }
        let stem = [".js", ".mjs", ".cjs", ".jsx"].iter().find_map(|ending| path.strip_suffix(ending));
        let written =
            stem.into_iter().flat_map(|stem| [".ts", ".tsx", ".mts", ".cts"].map(|ending| format!("{stem}{ending}")));
        let bare = ENDINGS.iter().flat_map(|ending| [format!("{path}{ending}"), format!("{path}/index{ending}")]);
        written.chain(bare).find(|path| has(path))
    }

    /// All files that these reach, themselves included.
    pub(super) fn reached(&mut self, entries: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut waiting: Vec<String> = entries.into_iter().collect();
        let mut reached = BTreeSet::new();
        while let Some(path) = waiting.pop() {
            if !is_program(&path) || !reached.insert(path.clone()) {
                continue;
            }
            if let Some(program) = self.program(&path) {
                waiting.extend(program.reaches.iter().cloned());
            }
        }
        reached
    }

    /// What these files read.
    pub(super) fn reads(&mut self, files: &BTreeSet<String>) -> Vec<Place> {
        let mut places = Vec::new();
        for file in files {
            let Some(program) = self.program(file) else { continue };
            places.extend(program.references.reads.iter().map(|read| Place {
                name: read.name.clone(),
                kind: read.kind,
                file: file.clone(),
                at: program.at(read.offset),
            }));
        }
        places
    }

    /// Code that runs in browsers: apps that say so, what pages load, and what lies where servers hand out files.
    pub(super) fn frontend(&mut self, project: Option<&Project>) -> BTreeSet<String> {
        let apps = project.map(|project| project.apps.as_slice()).unwrap_or_default();
        let folders = |frontend: bool| -> Vec<String> {
            let of_kind = apps.iter().filter(|app| app.frontend == frontend);
            of_kind.filter_map(|app| app.path.as_deref()).filter_map(folder).collect()
        };
        let (fronts, backs) = (folders(true), folders(false));
        let is_within = |path: &str, folders: &[String]| {
            folders.iter().any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')))
        };
        let mut found = BTreeSet::new();
        let mut entries = Vec::new();
        for path in self.tree.files.union(&self.tree.ignored) {
            let parents = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let is_public = parents.split('/').any(|folder| PUBLIC_FOLDERS.contains(&folder));
            let in_front = is_within(path, &fronts);
            let is_ignored = !self.tree.files.contains(path);
            // what a backend is built into is no browser code
            let handed_out = is_public && (in_front || !is_within(path, &backs) && is_web_root(parents));
            if handed_out || in_front && !is_ignored {
                found.insert(path.clone());
            }
            if has_ending(path, "html") && !is_ignored {
                entries.extend(self.tree.read(path).map(|text| (path.clone(), text)).into_iter().flat_map(scripts));
            }
        }
        let entries: Vec<_> = entries.iter().filter_map(|path| self.file_of(path)).collect();
        let reached = self.reached(entries);
        found.extend(reached);
        found
    }
}

/// Folders that are public by their own name: `public/…`, `web/static/…`.
fn is_web_root(parents: &str) -> bool {
    parents.split('/').any(|folder| matches!(folder, "public" | "static"))
        || parents.split('/').next().is_some_and(|first| PUBLIC_FOLDERS.contains(&first))
}

/// A folder of the project file as the tree names it.
pub(super) fn folder(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let text = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
    (!text.is_empty() && text != ".").then(|| text.to_owned())
}

/// The files that a page's `<script src>` names.
fn scripts((page, text): (String, Vec<u8>)) -> Vec<String> {
    let text = String::from_utf8_lossy(&text).into_owned();
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let tags = text.split("<script").skip(1).filter_map(|tag| tag.split('>').next());
    let sources = tags.filter_map(|tag| {
        let (_, rest) = tag.split_once("src=")?;
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        rest.get(1..)?.split(quote).next()
    });
    sources
        .filter(|source| !source.contains("//"))
        .filter_map(|source| join(folder, source.trim_start_matches('/')))
        .collect()
}

/// A path from a folder, both with `/`; none if it leads out of the tree.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// Whether a file's name ends so, in any case.
pub(super) fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_do_not_leave_the_tree() {
        assert_eq!(join("a/b", "../c.ts").as_deref(), Some("a/c.ts"));
        assert_eq!(join("", "./c.ts").as_deref(), Some("c.ts"));
        assert_eq!(join("a", "../../c.ts"), None);
    }

    #[test]
    fn pages_name_their_scripts() {
        let page = b"<script type=module src=\"/src/main.tsx\"></script><script src='https://cdn.example/x.js'></script><script>1</script>";
        assert_eq!(scripts(("web/index.html".to_owned(), page.to_vec())), ["web/src/main.tsx"]);
    }
}
