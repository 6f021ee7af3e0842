//! What dev runs: the workloads of the project file, or those that were named.

use std::path::PathBuf;
use std::time::Duration;

use strongroom_runtime::WorkloadKind;

use super::Options;
use super::apps::{AppKind, AppPlan};
use super::calls::workload;
use super::code::CodePlan;
use super::layers::Wants;
use super::store::Place;
use strongroom_model::{NamespaceName, ProjectName};
use strongroom_project::App;

use crate::config;
use crate::config::file::ProjectFile;
use crate::context::Context;
use crate::errors::{Failure, at};

/// All that runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) place: Place,
    /// The folder of `strongroom.json`.
    pub(super) root: PathBuf,
    /// The project file itself.
    pub(super) file: PathBuf,
    pub(super) code: Vec<CodePlan>,
    pub(super) apps: Vec<AppPlan>,
    /// The server that the file names.
    pub(super) server: Option<String>,
    /// What to know of the file.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Makes a plan of a project file. Everything that is wrong is said at once.
    pub(super) fn of(context: &Context, options: &Options, file: &ProjectFile) -> Result<Self, Failure> {
        // an option may name what no project can be called
        config::workload_namespace(context, options.namespace.as_deref())?;
        config::project(context)?;
        let named =
            |option: &Option<String>, own: Option<&str>| option.as_deref().or(own).unwrap_or("default").to_owned();
        // as those who tell of saves name it, whatever links lead to it
        let path = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
        let root = path.parent().unwrap_or(file.folder()).to_path_buf();
        let said = &file.content;
        let place = Place {
            project: named(&context.globals.project, said.project.as_ref().map(ProjectName::as_str)),
            namespace: named(&options.namespace, said.namespace.as_ref().map(NamespaceName::as_str)),
        };
        let mut plan = Self {
            place,
            root,
            file: path,
            code: Vec::new(),
            apps: Vec::new(),
            server: said.server.clone(),
            notes: Vec::new(),
        };
        plan.add_code(file);
        plan.add_apps(file);
        plan.keep_only(&options.only)?;
        if plan.code.is_empty() && plan.apps.is_empty() {
            let message = format!("{} declares nothing to run", file.path.display());
            return Err(Failure::usage(message).hint("declare functions, jobs or apps with a command in it"));
        }
        Ok(plan)
    }

    fn add_code(&mut self, file: &ProjectFile) {
        for function in &file.content.functions {
            let manifest = &function.manifest;
            self.code.push(CodePlan {
                id: workload(&self.place, WorkloadKind::Function, function.name.as_str()),
                entry: file.folder().join(&function.entry),
                wants: Wants { app: None, list: manifest.workload.secrets.clone() },
                workload: manifest.workload.clone(),
                timeout: Duration::from_millis(manifest.timeout_ms),
                concurrency: manifest.concurrency,
                schedule: None,
            });
        }
        for job in &file.content.jobs {
            let manifest = &job.manifest;
            self.code.push(CodePlan {
                id: workload(&self.place, WorkloadKind::Job, job.name.as_str()),
                entry: file.folder().join(&job.entry),
                wants: Wants { app: None, list: manifest.workload.secrets.clone() },
                workload: manifest.workload.clone(),
                timeout: Duration::from_millis(manifest.timeout_ms),
                concurrency: manifest.concurrency,
                schedule: manifest.schedule.clone(),
            });
        }
    }

    fn add_apps(&mut self, file: &ProjectFile) {
        for app in &file.content.apps {
            match &app.command {
                Some(command) => self.apps.push(self.app(app, command)),
                None => self
                    .notes
                    .push(format!("the app {} has no \"command\" in strongroom.json and is not started", app.id)),
            }
        }
    }

    fn app(&self, app: &App, command: &str) -> AppPlan {
        let id = app.id.to_string();
        let list = app.secrets.clone();
        AppPlan {
            name: app.name.clone().unwrap_or_else(|| id.clone()),
            id: id.clone(),
            folder: app.path.as_ref().map_or_else(|| self.root.clone(), |path| self.root.join(path)),
            command: command.to_owned(),
            kind: if app.frontend { AppKind::FrontEnd } else { AppKind::Backend(Wants { app: Some(id), list }) },
        }
    }

    /// Leaves out what was not named. Without names, nothing.
    fn keep_only(&mut self, only: &[String]) -> Result<(), Failure> {
        if only.is_empty() {
            return Ok(());
        }
        let mut known: Vec<&str> = self.code.iter().map(|code| code.id.name.as_str()).collect();
        known.extend(self.apps.iter().flat_map(|app| [app.id.as_str(), app.name.as_str()]));
        known.dedup();
        let unknown = only.iter().filter(|name| !known.contains(&name.as_str()));
        let unknown: Vec<_> = unknown.map(|name| at(name, "strongroom.json declares no such workload")).collect();
        if !unknown.is_empty() {
            let hint = format!("there are: {}", known.join(", "));
            return Err(Failure::usage("nothing was started: a workload is not known").each(unknown).hint(hint));
        }
        self.code.retain(|code| only.contains(&code.id.name));
        self.apps.retain(|app| only.contains(&app.id) || only.contains(&app.name));
        self.notes.clear();
        Ok(())
    }

    /// Every workload that gets secrets, by the name for people.
    pub(super) fn wants(&self) -> impl Iterator<Item = (String, &Wants)> {
        let code = self.code.iter().map(|code| (code.id.name.clone(), &code.wants));
        let apps = self.apps.iter().filter_map(|app| match &app.kind {
            AppKind::Backend(wants) => Some((app.name.clone(), wants)),
            AppKind::FrontEnd => None,
        });
        code.chain(apps)
    }

    /// What each backend wants.
    pub(super) fn app_wants(&self) -> impl Iterator<Item = &Wants> {
        self.apps.iter().filter_map(|app| match &app.kind {
            AppKind::Backend(wants) => Some(wants),
            AppKind::FrontEnd => None,
        })
    }

    /// Names for the column before lines.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let code = self.code.iter().map(|code| code.id.name.clone());
        code.chain(self.apps.iter().map(|app| app.name.clone()))
    }
}
