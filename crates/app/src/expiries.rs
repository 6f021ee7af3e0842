//! Expiry by time passing: a change like any other, with an epoch of its own and workers told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use strongroom_model::{ProjectName, Scope, SecretName};
use strongroom_store::port::SecretRow;
use strongroom_store::{Rows, Tx};

use crate::error::Error;
use crate::keys::Project;
use crate::live::{Affected, Raised};
use crate::open::App;

/// Longest sleep of the watcher: a clock that was set is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

impl App {
    /// Runs until the app is dropped: announces each expiry when its time comes. Nothing depends on it for safety
    /// (resolution and invocation look at the clock themselves); it tells those who wait and the workers that are idle.
    pub async fn watch_expiries(self: Arc<Self>) {
        let weak = Arc::downgrade(&self);
        drop(self);
        loop {
            let Some(app) = weak.upgrade() else { return };
            let sleep = match app.expire_all().await {
                Ok(next) => app.until(next),
                Err(error) => {
                    tracing::error!(%error, "expiries could not be announced");
                    LONGEST_SLEEP
                }
            };
            drop(app);
            tokio::time::sleep(sleep).await;
        }
    }

    fn until(&self, next: Option<Timestamp>) -> Duration {
        let left = next.map(|at| at.duration_since(self.clock.now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default() + Duration::from_millis(1));
        left.map_or(LONGEST_SLEEP, |left| left.min(LONGEST_SLEEP))
    }

    /// Announces what has run out in every project; gives the next time something will.
    async fn expire_all(self: &Arc<Self>) -> Result<Option<Timestamp>, Error> {
        let rows = self.store.read(|rows: &mut dyn Rows| rows.projects().map_err(Error::from)).await?;
        let mut next: Option<Timestamp> = None;
        for row in rows {
            let name: ProjectName = row.name;
            let project = match self.projects.load(&*self.store, &self.instance, &name).await {
                Err(Error::NotFound { .. }) => continue,
                // one damaged project must not keep the expiries of the others from being announced
                Err(error @ Error::Damaged { .. }) => {
                    tracing::error!(%error, "the expiries of a project could not be announced");
                    continue;
                }
                other => other?,
            };
            next = [next, self.expire(&project).await?].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Announces what has run out in one project since it was last looked at; gives the next time something will. When
    /// this returns, every invocation that begins sees it.
    pub(crate) async fn expire(self: &Arc<Self>, project: &Arc<Project>) -> Result<Option<Timestamp>, Error> {
        let mut seen = self.expired_until.lock().await;
        loop {
            let now = self.clock.now();
            let since = *seen.entry(project.id).or_insert(self.opened_at);
            let next = self.expiring(project, since, 1).await?.pop().and_then(|head| head.expires_at);
            if next.is_none_or(|at| at > now) {
                return Ok(next);
            }
            let mut by_scope: BTreeMap<Scope, Vec<SecretName>> = BTreeMap::new();
            let mut last = since;
            for head in self.expiring(project, since, usize::MAX).await? {
                let Some(at) = head.expires_at.filter(|at| *at <= now) else { break };
                last = at;
                by_scope.entry(head.scope).or_default().push(head.name);
            }
            for (scope, names) in by_scope {
                self.announce_expiry(project, scope, names).await?;
            }
            seen.insert(project.id, last);
        }
    }

    async fn expiring(&self, project: &Project, since: Timestamp, limit: usize) -> Result<Vec<SecretRow>, Error> {
        self.store.read(|rows: &mut dyn Rows| rows.expiring(&project.id, since, limit).map_err(Error::from)).await
    }

    async fn announce_expiry(
        self: &Arc<Self>,
        project: &Arc<Project>,
        scope: Scope,
        names: Vec<SecretName>,
    ) -> Result<(), Error> {
        let affected = Affected { project: Arc::clone(project), scope, names, removed: true };
        let (id, scope, names) = (project.id, affected.scope.clone(), affected.names.clone());
        let raised = self.store.write(move |tx: &mut dyn Tx| Ok::<_, Error>(Raised::by(tx, &id, &scope, &names)?));
        let raised = raised.await?;
        self.announce(affected, raised.as_ref()).await;
        Ok(())
    }
}
