//! Making a committed change live: raise epochs, tell the workers that use it, tell whoever listens.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use strongroom_api::secrets::Live;
use strongroom_model::{Id, Scope, SecretName};
use strongroom_runtime::{Change, ChangeCause, Refresh};
use strongroom_store::port::{ReadFact, WorkloadKind};
use strongroom_store::{StoreError, Tx};

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

/// Up to so many names are looked up one by one; for more of them, all that is known is read at once.
const FEW: usize = 200;

/// What a change does besides, inside its own transaction.
pub(crate) struct Raised {
    /// The epoch that it makes.
    pub(crate) epoch: u64,
    /// Who is known to read what changes.
    pub(crate) readers: Vec<ReadFact>,
}

impl Raised {
    /// Raises the epoch of where `scope` is seen. End users' secrets are in no resolution.
    pub(crate) fn by(
        tx: &mut dyn Tx,
        project: &Id,
        scope: &Scope,
        names: &[SecretName],
    ) -> Result<Option<Self>, StoreError> {
        if scope.user().is_some() {
            return Ok(None);
        }
        let mut readers = Vec::new();
        if names.len() <= FEW {
            for name in names {
                readers.append(&mut tx.readers(project, name)?);
            }
        } else {
            let names: HashSet<_> = names.iter().collect();
            readers = tx.all_readers(project)?;
            readers.retain(|fact| names.contains(&fact.secret));
        }
        Ok(Some(Self { epoch: tx.raise_epoch(project, scope.namespace())?, readers }))
    }
}

impl App {
    /// Makes a committed change live and tells who has it now. Without `raised` nothing resolves anew.
    ///
    /// When this returns, every invocation that begins sees the change.
    pub(crate) async fn announce(self: &Arc<Self>, affected: Affected, raised: Option<&Raised>) -> Live {
        let Some(Raised { epoch, readers }) = raised else { return Live::default() };
        let epoch = *epoch;
        let namespace = affected.scope.namespace();
        self.epochs.raise(affected.project.id, namespace, epoch);
        self.tell_listeners(&affected.project, &affected.scope, epoch, affected.names.clone());
        let (restarted, restart_failed) = self.tell_workers(&affected, epoch).await;
        Live { functions: count_functions(&affected, readers), restarted, restart_failed }
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
}

/// How many functions are known to read one of the names from where the change is visible.
fn count_functions(affected: &Affected, readers: &[ReadFact]) -> u64 {
    let functions = readers.iter().filter(|fact| fact.kind == WorkloadKind::Function);
    let visible = functions.filter(|fact| affected.scope.namespace().is_none_or(|only| *only == fact.namespace));
    let workloads: HashSet<_> = visible.map(|fact| (&fact.namespace, &fact.workload)).collect();
    u64::try_from(workloads.len()).unwrap_or(u64::MAX)
}

/// Whether a function can resolve one of the changed names.
fn is_affected(entry: &Entry, affected: &Affected) -> bool {
    let visible = match &affected.scope {
        Scope::Global | Scope::System => true,
        Scope::Namespace(namespace) => entry.namespace == *namespace,
        Scope::App(..) | Scope::User(_) => false,
    };
    let listed = match &entry.manifest.workload().secrets {
        Some(list) if affected.scope != Scope::System => {
            list.iter().any(|listed| affected.names.contains(&listed.name))
        }
        _ => true,
    };
    entry.project.id == affected.project.id && visible && listed
}
