//! Figures about the whole instance: numbers, and no name of anything.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use strongroom_model::expiry::SOON_HOURS;
use strongroom_model::{Capability, ProjectName};
use strongroom_store::port::Stats;
use strongroom_store::{Rows, StoreError};

use crate::audit::NODE;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;

/// What is counted as it happens.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) deliveries: AtomicU64,
    pub(crate) values: AtomicU64,
    pub(crate) invocations: AtomicU64,
}

impl Counts {
    /// Counts a resolution that hands over so many values.
    pub(crate) fn delivered(&self, values: usize) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.values.fetch_add(u64::try_from(values).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// See the module.
#[derive(Debug)]
pub struct Figures {
    /// Projects.
    pub projects: u64,
    /// Live secrets of all projects in global, namespace and app scope.
    pub secrets: Stats,
    /// Resolutions whose values were handed over since the start, and the values in them.
    pub deliveries: (u64, u64),
    /// Calls of functions since the start.
    pub invocations: u64,
    /// Workers that run now, calls that are in them, and their memory in bytes.
    pub workers: (u64, u64, u64),
    /// Records of the audit trail, from the first ever.
    pub audit_records: u64,
    /// Where the head of the trail is written besides, and how many of these places did not get it at the last attempt.
    pub anchors: (u64, u64),
}

/// The figures, for who may read the logs of the project `default` without limits.
pub async fn figures(app: &App, caller: &Caller) -> Result<Figures, Error> {
    app.enter(caller, &ProjectName::default_project(), Capability::LogsRead, Reach::Anywhere).await?;
    if caller.grant().is_some_and(strongroom_model::Grant::is_limited) {
        return Err(Error::Forbidden("these figures are of the whole instance; this credential is limited".to_owned()));
    }
    let now = app.clock.now();
    let soon = now.checked_add(SignedDuration::from_hours(SOON_HOURS)).unwrap_or(Timestamp::MAX);
    let read = move |rows: &mut dyn Rows| -> Result<_, StoreError> {
        let mut all = Stats { total: 0, expiring_soon: 0, expired: 0, without_value: 0 };
        let projects = rows.projects()?;
        for project in &projects {
            let one = rows.stats(&project.id, now, soon)?;
            all.total += one.total;
            all.expiring_soon += one.expiring_soon;
            all.expired += one.expired;
            all.without_value += one.without_value;
        }
        Ok((projects.len(), all, rows.audit_head(NODE)?.seq))
    };
    let (projects, secrets, audit_records) = app.store.read(read).await?;
    let warm = app.runtime.get().map(strongroom_runtime::Runtime::warm).unwrap_or_default();
    let (anchors, failing) = app.anchor_counts();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Ok(Figures {
        projects: number(projects),
        secrets,
        deliveries: (read(&app.counts.deliveries), read(&app.counts.values)),
        invocations: read(&app.counts.invocations),
        workers: (
            number(warm.len()),
            warm.iter().map(|worker| number(worker.in_flight)).sum(),
            warm.iter().filter_map(|worker| worker.memory_bytes).sum(),
        ),
        audit_records,
        anchors: (number(anchors), number(failing)),
    })
}
