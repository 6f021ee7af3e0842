//! What a function's worker is handed: its resolution, opened, once the record of it is durable.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use strongroom_model::{Resolution, ScopeKind, SecretName};
use strongroom_model::{Scope, resolve};
use strongroom_runtime::BoxFuture;
use strongroom_runtime::{Entry as Held, EntryState, Snapshot, SnapshotError, SnapshotSource, WorkerSpec};
use strongroom_secret::SecretValue;
use strongroom_store::Rows;
use strongroom_store::port::SealedRow;

use crate::audit::Record;
use crate::error::Error;
use crate::functions::Entry;
use crate::keys::Project;
use crate::open::App;
use crate::resolve::{Answer, Question, Sealed};

/// Where the runtime gets values from.
pub(crate) struct Source(pub(crate) Weak<App>);

impl SnapshotSource for Source {
    fn snapshot(&self, spec: &WorkerSpec) -> BoxFuture<'_, Result<Snapshot, SnapshotError>> {
        let (workload, deployment) = (spec.workload.clone(), spec.deployment.clone());
        Box::pin(async move {
            let app = self.0.upgrade().ok_or_else(|| SnapshotError("the instance is closed".to_owned()))?;
            let entry = app.routes.starting(&workload, &deployment);
            let entry = entry.ok_or_else(|| SnapshotError("this deployment no longer serves".to_owned()))?;
            app.snapshot(&entry).await.map_err(|error| SnapshotError(describe(&error)))
        })
    }
}

/// An error with its causes, for the log.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

impl App {
    /// Everything that a function resolves now.
    pub(crate) async fn snapshot(&self, entry: &Entry) -> Result<Snapshot, Error> {
        let answer = self.function_answer(entry).await?;
        let system = self.system_secrets(&entry.project).await?;
        let mut entries = self.listed(entry, &answer)?;
        let valid_until = [answer.valid_until, system.1].into_iter().flatten().min();
        let valid_until = valid_until.map(jiff::Timestamp::as_millisecond);
        entry.valid_until.store(valid_until.unwrap_or(i64::MAX), Ordering::SeqCst);
        // counted once the record is durable: a record that failed must not let the next delivery pass without one
        if entry.audited_epoch.load(Ordering::SeqCst) <= answer.epoch {
            self.record_hand_over(entry, answer.epoch, &entries, &system.0).await?;
            entry.audited_epoch.fetch_max(answer.epoch + 1, Ordering::SeqCst);
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Snapshot { epoch: answer.epoch, valid_until_unix_ms: valid_until, entries, system: system.0 })
    }

    /// Every value that the function would be handed, by the name that the code sees.
    pub(crate) async fn handed(&self, entry: &Entry, answer: &Answer) -> Result<Vec<(String, SecretValue)>, Error> {
        let (system, _) = self.system_secrets(&entry.project).await?;
        let value = |held: Held| match held.state {
            EntryState::Value(value) => Some((held.name, value)),
            EntryState::Expired | EntryState::NoValue => None,
        };
        Ok(self.listed(entry, answer)?.into_iter().chain(system).filter_map(value).collect())
    }

    /// What the function's names resolve to: those on its list, or everything.
    pub(crate) async fn function_answer(&self, entry: &Entry) -> Result<Answer, Error> {
        let names = entry.manifest.workload().secrets.as_ref();
        let names = names.map(|list| list.iter().map(|listed| listed.name.clone()).collect());
        let question = Question { namespace: entry.namespace.clone(), app: None, names };
        self.look_up(&entry.project, &question).await
    }

    /// The value that the server's own environment has for a name of this project.
    pub(crate) fn environment_value(&self, project: &Project, name: &SecretName) -> Option<&SecretValue> {
        if self.environment_projects.contains(&project.name) { self.environment.get(name) } else { None }
    }

    /// The names that the server's own environment has for functions of this project.
    pub(crate) fn environment_names(&self, project: &Project) -> Vec<SecretName> {
        let reached = self.environment_projects.contains(&project.name);
        self.environment.keys().filter(|_| reached).cloned().collect()
    }

    fn listed(&self, entry: &Entry, answer: &Answer) -> Result<Vec<Held>, Error> {
        let mut entries = Vec::new();
        if let Some(list) = &entry.manifest.workload().secrets {
            // one outcome for each entry of the list, in its order
            for (listed, (name, outcome)) in list.iter().zip(&answer.outcomes) {
                entries.extend(self.held(entry, (name, outcome), listed.target(), listed.default.clone())?);
            }
            return Ok(entries);
        }
        for (name, outcome) in &answer.outcomes {
            entries.extend(self.held(entry, (name, outcome), name, None)?);
        }
        if self.environment_projects.contains(&entry.project.name) {
            let stored: Vec<_> = entries.iter().map(|held| held.name.clone()).collect();
            let extra = self.environment.iter().filter(|(name, _)| !stored.contains(&name.to_string()));
            entries.extend(extra.map(|(name, value)| from_environment(name, value)));
        }
        Ok(entries)
    }

    fn held(
        &self,
        entry: &Entry,
        (name, outcome): (&SecretName, &Resolution<Arc<Sealed>>),
        target: &SecretName,
        default: Option<String>,
    ) -> Result<Option<Held>, Error> {
        if let Some(value) = self.environment_value(&entry.project, name) {
            return Ok(Some(from_environment(target, value)));
        }
        let (state, scope, version) = match outcome {
            Resolution::Value { scope, value, .. } => {
                let opened = entry.project.open(&value.head, &value.envelope)?;
                (EntryState::Value(opened), scope.as_str(), value.head.version)
            }
            Resolution::Expired { scope } => (EntryState::Expired, scope.as_str(), 0),
            Resolution::NoValue { scope } => (EntryState::NoValue, scope.as_str(), 0),
            Resolution::NotSet if default.is_some() => (EntryState::NoValue, "default", 0),
            Resolution::NotSet => return Ok(None),
        };
        Ok(Some(Held { name: target.to_string(), state, default, scope: scope.to_owned(), version }))
    }

    async fn system_secrets(&self, project: &Project) -> Result<(Vec<Held>, Option<jiff::Timestamp>), Error> {
        let rows = self.store.read(|rows: &mut dyn Rows| rows.sealed_in_scope(&project.id, &Scope::System)).await?;
        let (mut held, mut earliest) = (Vec::new(), None);
        for row in rows {
            let (one, expires_at) = self.open_alone(project, row, "system")?;
            earliest = [earliest, expires_at].into_iter().flatten().min();
            held.push(one);
        }
        Ok((held, earliest))
    }

    /// Opens a row that no other scope competes with, and says when it runs out.
    pub(crate) fn open_alone(
        &self,
        project: &Project,
        row: SealedRow,
        scope: &str,
    ) -> Result<(Held, Option<jiff::Timestamp>), Error> {
        let name = row.head.name.to_string();
        let mut candidate = self.candidate(row)?;
        candidate.scope = ScopeKind::Global;
        let (state, version, expires_at) = match resolve([candidate], self.clock.now()) {
            Resolution::Value { value, expires_at, .. } => {
                (EntryState::Value(project.open(&value.head, &value.envelope)?), value.head.version, expires_at)
            }
            Resolution::Expired { .. } => (EntryState::Expired, 0, None),
            Resolution::NoValue { .. } | Resolution::NotSet => (EntryState::NoValue, 0, None),
        };
        Ok((Held { name, state, default: None, scope: scope.to_owned(), version }, expires_at))
    }

    async fn record_hand_over(
        &self,
        entry: &Entry,
        epoch: u64,
        entries: &[Held],
        system: &[Held],
    ) -> Result<(), Error> {
        let with_value = |held: &&Held| matches!(held.state, EntryState::Value(_));
        let names: Vec<_> = entries.iter().chain(system).filter(with_value).map(|held| held.name.as_str()).collect();
        let target = serde_json::json!({ entry.manifest.kind().as_str(): entry.name, "namespace": entry.namespace, "epoch": epoch, "names": names });
        self.audit(Record::done(self.clock.now(), &entry.worker(), Some(&entry.project.name), "values.worker", &target))
            .await
    }
}

fn from_environment(name: &SecretName, value: &SecretValue) -> Held {
    Held {
        name: name.to_string(),
        state: EntryState::Value(value.duplicate()),
        default: None,
        scope: "environment".to_owned(),
        version: 0,
    }
}
