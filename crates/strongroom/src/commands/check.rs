//! `strongroom check`: the checklist as a program. Looks, and changes nothing.

mod code;
mod content;
mod envfiles;
mod finding;
mod names;
mod store;
mod tree;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use strongroom_project::Project;
use strongroom_runtime::leaks::Leaks;

use self::code::Code;
use self::content::Wanted;
pub(super) use self::finding::{Finding, Severity};
use self::names::{Listed, Names};
use self::store::Store;
use self::tree::Tree;
use crate::config;
use crate::config::file::ProjectFile;
use crate::context::Context;
use crate::errors::{Exit, Failure};

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The folder to check; else that of strongroom.json, else this one
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// Checks what is staged for the next commit, and only files: for a git hook
    #[arg(long)]
    staged: bool,
    /// Asks no store: names and values in it are not compared
    #[arg(long)]
    offline: bool,
    /// The namespace whose secrets are compared; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl CheckArgs {
    /// The whole folder of the project.
    pub(super) fn of_project(namespace: Option<String>, offline: bool) -> Self {
        Self { path: None, staged: false, offline, namespace }
    }
}

pub(crate) fn run(context: &Context, args: &CheckArgs) -> Result<Exit, Failure> {
    let (findings, files) = find(context, args, None)?;
    finding::tell(context, &findings, files)
}

/// What is found, the worst first, and how many files were read. A coding agent that asks is named where the store is.
pub(super) fn find(context: &Context, args: &CheckArgs, agent: Option<&str>) -> Result<(Vec<Finding>, usize), Failure> {
    let folder = args.path.as_ref().map(|path| context.working_dir.join(path));
    let elsewhere = folder.as_ref().map(|folder| context.for_folder(folder)).transpose()?;
    let context = elsewhere.as_ref().unwrap_or(context);
    let file = context.project_file()?;
    let root = match (folder, file) {
        (Some(folder), _) => folder,
        (None, Some(file)) => file.folder().to_path_buf(),
        (None, None) => context.working_dir.clone(),
    };
    let root = root
        .canonicalize()
        .map_err(|error| Failure::usage(format!("{} cannot be looked at", root.display())).because(&error))?;
    let tree = if args.staged { Tree::staged(context, &root)? } else { Tree::walk(context, &root)? };
    let mut findings = tree.notes.clone();
    let store = if args.offline { None } else { open(context, agent, &mut findings) };
    if args.offline {
        let note = "names and values in the store were not compared (--offline)";
        findings.push(Finding::new("store_not_checked", Severity::Note, note));
    }
    let values = match &store {
        Some(store) => store.values(&mut findings)?,
        None => Leaks::new([]),
    };
    let read = look(context, (&tree, file, args), (store.as_ref(), &values), &mut findings)?;
    finding::sort(&mut findings);
    Ok((findings, read))
}

/// Connects; what keeps that from happening is a finding, and the files are checked all the same.
fn open(context: &Context, agent: Option<&str>, findings: &mut Vec<Finding>) -> Option<Store> {
    match Store::open(context, agent) {
        Ok(Some(store)) => Some(store),
        Ok(None) => {
            let note = "there is no store here yet, so nothing was compared with it";
            let fix = "strongroom secrets set NAME makes one; --server or STRONGROOM_URL names another";
            findings.push(Finding::new("store_not_checked", Severity::Note, note).fix(fix));
            None
        }
        Err(failure) => {
            let text = failure.text();
            let why = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let message = format!("the store could not be asked: {why}");
            let fix = "strongroom check --offline checks the files alone";
            findings.push(Finding::new("store_unreachable", Severity::Problem, message).fix(fix));
            None
        }
    }
}

fn look(
    context: &Context,
    (tree, file, args): (&Tree, Option<&ProjectFile>, &CheckArgs),
    (store, values): (Option<&Store>, &Leaks),
    findings: &mut Vec<Finding>,
) -> Result<usize, Failure> {
    // a file further up speaks of other folders
    let file = file.filter(|file| file.folder().canonicalize().is_ok_and(|folder| folder == tree.root));
    let project = file.map(|file| &file.content);
    let mut code = Code::new(tree);
    let frontend = code.frontend(project);
    let names = known(project, store);
    let wanted = Wanted { values, names: &names, frontend: &frontend };
    let read = content::scan(tree, &mut code, &wanted, findings);
    envfiles::files(tree, project, findings);
    envfiles::archives(tree, findings);
    if let (Some(file), false) = (file, tree.is_staged()) {
        let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
        let text = std::fs::read(&file.path).unwrap_or_default();
        let name = file.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let listed = Listed { project: &file.content, file: &name, text: &text };
        let names = Names { tree, listed, store, namespace: &namespace, now: (context.now)() };
        names.compare(&mut code, &frontend, findings)?;
    } else if !tree.is_staged() {
        let note = "there is no strongroom.json here, so no lists of secrets were compared";
        findings.push(Finding::new("project_file_missing", Severity::Note, note).fix("strongroom init"));
    }
    findings.append(&mut code.findings);
    Ok(read)
}

/// Names that are stored or listed.
fn known(project: Option<&Project>, store: Option<&Store>) -> BTreeSet<String> {
    let listed = project.into_iter().flat_map(Project::listed).map(|listed| listed.name.to_string());
    let stored = store.into_iter().flat_map(|store| &store.items).map(|item| item.name.clone());
    listed.chain(stored).collect()
}
