//! The files that are looked at: what git would take from the working tree, or what is staged.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ignore::WalkBuilder;

use super::finding::{Finding, Severity};
use crate::context::Context;
use crate::environment::CREDENTIALS;
use crate::errors::Failure;

/// Larger files are not read.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// So many names are looked at among what git ignores.
const MAX_NAMES: usize = 300_000;
/// A file that git cannot take.
const OWN_IGNORE: &str = ".strongroomignore";
/// Never looked into.
const SKIPPED: [&str; 3] = [".git", "node_modules", ".strongroom-tools"];
/// Where build tools put what browsers get.
pub(super) const PUBLIC_FOLDERS: [&str; 5] = ["public", "static", "dist", "build", "out"];

/// Files by their path from the root, with `/`.
pub(super) struct Tree {
    pub(super) root: PathBuf,
    /// Files to read, in order.
    pub(super) files: BTreeSet<String>,
    /// Files that git ignores: only their names count.
    pub(super) ignored: BTreeSet<String>,
    /// Files that git tracks; none if that cannot be told.
    pub(super) tracked: Option<BTreeSet<String>>,
    /// What is staged, instead of what lies on the disk.
    staged: Option<Vec<(String, Vec<u8>)>>,
    pub(super) notes: Vec<Finding>,
}

impl Tree {
    /// The working tree under `root`.
    pub(super) fn walk(context: &Context, root: &Path) -> Result<Self, Failure> {
        let mut builder = WalkBuilder::new(root);
        builder.hidden(false).git_global(false).require_git(false).add_custom_ignore_filename(OWN_IGNORE);
        builder.filter_entry(|entry| !is_skipped(entry.file_name()));
        let mut notes = Vec::new();
        let mut files = names(&builder, root, &mut notes);
        let mut all = WalkBuilder::new(root);
        all.standard_filters(false).filter_entry(|entry| !is_skipped(entry.file_name()));
        let ignored: BTreeSet<_> = names(&all, root, &mut Vec::new()).difference(&files).cloned().collect();
        let tracked = git(context, root, &["ls-files", "-z"]).map(|out| paths(&out));
        // what is tracked is shared, whatever .gitignore says
        if let Some(out) = git(context, root, &["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]) {
            files.extend(paths(&out).into_iter().filter(|path| root.join(path).is_file()));
        }
        if tracked.is_none() && root.join(".git").exists() {
            let note = "git could not be asked which files it tracks";
            notes.push(Finding::new("git_not_asked", Severity::Note, note).fix("install git"));
        }
        if files.is_empty() && !root.is_dir() {
            return Err(Failure::usage(format!("{} is not a folder", root.display())));
        }
        Ok(Self { root: root.to_path_buf(), files, ignored, tracked, staged: None, notes })
    }

    /// What is staged in the repository at `root`.
    pub(super) fn staged(context: &Context, root: &Path) -> Result<Self, Failure> {
        let failed = || Failure::usage("--staged needs a git repository, and git").hint("strongroom check");
        let listed =
            git(context, root, &["diff", "--cached", "--raw", "-z", "--abbrev=40", "--no-renames", "--relative"]);
        let listed = listed.ok_or_else(failed)?;
        let entries = staged_entries(&listed);
        let blobs = blobs(context, root, &entries).ok_or_else(failed)?;
        let files = entries.iter().map(|(path, _)| path.clone()).collect();
        let tracked = git(context, root, &["ls-files", "-z"]).map(|out| paths(&out));
        let notes = Vec::new();
        Ok(Self { root: root.to_path_buf(), files, ignored: BTreeSet::new(), tracked, staged: Some(blobs), notes })
    }

    /// Whether it is what is staged.
    pub(super) fn is_staged(&self) -> bool {
        self.staged.is_some()
    }

    /// A file's bytes; none if it is binary, too large or gone.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let bytes = if let Some(staged) = &self.staged {
            staged.iter().find(|(known, _)| known == path)?.1.clone()
        } else {
            let whole = self.root.join(path);
            if whole.metadata().ok()?.len() > MAX_FILE_BYTES {
                return None;
            }
            std::fs::read(whole).ok()?
        };
        let is_binary = bytes.iter().take(8_000).any(|byte| *byte == 0);
        (!is_binary).then_some(bytes)
    }

    /// Whether a file is there but too large to be read.
    pub(super) fn is_too_large(&self, path: &str) -> bool {
        self.staged.is_none() && self.root.join(path).metadata().is_ok_and(|metadata| metadata.len() > MAX_FILE_BYTES)
    }
}

fn is_skipped(name: &OsStr) -> bool {
    SKIPPED.iter().any(|skipped| name == *skipped)
}

fn names(builder: &WalkBuilder, root: &Path, notes: &mut Vec<Finding>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in builder.build() {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                if let Ok(path) = entry.path().strip_prefix(root) {
                    found.insert(path.to_string_lossy().into_owned());
                }
            }
            Ok(_) => {}
            Err(error) => {
                let note = format!("something could not be looked at: {error}");
                notes.push(Finding::new("file_not_read", Severity::Note, note));
            }
        }
        if found.len() >= MAX_NAMES {
            let note = format!("there are more than {MAX_NAMES} files; the rest was not looked at");
            notes.push(Finding::new("file_not_read", Severity::Note, note).fix("check a smaller folder"));
            break;
        }
    }
    found
}

/// Asks git; none if it is not there or says no. It gets no credential, and runs nothing that the repository names.
fn command(context: &Context, root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-c").arg("core.fsmonitor=false").arg("-C").arg(root).args(words);
    command.env("GIT_OPTIONAL_LOCKS", "0").stderr(Stdio::null());
    for name in CREDENTIALS {
        command.env_remove(name);
    }
    for (name, _) in context.environment.secrets() {
        command.env_remove(format!("STRONGROOM_SECRET_{name}"));
    }
    command
}

fn git(context: &Context, root: &Path, words: &[&str]) -> Option<Vec<u8>> {
    let output = command(context, root, words).stdin(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

fn paths(out: &[u8]) -> BTreeSet<String> {
    let parts = out.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| Path::new(OsStr::from_bytes(part)).to_string_lossy().into_owned()).collect()
}

/// Path and object of each staged file, from `git diff --raw -z`.
fn staged_entries(out: &[u8]) -> Vec<(String, String)> {
    let mut parts = out.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let mut entries = Vec::new();
    // `:100644 100644 OLD NEW M`, then the path
    while let (Some(about), Some(path)) = (parts.next(), parts.next()) {
        let about = String::from_utf8_lossy(about).into_owned();
        let mut words = about.split(' ');
        let (mode, object) = (words.nth(1).unwrap_or_default(), words.nth(1).unwrap_or_default());
        // a link or a submodule has no content of its own, and neither has what was deleted
        if mode.starts_with("100") {
            entries.push((String::from_utf8_lossy(path).into_owned(), object.to_owned()));
        }
    }
    entries
}

/// The contents of staged files, through one git.
fn blobs(context: &Context, root: &Path, entries: &[(String, String)]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut child =
        command(context, root, &["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    let wanted = entries.iter().map(|(_, object)| format!("{object}\n")).collect::<Vec<_>>().concat();
    let writer = std::thread::spawn(move || stdin.write_all(wanted.as_bytes()));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    let (mut rest, mut contents) = (output.stdout.as_slice(), Vec::new());
    for (path, _) in entries {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let head = String::from_utf8_lossy(rest.get(..end)?).into_owned();
        let size: usize = head.rsplit(' ').next()?.parse().ok()?;
        let bytes = rest.get(end + 1..end + 1 + size)?;
        if u64::try_from(size).is_ok_and(|size| size <= MAX_FILE_BYTES) {
            contents.push((path.clone(), bytes.to_vec()));
        }
        rest = rest.get(end + 2 + size..)?;
    }
    Some(contents)
}
