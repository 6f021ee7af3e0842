//! Who a person is at a sign-in provider.

use std::sync::Arc;

use super::fixture::{at, id, read, refused, write};
use super::people::user_row;
use crate::port::{IdentityRow, Store, StoreError};

fn identity_row(issuer: &str, subject: &str, user: u64) -> IdentityRow {
    IdentityRow {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        user: id(user),
        label: format!("{subject}@example.com"),
        created_at: at(5),
        mac: vec![3; 32],
    }
}

pub(super) async fn a_person_has_one_identity_at_a_provider(store: Arc<dyn Store>) {
    let rows =
        [identity_row("https://a", "s", 1), identity_row("https://b", "s", 1), identity_row("https://b", "S", 2)];
    let inserted = rows.clone();
    write(&store, move |tx| {
        tx.insert_user(&user_row(1, "ada"))?;
        tx.insert_user(&user_row(2, "bob"))?;
        inserted.iter().try_for_each(|row| tx.insert_identity(row))
    })
    .await;
    for taken in [identity_row("https://a", "s", 2), identity_row("https://a", "other", 1)] {
        let error = refused(&store, move |tx| tx.insert_identity(&taken)).await;
        assert!(matches!(error, StoreError::Exists(_)), "{error}");
    }
    let orphan = identity_row("https://c", "s", 77);
    assert!(matches!(refused(&store, move |tx| tx.insert_identity(&orphan)).await, StoreError::Damaged(_)));
    let [a, b, other] = rows;
    read(&store, |rows| {
        assert_eq!(rows.identity("https://b", "s")?.as_ref(), Some(&b));
        assert_eq!(rows.identity("https://b", "S")?.as_ref(), Some(&other));
        for unknown in [("https://B", "s"), ("https://b/", "s"), ("https://a", "S"), ("", "")] {
            assert_eq!(rows.identity(unknown.0, unknown.1)?, None, "{unknown:?}");
        }
        assert_eq!(rows.identities(&id(1))?, [a.clone(), b.clone()]);
        Ok(())
    })
    .await;
    assert!(write(&store, |tx| tx.delete_identity("https://a", "s")).await);
    assert!(!write(&store, |tx| tx.delete_identity("https://a", "s")).await);
    assert_eq!(read(&store, |rows| rows.identities(&id(1))).await, [b]);
    assert!(write(&store, |tx| tx.delete_user(&id(1))).await);
    assert_eq!(read(&store, |rows| rows.identity("https://b", "s")).await, None);
}
