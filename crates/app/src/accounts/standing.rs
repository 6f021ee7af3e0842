//! Whether a person is who a row says, and what the person may do now.

use std::sync::Arc;

use strongroom_model::{Id, Membership, ProjectName};
use strongroom_seal::Instance;
use strongroom_store::port::{MemberRow, SessionRow, UserRow};
use strongroom_store::{Rows, StoreError};

use crate::caller::{Access, Caller, Memberships, nothing_in};
use crate::error::Error;
use crate::rows::Authenticated as _;

/// A person with what he may do, every row verified.
pub(crate) struct Person {
    pub(crate) user: UserRow,
    pub(crate) memberships: Memberships,
}

/// A membership's row, verified and read.
pub(crate) fn membership_of(instance: &Instance, row: &MemberRow) -> Result<Membership, Error> {
    row.verify(instance).map_err(Error::damaged(format!("member {} of project {}", row.user, row.project)))?;
    serde_json::from_str(&row.access).map_err(|_| StoreError::Damaged("membership").into())
}

/// A user's row, verified.
pub(crate) fn verified(instance: &Instance, row: UserRow) -> Result<UserRow, Error> {
    row.verify(instance).map_err(Error::damaged(format!("user {}", row.name)))?;
    Ok(row)
}

/// The person behind a user, if he may sign in.
pub(crate) fn person(rows: &mut (impl Rows + ?Sized), instance: &Instance, user: UserRow) -> Result<Person, Error> {
    let user = verified(instance, user)?;
    let mut memberships = Memberships::new();
    let places = rows.memberships(&user.id)?;
    let projects = if places.is_empty() { Vec::new() } else { rows.projects()? };
    for place in places {
        let membership = membership_of(instance, &place)?;
        if let Some(project) = projects.iter().find(|project| project.id == place.project) {
            let grant = Arc::new(membership.grant(project.name.clone()));
            memberships.insert(project.name.clone(), (project.id, grant));
        }
    }
    Ok(Person { user, memberships })
}

/// A person as a caller in one project, as he may act there now; none where he may not.
pub(crate) fn member(
    rows: &mut (impl Rows + ?Sized),
    instance: &Instance,
    project: &ProjectName,
    user: &Id,
) -> Result<Option<Caller>, Error> {
    let Some(user) = rows.user(user)? else { return Ok(None) };
    let person = person(rows, instance, user)?;
    if person.user.is_disabled || !person.memberships.contains_key(project) {
        return Ok(None);
    }
    let mut caller = Caller {
        actor: format!("user:{}", person.user.name),
        source: "process".to_owned(),
        request_id: "link".to_owned(),
        access: Access::Person {
            user: person.user.id,
            home: None,
            grant: nothing_in(project.clone()),
            is_instance_admin: person.user.is_admin,
            memberships: Arc::new(person.memberships),
        },
        idempotency: None,
        session: None,
    };
    caller.enter(project);
    Ok(Some(caller))
}

/// The session of a row and its person, if it is accepted: its MAC fits, its user is there, is not disabled, and nothing
/// has ended the user's sessions since it began. Its lifetimes are the caller's to judge.
pub(crate) fn standing(
    rows: &mut (impl Rows + ?Sized),
    instance: &Instance,
    session: &SessionRow,
) -> Result<Option<Person>, Error> {
    session.verify(instance).map_err(Error::damaged(format!("session {}", session.id)))?;
    let Some(user) = rows.user(&session.user)? else { return Ok(None) };
    let person = person(rows, instance, user)?;
    let stands = !person.user.is_disabled && person.user.generation == session.generation;
    Ok(stands.then_some(person))
}

/// Whether a session is still accepted, and what its person may do in a project now.
pub(crate) fn still(
    rows: &mut (impl Rows + ?Sized),
    instance: &Instance,
    session: &Id,
    now: jiff::Timestamp,
) -> Result<Option<Person>, Error> {
    let Some(row) = rows.session(session)? else { return Ok(None) };
    if row.expires_at <= now {
        return Ok(None);
    }
    standing(rows, instance, &row)
}
