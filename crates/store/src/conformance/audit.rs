//! Audit chains.

use std::sync::Arc;

use super::fixture::{at, audit_row, read, refused, write};
use crate::port::{AuditCut, AuditFilter, AuditHead, AuditRow, Store, StoreError, Tx, Verdict};

/// Appends a record after the head that the transaction sees, as a use case does.
fn append(tx: &mut dyn Tx, node: &str, action: &str) -> Result<u64, StoreError> {
    let seq = tx.audit_head(node)?.seq + 1;
    tx.append_audit(&audit_row(node, seq, action))?;
    Ok(seq)
}

async fn head(store: &Arc<dyn Store>, node: &str) -> AuditHead {
    read(store, |rows| rows.audit_head(node)).await
}

pub(super) async fn records_follow_their_node_s_head(store: Arc<dyn Store>) {
    let empty = AuditHead { seq: 0, link: [0; 32] };
    assert_eq!(head(&store, "n1").await, empty);
    for seq in [0, 2, u64::MAX] {
        let error = refused(&store, move |tx| tx.append_audit(&audit_row("n1", seq, "a"))).await;
        assert!(matches!(error, StoreError::Damaged(_)), "{seq}: {error}");
    }
    assert_eq!(head(&store, "n1").await, empty);
    write(&store, |tx| {
        assert_eq!(append(tx, "n1", "a")?, 1);
        assert_eq!(append(tx, "n1", "b")?, 2);
        assert_eq!(append(tx, "n2", "c")?, 1);
        assert_eq!(tx.audit_head("n1")?, AuditHead { seq: 2, link: audit_row("n1", 2, "b").link });
        Ok(())
    })
    .await;
    for seq in [1, 2, 4] {
        let error = refused(&store, move |tx| tx.append_audit(&audit_row("n1", seq, "x"))).await;
        assert!(matches!(error, StoreError::Damaged(_)), "{seq}: {error}");
    }
    assert_eq!(head(&store, "n1").await, AuditHead { seq: 2, link: audit_row("n1", 2, "b").link });
    assert_eq!(head(&store, "n2").await, AuditHead { seq: 1, link: audit_row("n2", 1, "c").link });
    read(&store, |rows| {
        assert_eq!(rows.audit_nodes()?, ["n1", "n2"]);
        assert_eq!(rows.audit_after("n1", 0, 10)?, [audit_row("n1", 1, "a"), audit_row("n1", 2, "b")]);
        assert_eq!(rows.audit_after("n1", 1, 10)?, [audit_row("n1", 2, "b")]);
        assert_eq!(rows.audit_after("n1", 0, 1)?, [audit_row("n1", 1, "a")]);
        assert_eq!(rows.audit_after("n1", u64::MAX, 1)?, []);
        assert_eq!(rows.audit_after("n3", 0, 1)?, []);
        Ok(())
    })
    .await;
}

pub(super) async fn a_rolled_back_record_gives_its_number_back(store: Arc<dyn Store>) {
    let jobs: Vec<_> = (0..60)
        .map(|n| {
            store.submit(Box::new(move |tx| {
                append(tx, "n1", "a").unwrap();
                match n % 3 {
                    0 => Verdict::RollBack,
                    1 => Verdict::Commit,
                    _ => std::panic::resume_unwind(Box::new("meant")),
                }
            }))
        })
        .collect();
    for job in jobs {
        let _outcome = job.await;
    }
    assert_eq!(head(&store, "n1").await.seq, 20);
    let seqs: Vec<_> = read(&store, |rows| rows.audit_after("n1", 0, 100)).await.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (1..=20).collect::<Vec<u64>>());
    assert_eq!(write(&store, |tx| append(tx, "n1", "b")).await, 21);
}

pub(super) async fn concurrent_records_make_one_chain(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..8 {
                    write(&store, |tx| append(tx, "n1", "a")).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let rows = read(&store, |rows| rows.audit_after("n1", 0, 1000)).await;
    assert_eq!(rows.len(), 256);
    assert!(rows.iter().zip(1..).all(|(row, seq)| row.seq == seq));
}

pub(super) async fn filters_and_pages_reach_every_record(store: Arc<dyn Store>) {
    write(&store, |tx| {
        for seq in 1..=30 {
            let action = if seq % 2 == 0 { "secret.set" } else { "secrets.list" };
            let project = if seq % 3 == 0 { "other" } else { "default" };
            tx.append_audit(&AuditRow { project: project.to_owned(), ..audit_row("n1", seq, action) })?;
            if seq <= 10 {
                tx.append_audit(&audit_row("n0", seq, "secret.get"))?;
            }
        }
        Ok(())
    })
    .await;
    for limit in [1, 3, 7, 100] {
        let mut filter = AuditFilter { limit, ..AuditFilter::default() };
        let mut all = Vec::new();
        loop {
            let page = read(&store, |rows| rows.audit(&filter)).await;
            let Some(last) = page.last() else { break };
            filter.before = Some(last.seq);
            all.extend(page);
        }
        let keys: Vec<_> = all.iter().map(|row| (std::cmp::Reverse(row.seq), row.node.clone())).collect();
        assert!(keys.windows(2).all(|pair| matches!(pair, [first, second] if first < second)), "{limit}");
        assert_eq!(keys.len(), 40, "{limit}");
    }
    let count =
        async |filter: AuditFilter| read(&store, |rows| rows.audit(&AuditFilter { limit: 100, ..filter })).await.len();
    let none = AuditFilter::default;
    assert_eq!(count(AuditFilter { project: Some("other".to_owned()), ..none() }).await, 10);
    assert_eq!(count(AuditFilter { action: Some("secret.".to_owned()), ..none() }).await, 25);
    assert_eq!(count(AuditFilter { action: Some("secret_".to_owned()), ..none() }).await, 0);
    assert_eq!(count(AuditFilter { since: Some(at(29)), ..none() }).await, 2);
    assert_eq!(count(AuditFilter { until: Some(at(3)), ..none() }).await, 4);
    assert_eq!(count(AuditFilter { since: Some(at(2)), until: Some(at(3)), ..none() }).await, 2);
    assert_eq!(count(AuditFilter { search: Some("list 100%_".to_owned()), ..none() }).await, 15);
    assert_eq!(count(AuditFilter { search: Some("%list".to_owned()), ..none() }).await, 0);
    assert_eq!(count(AuditFilter { before: Some(1), ..none() }).await, 0);
}

pub(super) async fn records_go_out_oldest_first(store: Arc<dyn Store>) {
    write(&store, |tx| (0..30).try_for_each(|n| append(tx, "n1", if n % 2 == 0 { "a" } else { "b" }).map(|_| ())))
        .await;
    let filter = AuditFilter { action: Some("a".to_owned()), limit: 4, ..AuditFilter::default() };
    let mut seqs = Vec::new();
    loop {
        let after = seqs.last().copied().unwrap_or(0);
        let page = read(&store, |rows| rows.audit_oldest("n1", after, &filter)).await;
        if page.is_empty() {
            break;
        }
        seqs.extend(page.iter().map(|row| row.seq));
    }
    assert_eq!(seqs, (0..15).map(|n| 2 * n + 1).collect::<Vec<u64>>());
    assert!(read(&store, |rows| rows.audit_oldest("n2", 0, &filter)).await.is_empty());
}

pub(super) async fn a_cut_takes_the_oldest_and_never_all(store: Arc<dyn Store>) {
    write(&store, |tx| {
        (1..=10).try_for_each(|seq| tx.append_audit(&audit_row("n1", seq, "a")))?;
        tx.append_audit(&audit_row("n2", 1, "a"))
    })
    .await;
    let aged = |before| read(&store, move |rows| Ok(rows.audit_aged("n1", before)?.map(|row| row.seq)));
    assert_eq!(aged(audit_row("n1", 1, "a").at).await, None);
    assert_eq!(aged(audit_row("n1", 5, "a").at).await, Some(4));
    assert_eq!(aged(at(1_000_000)).await, Some(9), "the newest record stays");
    assert_eq!(read(&store, |rows| rows.audit_aged("n2", at(1_000_000))).await, None);
    assert_eq!(read(&store, |rows| rows.audit_aged("n3", at(1_000_000))).await, None);
    let cut = |seq| AuditCut {
        node: "n1".to_owned(),
        seq,
        link: audit_row("n1", seq, "a").link,
        at: at(77),
        mac: vec![7; 32],
    };
    for seq in [10, 11, u64::MAX] {
        let error = refused(&store, move |tx| tx.cut_audit(&cut(seq)).map(|_| ())).await;
        assert!(matches!(error, StoreError::Damaged(_)), "{seq}: {error}");
    }
    assert_eq!(read(&store, |rows| rows.audit_cut("n1")).await, None);
    assert_eq!(write(&store, move |tx| tx.cut_audit(&cut(3))).await, 3);
    assert_eq!(write(&store, move |tx| tx.cut_audit(&cut(6))).await, 3);
    assert_eq!(read(&store, |rows| rows.audit_cut("n1")).await, Some(cut(6)));
    assert_eq!(read(&store, |rows| rows.audit_cut("n2")).await, None);
    let left: Vec<_> = read(&store, |rows| rows.audit_after("n1", 0, 100)).await.iter().map(|row| row.seq).collect();
    assert_eq!(left, [7, 8, 9, 10]);
    assert_eq!(read(&store, |rows| rows.audit_after("n2", 0, 100)).await.len(), 1, "another chain is not touched");
    assert_eq!(head(&store, "n1").await.seq, 10);
    assert_eq!(write(&store, |tx| append(tx, "n1", "b")).await, 11);
    assert_eq!(read(&store, |rows| rows.audit_strays()).await, 0);
}
