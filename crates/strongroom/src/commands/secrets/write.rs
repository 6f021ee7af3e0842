//! One batch of values on its way to the store: checked as a whole before anything is sent.

use strongroom_api::FieldError;
use strongroom_api::PlaintextMap;
use strongroom_api::secrets::{SetSecrets, WriteStatus, Written};
use strongroom_model::{Expiry, SecretName};
use strongroom_secret::SecretValue;

use super::report::{self, Change};
use crate::context::Context;
use crate::errors::{Exit, Failure, at};
use crate::output;
use crate::scope::Target;

/// Names and values, in order, each name once.
#[derive(Default)]
pub(crate) struct Batch {
    entries: Vec<(SecretName, SecretValue)>,
    problems: Vec<FieldError>,
    allowed: Vec<String>,
}

/// What goes with every value of a batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// For people.
    pub(crate) description: Option<String>,
    /// As typed, already checked.
    pub(crate) expires: Option<String>,
    /// The version that a single secret must have.
    pub(crate) if_version: Option<u64>,
    /// Also where the value is the current one.
    pub(crate) force: bool,
    /// Only tells.
    pub(crate) dry_run: bool,
}

impl Batch {
    /// An empty batch in which the names in `allowed` are granted.
    pub(crate) fn allowing(allowed: &[String]) -> Self {
        Self { allowed: allowed.to_vec(), ..Self::default() }
    }

    /// Whether a name that needs a grant has one.
    pub(crate) fn grants(&self, name: &SecretName) -> bool {
        self.allowed.iter().any(|allowed| allowed == name.as_str())
    }

    /// Adds a value; a name twice or without its grant is a problem at `place`.
    pub(crate) fn add(&mut self, place: &str, name: SecretName, value: SecretValue) {
        match name.risk() {
            Some(risk) if !self.grants(&name) => self.problems.push(at(place, risk.explain(&name))),
            _ if self.entries.iter().any(|(known, _)| *known == name) => {
                self.problems.push(at(place, format!("{name} is given twice")));
            }
            _ => self.entries.push((name, value)),
        }
    }

    /// Notes a problem.
    pub(crate) fn problem(&mut self, place: &str, detail: impl std::fmt::Display) {
        self.problems.push(at(place, detail));
    }

    /// Whether nothing can be written and nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.problems.is_empty()
    }

    /// The failure that lists every problem, if there is one.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        let problems = std::mem::take(&mut self.problems);
        match problems.as_slice() {
            [] => Ok(()),
            [only] => {
                Err(Failure::usage(format!("nothing was written: {}: {}", only.at, only.detail)).each(Vec::new()))
            }
            several => {
                let number = several.len();
                Err(Failure::usage(format!("nothing was written: {number} entries are wrong")).each(problems))
            }
        }
    }

    /// Sends the batch and prints what it did.
    pub(crate) fn write(mut self, context: &Context, target: &Target, terms: Terms) -> Result<Exit, Failure> {
        self.check()?;
        if terms.if_version.is_some() && self.entries.len() != 1 {
            return Err(Failure::usage("--if-version goes with one secret"));
        }
        let session = context.connect()?;
        session.name_place(context);
        if target.is_global() && context.project_file()?.is_some_and(|file| file.content.namespace.is_some()) {
            context.output.talk(&format!("writing to {}", target.words()));
        }
        let (scope, namespace, app) = target.parts();
        let entries = self.entries.into_iter().map(|(name, value)| (String::from(name), value)).collect();
        let body = SetSecrets {
            scope,
            namespace,
            app,
            secrets: PlaintextMap(entries),
            description: terms.description,
            expires_at: terms.expires,
            force: terms.force,
            if_version: terms.if_version,
            allow_names: self.allowed,
            dry_run: terms.dry_run,
        };
        let written = session.wait(session.project().set_secrets(&body))?;
        if terms.dry_run { preview(context, &written) } else { report::written(context, &written, Change::Value) }
    }
}

/// What a write would do.
pub(crate) fn preview(context: &Context, written: &Written) -> Result<Exit, Failure> {
    if !context.output.is_for_people() {
        return context.output.structured(written).map(|()| Exit::DONE);
    }
    report::notes(context, &[], &written.warnings);
    for result in &written.results {
        let word = match result.status {
            WriteStatus::Set | WriteStatus::Declared | WriteStatus::Restored => "add   ",
            WriteStatus::Updated => "change",
            WriteStatus::Unchanged | WriteStatus::Missing => "leave ",
            WriteStatus::Deleted | WriteStatus::Purged => "delete",
        };
        output::line(&format!("{word}  {}", result.name))?;
    }
    context.output.talk("nothing was written (--dry-run)");
    Ok(Exit::DONE)
}

/// Checks `--expires` before anything is asked or read.
pub(crate) fn checked_expiry(text: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let parsed: Result<Expiry, _> = text.parse();
    parsed.map(|_| Some(text.to_owned())).map_err(|error| Failure::usage(format!("--expires: {error}")))
}
