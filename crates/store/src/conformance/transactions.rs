//! Commit, rollback, panics, views and closing.

use std::sync::Arc;

use super::fixture::{audit_row, id, name, project_row, read, secret_row, set, with_project, write};
use crate::port::{BoxFuture, Promise, RecordJob, Store, StoreError, Verdict};
use strongroom_model::Scope;

pub(super) async fn an_ok_is_kept_and_an_error_leaves_nothing(store: Arc<dyn Store>) {
    write(&store, |tx| tx.insert_project(&project_row(1, "kept"))).await;
    let failed: Result<(), StoreError> = store
        .write(|tx| {
            tx.insert_project(&project_row(2, "undone"))?;
            Err(StoreError::Damaged("a reason of the caller"))
        })
        .await;
    assert_eq!(failed, Err(StoreError::Damaged("a reason of the caller")));
    let names = read(&store, |rows| rows.projects()).await;
    assert_eq!(names.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["kept"]);
    let undone = store.submit(Box::new(|tx| {
        tx.insert_project(&project_row(3, "undone")).unwrap();
        Verdict::RollBack
    }));
    assert_eq!(undone.await, Ok(false));
    assert_eq!(read(&store, |rows| rows.projects()).await.len(), 1);
}

pub(super) async fn a_rollback_among_many_fails_alone(store: Arc<dyn Store>) {
    with_project(&store).await;
    let jobs: Vec<_> = (100..200_u64)
        .map(|n| {
            store.submit(Box::new(move |tx| {
                let verdict = if n % 3 == 0 { Verdict::RollBack } else { Verdict::Commit };
                set(tx, n, 1, Scope::Global, &format!("NAME_{n}")).unwrap();
                verdict
            }))
        })
        .collect();
    for (n, job) in (100..200_u64).zip(jobs) {
        assert_eq!(job.await, Ok(n % 3 != 0), "{n}");
    }
    for n in 100..200_u64 {
        let found = read(&store, |rows| rows.secret(&id(1), &Scope::Global, &name(&format!("NAME_{n}")))).await;
        assert_eq!(found.is_some(), n % 3 != 0, "{n}");
    }
}

pub(super) async fn a_panicking_job_fails_alone(store: Arc<dyn Store>) {
    with_project(&store).await;
    // quiet: the panics are meant
    let jobs: Vec<_> = (100..140_u64)
        .map(|n| {
            store.submit(Box::new(move |tx| {
                set(tx, n, 1, Scope::Global, &format!("NAME_{n}")).unwrap();
                if n % 4 == 0 {
                    std::panic::resume_unwind(Box::new("meant"));
                }
                Verdict::Commit
            }))
        })
        .collect();
    for (n, job) in (100..140_u64).zip(jobs) {
        let outcome = job.await;
        if n % 4 == 0 {
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{n}");
        } else {
            assert_eq!(outcome, Ok(true), "{n}");
        }
    }
    let kept = read(&store, |rows| rows.sealed_in_scope(&id(1), &Scope::Global)).await;
    assert_eq!(kept.len(), 30);
    write(&store, |tx| set(tx, 300, 1, Scope::Global, "AFTERWARDS")).await;
}

pub(super) async fn a_job_whose_caller_went_away_still_runs(store: Arc<dyn Store>) {
    drop(store.submit(Box::new(|tx| {
        tx.insert_project(&project_row(1, "left-behind")).unwrap();
        Verdict::Commit
    })));
    // jobs run in the order in which they were queued
    write(&store, |tx| tx.insert_project(&project_row(2, "next"))).await;
    assert_eq!(read(&store, |rows| rows.projects()).await.len(), 2);
}

pub(super) async fn records_and_jobs_run_in_the_order_in_which_they_were_queued(store: Arc<dyn Store>) {
    let record = |seq: u64| -> RecordJob {
        Box::new(move |head| {
            assert_eq!(head.seq + 1, seq);
            audit_row("node", seq, "a")
        })
    };
    let writes: Vec<BoxFuture<'_, Result<bool, StoreError>>> = (1..=200_u64)
        .map(|seq| -> BoxFuture<'_, Result<bool, StoreError>> {
            let promise = if seq % 2 == 0 { Promise::Synced } else { Promise::Relaxed };
            if seq % 3 != 0 {
                let kept = store.submit_record("node", record(seq), promise);
                return Box::pin(async { kept.await.map(|()| true) });
            }
            store.submit(Box::new(move |tx| {
                assert_eq!(tx.audit_head("node").unwrap().seq + 1, seq);
                verdict(&tx.append_audit(&audit_row("node", seq, "a")))
            }))
        })
        .collect();
    for write in writes {
        assert_eq!(write.await, Ok(true));
    }
    assert_eq!(read(&store, |rows| rows.audit_head("node")).await.seq, 200);
}

pub(super) async fn a_record_that_does_not_follow_fails_alone(store: Arc<dyn Store>) {
    let at = |seq: u64| -> RecordJob { Box::new(move |_| audit_row("node", seq, "a")) };
    let kept: Vec<_> = [1, 2, 9, 3, 3, 4]
        .map(|seq| store.submit_record("node", at(seq), Promise::Synced))
        .into_iter()
        .chain([store.submit_record("node", Box::new(|_| panic!("on purpose")), Promise::Synced)])
        .chain([store.submit_record("node", at(5), Promise::Relaxed)])
        .collect();
    let mut good = Vec::new();
    for record in kept {
        good.push(record.await.is_ok());
    }
    assert_eq!(good, [true, true, false, true, false, true, false, true]);
    let all = read(&store, |rows| rows.audit_after("node", 0, 100)).await;
    assert_eq!(all.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

pub(super) async fn a_write_sees_its_own_rows_and_a_read_one_view(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_secret(&secret_row(10, 1, Scope::Global, "OWN"))?;
        assert!(tx.secret(&id(1), &Scope::Global, &name("OWN"))?.is_some());
        Ok(())
    })
    .await;
    let writing = Arc::clone(&store);
    let (first, second) = tokio::task::spawn_blocking(move || {
        let handle = tokio::runtime::Handle::current();
        let reading = Arc::clone(&writing);
        handle.block_on(reading.read(move |rows| {
            let first = rows.secret(&id(1), &Scope::Global, &name("LATER"))?;
            let inside = tokio::runtime::Handle::current();
            // a write that commits while the view is open; on a thread of its own, since this one is in use
            let done = std::thread::spawn(move || {
                inside.block_on(writing.write(|tx| tx.insert_secret(&secret_row(11, 1, Scope::Global, "LATER"))))
            });
            done.join().unwrap()?;
            Ok::<_, StoreError>((first, rows.secret(&id(1), &Scope::Global, &name("LATER"))?))
        }))
    })
    .await
    .unwrap()
    .unwrap();
    assert_eq!((first, second), (None, None));
    assert!(read(&store, |rows| rows.secret(&id(1), &Scope::Global, &name("LATER"))).await.is_some());
}

pub(super) async fn a_closed_store_has_done_its_work_and_refuses_more(store: Arc<dyn Store>) {
    with_project(&store).await;
    let queued: Vec<_> = (10..30_u64)
        .map(|n| store.submit(Box::new(move |tx| verdict(&set(tx, n, 1, Scope::Global, &format!("N{n}"))))))
        .collect();
    store.close().await.unwrap();
    for job in queued {
        assert_eq!(job.await, Ok(true));
    }
    store.close().await.unwrap();
    let late = store.submit(Box::new(|_| Verdict::Commit)).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
    let late = store.query(Box::new(|_| {})).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
}

fn verdict(result: &Result<(), StoreError>) -> Verdict {
    if result.is_ok() { Verdict::Commit } else { Verdict::RollBack }
}
