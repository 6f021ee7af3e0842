//! What is to be deployed: one function of options, or those of the project file, as manifests.

use std::path::{Path, PathBuf};

use strongroom_model::manifest::{FunctionManifest, ManifestError, Workload};
use strongroom_model::{Lifetime, WorkloadName};

use crate::config::file::{FunctionEntry, ProjectFile};
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

/// The functions of the project file: those in `names`, or all. Everything that is wrong is said at once.
pub(super) fn from_file(file: &ProjectFile, names: &[String]) -> Result<Vec<Plan>, Failure> {
    let functions = &file.content.functions;
    let mut problems = Vec::new();
    for name in names {
        if !functions.iter().any(|entry| entry.name == *name) {
            problems.push(at(name, "strongroom.json declares no such function"));
        }
    }
    for (index, entry) in functions.iter().enumerate() {
        if functions.iter().take(index).any(|earlier| earlier.name == entry.name) {
            problems.push(at(&entry.name, "strongroom.json declares it twice"));
        }
    }
    let folder = file.path.parent().unwrap_or(Path::new("."));
    let wanted = functions.iter().filter(|entry| names.is_empty() || names.contains(&entry.name));
    let mut plans = Vec::new();
    for entry in wanted {
        match plan(entry, folder, &file.content.env_prefix) {
            Ok(plan) => plans.push(plan),
            Err(details) => problems.extend(details.into_iter().map(|detail| at(&entry.name, detail))),
        }
    }
    if problems.is_empty() {
        Ok(plans)
    } else {
        Err(Failure::usage("nothing was deployed: the declarations are wrong").each(problems))
    }
}

/// The manifest that an entry means, or everything that is wrong with it.
pub(super) fn plan(entry: &FunctionEntry, folder: &Path, prefixes: &[String]) -> Result<Plan, Vec<String>> {
    let mut problems = Vec::new();
    let default = FunctionManifest::default();
    let mut number = |parsed: Result<u64, String>, fallback: u64| {
        parsed.unwrap_or_else(|problem| {
            problems.push(problem);
            fallback
        })
    };
    let timeout_ms = number(entry.timeout.as_deref().map_or(Ok(default.timeout_ms), timeout_ms), default.timeout_ms);
    let memory_bytes = number(
        entry.memory.as_deref().map_or(Ok(default.workload.memory_bytes), memory_bytes),
        default.workload.memory_bytes,
    );
    let name: Result<WorkloadName, _> = entry.name.parse();
    let manifest = FunctionManifest {
        workload: Workload {
            runtime: entry.runtime,
            secrets: entry.secrets.as_ref().map(|list| list.iter().map(|entry| entry.0.clone()).collect()),
            allow_net: entry.allow_net.clone(),
            memory_bytes,
            env: entry.env.clone(),
            env_prefix: prefixes.iter().chain(&entry.env_prefix).cloned().collect(),
            on_change: entry.on_change,
        },
        auth: entry.auth,
        timeout_ms,
        concurrency: entry.concurrency.unwrap_or(default.concurrency),
    };
    problems.extend(manifest.problems().iter().map(in_units));
    match name {
        Ok(name) if problems.is_empty() => Ok(Plan { name, entry: folder.join(&entry.entry), manifest }),
        Ok(_) => Err(problems),
        Err(error) => Err([vec![error.to_string()], problems].concat()),
    }
}

/// A problem with numbers in the units in which they are written here.
fn in_units(problem: &ManifestError) -> String {
    match problem {
        ManifestError::Range { field: "timeout", least, most } => {
            format!("timeout must lie between {least}ms and {}m", most / 60_000)
        }
        ManifestError::Range { field: "memory", least, most } => {
            format!("memory must lie between {}MB and {}GB", least >> 20, most >> 30)
        }
        other => other.to_string(),
    }
}

fn timeout_ms(text: &str) -> Result<u64, String> {
    let wrong = || "a timeout is a length of time such as 30s, 1m30s or 500ms".to_owned();
    if let Some(number) = text.strip_suffix("ms") {
        return number.parse().map_err(|_| wrong());
    }
    let lifetime: Lifetime = text.parse().map_err(|_| wrong())?;
    u64::try_from(lifetime.duration().as_millis()).map_err(|_| wrong())
}

fn memory_bytes(text: &str) -> Result<u64, String> {
    let wrong = || "memory is a whole number with MB or GB, such as 256MB".to_owned();
    let units = [("GiB", 30), ("GB", 30), ("MiB", 20), ("MB", 20)];
    let (number, shift) =
        units.into_iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift))).ok_or_else(wrong)?;
    let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
    number.checked_mul(1_u64 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_and_memory_have_units() {
        assert_eq!(timeout_ms("30s"), Ok(30_000));
        assert_eq!(timeout_ms("1m30s"), Ok(90_000));
        assert_eq!(timeout_ms("500ms"), Ok(500));
        assert_eq!(memory_bytes("256MB"), Ok(256 << 20));
        assert_eq!(memory_bytes("1GB"), Ok(1 << 30));
        for text in ["", "30", "1.5s", "-1s", "256", "1TB", "MB", "99999999999999999999GB"] {
            assert!(timeout_ms(text).is_err() && memory_bytes(text).is_err(), "{text}");
        }
    }
}
