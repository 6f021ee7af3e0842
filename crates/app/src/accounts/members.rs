//! Members of a project: who they are there, and what ends with a change.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::people::{MemberChange, MemberItem};
use strongroom_model::{AccountName, Capability, Id, Membership, ProjectName, Role};
use strongroom_seal::Instance;
use strongroom_store::port::{MemberRow, UserRow};
use strongroom_store::{Rows, Tx};

use super::setup::member_row;
use super::standing::{membership_of, verified};
use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;

/// The project, for who manages its members: those who administer it, and the instance's admins, members or not.
async fn enter(app: &App, caller: &Caller, project: &ProjectName) -> Result<Arc<Project>, Error> {
    if caller.is_instance_admin() {
        return app.projects.load(&*app.store, &app.instance, project).await;
    }
    app.enter(caller, project, Capability::Admin, Reach::Project).await
}

/// A project's members, oldest first.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<MemberItem>, Error> {
    let entered = enter(app, caller, project).await?;
    app.store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let mut members = Vec::new();
            for row in rows.members(&entered.id)? {
                if let Some(user) = rows.user(&row.user)? {
                    members.push(item(&app.instance, &row, &user));
                }
            }
            Ok(members)
        })
        .await
}

fn item(instance: &Instance, row: &MemberRow, user: &UserRow) -> MemberItem {
    let membership = membership_of(instance, row).ok();
    MemberItem {
        name: user.name.to_string(),
        role: membership.as_ref().map_or("damaged", |membership| membership.role.as_str()).to_owned(),
        namespaces: membership.iter().flat_map(|membership| &membership.namespaces).map(ToString::to_string).collect(),
        disabled: user.is_disabled,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
    }
}

/// A change of one membership, inside its transaction.
struct Change<'a> {
    instance: &'a Instance,
    caller: &'a Caller,
    project: (Id, &'a ProjectName),
    now: Timestamp,
}

/// Makes somebody a member, or gives a member another role or other namespaces. That ends the person's sessions, and the
/// tokens that the person minted and could not mint any more.
pub async fn put(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    name: &AccountName,
    membership: Membership,
) -> Result<MemberChange, Error> {
    let entered = enter(app, caller, project).await?;
    if membership.role == Role::Owner && !membership.namespaces.is_empty() {
        return Err(Error::invalid("namespaces", "an owner is never limited to namespaces; make the person an admin"));
    }
    let (instance, by, place) = (Arc::clone(&app.instance), caller.clone(), (entered.id, project.clone()));
    let (name, now) = (name.clone(), app.clock.now());
    let changed = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<MemberChange, Error> {
            let change = Change { instance: &instance, caller: &by, project: (place.0, &place.1), now };
            check_namespaces(tx, &change, &membership)?;
            change.put(tx, &name, &membership)
        })
        .await?;
    app.forget_credentials();
    Ok(changed)
}

/// Ends a membership, and with it the person's sessions and the tokens that the person minted in the project.
pub async fn remove(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    name: &AccountName,
) -> Result<MemberChange, Error> {
    let entered = enter(app, caller, project).await?;
    let (instance, by, place) = (Arc::clone(&app.instance), caller.clone(), (entered.id, project.clone()));
    let (name, now) = (name.clone(), app.clock.now());
    let removed = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<MemberChange, Error> {
            Change { instance: &instance, caller: &by, project: (place.0, &place.1), now }.remove(tx, &name)
        })
        .await?;
    app.forget_credentials();
    Ok(removed)
}

fn check_namespaces(tx: &mut dyn Tx, change: &Change<'_>, membership: &Membership) -> Result<(), Error> {
    let there = tx.namespaces(&change.project.0)?;
    let unknown = membership.namespaces.iter().filter(|name| there.iter().all(|row| row.name != **name));
    let faults: Vec<_> =
        unknown.map(|name| crate::Fault::new("namespaces", format!("there is no namespace {name}"))).collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

impl Change<'_> {
    fn put(&self, tx: &mut dyn Tx, name: &AccountName, membership: &Membership) -> Result<MemberChange, Error> {
        let user = self.user(tx, name)?;
        let (project, project_name) = self.project;
        let before = tx.member(&project, &user.id)?;
        let held = before.as_ref().map(|row| membership_of(self.instance, row)).transpose()?;
        self.check_owners(tx, &user, held.as_ref().map(|held| held.role), Some(membership.role))?;
        let made = (self.caller.actor.as_str(), self.now);
        let mut row = member_row((project, user.id), membership, made).signed(self.instance);
        if let Some(before) = &before {
            (row.created_at, row.created_by) = (before.created_at, before.created_by.clone());
        }
        let status = match &held {
            Some(held) if held == membership => "unchanged",
            Some(_) => "changed",
            None => "added",
        };
        let mut revoked_tokens = 0;
        if status != "unchanged" {
            tx.put_member(&row)?;
            let (action, still) = if held.is_some() {
                ("member.change", Some(membership.grant(project_name.clone())))
            } else {
                ("member.add", None)
            };
            if let Some(still) = &still {
                revoked_tokens = self.end(tx, &user, Some(still))?;
            }
            let was = held.map(|held| held.role);
            let target = serde_json::json!({ "user": user.id, "name": user.name, "role": membership.role, "namespaces": membership.namespaces, "was": was });
            self.record(tx, action, &target)?;
        }
        Ok(MemberChange { member: item(self.instance, &row, &user), status: status.to_owned(), revoked_tokens })
    }

    fn remove(&self, tx: &mut dyn Tx, name: &AccountName) -> Result<MemberChange, Error> {
        let not_there = || Error::not_found(format!("a member {name} of the project {}", self.project.1));
        let user = tx.user_by_name(name)?.ok_or_else(not_there)?;
        let row = tx.member(&self.project.0, &user.id)?.ok_or_else(not_there)?;
        // a damaged row gives no power, and must not keep from being taken away
        let held = membership_of(self.instance, &row).ok();
        self.check_owners(tx, &user, held.as_ref().map(|held| held.role), None)?;
        tx.delete_member(&self.project.0, &user.id)?;
        let revoked_tokens = self.end(tx, &user, None)?;
        let target = serde_json::json!({ "user": user.id, "name": user.name, "was": held.map(|held| held.role) });
        self.record(tx, "member.remove", &target)?;
        Ok(MemberChange { member: item(self.instance, &row, &user), status: "removed".to_owned(), revoked_tokens })
    }

    fn user(&self, tx: &mut dyn Tx, name: &AccountName) -> Result<UserRow, Error> {
        let row = tx.user_by_name(name)?.ok_or_else(|| Error::NotFound {
            what: format!("an account {name}"),
            hint: Some(format!("strongroom users invite {name}")),
        })?;
        verified(self.instance, row)
    }

    /// Only owners, and who manages the instance, make and unmake owners; and the last one stays.
    fn check_owners(
        &self,
        tx: &mut dyn Tx,
        user: &UserRow,
        was: Option<Role>,
        becomes: Option<Role>,
    ) -> Result<(), Error> {
        let is_about_owner = was == Some(Role::Owner) || becomes == Some(Role::Owner);
        if is_about_owner && was != becomes && !self.may_make_owners(tx)? {
            return Err(Error::Forbidden("only an owner of the project makes and unmakes its owners".to_owned()));
        }
        let leaves = was == Some(Role::Owner) && becomes != Some(Role::Owner);
        if leaves && other_owners(tx, self.instance, &self.project.0, &user.id)? == 0 {
            let hint = format!("strongroom members add NAME --role owner --project {}", self.project.1);
            return Err(Error::conflict(
                format!(
                    "{} is the last owner of the project {}; make somebody else its owner first",
                    user.name, self.project.1
                ),
                Some(hint),
            ));
        }
        Ok(())
    }

    fn may_make_owners(&self, tx: &mut dyn Tx) -> Result<bool, Error> {
        if self.caller.is_instance_admin() {
            return Ok(true);
        }
        let Some(user) = self.caller.user() else { return Ok(false) };
        let row = tx.member(&self.project.0, &user)?;
        let held = row.map(|row| membership_of(self.instance, &row)).transpose()?;
        Ok(held.is_some_and(|held| held.role == Role::Owner))
    }

    /// Ends the person's sessions, and the tokens that he could not mint any more.
    fn end(&self, tx: &mut dyn Tx, user: &UserRow, still: Option<&strongroom_model::Grant>) -> Result<u64, Error> {
        end_sessions(tx, self.instance, user.id)?;
        crate::tokens::revoke_of_person(tx, self.instance, (&self.project.0, &user.id), still, self.now)
    }

    fn record(&self, tx: &mut dyn Tx, action: &'static str, target: &serde_json::Value) -> Result<(), Error> {
        Record::done(self.now, self.caller, Some(self.project.1), action, target).append(tx, self.instance)
    }
}

/// Ends all sessions of a person: those that are there, and those that begin at this moment under what was true before.
pub(super) fn end_sessions(tx: &mut dyn Tx, instance: &Instance, user: Id) -> Result<(), Error> {
    if let Some(row) = tx.user(&user)? {
        // a damaged row lets nobody in, and is never signed
        if let Ok(row) = verified(instance, row) {
            let generation = row.generation + 1;
            tx.update_user(&UserRow { generation, ..row }.signed(instance))?;
        }
    }
    tx.delete_sessions(&user, None)?;
    Ok(())
}

/// How many other people own a project and can sign in.
pub(super) fn other_owners(tx: &mut dyn Tx, instance: &Instance, project: &Id, but: &Id) -> Result<usize, Error> {
    let mut count = 0;
    for row in tx.members(project)?.into_iter().filter(|row| row.user != *but) {
        let is_owner = membership_of(instance, &row).is_ok_and(|held| held.role == Role::Owner);
        let user = tx.user(&row.user)?;
        let is_active = user.is_some_and(|user| !user.is_disabled && user.verify(instance).is_ok());
        count += usize::from(is_owner && is_active);
    }
    Ok(count)
}
