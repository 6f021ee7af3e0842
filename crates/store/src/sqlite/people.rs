//! People: users, their memberships, sessions and invitations.

use jiff::Timestamp;
use rusqlite::{Row, params};
use strongroom_model::{AccountName, Id};

use super::row::{
    bytes, id, integer, millis, number, optional_bytes, optional_millis, optional_time, parsed, stored, string, time,
};
use super::session::Session;
use crate::port::{InvitationRow, MemberRow, PeopleRows, PeopleTx, SessionRow, StoreError, UserRow};

/// The rows of `users` as [`user`] reads them; a condition follows.
macro_rules! users {
    () => {
        "SELECT id, name, is_admin, is_disabled, generation, password, factor, factor_step, recovery, \
         created_at, created_by, signed_in_at, mac FROM users"
    };
}

/// The rows of `members` as [`member`] reads them; a condition follows.
macro_rules! members {
    () => {
        "SELECT project, user, access, created_at, created_by, mac FROM members"
    };
}

/// The rows of `sessions` as [`session`] reads them; a condition follows.
macro_rules! sessions {
    () => {
        "SELECT id, user, digest, kind, generation, created_at, proved_at, expires_at, last_used_at, source, \
         label, mac FROM sessions"
    };
}

/// The rows of `invitations` as [`invitation`] reads them; a condition follows.
macro_rules! invitations {
    () => {
        "SELECT id, name, digest, access, created_at, created_by, expires_at, closed_at, mac FROM invitations"
    };
}

fn flag(row: &Row<'_>, index: usize, what: &'static str) -> Result<bool, StoreError> {
    match integer(row, index, what)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(StoreError::Damaged(what)),
    }
}

fn user(row: &Row<'_>) -> Result<UserRow, StoreError> {
    Ok(UserRow {
        id: id(row, 0, "users.id")?,
        name: parsed(row, 1, "users.name")?,
        is_admin: flag(row, 2, "users.is_admin")?,
        is_disabled: flag(row, 3, "users.is_disabled")?,
        generation: number(row, 4, "users.generation")?,
        password: string(row, 5, "users.password")?,
        factor: optional_bytes(row, 6, "users.factor")?,
        factor_step: number(row, 7, "users.factor_step")?,
        recovery: string(row, 8, "users.recovery")?,
        created_at: time(row, 9, "users.created_at")?,
        created_by: string(row, 10, "users.created_by")?,
        signed_in_at: optional_time(row, 11, "users.signed_in_at")?,
        mac: bytes(row, 12, "users.mac")?,
    })
}

fn member(row: &Row<'_>) -> Result<MemberRow, StoreError> {
    Ok(MemberRow {
        project: id(row, 0, "members.project")?,
        user: id(row, 1, "members.user")?,
        access: string(row, 2, "members.access")?,
        created_at: time(row, 3, "members.created_at")?,
        created_by: string(row, 4, "members.created_by")?,
        mac: bytes(row, 5, "members.mac")?,
    })
}

fn session(row: &Row<'_>) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: id(row, 0, "sessions.id")?,
        user: id(row, 1, "sessions.user")?,
        digest: bytes(row, 2, "sessions.digest")?,
        kind: string(row, 3, "sessions.kind")?,
        generation: number(row, 4, "sessions.generation")?,
        created_at: time(row, 5, "sessions.created_at")?,
        proved_at: time(row, 6, "sessions.proved_at")?,
        expires_at: time(row, 7, "sessions.expires_at")?,
        last_used_at: time(row, 8, "sessions.last_used_at")?,
        source: string(row, 9, "sessions.source")?,
        label: string(row, 10, "sessions.label")?,
        mac: bytes(row, 11, "sessions.mac")?,
    })
}

fn invitation(row: &Row<'_>) -> Result<InvitationRow, StoreError> {
    Ok(InvitationRow {
        id: id(row, 0, "invitations.id")?,
        name: parsed(row, 1, "invitations.name")?,
        digest: bytes(row, 2, "invitations.digest")?,
        access: string(row, 3, "invitations.access")?,
        created_at: time(row, 4, "invitations.created_at")?,
        created_by: string(row, 5, "invitations.created_by")?,
        expires_at: time(row, 6, "invitations.expires_at")?,
        closed_at: optional_time(row, 7, "invitations.closed_at")?,
        mac: bytes(row, 8, "invitations.mac")?,
    })
}

impl PeopleRows for Session<'_> {
    fn count_users(&mut self) -> Result<u64, StoreError> {
        self.one("SELECT count(*) FROM users", [], |row| number(row, 0, "count of users"))
    }

    fn user_by_name(&mut self, name: &AccountName) -> Result<Option<UserRow>, StoreError> {
        self.first(concat!(users!(), " WHERE name = ?1"), [name.as_str()], user)
    }

    fn user(&mut self, id: &Id) -> Result<Option<UserRow>, StoreError> {
        self.first(concat!(users!(), " WHERE id = ?1"), [id.as_bytes()], user)
    }

    fn users(&mut self) -> Result<Vec<UserRow>, StoreError> {
        self.all(concat!(users!(), " ORDER BY name"), [], user)
    }

    fn member(&mut self, project: &Id, user: &Id) -> Result<Option<MemberRow>, StoreError> {
        self.first(
            concat!(members!(), " WHERE project = ?1 AND user = ?2"),
            [project.as_bytes(), user.as_bytes()],
            member,
        )
    }

    fn members(&mut self, project: &Id) -> Result<Vec<MemberRow>, StoreError> {
        self.all(concat!(members!(), " WHERE project = ?1 ORDER BY created_at, user"), [project.as_bytes()], member)
    }

    fn memberships(&mut self, user: &Id) -> Result<Vec<MemberRow>, StoreError> {
        self.all(concat!(members!(), " WHERE user = ?1 ORDER BY created_at, project"), [user.as_bytes()], member)
    }

    fn session_by_digest(&mut self, digest: &[u8]) -> Result<Option<SessionRow>, StoreError> {
        self.first(concat!(sessions!(), " WHERE digest = ?1"), [digest], session)
    }

    fn session(&mut self, id: &Id) -> Result<Option<SessionRow>, StoreError> {
        self.first(concat!(sessions!(), " WHERE id = ?1"), [id.as_bytes()], session)
    }

    fn sessions(&mut self, user: &Id) -> Result<Vec<SessionRow>, StoreError> {
        self.all(concat!(sessions!(), " WHERE user = ?1 ORDER BY created_at DESC, id"), [user.as_bytes()], session)
    }

    fn invitation_by_digest(&mut self, digest: &[u8]) -> Result<Option<InvitationRow>, StoreError> {
        self.first(concat!(invitations!(), " WHERE digest = ?1"), [digest], invitation)
    }

    fn invitations(&mut self) -> Result<Vec<InvitationRow>, StoreError> {
        self.all(concat!(invitations!(), " ORDER BY created_at DESC, id"), [], invitation)
    }
}

impl PeopleTx for Session<'_> {
    fn insert_user(&mut self, row: &UserRow) -> Result<(), StoreError> {
        self.insert(
            "this account name",
            "INSERT INTO users (id, name, is_admin, is_disabled, generation, password, factor, factor_step, recovery,
               created_at, created_by, signed_in_at, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                row.id.as_bytes(),
                row.name.as_str(),
                row.is_admin,
                row.is_disabled,
                stored(row.generation)?,
                row.password,
                row.factor,
                stored(row.factor_step)?,
                row.recovery,
                millis(row.created_at),
                row.created_by,
                optional_millis(row.signed_in_at),
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn update_user(&mut self, row: &UserRow) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE users SET is_admin = ?2, is_disabled = ?3, generation = ?4, password = ?5, factor = ?6,
               factor_step = ?7, recovery = ?8, signed_in_at = ?9, mac = ?10
             WHERE id = ?1",
            params![
                row.id.as_bytes(),
                row.is_admin,
                row.is_disabled,
                stored(row.generation)?,
                row.password,
                row.factor,
                stored(row.factor_step)?,
                row.recovery,
                optional_millis(row.signed_in_at),
                row.mac,
            ],
        )?;
        Ok(changed > 0)
    }

    fn delete_user(&mut self, id: &Id) -> Result<bool, StoreError> {
        Ok(self.change("DELETE FROM users WHERE id = ?1", [id.as_bytes()])? > 0)
    }

    fn put_member(&mut self, row: &MemberRow) -> Result<(), StoreError> {
        self.insert(
            "this member",
            "INSERT INTO members (project, user, access, created_at, created_by, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (project, user) DO UPDATE SET access = excluded.access, mac = excluded.mac",
            params![
                row.project.as_bytes(),
                row.user.as_bytes(),
                row.access,
                millis(row.created_at),
                row.created_by,
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn delete_member(&mut self, project: &Id, user: &Id) -> Result<bool, StoreError> {
        let changed =
            self.change("DELETE FROM members WHERE project = ?1 AND user = ?2", [project.as_bytes(), user.as_bytes()])?;
        Ok(changed > 0)
    }

    fn insert_session(&mut self, row: &SessionRow) -> Result<(), StoreError> {
        self.insert(
            "this session",
            "INSERT INTO sessions (id, user, digest, kind, generation, created_at, proved_at, expires_at, last_used_at,
               source, label, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                row.id.as_bytes(),
                row.user.as_bytes(),
                row.digest,
                row.kind,
                stored(row.generation)?,
                millis(row.created_at),
                millis(row.proved_at),
                millis(row.expires_at),
                millis(row.last_used_at),
                row.source,
                row.label,
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn update_session(&mut self, row: &SessionRow) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE sessions SET digest = ?2, generation = ?3, proved_at = ?4, expires_at = ?5, mac = ?6 WHERE id = ?1",
            params![
                row.id.as_bytes(),
                row.digest,
                stored(row.generation)?,
                millis(row.proved_at),
                millis(row.expires_at),
                row.mac,
            ],
        )?;
        Ok(changed > 0)
    }

    fn touch_session(&mut self, id: &Id, at: Timestamp) -> Result<(), StoreError> {
        self.change(
            "UPDATE sessions SET last_used_at = ?2 WHERE id = ?1 AND last_used_at < ?2",
            params![id.as_bytes(), millis(at)],
        )?;
        Ok(())
    }

    fn delete_session(&mut self, id: &Id) -> Result<bool, StoreError> {
        Ok(self.change("DELETE FROM sessions WHERE id = ?1", [id.as_bytes()])? > 0)
    }

    fn delete_sessions(&mut self, user: &Id, but: Option<&Id>) -> Result<u64, StoreError> {
        let but = but.map(Id::as_bytes).map_or(&[][..], |bytes| &bytes[..]);
        self.change("DELETE FROM sessions WHERE user = ?1 AND id <> ?2", params![user.as_bytes(), but])
    }

    fn prune_sessions(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.change("DELETE FROM sessions WHERE expires_at < ?1", [millis(before)])
    }

    fn insert_invitation(&mut self, row: &InvitationRow) -> Result<(), StoreError> {
        self.insert(
            "this invitation",
            "INSERT INTO invitations (id, name, digest, access, created_at, created_by, expires_at, closed_at, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.id.as_bytes(),
                row.name.as_str(),
                row.digest,
                row.access,
                millis(row.created_at),
                row.created_by,
                millis(row.expires_at),
                optional_millis(row.closed_at),
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn update_invitation(&mut self, row: &InvitationRow) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE invitations SET closed_at = ?2, mac = ?3 WHERE id = ?1",
            params![row.id.as_bytes(), optional_millis(row.closed_at), row.mac],
        )?;
        Ok(changed > 0)
    }

    fn prune_invitations(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.change("DELETE FROM invitations WHERE coalesce(closed_at, expires_at) < ?1", [millis(before)])
    }
}
