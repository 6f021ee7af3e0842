//! What the store knows: names with their state, and values where they may be read.

use strongroom_api::Code;
use strongroom_api::resolve::{Missing, ResolvedName};
use strongroom_api::secrets::SecretItem;
use strongroom_client::{ClientError, SecretFilter, Selector, Workload};
use strongroom_runtime::leaks::Leaks;

use super::finding::{Finding, Severity};
use crate::config;
use crate::context::Context;
use crate::errors::Failure;
use crate::home::Home;
use crate::session::Session;

/// A connection, and what was learnt over it.
pub(super) struct Store {
    session: Session,
    /// Every secret but those of the system and of end users.
    pub(super) items: Vec<SecretItem>,
}

/// What a workload gets.
#[derive(Debug, Default)]
pub(super) struct Gets {
    pub(super) items: Vec<ResolvedName>,
    pub(super) missing: Vec<Missing>,
}

impl Store {
    /// Connects, for a coding agent if one asks. None if there is no store here yet.
    pub(super) fn open(context: &Context, agent: Option<&str>) -> Result<Option<Self>, Failure> {
        if config::address(context)?.is_none() && !Home::locate(context)?.has_store() {
            return Ok(None);
        }
        let mut session = context.connect()?;
        if let Some(agent) = agent {
            session.act_for_agent(agent);
        }
        let items = session.wait(session.project().secrets(SecretFilter::default()))?;
        Ok(Some(Self { session, items }))
    }

    /// What a workload would get; only global names if its namespace is not there yet.
    pub(super) fn gets(&self, namespace: &str, app: Option<&str>) -> Result<Gets, Failure> {
        let ask = |workload| self.session.wait(self.session.project().resolution(workload));
        let wide = Workload { namespace: Some(namespace), app: None };
        let answers = [Workload { namespace: Some(namespace), app }, wide, Workload { namespace: None, app: None }];
        for workload in answers {
            match ask(workload) {
                Ok(answer) => return Ok(Gets { items: answer.items, missing: answer.missing }),
                Err(ClientError::Problem(problem)) if problem.code == Code::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Gets::default())
    }

    /// Every value that the caller may read, to look for; what may not be read is a note.
    pub(super) fn values(&self, findings: &mut Vec<Finding>) -> Result<Leaks, Failure> {
        let project = self.session.project();
        let mut places = Vec::new();
        for namespace in self.session.wait(project.namespaces())? {
            places.push((namespace.name, None));
        }
        for app in self.session.wait(project.apps(None))? {
            places.push((app.namespace, Some(app.id)));
        }
        let mut values: Vec<(String, strongroom_secret::SecretValue)> = Vec::new();
        for (namespace, app) in places {
            // an app's own values are exported: who resolves for an app is noted as the app
            let answer = match app.as_deref() {
                None => {
                    let workload = Workload { namespace: Some(&namespace), app: None };
                    self.session.wait(project.resolve(workload, &[])).map(|resolved| resolved.secrets)
                }
                Some(app) => {
                    let own = Selector { scope: Some("app"), namespace: Some(&namespace), app: Some(app) };
                    self.session.wait(project.export_secrets(own)).map(|exported| exported.secrets)
                }
            };
            match answer {
                Ok(secrets) => {
                    for (name, value) in secrets.0 {
                        let is_known =
                            values.iter().any(|(known, other)| *known == name && other.expose() == value.expose());
                        if !is_known {
                            values.push((name, value));
                        }
                    }
                }
                Err(ClientError::Problem(problem)) if matches!(problem.code, Code::Forbidden | Code::NotFound) => {
                    let place = app.map_or_else(|| namespace.clone(), |app| format!("{namespace}/{app}"));
                    let note = format!("stored values of {place} were not looked for: that needs values:read there");
                    let fix =
                        "run the check once with a token that has it; `strongroom whoami` shows what this one may";
                    findings.push(Finding::new("values_not_checked", Severity::Note, note).fix(fix));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Leaks::new(values))
    }
}
