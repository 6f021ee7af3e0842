//! What callers do with runs: ask for one, look at them, cancel, put back.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::jobs::{RunDetail, RunItem, RunProgress};
use strongroom_model::{Capability, Id, NamespaceName, ProjectName, WorkloadName};
use strongroom_seal::RunPart;
use strongroom_store::port::{RunFilter, RunRow, RunState, WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, StoreError, Tx};
use zeroize::Zeroizing;

use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::once::{Once, print};
use crate::open::App;
use crate::rows::Authenticated as _;
use crate::secrets::Place;

/// A run that is asked for.
#[derive(Debug)]
pub struct NewRun {
    /// The job's namespace.
    pub namespace: NamespaceName,
    /// The job.
    pub job: WorkloadName,
    /// What it is to work on, as JSON.
    pub payload: Zeroizing<Vec<u8>>,
}

/// Which runs to list, newest first.
#[derive(Debug, Default)]
pub struct RunQuery {
    /// Only of this job; in `default` unless a namespace is named.
    pub job: Option<WorkloadName>,
    /// Only in this namespace.
    pub namespace: Option<NamespaceName>,
    /// Only in this state.
    pub state: Option<RunState>,
    /// Only before the run that this number stands for.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// A run that nothing has happened to yet.
pub(super) fn fresh(id: Id, job: &WorkloadRow, slot: Option<Timestamp>, (by, now): (&str, Timestamp)) -> RunRow {
    RunRow {
        seq: 0,
        id,
        project: job.project,
        job: job.id,
        state: RunState::Queued,
        slot,
        attempts: 0,
        spared: 0,
        lost: 0,
        run_at: now,
        holder: String::new(),
        lease_until: None,
        progress: None,
        progress_message: None,
        error: None,
        created_at: now,
        created_by: by.to_owned(),
        started_at: None,
        finished_at: None,
    }
}

/// Queues a run; it is durable when this returns. A server runs it, at least once.
pub async fn enqueue(app: &App, caller: &Caller, project: &ProjectName, new: NewRun) -> Result<RunItem, Error> {
    let entered = app.enter(caller, project, Capability::JobsRun, Reach::Namespace(&new.namespace, None)).await?;
    let request = format!("{}/{} {}", new.namespace, new.job, print(&app.instance, &new.payload));
    let once = Once::of(&app.instance, caller, &entered.id, "job.run", &request);
    let (wanted, namespace, owner) = (new.job.clone(), new.namespace.clone(), Arc::clone(&entered));
    let found = app
        .store
        .read(|rows: &mut dyn Rows| {
            rows.workload(&owner.id, &namespace, WorkloadKind::Job, &wanted).map_err(Error::from)
        })
        .await?;
    let job = found.ok_or_else(|| no_job(&namespace, &wanted))?;
    verified(app, &job)?;
    let (id, now) = (app.new_id(), app.clock.now());
    let payload = entered.seal_run((&job.id, &id), RunPart::Payload, &new.payload, &*app.rng)?;
    drop(new);
    let row = fresh(id, &job, None, (&caller.actor, now));
    let (instance, who) = (Arc::clone(&app.instance), caller.clone());
    let row = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<RunRow, Error> {
            if let Some(first) = once.as_ref().map(|once| once.answered::<Id>(tx)).transpose()?.flatten() {
                return tx.run(&owner.id, &first)?.ok_or_else(|| no_run(&first.to_string()));
            }
            if tx.workload(&owner.id, &namespace, WorkloadKind::Job, &wanted)?.is_none_or(|found| found.id != row.job) {
                return Err(no_job(&namespace, &wanted));
            }
            tx.insert_run(&row, &payload)?;
            once.map(|once| once.remember(tx, &row.id, now)).transpose()?;
            let target = serde_json::json!({ "job": wanted, "namespace": namespace, "run": row.id });
            Place { project: &owner, instance: &instance, caller: &who, now }.record_target(tx, "job.run", &target)?;
            Ok(row)
        })
        .await?;
    app.scheduler.wake();
    Ok(item(&row, &job))
}

/// A page of runs, newest first, and where the next one goes on.
pub async fn runs(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    query: RunQuery,
) -> Result<(Vec<RunItem>, Option<u64>), Error> {
    let reach = query.namespace.as_ref().map_or(Reach::Anywhere, |namespace| Reach::Namespace(namespace, None));
    let entered = app.enter(caller, project, Capability::JobsRun, reach).await?;
    let namespace = match (&query.job, query.namespace) {
        (Some(_), None) => Some(NamespaceName::default_namespace()),
        (_, namespace) => namespace,
    };
    let (rows, jobs) = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let mut jobs = rows.workloads(&entered.id, namespace.as_ref(), WorkloadKind::Job)?;
            jobs.retain(|job| caller.reaches_namespace(&job.namespace) && entered.is_open_to(caller, &job.namespace));
            let job = match &query.job {
                None => None,
                Some(name) => {
                    let found = jobs.iter().find(|job| job.name == *name).map(|job| job.id);
                    let place = namespace.clone().unwrap_or_else(NamespaceName::default_namespace);
                    Some(found.ok_or_else(|| no_job(&place, name))?)
                }
            };
            let filter = RunFilter { job, state: query.state, before: query.before, limit: query.limit + 1 };
            Ok((rows.runs(&entered.id, &filter)?, jobs))
        })
        .await?;
    let more = rows.len() > query.limit;
    let next = rows.get(query.limit.saturating_sub(1)).filter(|_| more).map(|row| row.seq);
    let of = |row: &RunRow| jobs.iter().find(|job| job.id == row.job).map(|job| item(row, job));
    Ok((rows.iter().take(query.limit).filter_map(of).collect(), next))
}

/// One run with its result. What it was asked to work on is told to nobody but the job.
pub async fn show(app: &App, caller: &Caller, project: &ProjectName, run: &str) -> Result<RunDetail, Error> {
    let (entered, row, job) = find(app, caller, project, run).await?;
    let sealed = app.store.read(|rows: &mut dyn Rows| rows.sealed_run(&row.id).map_err(Error::from)).await?;
    let result = sealed.and_then(|sealed| sealed.result);
    let result = result.map(|sealed| entered.open_run((&row.job, &row.id), RunPart::Result, &sealed)).transpose()?;
    let result = result.map(|text| serde_json::from_slice(&text)).transpose();
    let result = result.map_err(|_| Error::Store(StoreError::Damaged("a run's result is no JSON")))?;
    Ok(RunDetail { run: item(&row, &job), result })
}

/// Cancels a run: first the queue knows, then the worker is asked to stop.
pub async fn cancel(app: &App, caller: &Caller, project: &ProjectName, run: &str) -> Result<RunItem, Error> {
    let changed = change(app, caller, project, run, Change::Cancel).await?;
    app.scheduler.stop_run(&changed.0);
    Ok(changed.1)
}

/// Puts a dead letter, or what was cancelled, back into the queue, with all its retries.
pub async fn retry(app: &App, caller: &Caller, project: &ProjectName, run: &str) -> Result<RunItem, Error> {
    let changed = change(app, caller, project, run, Change::PutBack).await?;
    app.scheduler.wake();
    Ok(changed.1)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Cancel,
    PutBack,
}

async fn change(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    run: &str,
    change: Change,
) -> Result<(Id, RunItem), Error> {
    let (entered, row, job) = find(app, caller, project, run).await?;
    let (action, hint) = match change {
        Change::Cancel => ("job.cancel", format!("run it again: strongroom jobs run {}", job.name)),
        Change::PutBack => ("job.retry", format!("cancel it first: strongroom jobs cancel {}", row.id)),
    };
    let once = Once::of(&app.instance, caller, &entered.id, action, &row.id.to_string());
    let (instance, who, now) = (Arc::clone(&app.instance), caller.clone(), app.clock.now());
    let target = serde_json::json!({ "job": job.name, "namespace": job.namespace, "run": row.id });
    let row = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<RunRow, Error> {
            let is_repeat = once.as_ref().map(|once| once.answered::<bool>(tx)).transpose()?.flatten().is_some();
            if !is_repeat {
                let done = match change {
                    Change::Cancel => tx.cancel_run(&row.id, now)?,
                    Change::PutBack => tx.put_back_run(&row.id, now)?,
                };
                let state = tx.run(&entered.id, &row.id)?.map_or(row.state, |row| row.state);
                if !done {
                    let hint = (change == Change::Cancel || !state.is_over()).then_some(hint);
                    return Err(Error::conflict(refusal(change, state), hint));
                }
                once.map(|once| once.remember(tx, &true, now)).transpose()?;
                let place = Place { project: &entered, instance: &instance, caller: &who, now };
                place.record_target(tx, action, &target)?;
            }
            tx.run(&entered.id, &row.id)?.ok_or_else(|| no_run(&row.id.to_string()))
        })
        .await?;
    Ok((row.id, item(&row, &job)))
}

fn refusal(change: Change, state: RunState) -> String {
    let state = state.as_str();
    match change {
        Change::Cancel => format!("the run is over: {state}"),
        Change::PutBack => format!("only a dead or cancelled run can be put back; this one is {state}"),
    }
}

/// A run that the caller may see, with its job.
async fn find(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    run: &str,
) -> Result<(Arc<Project>, RunRow, WorkloadRow), Error> {
    let entered = app.enter(caller, project, Capability::JobsRun, Reach::Anywhere).await?;
    let id: Id = run.parse().map_err(|_| no_run(run))?;
    let found = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let Some(row) = rows.run(&entered.id, &id)? else { return Ok(None) };
            let jobs = rows.workloads(&entered.id, None, WorkloadKind::Job)?;
            Ok(jobs.into_iter().find(|job| job.id == row.job).map(|job| (row, job)))
        })
        .await?;
    // nothing for a token that is for an app alone, as everywhere where code runs
    let reached = |job: &WorkloadRow| {
        caller.grant().is_none_or(|grant| grant.app.is_none() && grant.reaches_namespace(&job.namespace))
    };
    let (row, job) = found
        .filter(|(_, job)| reached(job) && entered.is_open_to(caller, &job.namespace))
        .ok_or_else(|| no_run(run))?;
    Ok((entered, row, job))
}

/// Refuses a job whose row is not what was written.
pub(super) fn verified(app: &App, job: &WorkloadRow) -> Result<(), Error> {
    job.verify(&app.instance).map_err(Error::damaged(format!("job {}/{}", job.namespace, job.name)))
}

pub(super) fn no_job(namespace: &NamespaceName, name: &WorkloadName) -> Error {
    let hint = Some("strongroom jobs list".to_owned());
    Error::NotFound { what: format!("job {namespace}/{name}"), hint }
}

fn no_run(run: &str) -> Error {
    let named: String = run.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    Error::NotFound { what: format!("run {named}"), hint: Some("strongroom jobs runs".to_owned()) }
}

/// A run as callers see it.
pub(super) fn item(row: &RunRow, job: &WorkloadRow) -> RunItem {
    let progress = row.progress.map(|percent| RunProgress { percent, message: row.progress_message.clone() });
    RunItem {
        id: row.id.to_string(),
        job: job.name.to_string(),
        namespace: job.namespace.to_string(),
        state: row.state.as_str().to_owned(),
        attempts: row.attempts,
        scheduled_for: row.slot,
        next_attempt_at: matches!(row.state, RunState::Queued | RunState::Retrying).then_some(row.run_at),
        progress,
        error: row.error.clone(),
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        started_at: row.started_at,
        finished_at: row.finished_at,
    }
}
