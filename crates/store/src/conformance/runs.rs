//! Runs of jobs and slots of schedules.

use std::sync::Arc;

use super::fixture::{at, id, read, refused, with_project, workload_row, write};
use crate::port::{
    Claim, RunEnd, RunFilter, RunRow, RunState, SealedRun, Store, StoreError, WorkloadKind, WorkloadRow,
};

const NONE: [u64; 0] = [];

/// Run `n` of job `job`, due at `due`.
fn run_row(n: u64, job: u64, due: i64) -> RunRow {
    RunRow {
        seq: 0,
        id: id(n),
        project: id(1),
        job: id(job),
        state: RunState::Queued,
        slot: None,
        attempts: 0,
        spared: 0,
        lost: 0,
        run_at: at(due),
        holder: String::new(),
        lease_until: None,
        progress: None,
        progress_message: None,
        error: None,
        created_at: at(3),
        created_by: "somebody".to_owned(),
        started_at: None,
        finished_at: None,
    }
}

fn claim(job: u64, now: i64, at_once: usize, limit: usize) -> Claim {
    Claim {
        job: id(job),
        only: None,
        now: at(now),
        at_once,
        limit,
        slots_in_turn: false,
        holder: "one".to_owned(),
        lease_until: at(now + 1_000),
    }
}

fn end(n: u64, attempt: u64, state: RunState) -> RunEnd {
    let result = (state == RunState::Succeeded).then(|| b"sealed result".to_vec());
    let error = (state != RunState::Succeeded).then(|| "it failed".to_owned());
    RunEnd { id: id(n), holder: "one".to_owned(), attempt, state, run_at: at(500), result, error, at: at(400) }
}

/// Jobs 10 and 11 with runs due at `dues`, numbered from 100.
async fn with_runs(store: &Arc<dyn Store>, dues: &'static [(u64, i64)]) {
    with_project(store).await;
    write(store, move |tx| {
        for (n, name) in [(10, "a"), (11, "b")] {
            tx.insert_workload(&WorkloadRow { kind: WorkloadKind::Job, ..workload_row(n, 1, "staging", name) })?;
        }
        for (n, (job, due)) in (100..).zip(dues) {
            tx.insert_run(&run_row(n, *job, *due), b"sealed payload")?;
        }
        Ok(())
    })
    .await;
}

async fn one(store: &Arc<dyn Store>, n: u64) -> RunRow {
    read(store, |rows| rows.run(&id(1), &id(n))).await.unwrap()
}

async fn claimed(store: &Arc<dyn Store>, claim: Claim) -> Vec<u64> {
    let rows = write(store, move |tx| tx.claim_runs(&claim)).await;
    let mut numbers: Vec<_> = (100..200).filter(|n| rows.iter().any(|row| row.id == id(*n))).collect();
    numbers.sort_unstable();
    numbers
}

pub(super) async fn runs_come_back_newest_first_and_by_what_is_asked_for(store: Arc<dyn Store>) {
    with_runs(&store, &[(10, 5), (11, 6), (10, 7)]).await;
    let error = refused(&store, |tx| tx.insert_run(&run_row(100, 10, 5), b"x")).await;
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    let error = refused(&store, |tx| tx.insert_run(&run_row(199, 99, 5), b"x")).await;
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    let row = one(&store, 101).await;
    assert_eq!(row, RunRow { seq: row.seq, ..run_row(101, 11, 6) });
    assert_eq!(read(&store, |rows| rows.run(&id(2), &id(101))).await, None, "another project's");
    let sealed = read(&store, |rows| rows.sealed_run(&id(101))).await;
    assert_eq!(sealed, Some(SealedRun { payload: b"sealed payload".to_vec(), result: None }));
    let list = async |filter: RunFilter| {
        let filter = RunFilter { limit: if filter.limit == 0 { 9 } else { filter.limit }, ..filter };
        let rows = read(&store, |rows| rows.runs(&id(1), &filter)).await;
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(RunFilter::default()).await, [id(102), id(101), id(100)]);
    assert_eq!(list(RunFilter { limit: 1, before: Some(row.seq), ..RunFilter::default() }).await, [id(100)]);
    assert_eq!(list(RunFilter { job: Some(id(10)), ..RunFilter::default() }).await, [id(102), id(100)]);
    assert!(write(&store, |tx| tx.cancel_run(&id(100), at(9))).await);
    let cancelled = RunFilter { state: Some(RunState::Cancelled), ..RunFilter::default() };
    assert_eq!(list(cancelled.clone()).await, [id(100)]);
    assert_eq!(list(RunFilter { job: Some(id(11)), ..cancelled }).await, []);
    let queued = RunFilter { state: Some(RunState::Queued), job: Some(id(10)), ..RunFilter::default() };
    assert_eq!(list(queued).await, [id(102)]);
}

pub(super) async fn claims_take_what_is_due_earliest_first_within_the_limits(store: Arc<dyn Store>) {
    with_runs(&store, &[(10, 30), (10, 20), (10, 10), (10, 90), (11, 5)]).await;
    let jobs = read(&store, |rows| rows.jobs()).await;
    let due: Vec<_> = jobs.iter().map(|(job, due)| (job.id, *due)).collect();
    assert_eq!(due, [(id(10), Some(at(10))), (id(11), Some(at(5)))]);
    assert_eq!(claimed(&store, claim(10, 50, 9, 1)).await, [102]);
    let row = one(&store, 102).await;
    assert_eq!((row.state, row.attempts, row.holder.as_str()), (RunState::Running, 1, "one"));
    assert_eq!((row.lease_until, row.started_at), (Some(at(1_050)), Some(at(50))));
    assert_eq!(claimed(&store, claim(10, 50, 2, 9)).await, [101], "one runs already");
    assert_eq!(claimed(&store, claim(10, 50, 2, 9)).await, NONE);
    assert_eq!(claimed(&store, Claim { only: Some(id(101)), ..claim(10, 50, 9, 9) }).await, NONE, "it runs");
    assert_eq!(claimed(&store, Claim { only: Some(id(100)), ..claim(10, 50, 9, 9) }).await, [100]);
    assert_eq!(claimed(&store, claim(10, 89, 9, 9)).await, NONE, "not due yet");
    assert_eq!(claimed(&store, claim(11, 89, 9, 9)).await, [104]);
    let jobs = read(&store, |rows| rows.jobs()).await;
    assert_eq!(jobs.iter().map(|(_, due)| *due).collect::<Vec<_>>(), [Some(at(90)), None]);
}

pub(super) async fn no_two_claimers_get_one_run(store: Arc<dyn Store>) {
    with_runs(&store, &[(10, 1); 40]).await;
    let claims = (0..20).map(|number| {
        let (store, holder) = (Arc::clone(&store), format!("holder {number}"));
        tokio::spawn(async move { claimed(&store, Claim { holder, ..claim(10, 50, 30, 2) }).await })
    });
    let mut all = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        all.extend(claim.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (100..130).collect::<Vec<_>>(), "each once, and no more at once than may be");
}

pub(super) async fn an_attempt_ends_once_and_by_its_holder_alone(store: Arc<dyn Store>) {
    with_runs(&store, &[(10, 1), (10, 1), (10, 1)]).await;
    claimed(&store, claim(10, 50, 9, 9)).await;
    let ends = async |end: RunEnd| write(&store, move |tx| tx.end_run(&end)).await;
    let progress = async |holder: &'static str| {
        write(&store, move |tx| tx.report_progress(&id(100), holder, 40, Some("on the way"))).await
    };
    assert!(progress("one").await && !progress("two").await);
    let row = one(&store, 100).await;
    assert_eq!((row.progress, row.progress_message.as_deref()), (Some(40), Some("on the way")));
    assert!(!ends(RunEnd { holder: "two".to_owned(), ..end(100, 1, RunState::Succeeded) }).await);
    assert!(!ends(end(100, 2, RunState::Succeeded)).await, "no such attempt");
    assert!(ends(end(100, 1, RunState::Succeeded)).await);
    assert!(!ends(end(100, 1, RunState::Dead)).await, "it is over");
    assert!(!progress("one").await, "it is over");
    let row = one(&store, 100).await;
    assert_eq!((row.state, row.finished_at, row.holder.as_str()), (RunState::Succeeded, Some(at(400)), ""));
    let sealed = read(&store, |rows| rows.sealed_run(&id(100))).await.unwrap();
    assert_eq!(sealed.result.as_deref(), Some(b"sealed result".as_slice()));
    assert!(ends(end(101, 1, RunState::Retrying)).await);
    let row = one(&store, 101).await;
    assert_eq!((row.state, row.run_at, row.finished_at), (RunState::Retrying, at(500), None));
    assert_eq!(row.error.as_deref(), Some("it failed"));
    assert_eq!(claimed(&store, claim(10, 499, 9, 9)).await, NONE, "its time has not come");
    assert_eq!(claimed(&store, claim(10, 500, 9, 9)).await, [101]);
    assert_eq!(one(&store, 101).await.attempts, 2);
    assert!(write(&store, |tx| tx.cancel_run(&id(102), at(450))).await);
    assert!(!ends(end(102, 1, RunState::Succeeded)).await, "it was cancelled");
}

pub(super) async fn leases_of_others_that_ended_are_void(store: Arc<dyn Store>) {
    with_runs(&store, &[(10, 1), (10, 1), (10, 1)]).await;
    claimed(&store, Claim { lease_until: at(60), ..claim(10, 50, 9, 1) }).await;
    claimed(&store, Claim { holder: "two".to_owned(), lease_until: at(60), ..claim(10, 50, 9, 1) }).await;
    claimed(&store, Claim { holder: "three".to_owned(), lease_until: at(60), ..claim(10, 50, 9, 1) }).await;
    assert_eq!(write(&store, |tx| tx.renew_leases("three", at(200))).await, 1);
    assert_eq!(write(&store, |tx| tx.reclaim_runs("one", at(60), at(100))).await, 0, "none has ended before");
    assert_eq!(write(&store, |tx| tx.reclaim_runs("one", at(61), at(100))).await, 1, "one's own stays");
    let row = one(&store, 101).await;
    assert_eq!((row.state, row.run_at, row.holder.as_str()), (RunState::Queued, at(100), ""));
    assert_eq!((row.attempts, row.spared, row.lost), (1, 1, 1));
    assert!(!write(&store, |tx| tx.end_run(&RunEnd { holder: "two".into(), ..end(101, 1, RunState::Dead) })).await);
    assert_eq!(write(&store, |tx| tx.reclaim_runs("four", at(9_999), at(100))).await, 2, "all of earlier processes");
    claimed(&store, Claim { holder: "four".to_owned(), ..claim(10, 100, 9, 9) }).await;
    assert_eq!(write(&store, |tx| tx.release_runs("one", at(110))).await, 0, "another's");
    assert_eq!(write(&store, |tx| tx.release_runs("four", at(110))).await, 3);
    let row = one(&store, 101).await;
    assert_eq!((row.state, row.run_at, row.attempts, row.spared, row.lost), (RunState::Queued, at(110), 2, 2, 1));
}

pub(super) async fn what_is_dead_or_cancelled_can_be_put_back(store: Arc<dyn Store>) {
    with_runs(&store, &[(10, 1), (10, 1)]).await;
    claimed(&store, claim(10, 50, 9, 1)).await;
    assert!(write(&store, |tx| tx.end_run(&end(100, 1, RunState::Dead))).await);
    assert!(!write(&store, |tx| tx.cancel_run(&id(100), at(450))).await, "it is over");
    assert!(!write(&store, |tx| tx.put_back_run(&id(101), at(600))).await, "it is not over");
    assert!(write(&store, |tx| tx.put_back_run(&id(100), at(600))).await);
    let row = one(&store, 100).await;
    assert_eq!((row.state, row.run_at, row.finished_at), (RunState::Queued, at(600), None));
    assert_eq!((row.attempts, row.spared), (1, 1));
    assert!(write(&store, |tx| tx.cancel_run(&id(101), at(700))).await);
    assert!(write(&store, |tx| tx.put_back_run(&id(101), at(800))).await);
    assert_eq!(claimed(&store, claim(10, 900, 9, 9)).await, [100, 101]);
}

pub(super) async fn a_slot_is_dealt_with_once(store: Arc<dyn Store>) {
    with_runs(&store, &[]).await;
    let slot = async |job: u64, millis: i64| write(&store, move |tx| tx.insert_slot(&id(job), at(millis), None)).await;
    let last = async || read(&store, |rows| rows.last_slot(&id(10))).await;
    assert_eq!(last().await, None);
    assert!(slot(10, 60).await && slot(10, 120).await && slot(11, 60).await);
    assert!(!slot(10, 60).await && !slot(10, 120).await);
    assert_eq!(last().await, Some(at(120)));
    let scheduled = async || read(&store, |rows| rows.has_scheduled_run(&id(10))).await;
    write(&store, |tx| tx.insert_run(&run_row(100, 10, 5), b"by hand")).await;
    assert!(!scheduled().await);
    write(&store, |tx| tx.insert_run(&RunRow { slot: Some(at(120)), ..run_row(101, 10, 5) }, b"by schedule")).await;
    assert!(scheduled().await);
    write(&store, |tx| tx.insert_run(&RunRow { slot: Some(at(180)), ..run_row(102, 10, 6) }, b"by schedule")).await;
    let in_turn = || Claim { slots_in_turn: true, ..claim(10, 50, 9, 9) };
    assert_eq!(claimed(&store, in_turn()).await, [100, 101], "the earlier slot first");
    assert_eq!(claimed(&store, in_turn()).await, NONE, "it is not over");
    assert!(scheduled().await);
    assert!(write(&store, |tx| tx.end_run(&end(101, 1, RunState::Succeeded))).await);
    assert_eq!(claimed(&store, in_turn()).await, [102]);
    assert!(write(&store, |tx| tx.end_run(&end(102, 1, RunState::Succeeded))).await);
    assert!(!scheduled().await);
    assert_eq!(write(&store, |tx| tx.prune_slots(at(9_999))).await, 1, "the latest of each job stays");
    assert_eq!(last().await, Some(at(120)));
}

pub(super) async fn what_is_over_is_pruned_and_a_job_takes_its_runs_with_it(store: Arc<dyn Store>) {
    with_runs(&store, &[(10, 1), (10, 1), (11, 1), (11, 1)]).await;
    for n in [100, 101, 102] {
        write(&store, move |tx| tx.cancel_run(&id(n), at(i64::try_from(n).unwrap()))).await;
    }
    assert_eq!(write(&store, |tx| tx.prune_runs(at(102), 1)).await, 1);
    assert_eq!(write(&store, |tx| tx.prune_runs(at(102), 9)).await, 1);
    assert_eq!(read(&store, |rows| rows.run(&id(1), &id(101))).await, None);
    let job = WorkloadRow { kind: WorkloadKind::Job, ..workload_row(11, 1, "staging", "b") };
    assert!(write(&store, move |tx| tx.delete_workload(&job)).await);
    let all = RunFilter { limit: 9, ..RunFilter::default() };
    assert_eq!(read(&store, |rows| rows.runs(&id(1), &all)).await, []);
}
