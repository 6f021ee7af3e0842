//! What every command is given: options, environment, clock, output.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::cli::Globals;
use crate::config::file::{self, ProjectFile};
use crate::environment::Environment;
use crate::errors::Failure;
use crate::output::Output;
use crate::session::Session;

/// The surroundings of one command. Nothing is read, opened or connected before it is asked for.
pub(crate) struct Context {
    /// Options that every command takes.
    pub(crate) globals: Globals,
    /// The environment.
    pub(crate) environment: Environment,
    /// Stdout and stderr.
    pub(crate) output: Output,
    /// The clock.
    pub(crate) now: fn() -> Timestamp,
    /// Where the command was typed.
    pub(crate) working_dir: PathBuf,
    /// Whether `--` was typed, behind which a leading `-` is meant.
    pub(crate) has_escape: bool,
    file: OnceCell<Option<ProjectFile>>,
}

impl Context {
    pub(crate) fn new(globals: Globals, environment: Environment, output: Output, now: fn() -> Timestamp) -> Self {
        let working_dir = std::env::current_dir().unwrap_or_default();
        Self { globals, environment, output, now, working_dir, has_escape: false, file: OnceCell::new() }
    }

    /// `strongroom.json`, looked for once, from the working directory upwards.
    pub(crate) fn project_file(&self) -> Result<Option<&ProjectFile>, Failure> {
        if self.file.get().is_none() {
            let found = file::find(&self.working_dir)?;
            self.file.set(found).ok();
        }
        Ok(self.file.get().and_then(Option::as_ref))
    }

    /// The same surroundings, with the project file that `folder` belongs to.
    pub(crate) fn for_folder(&self, folder: &Path) -> Result<Self, Failure> {
        let mut other = Self::new(self.globals.clone(), self.environment.clone(), self.output.clone(), self.now);
        other.working_dir.clone_from(&self.working_dir);
        other.file.set(file::find(folder)?).ok();
        Ok(other)
    }

    /// Connects to the server or opens the local store.
    pub(crate) fn connect(&self) -> Result<Session, Failure> {
        Session::open(self)
    }
}
