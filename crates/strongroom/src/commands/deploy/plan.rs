//! What is to be deployed: workloads of the project file, or one of options.

use std::path::PathBuf;

use strongroom_client::WorkloadKind as Kind;
use strongroom_model::WorkloadName;
use strongroom_model::manifest::{FunctionManifest, JobManifest, Workload};
use strongroom_project::nearest;

use crate::config::file::ProjectFile;
use crate::context::Context;
use crate::errors::{Failure, at};

/// A configuration.
#[derive(Debug, Clone)]
pub(crate) enum Manifest {
    /// Of a function.
    Function(FunctionManifest),
    /// Of a job.
    Job(JobManifest),
}

impl Manifest {
    /// What functions and jobs have in common.
    pub(crate) fn workload(&self) -> &Workload {
        match self {
            Self::Function(manifest) => &manifest.workload,
            Self::Job(manifest) => &manifest.workload,
        }
    }

    /// Whether a default stands in for the secret of this name.
    pub(crate) fn has_default(&self, name: &str) -> bool {
        let mut listed = self.workload().secrets.iter().flatten();
        listed.any(|entry| entry.name.as_str() == name && entry.default.is_some())
    }
}

/// One workload that is ready to be bundled.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Its name.
    pub(crate) name: WorkloadName,
    /// Its source file.
    pub(crate) entry: PathBuf,
    /// Its configuration.
    pub(crate) manifest: Manifest,
}

impl Plan {
    /// What it is.
    pub(crate) fn kind(&self) -> Kind {
        match self.manifest {
            Manifest::Function(_) => Kind::Function,
            Manifest::Job(_) => Kind::Job,
        }
    }
}

/// The workloads of these kinds in the project file: those in `names`, or all.
pub(crate) fn from_file(context: &Context, kinds: &[Kind], names: &[String]) -> Result<Vec<Plan>, Failure> {
    let Some(file) = context.project_file()? else {
        return Err(Failure::usage("there is no strongroom.json here or above")
            .hint("strongroom init writes one; without one: strongroom functions deploy NAME --entry FILE"));
    };
    let mut all = declared(file);
    let other: Vec<_> = all.extract_if(.., |plan| !kinds.contains(&plan.kind())).collect();
    let unknown: Vec<_> = names.iter().filter(|name| !all.iter().any(|plan| plan.name.as_str() == *name)).collect();
    if !unknown.is_empty() {
        let each = unknown.into_iter().map(|name| at(name, undeclared(name, &all, &other))).collect();
        return Err(Failure::usage("nothing was deployed: not declared in strongroom.json").each(each));
    }
    all.retain(|plan| names.is_empty() || names.iter().any(|name| name == plan.name.as_str()));
    if all.is_empty() {
        let words: Vec<_> = kinds.iter().map(|kind| kind.words()).collect();
        let failure = Failure::usage(format!("strongroom.json declares no {}", words.join(" and no ")));
        return Err(
            failure.hint_if_none(|| other.first().map(|plan| format!("strongroom {} deploy", plan.kind().words())))
        );
    }
    Ok(all)
}

fn declared(file: &ProjectFile) -> Vec<Plan> {
    let functions = file.content.functions.iter().map(|function| Plan {
        name: function.name.clone(),
        entry: file.folder().join(&function.entry),
        manifest: Manifest::Function(function.manifest.clone()),
    });
    let jobs = file.content.jobs.iter().map(|job| Plan {
        name: job.name.clone(),
        entry: file.folder().join(&job.entry),
        manifest: Manifest::Job(job.manifest.clone()),
    });
    functions.chain(jobs).collect()
}

/// What is said about a name that is not among the wanted workloads.
fn undeclared(name: &str, wanted: &[Plan], other: &[Plan]) -> String {
    if let Some(plan) = other.iter().find(|plan| plan.name.as_str() == name) {
        let (word, words) = (plan.kind().word(), plan.kind().words());
        return format!("this is a {word}; deploy it: strongroom {words} deploy {name}");
    }
    if let Some(meant) = nearest(name, wanted.iter().map(|plan| plan.name.as_str())) {
        return format!("no such name; did you mean \"{meant}\"?");
    }
    let known: Vec<_> = wanted.iter().map(|plan| plan.name.as_str()).collect();
    format!("no such name; it declares {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })
}
