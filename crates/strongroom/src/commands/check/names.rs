//! Listed, read, stored: where the three do not agree.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use strongroom_api::resolve::MissingReason;
use strongroom_api::secrets::State;
use strongroom_model::expiry::is_soon;
use strongroom_model::manifest::SecretRef;
use strongroom_project::Project;
use strongroom_runtime::references::Kind;

use super::code::{Code, Place, folder, is_other_language, is_program};
use super::envfiles;
use super::finding::{Finding, Severity, position};
use super::store::{Gets, Store};
use super::tree::Tree;
use crate::errors::Failure;

const OWN_PREFIX: &str = "STRONGROOM_SECRET_";
/// Parts of names that nobody gives to a plain variable.
const TELLING: [&str; 9] =
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "DATABASE_URL", "PRIVATE", "DSN"];

/// One workload of the project file.
struct Workload<'p> {
    kind: &'static str,
    name: String,
    secrets: Option<&'p [SecretRef]>,
    /// Variables that are no secrets.
    plain: BTreeSet<&'p str>,
    prefixes: Vec<&'p str>,
    files: BTreeSet<String>,
    /// Its code cannot be read whole.
    is_foreign: bool,
}

/// The project file, and what stands in it.
pub(super) struct Listed<'p> {
    pub(super) project: &'p Project,
    /// Its path in the tree.
    pub(super) file: &'p str,
    pub(super) text: &'p [u8],
}

/// The comparison.
pub(super) struct Names<'c> {
    pub(super) tree: &'c Tree,
    pub(super) listed: Listed<'c>,
    pub(super) store: Option<&'c Store>,
    pub(super) namespace: &'c str,
    pub(super) now: Timestamp,
}

impl Names<'_> {
    /// Compares everything.
    pub(super) fn compare(
        &self,
        code: &mut Code<'_>,
        frontend: &BTreeSet<String>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        let workloads = self.workloads(code, frontend, findings);
        let mut used: BTreeSet<String> = BTreeSet::new();
        let mut is_unknown = false;
        for workload in &workloads {
            let app = (workload.kind == "app").then_some(workload.name.as_str());
            let gets = self.store.map(|store| store.gets(self.namespace, app)).transpose()?;
            let reads = code.reads(&workload.files);
            let dynamic = dynamic(code, workload, findings);
            is_unknown |= (dynamic || workload.is_foreign) && workload.secrets.is_none();
            self.list(workload, (&reads, dynamic), gets.as_ref(), findings);
            self.reads(workload, &reads, gets.as_ref(), findings);
            used.extend(workload.secrets.unwrap_or_default().iter().map(|listed| listed.name.to_string()));
            used.extend(reads.iter().map(|read| workload.bare(read).to_owned()));
        }
        if let Some(store) = self.store {
            self.stored(store, &used, is_unknown, findings);
        }
        Ok(())
    }

    fn workloads(
        &self,
        code: &mut Code<'_>,
        frontend: &BTreeSet<String>,
        findings: &mut Vec<Finding>,
    ) -> Vec<Workload<'_>> {
        let project = self.listed.project;
        let functions =
            project.functions.iter().map(|each| ("function", &each.name, &each.entry, &each.manifest.workload));
        let jobs = project.jobs.iter().map(|each| ("job", &each.name, &each.entry, &each.manifest.workload));
        let mut workloads = Vec::new();
        for (kind, name, entry, manifest) in functions.chain(jobs) {
            let entry = entry.to_str().map(|entry| entry.trim_start_matches("./").to_owned()).unwrap_or_default();
            if code.file_of(&entry).is_none() {
                let finding =
                    Finding::new("entry_missing", Severity::Problem, format!("the {kind} {name} has no file {entry}"));
                findings.push(finding.in_file(self.listed.file).at(self.place(name.as_str(), None)));
            }
            workloads.push(Workload {
                kind,
                name: name.to_string(),
                secrets: manifest.secrets.as_deref(),
                plain: manifest.env.keys().map(String::as_str).collect(),
                prefixes: manifest.env_prefix.iter().map(String::as_str).collect(),
                files: code.reached([entry]),
                is_foreign: false,
            });
        }
        for app in project.apps.iter().filter(|app| !app.frontend) {
            let within = app.path.as_deref().and_then(folder);
            let is_in = |path: &&String| match &within {
                Some(folder) => path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')),
                None => app.path.is_some() && !frontend.contains(*path),
            };
            let all: Vec<_> = self.tree.files.iter().filter(is_in).filter(|path| !frontend.contains(*path)).collect();
            let programs = all.iter().filter(|path| is_program(path)).map(|path| (*path).clone());
            let workload = Workload {
                kind: "app",
                name: app.id.to_string(),
                secrets: app.secrets.as_deref(),
                plain: BTreeSet::new(),
                prefixes: project.env_prefix.iter().map(String::as_str).collect(),
                files: programs.collect(),
                is_foreign: all.iter().any(|path| is_other_language(path)) || app.path.is_none(),
            };
            self.app(app, findings);
            workloads.push(workload);
        }
        workloads
    }

    fn app(&self, app: &strongroom_project::App, findings: &mut Vec<Finding>) {
        let at = self.place(app.id.as_str(), None);
        if app.secrets.is_none() {
            let note = format!("the app {} has no list of secrets, so nothing stops it when one is missing", app.id);
            let fix = format!("add \"secrets\": [\"NAME\", …] to the app {}", app.id);
            findings
                .push(Finding::new("app_without_list", Severity::Note, note).in_file(self.listed.file).at(at).fix(fix));
        }
        if app.command.as_deref().is_some_and(envfiles::loads) {
            let message = format!("the command of the app {} loads an .env file", app.id);
            let fix = "take that out of the command: its environment is set before it starts";
            findings.push(
                Finding::new("dotenv_command", Severity::Problem, message).in_file(self.listed.file).at(at).fix(fix),
            );
        }
    }

    /// What the list asks for.
    fn list(
        &self,
        workload: &Workload<'_>,
        (reads, is_dynamic): (&[Place], bool),
        gets: Option<&Gets>,
        findings: &mut Vec<Finding>,
    ) {
        let who = format!("the {} {}", workload.kind, workload.name);
        for listed in workload.secrets.unwrap_or_default() {
            let (name, at) = (listed.name.as_str(), self.place(&workload.name, Some(listed.name.as_str())));
            let is_read = reads.iter().any(|read| workload.bare(read) == listed.target().as_str());
            if !is_read && !is_dynamic && !workload.is_foreign {
                let message = format!("{who} lists {name}, and nothing in its code reads {}", listed.target());
                let finding = Finding::new("name_not_read", Severity::Warning, message).of(name);
                findings.push(finding.in_file(self.listed.file).at(at).fix(format!("take {name} off its list")));
            }
            let Some(gets) = gets else { continue };
            let finding = self.state(&who, name, listed.is_required() && listed.default.is_none(), gets);
            findings.extend(finding.map(|finding| finding.of(name).in_file(self.listed.file).at(at)));
        }
    }

    /// What is wrong with a name that a workload needs.
    fn state(&self, who: &str, name: &str, is_required: bool, gets: &Gets) -> Option<Finding> {
        if let Some(found) = gets.items.iter().find(|item| item.name == name) {
            let at = found.expires_at.filter(|_| is_soon(found.expires_at, self.now))?;
            let message = format!("{who} needs {name}, which expires {}", crate::words::expiry(self.now, at));
            let fix = format!("strongroom secrets set {name} --expires 90d");
            return Some(Finding::new("name_expiring_soon", Severity::Warning, message).fix(fix));
        }
        let reason = gets.missing.iter().find(|missing| missing.name == name).map(|missing| missing.reason);
        let (code, why) = match reason {
            Some(MissingReason::Expired) => ("name_expired", "has expired"),
            Some(MissingReason::NoValue) => ("name_without_value", "has no value yet"),
            Some(MissingReason::NotSet) | None => ("name_not_stored", "is not stored"),
        };
        // what has run out never falls back to a default
        let is_problem = is_required || reason == Some(MissingReason::Expired);
        let message = format!("{who} needs {name}, which {why} for {}", self.namespace);
        let fix = format!("strongroom secrets set {name}");
        is_problem.then(|| Finding::new(code, Severity::Problem, message).fix(fix))
    }

    /// What the code asks for.
    fn reads(&self, workload: &Workload<'_>, reads: &[Place], gets: Option<&Gets>, findings: &mut Vec<Finding>) {
        let who = format!("the {} {}", workload.kind, workload.name);
        let mut seen = BTreeMap::new();
        for read in reads {
            seen.entry((workload.bare(read), read.kind)).or_insert(read);
        }
        for ((name, kind), read) in seen {
            let is_stored = gets.is_some_and(|gets| {
                gets.items.iter().any(|item| item.name == name)
                    || gets.missing.iter().any(|missing| missing.name == name)
            });
            let is_secret = kind == Kind::Helper || is_stored || is_telling(name);
            if !is_secret || workload.plain.contains(name) || name.parse::<strongroom_model::SecretName>().is_err() {
                continue;
            }
            let finding = match workload.secrets {
                Some(list) if list.iter().any(|listed| listed.target().as_str() == name) => None,
                Some(_) => {
                    let message = format!("{who} reads {name}, which is not on its list, so it gets none");
                    let fix = format!("add \"{name}\" to \"secrets\" of {who}");
                    Some(Finding::new("name_not_listed", Severity::Problem, message).fix(fix))
                }
                None => gets.and_then(|gets| self.state(&who, name, true, gets)),
            };
            findings.extend(finding.map(|finding| finding.of(name).in_file(&read.file).at(read.at)));
        }
    }

    /// What is stored and of no use.
    fn stored(&self, store: &Store, used: &BTreeSet<String>, is_unknown: bool, findings: &mut Vec<Finding>) {
        for item in &store.items {
            let is_ours = match (&item.namespace, &item.app) {
                (None, _) => true,
                (Some(namespace), None) => namespace == self.namespace,
                (Some(namespace), Some(app)) => {
                    namespace == self.namespace && self.listed.project.apps.iter().any(|known| known.id.as_str() == app)
                }
            };
            let is_used = used.contains(&item.name) || item.used_by > 0;
            if is_ours && !is_used && !is_unknown {
                let message = format!("{} is stored, and nothing here lists or reads it", item.name);
                let scope = crate::scope::options(item.scope, item.namespace.as_deref(), item.app.as_deref());
                let fix = format!("strongroom secrets delete {}{scope}", item.name);
                findings.push(Finding::new("secret_unused", Severity::Note, message).of(&item.name).fix(fix));
            }
            if is_ours && !is_used && item.state == State::Expired {
                let message = format!("{} has expired", item.name);
                findings.push(Finding::new("secret_expired", Severity::Warning, message).of(&item.name));
            }
        }
    }

    /// Where a workload, or a name of its list, stands in the project file.
    fn place(&self, workload: &str, name: Option<&str>) -> (usize, usize) {
        let text = String::from_utf8_lossy(self.listed.text);
        let start = text.find(&format!("\"{workload}\"")).unwrap_or_default();
        let offset = name.and_then(|name| {
            let at = |from: usize| {
                let rest = text.get(from..)?;
                let found = rest.find(&format!("\"{name}\"")).or_else(|| rest.find(&format!("\"{name}:")))?;
                Some(from + found)
            };
            at(start).or_else(|| at(0))
        });
        position(self.listed.text, offset.unwrap_or(start))
    }
}

/// Names that only running tells: one note for each file.
fn dynamic(code: &mut Code<'_>, workload: &Workload<'_>, findings: &mut Vec<Finding>) -> bool {
    let mut is_dynamic = false;
    for file in &workload.files {
        let Some(program) = code.program(file) else { continue };
        let Some(offset) = program.references.dynamic.first() else { continue };
        is_dynamic = true;
        let note = "reads names that only running tells, or passes the whole environment on";
        findings.push(Finding::new("read_not_told", Severity::Note, note).in_file(file).at(program.at(*offset)));
    }
    is_dynamic
}

impl Workload<'_> {
    /// The secret's name behind a read: an environment name may carry a prefix.
    fn bare<'r>(&self, read: &'r Place) -> &'r str {
        if read.kind == Kind::Helper {
            return &read.name;
        }
        let prefixes = std::iter::once(OWN_PREFIX).chain(self.prefixes.iter().copied());
        let stripped = prefixes.filter_map(|prefix| read.name.strip_prefix(prefix)).find(|rest| !rest.is_empty());
        stripped.unwrap_or(&read.name)
    }
}

/// Whether a name tells that it is a secret's.
fn is_telling(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    TELLING.iter().any(|part| upper.contains(part)) && !upper.starts_with("NPM_") && upper != "KEY"
}
