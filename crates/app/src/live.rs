//! Making a committed change live: raise epochs, tell the workers that use it, tell whoever listens.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use strongroom_api::secrets::Live;
use strongroom_model::{Scope, SecretName};
use strongroom_runtime::{Change, ChangeCause, Refresh};
use strongroom_store::Rows;

use crate::error::Error;
use crate::functions::Entry;
use crate::keys::Project;
use crate::open::App;

/// A change that listeners hear of. Names only.
#[derive(Debug, Clone)]
pub struct ChangeEvent {
    /// The project's name.
    pub project: String,
    /// Where it was made, which tells who may hear of it.
    pub scope: Scope,
    /// The epoch that the change made.
    pub epoch: u64,
    /// The secrets that changed.
    pub names: Vec<SecretName>,
}

/// What a committed write touched.
pub(crate) struct Affected {
    pub(crate) project: Arc<Project>,
    pub(crate) scope: Scope,
    pub(crate) names: Vec<SecretName>,
    pub(crate) removed: bool,
}

impl App {
    /// Makes the change of epoch `counter` live and tells who has it now. Without a counter nothing resolves anew.
    ///
    /// When this returns, every invocation that begins sees the change.
    pub(crate) async fn announce(self: &Arc<Self>, affected: Affected, counter: Option<u64>) -> Result<Live, Error> {
        let Some(epoch) = counter else { return Ok(Live::default()) };
        let namespace = affected.scope.namespace();
        self.epochs.raise(affected.project.id, namespace, epoch);
        self.tell_listeners(&affected.project, &affected.scope, epoch, affected.names.clone());
        let (restarted, restart_failed) = self.tell_workers(&affected, epoch).await;
        // the change is committed and live: that the count is not known must not look like a failure
        let functions = self.count_functions(&affected).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the functions that use a secret could not be counted");
            0
        });
        Ok(Live { functions, restarted, restart_failed })
    }

    /// Tells whoever listens. No names means "something, look again".
    pub(crate) fn tell_listeners(&self, project: &Project, scope: &Scope, epoch: u64, names: Vec<SecretName>) {
        let event = ChangeEvent { project: project.name.to_string(), scope: scope.clone(), epoch, names };
        let _nobody_listens = self.changes.send(event);
    }

    async fn tell_workers(&self, affected: &Affected, epoch: u64) -> (Vec<String>, Vec<String>) {
        let entries = self.routes.where_entry(|entry| is_affected(entry, affected));
        let cause = if affected.removed { ChangeCause::Removed } else { ChangeCause::Set };
        let mut tasks = tokio::task::JoinSet::new();
        for entry in entries {
            entry.epoch.fetch_max(epoch, Ordering::SeqCst);
            let Some(runtime) = self.runtime.get().cloned() else { continue };
            let change = Change { epoch, names: affected.names.iter().map(ToString::to_string).collect(), cause };
            tasks.spawn(async move {
                let refresh = runtime.refresh(&entry.spec.workload, &change).await;
                (entry.name.to_string(), refresh)
            });
        }
        let (mut restarted, mut failed) = (Vec::new(), Vec::new());
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok((name, Refresh::Restarted)) => restarted.push(name),
                Ok((name, Refresh::RestartFailed(reason))) => {
                    tracing::error!(
                        function = name,
                        reason,
                        "a worker could not be replaced after a change of its secrets"
                    );
                    failed.push(name);
                }
                Ok((_, Refresh::NotWarm | Refresh::Unaffected | Refresh::Pushed)) => {}
                Err(error) => tracing::error!(%error, "telling a worker of a change failed"),
            }
        }
        restarted.sort();
        failed.sort();
        (restarted, failed)
    }

    /// How many functions are known to read one of the names from where the change is visible.
    async fn count_functions(&self, affected: &Affected) -> Result<u64, Error> {
        let facts = self
            .store
            .read(|rows: &mut dyn Rows| {
                let mut facts = Vec::new();
                for name in &affected.names {
                    facts.extend(rows.readers(&affected.project.id, name)?);
                }
                Ok::<_, Error>(facts)
            })
            .await?;
        let visible =
            facts.into_iter().filter(|fact| affected.scope.namespace().is_none_or(|only| *only == fact.namespace));
        let workloads: HashSet<_> = visible.map(|fact| (fact.namespace, fact.workload)).collect();
        Ok(u64::try_from(workloads.len()).unwrap_or(u64::MAX))
    }
}

/// Whether a function can resolve one of the changed names.
fn is_affected(entry: &Entry, affected: &Affected) -> bool {
    let visible = match &affected.scope {
        Scope::Global | Scope::System => true,
        Scope::Namespace(namespace) => entry.namespace == *namespace,
        Scope::App(..) | Scope::User(_) => false,
    };
    let listed = match &entry.manifest.workload.secrets {
        Some(list) if affected.scope != Scope::System => {
            list.iter().any(|listed| affected.names.contains(&listed.name))
        }
        _ => true,
    };
    entry.project.id == affected.project.id && visible && listed
}
