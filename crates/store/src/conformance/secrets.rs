//! Secrets and their versions.

use std::sync::Arc;

use strongroom_model::{Scope, ScopeKind};

use super::fixture::{
    app, at, id, in_app, in_namespace, name, namespace, of_user, read, refused, secret_row, set, version_row,
    with_project, write,
};
use crate::port::{SealedRow, SecretRow, Stats, Store, StoreError, VersionKind, VersionRow};

fn full_row() -> SecretRow {
    SecretRow {
        description: Some("for people: ä, 'quoted', %_".to_owned()),
        expires_at: Some(at(1_000)),
        version: 3,
        value_set_at: Some(at(-5)),
        mac: (0..=255).collect(),
        ..secret_row(10, 1, in_app("staging", "shop"), "__proto__")
    }
}

pub(super) async fn a_head_comes_back_as_it_was_written(store: Arc<dyn Store>) {
    with_project(&store).await;
    let scopes = [
        Scope::Global,
        in_namespace("staging"),
        in_app("staging", "shop"),
        Scope::System,
        of_user("5f0c-ä@example.com"),
    ];
    for (n, scope) in (10..).zip(scopes) {
        let row = SecretRow { id: id(n), scope: scope.clone(), ..full_row() };
        let insert = row.clone();
        write(&store, move |tx| tx.insert_secret(&insert)).await;
        let found = read(&store, |rows| rows.secret(&id(1), &scope, &name("__proto__"))).await;
        assert_eq!(found, Some(row.clone()));
        let changed = SecretRow {
            description: None,
            expires_at: None,
            version: 4,
            updated_at: at(9_999),
            updated_by: "another".to_owned(),
            value_set_at: None,
            mac: vec![],
            ..row
        };
        let update = changed.clone();
        assert!(write(&store, move |tx| tx.update_secret(&update)).await);
        assert_eq!(read(&store, |rows| rows.secret(&id(1), &scope, &name("__proto__"))).await, Some(changed));
    }
    assert!(!write(&store, |tx| tx.update_secret(&secret_row(99, 1, Scope::Global, "NONE"))).await);
    let all = read(&store, |rows| rows.elsewhere(&id(1), &name("__proto__"))).await;
    let kinds: Vec<_> = all.iter().map(|row| row.scope.kind()).collect();
    assert_eq!(kinds, [ScopeKind::App, ScopeKind::Global, ScopeKind::Namespace, ScopeKind::System]);
}

pub(super) async fn one_live_name_in_a_scope_also_when_case_is_ignored(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        set(tx, 10, 1, Scope::Global, "Api_Key")?;
        set(tx, 11, 1, in_namespace("staging"), "API_KEY")?;
        set(tx, 12, 1, of_user("u"), "API_KEY")?;
        set(tx, 13, 1, of_user("U"), "api_key")
    })
    .await;
    for (n, scope, text) in [
        (20, Scope::Global, "Api_Key"),
        (21, Scope::Global, "API_KEY"),
        (22, in_namespace("staging"), "api_key"),
        (23, of_user("u"), "Api_key"),
    ] {
        let error = refused(&store, move |tx| tx.insert_secret(&secret_row(n, 1, scope, text))).await;
        assert!(matches!(error, StoreError::Exists(_)), "{text}: {error}");
    }
    read(&store, |rows| {
        assert_eq!(rows.case_twin(&id(1), &Scope::Global, &name("API_KEY"))?, Some(name("Api_Key")));
        assert_eq!(rows.case_twin(&id(1), &Scope::Global, &name("Api_Key"))?, None);
        assert_eq!(rows.case_twin(&id(1), &Scope::System, &name("API_KEY"))?, None);
        assert_eq!(rows.case_twin(&id(1), &of_user("U"), &name("API_KEY"))?, Some(name("api_key")));
        assert_eq!(rows.secret(&id(1), &Scope::Global, &name("API_KEY"))?, None);
        assert_eq!(rows.secret(&id(2), &Scope::Global, &name("Api_Key"))?, None);
        Ok(())
    })
    .await;
}

pub(super) async fn a_deleted_secret_can_come_back_unless_its_name_is_taken(store: Arc<dyn Store>) {
    with_project(&store).await;
    let deleted =
        |n: u64, millis: i64| SecretRow { deleted_at: Some(at(millis)), ..secret_row(n, 1, Scope::Global, "A") };
    let (first, second) = (deleted(10, 100), deleted(11, 200));
    let insert = [first.clone(), second.clone()];
    write(&store, move |tx| insert.iter().try_for_each(|row| tx.insert_secret(row))).await;
    read(&store, |rows| {
        assert_eq!(rows.secret(&id(1), &Scope::Global, &name("A"))?, None);
        assert_eq!(rows.deleted_secret(&id(1), &Scope::Global, &name("A"))?, Some(second.clone()));
        assert_eq!(rows.deleted_secret(&id(1), &Scope::System, &name("A"))?, None);
        assert_eq!(rows.elsewhere(&id(1), &name("A"))?, []);
        assert_eq!(rows.deleted_secrets(&id(1), at(100), 9)?, [second.clone(), first.clone()]);
        assert_eq!(rows.deleted_secrets(&id(1), at(100), 1)?, std::slice::from_ref(&second));
        assert_eq!(rows.deleted_secrets(&id(1), at(101), 9)?, std::slice::from_ref(&second));
        assert_eq!(rows.deleted_secrets(&id(2), at(0), 9)?, []);
        Ok(())
    })
    .await;
    let restored = SecretRow { deleted_at: None, ..second };
    let update = restored.clone();
    assert!(write(&store, move |tx| tx.update_secret(&update)).await);
    assert_eq!(read(&store, |rows| rows.secret(&id(1), &Scope::Global, &name("A"))).await, Some(restored));
    let taken = SecretRow { deleted_at: None, ..first };
    let error = refused(&store, move |tx| tx.update_secret(&taken).map(drop)).await;
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
}

pub(super) async fn versions_are_gapless_under_concurrent_writers(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| tx.insert_secret(&secret_row(10, 1, Scope::Global, "A"))).await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..4 {
                    write(&store, |tx| {
                        let head = tx.secret(&id(1), &Scope::Global, &name("A"))?;
                        let head = head.ok_or(StoreError::Damaged("the head is gone"))?;
                        let version = head.version + 1;
                        tx.insert_version(&version_row(10, version))?;
                        tx.update_secret(&SecretRow { version, ..head }).map(drop)
                    })
                    .await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let versions = read(&store, |rows| rows.versions(&id(10))).await;
    let numbers: Vec<_> = versions.iter().rev().map(|row| row.version).collect();
    assert_eq!(numbers, (1..=256).collect::<Vec<u64>>());
    let error = refused(&store, |tx| tx.insert_version(&version_row(10, 256))).await;
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
}

pub(super) async fn versions_come_newest_first_without_envelopes(store: Arc<dyn Store>) {
    with_project(&store).await;
    let back =
        VersionRow { kind: VersionKind::Rollback, from_version: Some(1), envelope: vec![], ..version_row(10, 2) };
    let insert = back.clone();
    write(&store, move |tx| {
        set(tx, 10, 1, Scope::Global, "A")?;
        tx.insert_version(&insert)
    })
    .await;
    read(&store, |rows| {
        assert_eq!(rows.version(&id(10), 1)?, Some(version_row(10, 1)));
        assert_eq!(rows.version(&id(10), 2)?, Some(back.clone()));
        assert_eq!(rows.version(&id(10), 3)?, None);
        let first = VersionRow { envelope: vec![], ..version_row(10, 1) };
        assert_eq!(rows.versions(&id(10))?, [back, first]);
        Ok(())
    })
    .await;
}

pub(super) async fn candidates_are_what_a_workload_may_see(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        set(tx, 10, 1, Scope::Global, "A")?;
        set(tx, 11, 1, in_namespace("staging"), "A")?;
        set(tx, 12, 1, in_namespace("production"), "A")?;
        set(tx, 13, 1, in_app("staging", "shop"), "A")?;
        set(tx, 14, 1, in_app("staging", "other"), "A")?;
        set(tx, 15, 1, in_app("production", "shop"), "A")?;
        set(tx, 16, 1, Scope::System, "A")?;
        set(tx, 17, 1, of_user("u"), "A")?;
        set(tx, 18, 1, Scope::Global, "a_other")?;
        tx.insert_secret(&secret_row(19, 1, in_namespace("staging"), "DECLARED"))?;
        tx.insert_secret(&SecretRow { deleted_at: Some(at(1)), ..secret_row(20, 1, Scope::Global, "GONE") })
    })
    .await;
    let ids = |mut rows: Vec<SealedRow>| {
        rows.sort_by_key(|row| row.head.id);
        rows.iter().map(|row| row.head.id).collect::<Vec<_>>()
    };
    read(&store, |rows| {
        let staging = namespace("staging");
        let shop = app("shop");
        let found = rows.candidates(&id(1), &staging, Some(&shop), &name("A"))?;
        for row in &found {
            let version = rows.version(&row.head.id, 1)?.unwrap();
            assert_eq!(row.envelope.as_ref(), Some(&version.envelope));
        }
        assert_eq!(ids(found), [id(10), id(11), id(13)]);
        assert_eq!(ids(rows.candidates(&id(1), &staging, None, &name("A"))?), [id(10), id(11)]);
        assert_eq!(ids(rows.candidates(&id(1), &namespace("default"), Some(&shop), &name("A"))?), [id(10)]);
        assert_eq!(ids(rows.candidates(&id(1), &staging, None, &name("a"))?), []);
        assert_eq!(ids(rows.candidates(&id(1), &staging, None, &name("GONE"))?), []);
        let declared = rows.candidates(&id(1), &staging, None, &name("DECLARED"))?;
        assert_eq!(declared.first().map(|row| (row.head.version, row.envelope.clone())), Some((0, None)));
        let all = rows.all_candidates(&id(1), &staging, Some(&shop))?;
        let names: Vec<_> = all.iter().map(|row| row.head.name.as_str()).collect();
        assert_eq!(names, ["A", "A", "A", "DECLARED", "a_other"]);
        assert_eq!(ids(all), [id(10), id(11), id(13), id(18), id(19)]);
        assert_eq!(ids(rows.sealed_in_scope(&id(1), &Scope::System)?), [id(16)]);
        assert_eq!(ids(rows.sealed_in_scope(&id(1), &of_user("u"))?), [id(17)]);
        assert_eq!(ids(rows.sealed_in_scope(&id(1), &of_user("v"))?), []);
        let global: Vec<_> = rows.sealed_in_scope(&id(1), &Scope::Global)?.iter().map(|row| row.head.id).collect();
        assert_eq!(global, [id(10), id(18)]);
        Ok(())
    })
    .await;
}

pub(super) async fn a_value_that_has_gone_is_damage_and_not_absence(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| tx.insert_secret(&SecretRow { version: 1, ..secret_row(10, 1, Scope::Global, "A") })).await;
    let found: Result<Vec<SealedRow>, StoreError> =
        store.read(|rows| rows.candidates(&id(1), &namespace("default"), None, &name("A"))).await;
    assert!(matches!(found, Err(StoreError::Damaged(_))));
}

pub(super) async fn purging_erases_heads_and_versions(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        set(tx, 10, 1, Scope::Global, "LIVE")?;
        for (n, millis) in [(11, 100), (12, 200), (13, 300)] {
            set(tx, n, 1, Scope::Global, "GONE")?;
            let row = tx.secret(&id(1), &Scope::Global, &name("GONE"))?.unwrap();
            tx.update_secret(&SecretRow { deleted_at: Some(at(millis)), ..row })?;
        }
        Ok(())
    })
    .await;
    assert_eq!(write(&store, |tx| tx.purge_deleted(at(200))).await, 1);
    let left = async |n: u64| read(&store, |rows| rows.version(&id(n), 1)).await.is_some();
    assert_eq!([left(10).await, left(11).await, left(12).await, left(13).await], [true, false, true, true]);
    assert!(write(&store, |tx| tx.purge_secret(&id(13))).await);
    assert!(write(&store, |tx| tx.purge_secret(&id(10))).await);
    assert!(!write(&store, |tx| tx.purge_secret(&id(10))).await);
    assert_eq!([left(10).await, left(12).await, left(13).await], [false, true, false]);
    assert_eq!(read(&store, |rows| rows.secret(&id(1), &Scope::Global, &name("LIVE"))).await, None);
}

pub(super) async fn stats_count_by_window_over_three_scopes(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        let scopes = [Scope::Global, in_namespace("staging"), in_app("staging", "shop"), Scope::System, of_user("u")];
        for (n, scope) in (0_u64..).zip(scopes) {
            for (k, expires) in (0_u64..).zip([None, Some(at(100)), Some(at(101)), Some(at(200)), Some(at(201))]) {
                let version = u64::from(k != 2);
                let text = format!("NAME_{k}");
                let row = secret_row(n * 10 + k, 1, scope.clone(), &text);
                tx.insert_secret(&SecretRow { expires_at: expires, version, ..row })?;
            }
        }
        let gone = secret_row(90, 1, Scope::Global, "GONE");
        tx.insert_secret(&SecretRow { expires_at: Some(at(1)), deleted_at: Some(at(1)), ..gone })
    })
    .await;
    // at 100: the very instant counts as expired, the end of the window as soon
    let stats = read(&store, |rows| rows.stats(&id(1), at(100), at(200))).await;
    assert_eq!(stats, Stats { total: 15, expiring_soon: 6, expired: 3, without_value: 3 });
    assert_eq!(read(&store, |rows| rows.stats(&id(2), at(100), at(200))).await, Stats::default());
    // after 100: one at 101, 200 and 201 in each of four scopes, soonest first; the user's and the deleted one are not there
    let expiring = read(&store, |rows| rows.expiring(&id(1), at(100), 10)).await;
    let times: Vec<_> = expiring.iter().filter_map(|row| row.expires_at).collect();
    assert_eq!(times, [vec![at(101); 4], vec![at(200); 4], vec![at(201); 2]].concat());
    assert!(read(&store, |rows| rows.expiring(&id(2), at(0), 10)).await.is_empty());
}
