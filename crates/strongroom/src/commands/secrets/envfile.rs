//! A dotenv file on its way into a batch: every silent loss of the format is said by line.

use std::fs::File;
use std::io;
use std::path::Path;

use strongroom_envfile::{EnvEntry, MAX_FILE_BYTES, parse};
use strongroom_model::SecretName;
use strongroom_model::name::{NameError, OWN_PREFIX};
use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

use super::write::Batch;
use crate::context::Context;
use crate::errors::Failure;
use crate::values::{read_limited, stdin};

/// Adds the entries of the file to the batch.
pub(super) fn add(context: &Context, batch: &mut Batch, path: &Path, strict: bool) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let bytes = read(context, path)?;
    let parsed = parse(&bytes).map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    for warning in &parsed.warnings {
        if strict {
            batch.problem(&format!("line {}", warning.line), &warning.kind);
        } else {
            context.output.talk(&format!("warning: {shown}: {warning}"));
        }
    }
    for EnvEntry { name, value, line } in parsed.entries {
        entry(context, batch, strict, &format!("line {line}"), &name, value);
    }
    Ok(())
}

/// Adds one entry of a file. Names that a runtime or Strongroom itself reads are skipped and listed.
pub(super) fn entry(context: &Context, batch: &mut Batch, strict: bool, place: &str, name: &str, value: SecretValue) {
    let parsed: Result<SecretName, NameError> = name.parse();
    let skipped = match &parsed {
        Ok(name) => name.risk().filter(|_| !batch.grants(name)).map(|risk| risk.explain(name)),
        Err(NameError::Own) => Some(format!("{name} was read as one of Strongroom's own names ({OWN_PREFIX}…)")),
        Err(_) => None,
    };
    match (skipped, parsed) {
        (Some(why), _) if strict => batch.problem(place, why),
        (Some(why), _) => context.output.talk(&format!("skipped: {place}: {why}")),
        (None, Ok(name)) => batch.add(place, name, value),
        (None, Err(error)) => batch.problem(place, error),
    }
}

/// The bytes of a file, or of stdin for `-`.
pub(super) fn read(context: &Context, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let shown = path.display();
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::usage(format!("there is no file {shown}")),
        io::ErrorKind::PermissionDenied => Failure::usage(format!("the file {shown} may not be read")),
        _ => Failure::usage(format!("the file {shown} cannot be read")).because(error),
    };
    if path == Path::new("-") {
        return stdin().and_then(|stdin| read_limited(stdin, MAX_FILE_BYTES)).map_err(|error| failed(&error));
    }
    let file = File::open(context.working_dir.join(path)).map_err(|error| failed(&error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Failure::usage(format!("{shown} is a directory, not a file")));
    }
    read_limited(file, MAX_FILE_BYTES).map_err(|error| failed(&error))
}
