//! Tokens and idempotency keys.

use std::sync::Arc;

use super::fixture::{at, id, project_row, read, refused, with_project, write};
use crate::port::{Store, StoreError, TokenRow};

pub(super) fn token_row(n: u64, project: u64) -> TokenRow {
    TokenRow {
        id: id(n),
        project: id(project),
        name: "ci".to_owned(),
        digest: n.to_be_bytes().repeat(4),
        grant: r#"{"capabilities":[]}"#.to_owned(),
        expires_at: Some(at(1_000)),
        created_at: at(i64::try_from(n).unwrap()),
        created_by: "owner".to_owned(),
        last_used_at: None,
        revoked_at: None,
        mac: vec![3; 32],
    }
}

pub(super) async fn tokens_are_found_by_digest_and_by_id_in_their_project(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_project(&project_row(2, "other"))?;
        [(10, 1), (12, 1), (11, 1), (20, 2)]
            .into_iter()
            .try_for_each(|(n, project)| tx.insert_token(&token_row(n, project)))
    })
    .await;
    for row in [token_row(10, 2), TokenRow { digest: token_row(10, 1).digest, ..token_row(99, 1) }] {
        let error = refused(&store, move |tx| tx.insert_token(&row)).await;
        assert!(matches!(error, StoreError::Exists(_)), "{error}");
    }
    read(&store, |rows| {
        assert_eq!(rows.tokens(&id(1))?, [token_row(12, 1), token_row(11, 1), token_row(10, 1)]);
        assert_eq!(rows.token_by_digest(&token_row(20, 2).digest)?, Some(token_row(20, 2)));
        assert_eq!(rows.token_by_digest(b"")?, None);
        assert_eq!(rows.token(&id(1), &id(10))?, Some(token_row(10, 1)));
        assert_eq!(rows.token(&id(2), &id(10))?, None);
        Ok(())
    })
    .await;
}

pub(super) async fn revocation_and_use_are_written_down(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| tx.insert_token(&token_row(10, 1))).await;
    write(&store, |tx| {
        tx.touch_token(&id(10), at(50))?;
        tx.touch_token(&id(10), at(40))?;
        tx.touch_token(&id(77), at(40))
    })
    .await;
    let used = TokenRow { last_used_at: Some(at(50)), ..token_row(10, 1) };
    assert_eq!(read(&store, |rows| rows.token(&id(1), &id(10))).await, Some(used.clone()));
    let revoked = TokenRow { revoked_at: Some(at(60)), mac: vec![], ..used };
    let update = revoked.clone();
    assert!(write(&store, move |tx| tx.update_token(&update)).await);
    assert!(!write(&store, |tx| tx.update_token(&token_row(77, 1))).await);
    assert_eq!(read(&store, |rows| rows.token_by_digest(&token_row(10, 1).digest)).await, Some(revoked));
    assert!(!write(&store, |tx| tx.delete_token(&id(2), &id(10))).await);
    assert!(write(&store, |tx| tx.delete_token(&id(1), &id(10))).await);
    assert_eq!(read(&store, |rows| rows.token(&id(1), &id(10))).await, None);
}

pub(super) async fn tokens_that_ended_are_erased_after_a_while(store: Arc<dyn Store>) {
    with_project(&store).await;
    let ends = |n: u64, expires: Option<i64>, revoked: Option<i64>| TokenRow {
        expires_at: expires.map(at),
        revoked_at: revoked.map(at),
        ..token_row(n, 1)
    };
    write(&store, move |tx| {
        let rows = [
            ends(10, None, None),
            ends(11, Some(100), None),
            ends(12, None, Some(100)),
            ends(13, Some(101), None),
            ends(14, Some(900), Some(101)),
        ];
        rows.iter().try_for_each(|row| tx.insert_token(row))
    })
    .await;
    assert_eq!(write(&store, |tx| tx.prune_tokens(at(100))).await, 0);
    assert_eq!(write(&store, |tx| tx.prune_tokens(at(101))).await, 2);
    let left = read(&store, |rows| rows.tokens(&id(1))).await;
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [id(14), id(13), id(10)]);
}

pub(super) async fn an_idempotency_key_is_used_once(store: Arc<dyn Store>) {
    write(&store, |tx| {
        tx.remember_idempotent("tokens", "k", "answer", at(1))?;
        tx.remember_idempotent("other", "k", "another", at(2))
    })
    .await;
    let error = refused(&store, |tx| tx.remember_idempotent("tokens", "k", "late", at(3))).await;
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    read(&store, |rows| {
        assert_eq!(rows.idempotent("tokens", "k")?.as_deref(), Some("answer"));
        assert_eq!(rows.idempotent("other", "k")?.as_deref(), Some("another"));
        assert_eq!(rows.idempotent("tokens", "K")?, None);
        Ok(())
    })
    .await;
    assert_eq!(write(&store, |tx| tx.prune_idempotent(at(2))).await, 1);
    assert_eq!(read(&store, |rows| rows.idempotent("tokens", "k")).await, None);
    assert!(matches!(
        refused(&store, |tx| tx.remember_idempotent("other", "k", "late", at(3))).await,
        StoreError::Exists(_)
    ));
}
