//! One's own account: the password, the sessions.

use std::sync::Arc;

use strongroom_api::people::OwnSession;
use strongroom_model::Id;
use strongroom_secret::SecretValue;
use strongroom_store::port::UserRow;
use strongroom_store::{Rows, Tx};

use super::entering::{Begun, Entered, Visitor};
use super::passwords;
use super::standing::{still, verified};
use crate::audit::Record;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// Changes one's own password. It takes the present one; every session ends, and a new one begins here.
pub async fn change_password(
    app: &App,
    caller: &Caller,
    visitor: &Visitor,
    (present, new): (SecretValue, SecretValue),
) -> Result<Entered, Error> {
    let (Some(id), Some(session)) = (caller.user(), &caller.session) else {
        return Err(Error::Forbidden("only a person who is signed in has a password".to_owned()));
    };
    app.accounts.limits.by_session(session.id)?;
    let row = app.store.read(|rows: &mut dyn Rows| rows.user(&id).map_err(Error::from)).await?;
    let user = verified(&app.instance, row.ok_or_else(|| Error::not_found("the account"))?)?;
    if !app.fits(present, Some(user.password.clone())).await? {
        app.audit_denial(caller, None, "password").await?;
        return Err(Error::Forbidden("the present password is not right".to_owned()));
    }
    passwords::check("new_password", &user.name, &new).map_err(|fault| Error::Invalid(vec![fault]))?;
    let password = app.hash_password(new).await?;
    let change = |row| Ok(Some(UserRow { password, ..row }));
    let entered = app.change_own(caller, visitor, (id, "user.password"), change).await?;
    entered.ok_or_else(|| Error::not_found("the account"))
}

impl App {
    /// Changes one's own row in a way that ends every session, and begins a new one here. None where `change` gives none:
    /// nothing has changed then.
    pub(super) async fn change_own(
        &self,
        caller: &Caller,
        visitor: &Visitor,
        (id, action): (Id, &'static str),
        change: impl FnOnce(UserRow) -> Result<Option<UserRow>, Error> + Send + 'static,
    ) -> Result<Option<Entered>, Error> {
        let (begun, now) = (self.begin_session(visitor), self.clock.now());
        let (instance, session, by) = (Arc::clone(&self.instance), begun.row.clone(), caller.clone());
        let changed = self
            .store
            .write(move |tx: &mut dyn Tx| -> Result<bool, Error> {
                let gone = || Error::NotSignedIn("the session is not accepted any more".to_owned());
                let own = by.session.as_ref().ok_or_else(gone)?;
                let row = still(tx, &instance, &own.id, now)?.ok_or_else(gone)?.user;
                if row.id != id {
                    return Err(gone());
                }
                let Some(row) = change(row)? else { return Ok(false) };
                let row = UserRow { generation: row.generation + 1, ..row }.signed(&instance);
                tx.update_user(&row)?;
                tx.delete_sessions(&id, None)?;
                Begun::insert(session, &row, tx, &instance)?;
                Record::done(now, &by, None, action, &serde_json::json!({ "user": id })).append(tx, &instance)?;
                Ok(true)
            })
            .await?;
        if !changed {
            return Ok(None);
        }
        self.forget_credentials();
        self.entered(begun, visitor).await.map(Some)
    }
}

/// One's own sessions, newest first.
pub async fn sessions(app: &App, caller: &Caller) -> Result<Vec<OwnSession>, Error> {
    let Some(id) = caller.user() else { return Ok(Vec::new()) };
    let rows = app.store.read(|rows: &mut dyn Rows| rows.sessions(&id).map_err(Error::from)).await?;
    let (own, now) = (caller.session.as_ref().map(|session| session.id), app.clock.now());
    let items = rows.into_iter().filter(|row| row.expires_at > now).map(|row| OwnSession {
        id: row.id.to_string(),
        kind: row.kind,
        label: row.label,
        source: row.source,
        is_this: own == Some(row.id),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
    });
    Ok(items.collect())
}

/// Ends one of one's own sessions.
pub async fn end_session(app: &App, caller: &Caller, id: Id) -> Result<(), Error> {
    let not_there = move || Error::not_found(format!("session {id}"));
    let user = caller.user().ok_or_else(not_there)?;
    let (now, instance, by) = (app.clock.now(), Arc::clone(&app.instance), caller.clone());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            tx.session(&id)?.filter(|row| row.user == user).ok_or_else(not_there)?;
            tx.delete_session(&id)?;
            Record::done(now, &by, None, "session.end", &serde_json::json!({ "session": id })).append(tx, &instance)
        })
        .await?;
    app.forget_credentials();
    Ok(())
}
