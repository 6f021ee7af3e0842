//! Fill-in links.

use std::sync::Arc;

use super::fixture::{at, id, project_row, read, refused, with_project, write};
use crate::port::{LinkRow, Store, StoreError};

fn link_row(n: u64, project: u64) -> LinkRow {
    LinkRow {
        id: id(n),
        project: id(project),
        digest: n.to_be_bytes().repeat(4),
        terms: r#"{"names":["A"]}"#.to_owned(),
        created_at: at(i64::try_from(n).unwrap()),
        created_by: "owner".to_owned(),
        expires_at: at(1_000),
        filled_at: None,
        filled_from: None,
        revoked_at: None,
        mac: vec![3; 32],
    }
}

pub(super) async fn links_are_found_by_digest_and_by_id_in_their_project(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_project(&project_row(2, "other"))?;
        [(10, 1), (12, 1), (11, 1), (20, 2)]
            .into_iter()
            .try_for_each(|(n, project)| tx.insert_link(&link_row(n, project)))
    })
    .await;
    let twin = LinkRow { digest: link_row(10, 1).digest, ..link_row(99, 1) };
    let error = refused(&store, move |tx| tx.insert_link(&twin)).await;
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    read(&store, |rows| {
        assert_eq!(rows.links(&id(1))?, [link_row(12, 1), link_row(11, 1), link_row(10, 1)]);
        assert_eq!(rows.link_by_digest(&link_row(20, 2).digest)?, Some(link_row(20, 2)));
        assert_eq!(rows.link_by_digest(b"")?, None);
        assert_eq!(rows.link(&id(1), &id(10))?, Some(link_row(10, 1)));
        assert_eq!(rows.link(&id(2), &id(10))?, None);
        Ok(())
    })
    .await;
    write(&store, |tx| tx.delete_project(&id(2)).map(drop)).await;
    assert_eq!(read(&store, |rows| rows.link_by_digest(&link_row(20, 2).digest)).await, None);
}

pub(super) async fn use_and_revocation_are_written_down_and_old_links_erased(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| tx.insert_link(&link_row(10, 1))).await;
    write(&store, |tx| tx.insert_link(&LinkRow { expires_at: at(2_000), ..link_row(11, 1) })).await;
    let used = LinkRow {
        filled_at: Some(at(60)),
        filled_from: Some("192.0.2.1".to_owned()),
        revoked_at: Some(at(70)),
        mac: vec![9; 32],
        ..link_row(10, 1)
    };
    let update = used.clone();
    assert!(write(&store, move |tx| tx.update_link(&update)).await);
    assert!(!write(&store, |tx| tx.update_link(&link_row(77, 1))).await);
    assert_eq!(read(&store, |rows| rows.link(&id(1), &id(10))).await, Some(used));
    assert_eq!(write(&store, |tx| tx.prune_links(at(1_001))).await, 1);
    assert_eq!(read(&store, |rows| rows.links(&id(1))).await.len(), 1);
}
