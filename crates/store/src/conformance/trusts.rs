//! Whom a project trusts to say who somebody is.

use std::sync::Arc;

use super::fixture::{at, id, project_row, read, refused, with_project, write};
use crate::port::{Store, StoreError, TrustKind, TrustRow};

fn trust_row(n: u64, project: u64, kind: TrustKind, name: &str) -> TrustRow {
    TrustRow {
        id: id(n),
        project: id(project),
        kind,
        name: name.to_owned(),
        record: r#"{"issuer":"https://login.example.com"}"#.to_owned(),
        sealed: vec![7; 3],
        created_at: at(5),
        created_by: "owner".to_owned(),
        mac: vec![3; 32],
    }
}

pub(super) async fn issuers_come_back_by_kind_and_name_in_their_project(store: Arc<dyn Store>) {
    with_project(&store).await;
    let rows = [
        trust_row(11, 1, TrustKind::Users, "b"),
        trust_row(10, 1, TrustKind::Users, "a"),
        trust_row(12, 1, TrustKind::Workloads, "a"),
        trust_row(13, 2, TrustKind::Users, "a"),
    ];
    let inserted = rows.clone();
    write(&store, move |tx| {
        tx.insert_project(&project_row(2, "other"))?;
        inserted.iter().try_for_each(|row| tx.insert_trust(row))
    })
    .await;
    let taken = trust_row(20, 1, TrustKind::Users, "a");
    assert!(matches!(refused(&store, move |tx| tx.insert_trust(&taken)).await, StoreError::Exists(_)));
    let orphan = trust_row(21, 77, TrustKind::Users, "a");
    assert!(matches!(refused(&store, move |tx| tx.insert_trust(&orphan)).await, StoreError::Damaged(_)));
    let [b, a, workload, other] = rows;
    read(&store, |rows| {
        assert_eq!(rows.trusts(&id(1), TrustKind::Users)?, [a.clone(), b.clone()]);
        assert_eq!(rows.trusts(&id(1), TrustKind::Workloads)?, std::slice::from_ref(&workload));
        assert_eq!(rows.trusts(&id(2), TrustKind::Users)?, std::slice::from_ref(&other));
        Ok(())
    })
    .await;
    assert!(write(&store, |tx| tx.delete_trust(&id(1), TrustKind::Users, "a")).await);
    assert!(!write(&store, |tx| tx.delete_trust(&id(1), TrustKind::Users, "a")).await);
    assert_eq!(read(&store, |rows| rows.trusts(&id(1), TrustKind::Users)).await, [b]);
    assert!(write(&store, |tx| tx.delete_project(&id(2))).await);
    assert_eq!(read(&store, |rows| rows.trusts(&id(2), TrustKind::Users)).await, []);
}
