//! Users, memberships, sessions, invitations.

use std::sync::Arc;

use super::fixture::{at, id, project_row, read, refused, with_project, write};
use crate::port::{InvitationRow, MemberRow, SessionRow, Store, StoreError, UserRow};

pub(super) fn user_row(n: u64, name: &str) -> UserRow {
    UserRow {
        id: id(n),
        name: name.parse().unwrap(),
        is_admin: false,
        is_disabled: false,
        generation: 1,
        password: "$argon2id$…".to_owned(),
        factor: None,
        factor_step: 0,
        recovery: "[]".to_owned(),
        created_at: at(1),
        created_by: "owner".to_owned(),
        signed_in_at: None,
        mac: vec![7; 32],
    }
}

fn member_row(project: u64, user: u64, created: i64) -> MemberRow {
    MemberRow {
        project: id(project),
        user: id(user),
        access: r#"{"role":"viewer"}"#.to_owned(),
        created_at: at(created),
        created_by: "owner".to_owned(),
        mac: vec![8; 32],
    }
}

fn session_row(n: u64, user: u64) -> SessionRow {
    SessionRow {
        id: id(n),
        user: id(user),
        digest: n.to_be_bytes().repeat(4),
        kind: "browser".to_owned(),
        generation: 1,
        created_at: at(i64::try_from(n).unwrap()),
        proved_at: at(5),
        expires_at: at(1_000),
        last_used_at: at(5),
        source: "127.0.0.1".to_owned(),
        label: "Firefox".to_owned(),
        mac: vec![9; 32],
    }
}

fn invitation_row(n: u64, name: &str) -> InvitationRow {
    InvitationRow {
        id: id(n),
        name: name.parse().unwrap(),
        digest: n.to_be_bytes().repeat(4),
        access: "{}".to_owned(),
        created_at: at(i64::try_from(n).unwrap()),
        created_by: "owner".to_owned(),
        expires_at: at(100),
        closed_at: None,
        mac: vec![6; 32],
    }
}

pub(super) async fn users_come_back_by_name_and_id(store: Arc<dyn Store>) {
    assert_eq!(read(&store, |rows| rows.count_users()).await, 0);
    write(&store, |tx| {
        tx.insert_user(&user_row(12, "zoe"))?;
        tx.insert_user(&user_row(11, "ada@example.com"))
    })
    .await;
    for row in [user_row(13, "zoe"), user_row(12, "other")] {
        let error = refused(&store, move |tx| tx.insert_user(&row)).await;
        assert!(matches!(error, StoreError::Exists(_)), "{error}");
    }
    let changed = UserRow {
        is_admin: true,
        is_disabled: true,
        generation: 9,
        password: String::new(),
        factor: Some(vec![1, 2]),
        factor_step: 77,
        recovery: r#"["a"]"#.to_owned(),
        signed_in_at: Some(at(9)),
        mac: vec![1],
        ..user_row(12, "zoe")
    };
    let update = changed.clone();
    assert!(write(&store, move |tx| tx.update_user(&update)).await);
    assert!(!write(&store, |tx| tx.update_user(&user_row(99, "nobody-1"))).await);
    read(&store, |rows| {
        assert_eq!(rows.count_users()?, 2);
        assert_eq!(rows.user(&id(12))?, Some(changed.clone()));
        assert_eq!(rows.user_by_name(&"zoe".parse().unwrap())?, Some(changed.clone()));
        assert_eq!(rows.user_by_name(&"ada".parse().unwrap())?, None);
        assert_eq!(rows.users()?, [user_row(11, "ada@example.com"), changed.clone()]);
        Ok(())
    })
    .await;
}

pub(super) async fn members_go_with_their_user_and_with_their_project(store: Arc<dyn Store>) {
    with_project(&store).await;
    write(&store, |tx| {
        tx.insert_project(&project_row(2, "other"))?;
        tx.insert_user(&user_row(11, "ada"))?;
        tx.insert_user(&user_row(12, "zoe"))?;
        [(1, 11, 3), (1, 12, 2), (2, 11, 4)]
            .into_iter()
            .try_for_each(|(project, user, created)| tx.put_member(&member_row(project, user, created)))
    })
    .await;
    let error = refused(&store, |tx| tx.put_member(&member_row(1, 99, 1))).await;
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    let owner = MemberRow { access: r#"{"role":"owner"}"#.to_owned(), mac: vec![1], ..member_row(1, 11, 3) };
    let put = MemberRow { created_at: at(50), ..owner.clone() };
    write(&store, move |tx| tx.put_member(&put)).await;
    read(&store, |rows| {
        assert_eq!(rows.members(&id(1))?, [member_row(1, 12, 2), owner.clone()]);
        assert_eq!(rows.memberships(&id(11))?, [owner.clone(), member_row(2, 11, 4)]);
        assert_eq!(rows.member(&id(1), &id(11))?, Some(owner.clone()));
        assert_eq!(rows.member(&id(2), &id(12))?, None);
        Ok(())
    })
    .await;
    assert!(write(&store, |tx| tx.delete_member(&id(1), &id(12))).await);
    assert!(!write(&store, |tx| tx.delete_member(&id(1), &id(12))).await);
    write(&store, |tx| tx.delete_project(&id(2))).await;
    assert_eq!(read(&store, |rows| rows.memberships(&id(11))).await, [owner]);
    assert!(write(&store, |tx| tx.delete_user(&id(11))).await);
    assert_eq!(read(&store, |rows| rows.members(&id(1))).await, []);
}

pub(super) async fn sessions_are_found_by_digest_and_end_with_their_user(store: Arc<dyn Store>) {
    write(&store, |tx| {
        tx.insert_user(&user_row(11, "ada"))?;
        tx.insert_user(&user_row(12, "zoe"))?;
        [(21, 11), (22, 11), (23, 11), (24, 12)]
            .into_iter()
            .try_for_each(|(n, user)| tx.insert_session(&session_row(n, user)))
    })
    .await;
    let twice = SessionRow { digest: session_row(21, 11).digest, ..session_row(29, 11) };
    assert!(matches!(refused(&store, move |tx| tx.insert_session(&twice)).await, StoreError::Exists(_)));
    let changed = SessionRow {
        digest: vec![3; 32],
        generation: 4,
        proved_at: at(70),
        expires_at: at(80),
        mac: vec![2],
        ..session_row(22, 11)
    };
    let update = changed.clone();
    write(&store, move |tx| {
        assert!(tx.update_session(&update)?);
        tx.touch_session(&id(22), at(60))?;
        tx.touch_session(&id(22), at(55))
    })
    .await;
    let changed = SessionRow { last_used_at: at(60), ..changed };
    read(&store, |rows| {
        assert_eq!(rows.session_by_digest(&[3; 32])?, Some(changed.clone()));
        assert_eq!(rows.session_by_digest(&session_row(22, 11).digest)?, None);
        assert_eq!(rows.session(&id(22))?, Some(changed.clone()));
        assert_eq!(rows.sessions(&id(11))?, [session_row(23, 11), changed.clone(), session_row(21, 11)]);
        Ok(())
    })
    .await;
    assert_eq!(write(&store, |tx| tx.prune_sessions(at(81))).await, 1);
    assert_eq!(write(&store, |tx| tx.delete_sessions(&id(11), Some(&id(21)))).await, 1);
    assert_eq!(read(&store, |rows| rows.sessions(&id(11))).await, [session_row(21, 11)]);
    assert!(write(&store, |tx| tx.delete_session(&id(21))).await);
    assert!(!write(&store, |tx| tx.delete_session(&id(21))).await);
    write(&store, |tx| tx.delete_user(&id(12))).await;
    assert_eq!(read(&store, |rows| rows.session(&id(24))).await, None);
}

pub(super) async fn invitations_are_closed_and_pruned(store: Arc<dyn Store>) {
    write(&store, |tx| {
        tx.insert_invitation(&invitation_row(31, "ada"))?;
        tx.insert_invitation(&invitation_row(32, "ada"))
    })
    .await;
    let closed = InvitationRow { closed_at: Some(at(40)), mac: vec![4], ..invitation_row(31, "ada") };
    let update = closed.clone();
    assert!(write(&store, move |tx| tx.update_invitation(&update)).await);
    read(&store, |rows| {
        assert_eq!(rows.invitations()?, [invitation_row(32, "ada"), closed.clone()]);
        assert_eq!(rows.invitation_by_digest(&closed.digest)?, Some(closed.clone()));
        assert_eq!(rows.invitation_by_digest(b"")?, None);
        Ok(())
    })
    .await;
    assert_eq!(write(&store, |tx| tx.prune_invitations(at(41))).await, 1);
    assert_eq!(read(&store, |rows| rows.invitations()).await, [invitation_row(32, "ada")]);
}
