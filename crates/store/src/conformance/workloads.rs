//! Functions, deployments, and which workload reads which secret.

use std::sync::Arc;

use strongroom_model::NamespaceName;

use super::fixture::{at, fact, id, name, namespace, read, refused, with_project, workload_row, write};
use crate::port::{DeploymentRow, ReadFact, Store, StoreError, WorkloadKind, WorkloadRow};

pub(super) fn deployment_row(workload: u64, number: u64) -> DeploymentRow {
    DeploymentRow {
        workload: id(workload),
        number,
        manifest: r#"{"entry":"index.ts"}"#.to_owned(),
        references: "[]".to_owned(),
        digest: vec![0xd1; 32],
        bundle_bytes: 4,
        created_at: at(10),
        created_by: "deployer".to_owned(),
        mac: vec![6; 32],
    }
}

pub(super) async fn workloads_come_back_by_namespace_and_name(store: Arc<dyn Store>) {
    with_project(&store).await;
    let rows = [
        workload_row(10, 1, "staging", "b"),
        workload_row(11, 1, "staging", "a"),
        workload_row(12, 1, "production", "z"),
    ];
    let insert = rows.clone();
    write(&store, move |tx| insert.iter().try_for_each(|row| tx.insert_workload(row))).await;
    let error = refused(&store, |tx| tx.insert_workload(&workload_row(13, 1, "staging", "a"))).await;
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    let [b, a, z] = rows;
    let all = async |of: Option<NamespaceName>| {
        read(&store, |rows| rows.workloads(&id(1), of.as_ref(), WorkloadKind::Function)).await
    };
    assert_eq!(all(None).await, [z, a.clone(), b.clone()]);
    assert_eq!(all(Some(namespace("staging"))).await, [a.clone(), b]);
    assert_eq!(all(Some(namespace("default"))).await, []);
    let changed = WorkloadRow { active: 7, updated_at: at(99), updated_by: "x".to_owned(), mac: vec![1], ..a };
    let update = changed.clone();
    assert!(write(&store, move |tx| tx.update_workload(&update)).await);
    assert!(!write(&store, |tx| tx.update_workload(&workload_row(99, 1, "staging", "none-such"))).await);
    let one = async |text: &str| {
        read(&store, |rows| {
            rows.workload(&id(1), &namespace("staging"), WorkloadKind::Function, &text.parse().unwrap())
        })
        .await
    };
    assert_eq!(one("a").await, Some(changed));
    assert_eq!(one("z").await, None);
    let job = WorkloadRow { kind: WorkloadKind::Job, ..workload_row(14, 1, "staging", "b") };
    let insert = job.clone();
    write(&store, move |tx| tx.insert_workload(&insert)).await;
    assert_eq!(read(&store, |rows| rows.workloads(&id(1), None, WorkloadKind::Job)).await, [job]);
    assert_eq!(all(None).await.len(), 3, "a job is no function");
}

pub(super) async fn deployments_come_newest_first_and_are_pruned_around_the_active_one(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_workload(&workload_row(10, 1, "staging", "a"))?;
        (1..=5).try_for_each(|number| {
            tx.insert_deployment(&deployment_row(10, number), format!("code {number}").as_bytes())
        })
    })
    .await;
    let error = refused(&store, |tx| tx.insert_deployment(&deployment_row(10, 5), b"")).await;
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    let error = refused(&store, |tx| tx.insert_deployment(&deployment_row(11, 1), b"")).await;
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    assert_eq!(write(&store, |tx| tx.prune_deployments(&id(10), 4, 2)).await, 2);
    read(&store, |rows| {
        let numbers: Vec<_> = rows.deployments(&id(10))?.iter().map(|row| row.number).collect();
        assert_eq!(numbers, [5, 4, 2]);
        assert_eq!(rows.deployment(&id(10), 2)?, Some(deployment_row(10, 2)));
        assert_eq!(rows.deployment(&id(10), 1)?, None);
        assert_eq!(rows.bundle(&id(10), 2)?.as_deref(), Some(b"code 2".as_slice()));
        assert_eq!(rows.bundle(&id(10), 1)?, None);
        Ok(())
    })
    .await;
    let row = workload_row(10, 1, "staging", "a");
    assert!(write(&store, move |tx| tx.delete_workload(&row)).await);
    let row = workload_row(10, 1, "staging", "a");
    assert!(!write(&store, move |tx| tx.delete_workload(&row)).await);
    assert_eq!(read(&store, |rows| rows.deployments(&id(10))).await, []);
    assert_eq!(read(&store, |rows| rows.bundle(&id(10), 5)).await, None);
}

pub(super) async fn read_facts_are_replaced_touched_and_erased(store: Arc<dyn Store>) {
    with_project(&store).await;
    let of = |secret: &str, via: &str| fact(1, "staging", WorkloadKind::Function, "fn1", secret, via);
    let seen = |secret: &str, via: &str, millis| ReadFact { last_read_at: Some(at(millis)), ..of(secret, via) };
    let replace = async |facts: Vec<ReadFact>| {
        write(&store, move |tx| {
            tx.replace_static_reads(&id(1), &namespace("staging"), WorkloadKind::Function, "fn1", &facts)
        })
        .await;
    };
    let reads =
        async || read(&store, |rows| rows.reads_of(&id(1), &namespace("staging"), WorkloadKind::Function, "fn1")).await;
    replace(vec![of("B", "list"), of("A", "code"), of("A", "list"), of("A", "list")]).await;
    assert_eq!(reads().await, [of("A", "code"), of("A", "list"), of("B", "list")]);
    let touches = [seen("A", "env", 20), seen("A", "env", 10), of("A", "env"), seen("C", "helper", 5)];
    write(&store, move |tx| touches.iter().try_for_each(|fact| tx.touch_read(fact))).await;
    replace(vec![of("B", "code")]).await;
    assert_eq!(reads().await, [seen("A", "env", 20), of("B", "code"), seen("C", "helper", 5)]);
    let job = fact(1, "production", WorkloadKind::Job, "fn1", "A", "env");
    let insert = [job.clone(), of("A", "list")];
    write(&store, move |tx| {
        tx.insert_workload(&workload_row(10, 1, "staging", "fn1"))?;
        insert.iter().try_for_each(|fact| tx.touch_read(fact))
    })
    .await;
    let readers = read(&store, |rows| rows.readers(&id(1), &name("A"))).await;
    assert_eq!(readers, [job.clone(), seen("A", "env", 20), of("A", "list")]);
    let secrets: Vec<_> = read(&store, |rows| rows.all_readers(&id(1))).await;
    assert_eq!(secrets.iter().map(|fact| fact.secret.as_str()).collect::<Vec<_>>(), ["A", "A", "A", "B", "C"]);
    write(&store, |tx| tx.delete_workload(&workload_row(10, 1, "staging", "fn1"))).await;
    assert_eq!(read(&store, |rows| rows.all_readers(&id(1))).await, [job]);
}
