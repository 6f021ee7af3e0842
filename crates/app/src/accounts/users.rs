//! Users: who there is, inviting, disabling, deleting, passwords, sessions.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strongroom_api::people::{InvitationItem, UserItem};
use strongroom_model::{AccountName, Id, Membership, ProjectName, Role};
use strongroom_seal::{Instance, keyed_digest};
use strongroom_secret::SecretValue;
use strongroom_store::port::{InvitationRow, UserRow};
use strongroom_store::{Rows, StoreError, Tx};
use zeroize::Zeroizing;

use super::entering::{Begun, Entered, Visitor};
use super::members::{end_sessions, other_owners};
use super::oidc::{Proof, Refusal, identity_row, insert};
use super::passwords;
use super::setup::member_row;
use super::standing::{membership_of, verified};
use crate::audit::Record;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// How long an invitation can be accepted.
const INVITATION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Invitations that are open at one time.
const MAX_OPEN: usize = 200;

/// What an invitation's row says.
#[derive(Debug, Serialize, Deserialize)]
struct Terms {
    is_admin: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<(Id, Membership)>,
    /// Who invites: with his right to do so the invitation ends. None for the local owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inviter: Option<Id>,
}

/// Everybody who has an account.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<UserItem>, Error> {
    app.require_instance_admin(caller, "users").await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.users().map_err(Error::from)).await?;
    Ok(rows.iter().map(|row| item(&app.instance, row)).collect())
}

fn item(instance: &Instance, row: &UserRow) -> UserItem {
    let state = match row.verify(instance) {
        Err(_) => "damaged",
        Ok(()) if row.is_disabled => "disabled",
        Ok(()) => "active",
    };
    UserItem {
        name: row.name.to_string(),
        state: state.to_owned(),
        is_instance_admin: row.is_admin,
        has_second_factor: row.factor.is_some(),
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        signed_in_at: row.signed_in_at,
    }
}

/// Whom to invite, and to what.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The account's name.
    pub name: AccountName,
    /// Whether the account will manage the instance.
    pub is_admin: bool,
    /// The project to be a member of, if any.
    pub place: Option<(ProjectName, Membership)>,
}

/// Makes an invitation: the code is told once, to who invites. An earlier one for the same name is withdrawn.
pub async fn invite(app: &App, caller: &Caller, invite: Invite) -> Result<(InvitationItem, Zeroizing<String>), Error> {
    app.require_instance_admin(caller, "user.invite").await?;
    let place = match &invite.place {
        Some((project, membership)) => {
            if membership.role == Role::Owner && !membership.namespaces.is_empty() {
                return Err(Error::invalid("namespaces", "an owner is never limited to namespaces"));
            }
            let project = app.projects.load(&*app.store, &app.instance, project).await?;
            Some((project.id, membership.clone()))
        }
        None => None,
    };
    let code = Zeroizing::new(app.new_id().to_string());
    let now = app.clock.now();
    let terms = Terms { is_admin: invite.is_admin, place, inviter: caller.user() };
    let row = InvitationRow {
        id: app.new_id(),
        name: invite.name.clone(),
        digest: digest(&app.instance, &code),
        access: serde_json::to_string(&terms).expect("terms have text keys only"),
        created_at: now,
        created_by: caller.actor.clone(),
        expires_at: now.checked_add(INVITATION).unwrap_or(now),
        closed_at: None,
        mac: Vec::new(),
    }
    .signed(&app.instance);
    let target = serde_json::json!({ "invitation": row.id, "name": invite.name, "admin": invite.is_admin, "project": invite.place.as_ref().map(|(project, _)| project), "role": invite.place.as_ref().map(|(_, held)| held.role) });
    let record = Record::done(now, caller, None, "user.invite", &target);
    let (instance, item) = (Arc::clone(&app.instance), invitation_item(&app.instance, &row, now));
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            if tx.user_by_name(&row.name)?.is_some() {
                let hint = format!("strongroom members add {} --role ROLE", row.name);
                return Err(Error::conflict(format!("there is an account {} already", row.name), Some(hint)));
            }
            let open: Vec<_> = tx.invitations()?.into_iter().filter(|row| is_open(row, now)).collect();
            if open.len() >= MAX_OPEN {
                return Err(Error::conflict(format!("there are {MAX_OPEN} open invitations already"), None));
            }
            for earlier in open.into_iter().filter(|earlier| earlier.name == row.name) {
                close(tx, &instance, earlier, now)?;
            }
            tx.insert_invitation(&row)?;
            record.append(tx, &instance)
        })
        .await?;
    Ok((item, code))
}

pub(super) fn digest(instance: &Instance, code: &str) -> Vec<u8> {
    keyed_digest(instance, "invitation", code.as_bytes()).to_vec()
}

fn is_open(row: &InvitationRow, now: Timestamp) -> bool {
    row.closed_at.is_none() && row.expires_at > now
}

/// A damaged row lets nobody in, and is never signed.
fn close(tx: &mut dyn Tx, instance: &Instance, row: InvitationRow, now: Timestamp) -> Result<(), Error> {
    let is_whole = row.verify(instance).is_ok();
    let row = InvitationRow { closed_at: Some(now), ..row };
    tx.update_invitation(&if is_whole { row.signed(instance) } else { row })?;
    Ok(())
}

fn invitation_item(instance: &Instance, row: &InvitationRow, now: Timestamp) -> InvitationItem {
    let terms: Option<Terms> = serde_json::from_str(&row.access).ok().filter(|_| row.verify(instance).is_ok());
    let state = match &terms {
        None => "damaged",
        Some(_) if row.closed_at.is_some() => "closed",
        Some(_) if row.expires_at <= now => "expired",
        Some(_) => "open",
    };
    InvitationItem {
        id: row.id.to_string(),
        name: row.name.to_string(),
        state: state.to_owned(),
        is_instance_admin: terms.as_ref().is_some_and(|terms| terms.is_admin),
        role: terms.and_then(|terms| terms.place).map(|(_, held)| held.role.to_string()),
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        expires_at: row.expires_at,
    }
}

/// All invitations, newest first. Never their codes.
pub async fn invitations(app: &App, caller: &Caller) -> Result<Vec<InvitationItem>, Error> {
    app.require_instance_admin(caller, "invitations").await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.invitations().map_err(Error::from)).await?;
    let now = app.clock.now();
    Ok(rows.iter().map(|row| invitation_item(&app.instance, row, now)).collect())
}

/// Withdraws an invitation.
pub async fn withdraw(app: &App, caller: &Caller, id: Id) -> Result<InvitationItem, Error> {
    app.require_instance_admin(caller, "invitation.withdraw").await?;
    let (now, instance, by) = (app.clock.now(), Arc::clone(&app.instance), caller.clone());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<InvitationItem, Error> {
            let row = tx.invitations()?.into_iter().find(|row| row.id == id);
            let row = row.ok_or_else(|| Error::not_found(format!("invitation {id}")))?;
            let target = serde_json::json!({ "invitation": row.id, "name": row.name });
            close(tx, &instance, row.clone(), now)?;
            Record::done(now, &by, None, "invitation.withdraw", &target).append(tx, &instance)?;
            Ok(invitation_item(&instance, &InvitationRow { closed_at: Some(now), ..row }.signed(&instance), now))
        })
        .await
}

/// The name that an invitation is for, for its page. Looking does not use it up.
pub async fn invited(app: &App, visitor: &Visitor, code: &str) -> Result<AccountName, Error> {
    app.accounts.limits.by_address(visitor.address)?;
    let (digest, now) = (digest(&app.instance, code), app.clock.now());
    let row = app.store.read(|rows: &mut dyn Rows| rows.invitation_by_digest(&digest).map_err(Error::from)).await?;
    let Some(row) = row.filter(|row| is_open(row, now)) else {
        app.count_anonymous_denial(&visitor.source);
        return Err(no_invitation());
    };
    row.verify(&app.instance).map_err(Error::damaged(format!("invitation {}", row.id)))?;
    Ok(row.name)
}

fn no_invitation() -> Error {
    Error::not_found("an open invitation with this code")
}

/// Makes the account that an invitation is for, once. Nothing of the account can be chosen but its password, and whoever is
/// signed in already gains nothing by it.
pub async fn accept(app: &App, visitor: &Visitor, code: &str, password: SecretValue) -> Result<Entered, Error> {
    let name = invited(app, visitor, code).await?;
    passwords::check("password", &name, &password).map_err(|fault| Error::Invalid(vec![fault]))?;
    let password = app.hash_password(password).await?;
    admit(app, visitor, digest(&app.instance, code), Way::Password(password)).await
}

/// The same by a sign-in at the provider: an invitation to an e-mail address is for whom the provider vouches under it.
pub(super) async fn accept_as(app: &App, visitor: &Visitor, digest: Vec<u8>, proof: Proof) -> Result<Entered, Error> {
    let (asked, now) = (digest.clone(), app.clock.now());
    let row = app.store.read(|rows: &mut dyn Rows| rows.invitation_by_digest(&asked).map_err(Error::from)).await?;
    let row = row.filter(|row| is_open(row, now)).ok_or_else(no_invitation)?;
    let is_other = |email: &str| !email.eq_ignore_ascii_case(row.name.as_str());
    if row.name.as_str().contains('@') && proof.verified_email().is_none_or(is_other) {
        return Err(app.refuse_proof(visitor, &proof, Refusal::OtherAddress).await?);
    }
    admit(app, visitor, digest, Way::Provider(proof)).await
}

/// How an invited person will sign in.
enum Way {
    /// By the password of this hash.
    Password(String),
    /// As who he is at the provider.
    Provider(Proof),
}

async fn admit(app: &App, visitor: &Visitor, digest: Vec<u8>, way: Way) -> Result<Entered, Error> {
    let (now, begun) = (app.clock.now(), app.begin_session(visitor));
    let (instance, session, said_by, id) =
        (Arc::clone(&app.instance), begun.row.clone(), visitor.clone(), app.new_id());
    let (password, identity) = match way {
        Way::Password(hash) => (hash, None),
        Way::Provider(proof) => (String::new(), Some(identity_row(&proof, id, now).signed(&app.instance))),
    };
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            let row = tx.invitation_by_digest(&digest)?.filter(|row| is_open(row, now)).ok_or_else(no_invitation)?;
            row.verify(&instance).map_err(Error::damaged(format!("invitation {}", row.id)))?;
            let terms: Terms =
                serde_json::from_str(&row.access).map_err(|_| StoreError::Damaged("invitation terms"))?;
            if let Some(inviter) = terms.inviter {
                let stands = tx.user(&inviter)?.map(|row| verified(&instance, row)).transpose()?;
                stands.filter(|user| user.is_admin && !user.is_disabled).ok_or_else(no_invitation)?;
            }
            let user = UserRow { is_admin: terms.is_admin, ..new_user(id, row.name.clone(), (&row.created_by, now)) };
            let user = UserRow { password, ..user }.signed(&instance);
            tx.insert_user(&user)?;
            if let Some(identity) = &identity {
                insert(tx, identity)?;
            }
            if let Some((project, membership)) = &terms.place {
                let made = (row.created_by.as_str(), now);
                tx.put_member(&member_row((*project, user.id), membership, made).signed(&instance))?;
            }
            let provider = identity.map(|identity| identity.issuer);
            let target =
                serde_json::json!({ "invitation": row.id, "user": user.id, "name": user.name, "provider": provider });
            close(tx, &instance, row, now)?;
            Begun::insert(session, &user, tx, &instance)?;
            let actor = format!("user:{}", user.name);
            Record::of_visitor(now, &said_by, (&actor, Some(user.id)), ("user.accept", true), &target)
                .append(tx, &instance)
        })
        .await?;
    app.forget_credentials();
    app.entered(begun, visitor).await
}

/// A user without password and power, still to be signed.
pub(super) fn new_user(id: Id, name: AccountName, (by, at): (&str, Timestamp)) -> UserRow {
    UserRow {
        id,
        name,
        is_admin: false,
        is_disabled: false,
        generation: 1,
        password: String::new(),
        factor: None,
        factor_step: 0,
        recovery: "[]".to_owned(),
        created_at: at,
        created_by: by.to_owned(),
        signed_in_at: Some(at),
        mac: Vec::new(),
    }
}

/// What may be changed of somebody's account by an admin of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nobody comes in by it any more; its sessions end, and the tokens that the person minted.
    Disable,
    /// It is as before, without its sessions and tokens.
    Enable,
    /// It is gone, with its memberships.
    Delete,
    /// The person manages the instance.
    MakeAdmin,
    /// The person does not manage the instance.
    UnmakeAdmin,
    /// A sign-in takes the password alone.
    RemoveFactor,
}

impl Change {
    fn action(self) -> &'static str {
        match self {
            Self::Disable => "user.disable",
            Self::Enable => "user.enable",
            Self::Delete => "user.delete",
            Self::MakeAdmin => "user.admin",
            Self::UnmakeAdmin => "user.no_admin",
            Self::RemoveFactor => "user.factor.remove",
        }
    }
}

/// Changes somebody's account. The last admin of the instance, and the last owner of a project, stay.
pub async fn change(app: &App, caller: &Caller, name: &AccountName, change: Change) -> Result<UserItem, Error> {
    app.require_instance_admin(caller, change.action()).await?;
    let (now, instance, by, name) = (app.clock.now(), Arc::clone(&app.instance), caller.clone(), name.clone());
    let changed = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<UserItem, Error> {
            let row = tx.user_by_name(&name)?.ok_or_else(|| Error::not_found(format!("an account {name}")))?;
            let row = match change {
                // whatever stands in a damaged row, it can be taken away
                Change::Delete => row,
                _ => verified(&instance, row)?,
            };
            if matches!(change, Change::Disable | Change::Delete | Change::UnmakeAdmin) {
                check_last_admin(tx, &instance, &row)?;
            }
            let mut revoked = 0;
            if matches!(change, Change::Disable | Change::Delete) {
                check_last_owner(tx, &instance, &row)?;
                for project in tx.projects()? {
                    revoked += crate::tokens::revoke_of_person(tx, &instance, (&project.id, &row.id), None, now)?;
                }
            }
            let changed = match change {
                Change::Disable => UserRow { is_disabled: true, ..row },
                Change::Enable => UserRow { is_disabled: false, ..row },
                Change::MakeAdmin => UserRow { is_admin: true, ..row },
                Change::UnmakeAdmin => UserRow { is_admin: false, ..row },
                Change::RemoveFactor => without_factor(row, &by)?,
                Change::Delete => row,
            };
            let said = item(&instance, &changed.clone().signed(&instance));
            if change == Change::Delete {
                tx.delete_user(&changed.id)?;
            } else {
                let signed = changed.clone().signed(&instance);
                tx.update_user(&signed)?;
                end_sessions(tx, &instance, changed.id)?;
            }
            let target = serde_json::json!({ "user": changed.id, "name": changed.name, "revoked_tokens": revoked });
            Record::done(now, &by, None, change.action(), &target).append(tx, &instance)?;
            Ok(said)
        })
        .await?;
    app.forget_credentials();
    Ok(changed)
}

/// Nobody removes his own by being an admin: who finds his session open could.
fn without_factor(row: UserRow, by: &Caller) -> Result<UserRow, Error> {
    if by.user() == Some(row.id) {
        let text = "one's own second factor is removed on one's account page, with a code of it";
        return Err(Error::Forbidden(text.to_owned()));
    }
    if row.factor.is_none() {
        return Err(Error::conflict(format!("{} has no second factor", row.name), None));
    }
    Ok(UserRow { factor: None, recovery: "[]".to_owned(), ..row })
}

fn check_last_admin(tx: &mut dyn Tx, instance: &Instance, user: &UserRow) -> Result<(), Error> {
    let is_other =
        |row: &UserRow| row.id != user.id && row.is_admin && !row.is_disabled && row.verify(instance).is_ok();
    if user.is_admin && !user.is_disabled && !tx.users()?.iter().any(is_other) {
        let text = format!("{} is the last admin of the instance; make somebody else an admin first", user.name);
        return Err(Error::conflict(text, Some("strongroom users admin NAME".to_owned())));
    }
    Ok(())
}

fn check_last_owner(tx: &mut dyn Tx, instance: &Instance, user: &UserRow) -> Result<(), Error> {
    let mut projects = Vec::new();
    for row in tx.memberships(&user.id)? {
        let is_owner = membership_of(instance, &row).is_ok_and(|held| held.role == Role::Owner);
        if is_owner && !user.is_disabled && other_owners(tx, instance, &row.project, &user.id)? == 0 {
            projects.extend(tx.projects()?.into_iter().filter(|project| project.id == row.project));
        }
    }
    let names: Vec<_> = projects.iter().map(|project| project.name.to_string()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let text =
        format!("{} is the last owner of {}; make somebody else an owner there first", user.name, names.join(", "));
    Err(Error::conflict(text, Some("strongroom members add NAME --role owner --project PROJECT".to_owned())))
}
