//! What is to be deployed: one function of options, or those of the project file.

use std::path::PathBuf;

use strongroom_model::WorkloadName;
use strongroom_model::manifest::FunctionManifest;

use crate::config::file::ProjectFile;
use crate::errors::{Failure, at};

/// One function that is ready to be bundled.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its name.
    pub(super) name: WorkloadName,
    /// Its source file.
    pub(super) entry: PathBuf,
    /// Its configuration.
    pub(super) manifest: FunctionManifest,
}

/// The functions of the project file: those in `names`, or all.
pub(super) fn from_file(file: &ProjectFile, names: &[String]) -> Result<Vec<Plan>, Failure> {
    let functions = &file.content.functions;
    let is_unknown = |name: &&String| !functions.iter().any(|function| function.name.as_str() == name.as_str());
    let unknown: Vec<_> = names.iter().filter(is_unknown).collect();
    if !unknown.is_empty() {
        let each = unknown.into_iter().map(|name| at(name, "strongroom.json declares no such function")).collect();
        return Err(Failure::usage("nothing was deployed: these are not declared").each(each));
    }
    let wanted = functions
        .iter()
        .filter(|function| names.is_empty() || names.iter().any(|name| *name == function.name.as_str()));
    let plan = wanted.map(|function| Plan {
        name: function.name.clone(),
        entry: file.folder().join(&function.entry),
        manifest: function.manifest.clone(),
    });
    Ok(plan.collect())
}
