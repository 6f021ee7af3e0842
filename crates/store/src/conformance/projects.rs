//! Instance, projects, keys, namespaces, apps, epochs, and what goes with them when they go.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_model::{Id, Scope};

use super::fixture::{
    app, app_row, at, audit_row, fact, id, in_app, in_namespace, name, namespace, namespace_row, of_user, project_row,
    read, refused, secret_row, set, version_row, with_project, workload_row, write,
};
use super::logs::log_row;
use super::tokens::token_row;
use super::workloads::deployment_row;
use crate::port::{
    AuditFilter, InstanceRow, LogFilter, ProjectKeyRow, ProjectRow, SecretFilter, Stats, Store, StoreError,
    WorkloadKind,
};

fn key_row(project: u64, version: u32) -> ProjectKeyRow {
    ProjectKeyRow { project: id(project), version, wrapped: vec![7; 60], created_at: at(9) }
}

pub(super) async fn there_is_one_instance(store: Arc<dyn Store>) {
    let row =
        InstanceRow { id: id(77), key_check: vec![0, 255, 1], fingerprint: "ab:cd".to_owned(), created_at: at(0) };
    assert_eq!(read(&store, |rows| rows.instance()).await, None);
    let insert = row.clone();
    write(&store, move |tx| tx.insert_instance(&insert)).await;
    let other = InstanceRow { id: id(78), ..row.clone() };
    assert!(matches!(refused(&store, move |tx| tx.insert_instance(&other)).await, StoreError::Exists(_)));
    assert_eq!(read(&store, |rows| rows.instance()).await, Some(row));
}

pub(super) async fn projects_come_back_by_name(store: Arc<dyn Store>) {
    let rows = [project_row(2, "b"), project_row(1, "a"), project_row(3, "c-3")];
    let insert = rows.clone();
    write(&store, move |tx| insert.iter().try_for_each(|row| tx.insert_project(row))).await;
    let [b, a, c] = rows;
    assert_eq!(read(&store, |rows| rows.projects()).await, [a.clone(), b, c]);
    assert_eq!(read(&store, |rows| rows.project(&"a".parse().unwrap())).await, Some(a.clone()));
    assert_eq!(read(&store, |rows| rows.project(&"none-such".parse().unwrap())).await, None);
    let changed = ProjectRow { settings: "{}".to_owned(), mac: vec![8], ..a };
    let update = changed.clone();
    write(&store, move |tx| tx.update_project(&update)).await;
    assert_eq!(read(&store, |rows| rows.project(&"a".parse().unwrap())).await, Some(changed));
}

pub(super) async fn keys_namespaces_and_apps_come_back_in_order(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_project_key(&key_row(1, 2))?;
        tx.insert_project_key(&key_row(1, 1))?;
        tx.insert_app(&app_row(1, "staging", "a"))?;
        tx.insert_app(&app_row(1, "default", "b"))?;
        tx.insert_app(&app_row(1, "default", "a"))
    })
    .await;
    assert_eq!(read(&store, |rows| rows.project_keys(&id(1))).await, [key_row(1, 1), key_row(1, 2)]);
    let names = read(&store, |rows| rows.namespaces(&id(1))).await;
    assert_eq!(names, ["default", "production", "staging"].map(|of| namespace_row(1, of)));
    assert!(read(&store, |rows| rows.has_namespace(&id(1), &namespace("staging"))).await);
    assert!(!read(&store, |rows| rows.has_namespace(&id(2), &namespace("staging"))).await);
    let apps = read(&store, |rows| rows.apps(&id(1))).await;
    assert_eq!(apps, [app_row(1, "default", "a"), app_row(1, "default", "b"), app_row(1, "staging", "a")]);
    let found = read(&store, |rows| rows.app(&id(1), &namespace("staging"), &app("a"))).await;
    assert_eq!(found, Some(app_row(1, "staging", "a")));
    assert_eq!(read(&store, |rows| rows.app(&id(1), &namespace("staging"), &app("b"))).await, None);
}

pub(super) async fn what_is_there_is_refused_as_existing(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_project_key(&key_row(1, 1))?;
        tx.insert_app(&app_row(1, "default", "a"))
    })
    .await;
    let errors = [
        refused(&store, |tx| tx.insert_project(&project_row(2, "default"))).await,
        refused(&store, |tx| tx.insert_project(&project_row(1, "other"))).await,
        refused(&store, |tx| tx.insert_project_key(&key_row(1, 1))).await,
        refused(&store, |tx| tx.insert_namespace(&namespace_row(1, "staging"))).await,
        refused(&store, |tx| tx.insert_app(&app_row(1, "default", "a"))).await,
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Exists(_)), "{error}");
    }
}

pub(super) async fn a_row_without_its_owner_is_refused(store: Arc<dyn Store>) {
    with_project(&store).await;
    let errors = [
        refused(&store, |tx| tx.insert_project_key(&key_row(2, 1))).await,
        refused(&store, |tx| tx.insert_namespace(&namespace_row(2, "staging"))).await,
        refused(&store, |tx| tx.insert_app(&app_row(1, "none-such", "a"))).await,
        refused(&store, |tx| tx.insert_secret(&secret_row(10, 2, Scope::Global, "A"))).await,
        refused(&store, |tx| tx.insert_version(&version_row(10, 1))).await,
        refused(&store, |tx| tx.raise_epoch(&id(2), None).map(drop)).await,
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    }
}

pub(super) async fn epochs_rise_and_never_fall(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| tx.insert_project(&project_row(2, "other"))).await;
    let epochs = async || {
        read(&store, |rows| {
            Ok([rows.epoch(&id(1), &namespace("default"))?, rows.epoch(&id(1), &namespace("staging"))?])
        })
        .await
    };
    let raise = async |of: Option<&'static str>| {
        write(&store, move |tx| tx.raise_epoch(&id(1), of.map(namespace).as_ref())).await
    };
    assert_eq!(epochs().await, [0, 0]);
    let first = raise(Some("default")).await;
    assert!(first > 0);
    assert_eq!(epochs().await, [first, 0]);
    let second = raise(None).await;
    assert!(second > first);
    assert_eq!(epochs().await, [second, second]);
    let third = raise(Some("staging")).await;
    assert!(third > second);
    assert_eq!(epochs().await, [second, third]);
    write(&store, |tx| tx.delete_namespace(&id(1), &namespace("staging"))).await;
    write(&store, |tx| tx.insert_namespace(&namespace_row(1, "staging"))).await;
    assert_eq!(epochs().await, [second, third]);
    assert_eq!(read(&store, |rows| rows.epoch(&id(2), &namespace("default"))).await, 0);
}

pub(super) async fn concurrent_epochs_are_all_different(store: Arc<dyn Store>) {
    with_project(&store).await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let of = if n % 2 == 0 { None } else { Some(namespace("staging")) };
                write(&store, move |tx| tx.raise_epoch(&id(1), of.as_ref())).await
            })
        })
        .collect();
    let mut drawn = BTreeSet::new();
    for task in tasks {
        assert!(drawn.insert(task.await.unwrap()));
    }
    let epoch = read(&store, |rows| rows.epoch(&id(1), &namespace("staging"))).await;
    assert_eq!(Some(&epoch), drawn.last());
}

/// Fills a project with one of everything, ids counted from `base`.
async fn furnish(store: &Arc<dyn Store>, project: u64, base: u64) {
    write(store, move |tx| {
        tx.insert_project_key(&key_row(project, 1))?;
        tx.insert_app(&app_row(project, "staging", "shop"))?;
        set(tx, base, project, Scope::Global, "A")?;
        set(tx, base + 1, project, in_namespace("staging"), "A")?;
        set(tx, base + 2, project, in_app("staging", "shop"), "A")?;
        set(tx, base + 3, project, in_namespace("production"), "A")?;
        set(tx, base + 4, project, Scope::System, "A")?;
        set(tx, base + 5, project, of_user("u"), "A")?;
        let mut deleted = secret_row(base + 6, project, in_namespace("staging"), "GONE");
        deleted.deleted_at = Some(at(50));
        tx.insert_secret(&deleted)?;
        tx.insert_workload(&workload_row(base + 7, project, "staging", "fn1"))?;
        tx.insert_deployment(&deployment_row(base + 7, 1), b"code")?;
        tx.touch_read(&fact(project, "staging", WorkloadKind::Function, "fn1", "A", "env"))?;
        tx.touch_read(&fact(project, "staging", WorkloadKind::App, "shop", "A", "env"))?;
        tx.touch_read(&fact(project, "production", WorkloadKind::Function, "fn1", "A", "env"))?;
        tx.insert_token(&token_row(base + 8, project))?;
        tx.append_logs(&[log_row(project, "execution", "hello")])?;
        tx.raise_epoch(&id(project), None)?;
        Ok(())
    })
    .await;
}

/// What is left of the `n`th furnished secret: whether its head is live, and its version.
async fn left(store: &Arc<dyn Store>, project: Id, base: u64) -> Vec<u64> {
    let filter = SecretFilter { scopes: all_kinds(), limit: 100, ..SecretFilter::default() };
    let heads = read(store, |rows| rows.list_secrets(&project, &filter)).await;
    let mut found = Vec::new();
    for n in 0..7 {
        let version = read(store, |rows| rows.version(&id(base + n), 1)).await;
        assert_eq!(version.is_some(), heads.iter().any(|head| head.id == id(base + n)), "{n}");
        if version.is_some() {
            found.push(n);
        }
    }
    found
}

pub(super) fn all_kinds() -> Vec<strongroom_model::ScopeKind> {
    ["global", "namespace", "app", "system", "user"]
        .map(|word| strongroom_model::ScopeKind::from_word(word).unwrap())
        .to_vec()
}

pub(super) async fn a_project_takes_everything_with_it_but_its_audit_records(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_project(&project_row(2, "other"))?;
        tx.insert_namespace(&namespace_row(2, "staging"))?;
        tx.append_audit(&audit_row("node", 1, "project.create"))
    })
    .await;
    furnish(&store, 1, 100).await;
    furnish(&store, 2, 200).await;
    assert!(write(&store, |tx| tx.delete_project(&id(1))).await);
    assert!(!write(&store, |tx| tx.delete_project(&id(1))).await);
    assert_eq!(left(&store, id(1), 100).await, [0; 0]);
    assert_eq!(left(&store, id(2), 200).await, [0, 1, 2, 3, 4, 5]);
    read(&store, |rows| {
        assert_eq!(rows.project(&"default".parse().unwrap())?, None);
        assert_eq!(rows.project_keys(&id(1))?, []);
        assert_eq!(rows.namespaces(&id(1))?, []);
        assert_eq!(rows.apps(&id(1))?, []);
        assert_eq!(rows.workloads(&id(1), None, WorkloadKind::Function)?, []);
        assert_eq!(rows.bundle(&id(107), 1)?, None);
        assert_eq!(rows.all_readers(&id(1))?, []);
        assert_eq!(rows.tokens(&id(1))?, []);
        assert_eq!(rows.token_by_digest(&token_row(108, 1).digest)?, None);
        assert_eq!(rows.logs(&id(1), &LogFilter { limit: 9, scan: 9, ..LogFilter::default() })?.rows, []);
        assert_eq!(rows.deleted_secret(&id(1), &in_namespace("staging"), &name("GONE"))?, None);
        assert_eq!(rows.stats(&id(1), at(0), at(9))?, Stats::default());
        assert_eq!(rows.audit(&AuditFilter { limit: 9, ..AuditFilter::default() })?.len(), 1);
        assert_eq!(rows.bundle(&id(207), 1)?.as_deref(), Some(b"code".as_slice()));
        assert_eq!(rows.logs(&id(2), &LogFilter { limit: 9, scan: 9, ..LogFilter::default() })?.rows.len(), 1);
        Ok(())
    })
    .await;
}

pub(super) async fn a_namespace_takes_what_is_in_it(store: Arc<dyn Store>) {
    with_project(&store).await;
    furnish(&store, 1, 100).await;
    assert!(write(&store, |tx| tx.delete_namespace(&id(1), &namespace("staging"))).await);
    assert!(!write(&store, |tx| tx.delete_namespace(&id(1), &namespace("staging"))).await);
    assert_eq!(left(&store, id(1), 100).await, [0, 3, 4, 5]);
    read(&store, |rows| {
        assert_eq!(rows.apps(&id(1))?, []);
        assert_eq!(rows.workloads(&id(1), None, WorkloadKind::Function)?, []);
        assert_eq!(rows.deleted_secret(&id(1), &in_namespace("staging"), &name("GONE"))?, None);
        let facts = rows.all_readers(&id(1))?;
        assert_eq!(facts, [fact(1, "production", WorkloadKind::Function, "fn1", "A", "env")]);
        Ok(())
    })
    .await;
}

pub(super) async fn an_app_takes_its_secrets_and_usage(store: Arc<dyn Store>) {
    with_project(&store).await;
    furnish(&store, 1, 100).await;
    assert!(write(&store, |tx| tx.delete_app(&id(1), &namespace("staging"), &app("shop"))).await);
    assert!(!write(&store, |tx| tx.delete_app(&id(1), &namespace("staging"), &app("shop"))).await);
    assert_eq!(left(&store, id(1), 100).await, [0, 1, 3, 4, 5]);
    let facts = read(&store, |rows| rows.readers(&id(1), &name("A"))).await;
    assert!(facts.iter().all(|fact| fact.kind == WorkloadKind::Function));
    assert_eq!(facts.len(), 2);
}
