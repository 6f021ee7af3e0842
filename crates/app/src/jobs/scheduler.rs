//! The loop that makes runs of schedules and hands runs to workers.
//!
//! Nothing but the store says what is to be done: this loop may end at any moment, and the next one, here or in another
//! process, takes what it held.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use strongroom_model::manifest::{JobManifest, Overlap};
use strongroom_model::{Id, ProjectName};
use strongroom_runtime::WorkloadKind as Running;
use strongroom_seal::RunPart;
use strongroom_store::port::{Claim, RunRow, WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, StoreError, Tx};
use tokio::task::JoinSet;

use super::calendar::due;
use super::requests::{fresh, verified};
use crate::error::Error;
use crate::functions::{Entry, Manifest};
use crate::open::App;
use crate::rows::Authenticated as _;

/// How long a claim holds without being renewed. Where one process owns the store, its successor does not wait for it.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How often leases are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Longest sleep of the loop: a clock that was set, and what another node has queued, is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(2);
/// How long attempts may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Whether a process makes runs of schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// It does: it is the server.
    Made,
    /// It does not: slots wait for the server, and what is queued is run.
    Left,
}

/// What the loop remembers from one turn to the next.
struct Turns {
    slots: Slots,
    attempts: JoinSet<()>,
    /// Manifests by job, with the deployment that they are of.
    plans: HashMap<Id, Plan>,
    renewed: Instant,
}

struct Plan {
    active: u64,
    updated_at: Timestamp,
    manifest: Arc<JobManifest>,
    /// Before that there is nothing to do about the schedule.
    next_slot: Option<Timestamp>,
}

impl App {
    /// Runs what is due, and makes runs of schedules where `slots` says so, until [`App::stop_jobs`]. The process must be
    /// the only one that works on the store: what others held is taken back at once.
    pub async fn run_jobs(self: Arc<Self>, slots: Slots) {
        while let Err(error) = self.take_back().await {
            tracing::error!(%error, "runs of an earlier server could not be taken back; trying again");
            tokio::time::sleep(LONGEST_SLEEP).await;
        }
        let mut turns = Turns { slots, attempts: JoinSet::new(), plans: HashMap::new(), renewed: Instant::now() };
        while !self.scheduler.is_stopping() {
            let sleep = match self.turn(&mut turns).await {
                Ok(next) => self.sleep_until(next),
                Err(error) => {
                    tracing::error!(%error, "the queue of jobs could not be worked on");
                    LONGEST_SLEEP
                }
            };
            tokio::select! {
                () = self.scheduler.woken() => {}
                () = tokio::time::sleep(sleep) => {}
                Some(_) = turns.attempts.join_next() => {}
            }
            while turns.attempts.try_join_next().is_some() {}
        }
        let drained = async { while turns.attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::info!(runs = turns.attempts.len(), "runs go back to the queue, since the server stops");
        }
        turns.attempts.shutdown().await;
        let (holder, now) = (self.scheduler.holder().to_owned(), self.clock.now());
        let released = self.store.write(move |tx: &mut dyn Tx| tx.release_runs(&holder, now).map_err(Error::from));
        if let Err(error) = released.await {
            tracing::error!(%error, "runs could not be put back; the next server takes them");
        }
    }

    /// Ends [`App::run_jobs`]: nothing more is claimed, and what runs may go on for a moment.
    pub fn stop_jobs(&self) {
        self.scheduler.stop();
    }

    /// Runs one run to its end, with its retries, where no server does.
    pub async fn work_off(self: &Arc<Self>, project: &ProjectName, run: &str) -> Result<(), Error> {
        self.take_back().await?;
        let project = self.projects.load(&*self.store, &self.instance, project).await?;
        let id: Id = run.parse().map_err(|_| Error::not_found("run"))?;
        loop {
            let (row, jobs) = self
                .store
                .read(|rows: &mut dyn Rows| -> Result<_, Error> {
                    let row = rows.run(&project.id, &id)?.ok_or_else(|| Error::not_found("run"))?;
                    Ok((row, rows.workloads(&project.id, None, WorkloadKind::Job)?))
                })
                .await?;
            let Some(job) = jobs.into_iter().find(|job| job.id == row.job).filter(|_| !row.state.is_over()) else {
                return Ok(());
            };
            tokio::time::sleep(self.sleep_until(Some(row.run_at))).await;
            if row.run_at > self.clock.now() {
                continue;
            }
            let entry = self.entry_of(&project.name, &job).await?;
            for run in self.claim(&entry, &job, Some(id), 1).await? {
                Arc::clone(self).attempt(Arc::clone(&entry), run).await;
            }
        }
    }

    /// Takes back what processes that are gone held.
    async fn take_back(&self) -> Result<(), Error> {
        let (holder, now) = (self.scheduler.holder().to_owned(), self.clock.now());
        let taken = self
            .store
            .write(move |tx: &mut dyn Tx| tx.reclaim_runs(&holder, Timestamp::MAX, now).map_err(Error::from))
            .await?;
        if taken > 0 {
            tracing::info!(runs = taken, "runs that an earlier process did not end are queued again");
        }
        Ok(())
    }

    fn sleep_until(&self, next: Option<Timestamp>) -> Duration {
        let left = next.map(|at| at.duration_since(self.clock.now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default() + Duration::from_millis(1));
        left.map_or(LONGEST_SLEEP, |left| left.min(LONGEST_SLEEP))
    }

    /// Does what is due, and gives the time at which something will be.
    async fn turn(self: &Arc<Self>, turns: &mut Turns) -> Result<Option<Timestamp>, Error> {
        self.renew(turns).await?;
        let (jobs, projects) = self
            .store
            .read(|rows: &mut dyn Rows| -> Result<_, StoreError> { Ok((rows.jobs()?, rows.projects()?)) })
            .await?;
        turns.plans.retain(|id, _| jobs.iter().any(|(job, _)| job.id == *id));
        let now = self.clock.now();
        let mut next = None;
        for (job, waiting) in jobs {
            let Some(project) = projects.iter().find(|project| project.id == job.project) else { continue };
            // one damaged job must not stop the others
            match self.serve_job(turns, &project.name, (&job, waiting), now).await {
                Ok(at) => next = [next, at].into_iter().flatten().min(),
                Err(error) => {
                    tracing::error!(%error, job = %job.name, namespace = %job.namespace, "a job could not be worked on");
                }
            }
        }
        Ok(next)
    }

    async fn renew(&self, turns: &mut Turns) -> Result<(), Error> {
        if turns.renewed.elapsed() < RENEW_EVERY || turns.attempts.is_empty() {
            return Ok(());
        }
        let (holder, until) = (self.scheduler.holder().to_owned(), self.lease_end());
        self.store.write(move |tx: &mut dyn Tx| tx.renew_leases(&holder, until).map_err(Error::from)).await?;
        turns.renewed = Instant::now();
        Ok(())
    }

    fn lease_end(&self) -> Timestamp {
        self.clock.now().checked_add(LEASE).unwrap_or(Timestamp::MAX)
    }

    /// Makes the runs of a job's schedule and begins what is due of it; gives the time at which something will be.
    async fn serve_job(
        self: &Arc<Self>,
        turns: &mut Turns,
        project: &ProjectName,
        (job, mut waiting): (&WorkloadRow, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let plan = self.plan(turns, job).await?;
        if plan.next_slot.is_some_and(|slot| slot <= now) {
            let manifest = Arc::clone(&plan.manifest);
            let (made, next_slot) = self.make_runs(project, job, &manifest, now).await?;
            plan.next_slot = next_slot;
            waiting = if made { Some(now) } else { waiting };
        }
        let next_slot = plan.next_slot;
        let waiting = match waiting {
            Some(at) if at <= now => {
                self.begin_due(turns, project, job).await?;
                // what is left of it waits for one to end, which wakes
                None
            }
            later => later,
        };
        Ok([next_slot, waiting].into_iter().flatten().min())
    }

    /// The manifest of what is deployed now.
    async fn plan<'a>(&self, turns: &'a mut Turns, job: &WorkloadRow) -> Result<&'a mut Plan, Error> {
        let is_old = |plan: &Plan| (plan.active, plan.updated_at) != (job.active, job.updated_at);
        if turns.plans.get(&job.id).is_none_or(is_old) {
            let deployment = self
                .store
                .read(|rows: &mut dyn Rows| rows.deployment(&job.id, job.active).map_err(Error::from))
                .await?
                .ok_or(StoreError::Damaged("a job without its deployment"))?;
            verified(self, job)?;
            deployment.verify(&self.instance).map_err(Error::damaged(format!("job {}", job.name)))?;
            let manifest = Manifest::read(WorkloadKind::Job, &deployment.manifest)?.of_job()?;
            // looked at at once: slots may have been missed
            let next_slot = manifest.schedule.as_ref().filter(|_| turns.slots == Slots::Made).map(|_| Timestamp::MIN);
            let manifest = Arc::new(manifest);
            let plan = Plan { active: job.active, updated_at: job.updated_at, manifest, next_slot };
            turns.plans.insert(job.id, plan);
        }
        turns.plans.get_mut(&job.id).ok_or(Error::Store(StoreError::Damaged("a job")))
    }

    /// Makes the runs of the slots that are due. Tells whether there are any, and when the next slot comes.
    async fn make_runs(
        &self,
        project: &ProjectName,
        job: &WorkloadRow,
        manifest: &JobManifest,
        now: Timestamp,
    ) -> Result<(bool, Option<Timestamp>), Error> {
        let Some(schedule) = &manifest.schedule else { return Ok((false, None)) };
        let last = self.store.read(|rows: &mut dyn Rows| rows.last_slot(&job.id).map_err(Error::from)).await?;
        let due = due(schedule, manifest.missed, last.unwrap_or(job.updated_at), now);
        let mut made = false;
        for slot in due.run {
            made |= self.make_run(project, job, manifest.overlap, (slot, now)).await?;
        }
        Ok((made, due.next))
    }

    /// Deals with one slot, once: whoever comes second finds it dealt with.
    async fn make_run(
        &self,
        project: &ProjectName,
        job: &WorkloadRow,
        overlap: Overlap,
        (slot, now): (Timestamp, Timestamp),
    ) -> Result<bool, Error> {
        let owner = self.projects.load(&*self.store, &self.instance, project).await?;
        let id = self.new_id();
        let payload = owner.seal_run((&job.id, &id), RunPart::Payload, b"{}", &*self.rng)?;
        let (wanted, row) = (job.clone(), fresh(id, job, Some(slot), ("schedule", now)));
        let made = self
            .store
            .write(move |tx: &mut dyn Tx| -> Result<Option<bool>, Error> {
                let found = tx.workload(&wanted.project, &wanted.namespace, WorkloadKind::Job, &wanted.name)?;
                // deleted, or deployed anew: the next turn sees to it
                if found.is_none_or(|found| (found.id, found.active) != (wanted.id, wanted.active)) {
                    return Ok(None);
                }
                let passes = overlap == Overlap::Skip && tx.has_scheduled_run(&wanted.id)?;
                if !tx.insert_slot(&wanted.id, slot, (!passes).then_some(&row.id))? {
                    return Ok(None);
                }
                if !passes {
                    tx.insert_run(&row, &payload)?;
                }
                Ok(Some(!passes))
            })
            .await?;
        if made == Some(false) {
            let workload = workload_id(project, job);
            let text = format!("the slot {slot} passed without a run: the run of an earlier slot is not over");
            self.system_line(job.project, &workload, "warn", text);
        }
        Ok(made == Some(true))
    }

    /// Begins what is due of a job, within the limits.
    async fn begin_due(
        self: &Arc<Self>,
        turns: &mut Turns,
        project: &ProjectName,
        job: &WorkloadRow,
    ) -> Result<(), Error> {
        let free = self.scheduler.free();
        if free == 0 {
            return Ok(());
        }
        let entry = self.entry_of(project, job).await?;
        for run in self.claim(&entry, job, None, free).await? {
            turns.attempts.spawn(Arc::clone(self).attempt(Arc::clone(&entry), run));
        }
        Ok(())
    }

    async fn claim(
        &self,
        entry: &Entry,
        job: &WorkloadRow,
        only: Option<Id>,
        limit: usize,
    ) -> Result<Vec<RunRow>, Error> {
        let Manifest::Job(manifest) = &entry.manifest else { return Ok(Vec::new()) };
        let claim = Claim {
            job: job.id,
            only,
            now: self.clock.now(),
            at_once: usize::try_from(manifest.concurrency).unwrap_or(usize::MAX),
            limit,
            slots_in_turn: manifest.overlap == Overlap::Queue,
            holder: self.scheduler.holder().to_owned(),
            lease_until: self.lease_end(),
        };
        let rows = self.store.write(move |tx: &mut dyn Tx| tx.claim_runs(&claim).map_err(Error::from)).await?;
        for row in &rows {
            self.scheduler.claimed(row.id);
        }
        Ok(rows)
    }

    /// The job, ready to run.
    async fn entry_of(&self, project: &ProjectName, job: &WorkloadRow) -> Result<Arc<Entry>, Error> {
        let at = format!("{project}/{}/{}", job.namespace, job.name);
        let entry = self.route(Running::Job, &at).await?;
        entry.ok_or_else(|| Error::not_found(format!("job {}/{}", job.namespace, job.name)))
    }
}

fn workload_id(project: &ProjectName, job: &WorkloadRow) -> strongroom_runtime::WorkloadId {
    strongroom_runtime::WorkloadId {
        project: project.to_string(),
        namespace: job.namespace.to_string(),
        kind: Running::Job,
        name: job.name.to_string(),
    }
}
