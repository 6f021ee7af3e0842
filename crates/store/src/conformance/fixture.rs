//! Rows to test with. Everything is determined: ids are counted, times are fixed.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_model::{AppId, Id, NamespaceName, Scope, SecretName};

use crate::port::{
    AppRow, AuditRow, NamespaceRow, ProjectRow, ReadFact, Rows, SecretRow, Store, StoreError, Tx, VersionKind,
    VersionRow, WorkloadKind, WorkloadRow,
};

/// The `n`th id.
pub(super) fn id(n: u64) -> Id {
    let mut bytes = [0xa5; 16];
    for (byte, digit) in bytes.iter_mut().rev().zip(n.to_le_bytes()) {
        *byte = digit;
    }
    Id::from_bytes(bytes)
}

/// A time, `millis` after a fixed one.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
}

pub(super) fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

pub(super) fn namespace(text: &str) -> NamespaceName {
    text.parse().unwrap()
}

pub(super) fn app(text: &str) -> AppId {
    text.parse().unwrap()
}

pub(super) fn in_namespace(text: &str) -> Scope {
    Scope::Namespace(namespace(text))
}

pub(super) fn in_app(of: &str, text: &str) -> Scope {
    Scope::App(namespace(of), app(text))
}

pub(super) fn of_user(text: &str) -> Scope {
    Scope::User(text.parse().unwrap())
}

/// A write that succeeds.
pub(super) async fn write<T: Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

/// The error of a write that fails.
pub(super) async fn refused(
    store: &Arc<dyn Store>,
    work: impl FnOnce(&mut dyn Tx) -> Result<(), StoreError> + Send + 'static,
) -> StoreError {
    store.write(work).await.unwrap_err()
}

/// A read that succeeds.
pub(super) async fn read<T: Send>(
    store: &Arc<dyn Store>,
    work: impl FnOnce(&mut dyn Rows) -> Result<T, StoreError> + Send,
) -> T {
    store.read(work).await.unwrap()
}

pub(super) fn project_row(n: u64, name: &str) -> ProjectRow {
    ProjectRow {
        id: id(n),
        name: name.parse().unwrap(),
        settings: r#"{"reveal":false}"#.to_owned(),
        created_at: at(1),
        created_by: "owner".to_owned(),
        mac: vec![1, 2, 3],
    }
}

pub(super) fn namespace_row(project: u64, name: &str) -> NamespaceRow {
    NamespaceRow { project: id(project), name: namespace(name), created_at: at(2), created_by: "owner".to_owned() }
}

pub(super) fn app_row(project: u64, of: &str, text: &str) -> AppRow {
    AppRow {
        project: id(project),
        namespace: namespace(of),
        id: app(text),
        label: Some("An app".to_owned()),
        created_at: at(3),
        created_by: "owner".to_owned(),
    }
}

/// A head without a value.
pub(super) fn secret_row(n: u64, project: u64, scope: Scope, name: &str) -> SecretRow {
    SecretRow {
        id: id(n),
        project: id(project),
        scope,
        name: super::fixture::name(name),
        description: None,
        expires_at: None,
        version: 0,
        created_at: at(4),
        created_by: "owner".to_owned(),
        updated_at: at(5),
        updated_by: "owner".to_owned(),
        value_set_at: None,
        deleted_at: None,
        mac: vec![9; 32],
    }
}

pub(super) fn version_row(secret: u64, version: u64) -> VersionRow {
    VersionRow {
        secret: id(secret),
        version,
        kind: VersionKind::Set,
        from_version: None,
        envelope: format!("sealed {secret}/{version}").into_bytes(),
        created_at: at(6),
        created_by: "owner".to_owned(),
    }
}

/// Adds a secret with one version.
pub(super) fn set(tx: &mut dyn Tx, n: u64, project: u64, scope: Scope, name: &str) -> Result<(), StoreError> {
    tx.insert_secret(&SecretRow { version: 1, value_set_at: Some(at(6)), ..secret_row(n, project, scope, name) })?;
    tx.insert_version(&version_row(n, 1))
}

pub(super) fn workload_row(n: u64, project: u64, of: &str, name: &str) -> WorkloadRow {
    WorkloadRow {
        id: id(n),
        project: id(project),
        namespace: namespace(of),
        kind: WorkloadKind::Function,
        name: name.parse().unwrap(),
        active: 1,
        created_at: at(7),
        updated_at: at(8),
        updated_by: "deployer".to_owned(),
        mac: vec![4, 5],
    }
}

pub(super) fn fact(project: u64, of: &str, kind: WorkloadKind, workload: &str, secret: &str, via: &str) -> ReadFact {
    ReadFact {
        project: id(project),
        namespace: namespace(of),
        kind,
        workload: workload.to_owned(),
        secret: name(secret),
        via: via.to_owned(),
        last_read_at: None,
    }
}

/// A record whose link is told apart from others by node and number.
pub(super) fn audit_row(node: &str, seq: u64, action: &str) -> AuditRow {
    let mut link = [0; 32];
    for (byte, from) in link.iter_mut().zip(node.bytes().chain(seq.to_be_bytes())) {
        *byte = from;
    }
    AuditRow {
        node: node.to_owned(),
        seq,
        at: at(i64::try_from(seq.min(1_000_000)).unwrap()),
        project: "default".to_owned(),
        action: action.to_owned(),
        record: format!(r#"{{"seq":{seq},"what":"{action} 100%_"}}"#),
        link,
    }
}

/// A store with project 1 `default` and its namespaces `default`, `production`, `staging`.
pub(super) async fn with_project(store: &Arc<dyn Store>) {
    write(store, |tx| {
        tx.insert_project(&project_row(1, "default"))?;
        for of in ["default", "production", "staging"] {
            tx.insert_namespace(&namespace_row(1, of))?;
        }
        Ok(())
    })
    .await;
}
