//! `strongroom.json`: what a repository says about its workloads, read with the place of everything that is wrong.
//!
//! One table of keys ([`keys`]) decides what is accepted, what is said about the rest, and what the JSON Schema says. Pure:
//! text in, manifests out; no file is opened here.

mod build;
mod check;
mod keys;
mod place;
mod schema;
mod units;

use std::path::PathBuf;

use strongroom_model::manifest::{FunctionManifest, JobManifest, ManifestError, SecretRef};
use strongroom_model::{AppId, NamespaceName, ProjectName, WorkloadName};

pub use check::nearest;
pub use place::Problem;
pub use schema::schema;
pub use units::{memory_bytes, time_ms};

/// The file's name.
pub const FILE_NAME: &str = "strongroom.json";

/// What the file says. Every name is legal, every manifest has no [`problems`](FunctionManifest::problems), and no
/// two functions, jobs or apps have one name.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The project; `default` if absent.
    pub project: Option<ProjectName>,
    /// Where workloads deploy, run and resolve.
    pub namespace: Option<NamespaceName>,
    /// The server.
    pub server: Option<String>,
    /// Further prefixes under which secrets appear in the environment. The manifests have them already.
    pub env_prefix: Vec<String>,
    /// Functions, in order of the file.
    pub functions: Vec<Declared<FunctionManifest>>,
    /// Jobs, in order of the file.
    pub jobs: Vec<Declared<JobManifest>>,
    /// Apps, in order of the file.
    pub apps: Vec<App>,
}

impl Project {
    /// Every entry of every `secrets` list.
    pub fn listed(&self) -> impl Iterator<Item = &SecretRef> {
        let functions = self.functions.iter().map(|function| &function.manifest.workload.secrets);
        let jobs = self.jobs.iter().map(|job| &job.manifest.workload.secrets);
        functions.chain(jobs).chain(self.apps.iter().map(|app| &app.secrets)).flatten().flatten()
    }
}

/// A function or job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared<M> {
    /// Its name.
    pub name: WorkloadName,
    /// Its source file, from the folder of the project file.
    pub entry: PathBuf,
    /// Its configuration.
    pub manifest: M,
}

/// An app: a backend, or a front end, that Strongroom starts or injects into but does not host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// A name for people.
    pub name: Option<String>,
    /// Where it lives, from the folder of the project file.
    pub path: Option<PathBuf>,
    /// What starts it: a line for the shell.
    pub command: Option<String>,
    /// What it gets; none means everything that resolves.
    pub secrets: Option<Vec<SecretRef>>,
    /// Whether its code runs in browsers: such an app gets nothing.
    pub frontend: bool,
}

/// Reads the text of a project file. All problems are told at once, in order of the file; what cannot be read as JSON at
/// all has one problem, where reading stopped.
pub fn parse(text: &str) -> Result<Project, Vec<Problem>> {
    check::check(text)
}

/// Reads `NAME` or `NAME:ALIAS`, as in a `secrets` list and in `--secret`.
pub fn secret_ref(text: &str) -> Result<SecretRef, strongroom_model::name::NameError> {
    let (name, alias) = text.split_once(':').map_or((text, None), |(name, alias)| (name, Some(alias)));
    let alias = alias.map(|alias| alias.trim().parse()).transpose()?;
    Ok(SecretRef { name: name.trim().parse()?, alias, required: None, default: None, via: None, user: None })
}

/// What is wrong with a manifest, with numbers in the units in which people write them.
pub fn in_units(problem: &ManifestError) -> String {
    match problem {
        ManifestError::Range { field, least, most } => match *field {
            "timeout" | "backoff" | "max_backoff" => {
                format!("{field} must lie between {} and {}", units::time(*least), units::time(*most))
            }
            "memory" => format!("memory must lie between {} and {}", units::memory(*least), units::memory(*most)),
            _ => problem.to_string(),
        },
        _ => problem.to_string(),
    }
}
