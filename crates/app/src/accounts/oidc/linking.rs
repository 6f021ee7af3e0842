//! Which person an identity at the provider is: looked up, linked, unlinked.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use strongroom_model::Id;
use strongroom_store::port::{IdentityRow, UserRow};
use strongroom_store::{Rows, StoreError, Tx};

use super::provider::Proof;
use super::{Refusal, provider};
use crate::accounts::entering::{Begun, Entered, Visitor};
use crate::accounts::members::end_sessions;
use crate::accounts::standing::{still, verified};
use crate::audit::Record;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// How long after signing in a person may add a way in, or take one away.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// The row of who somebody is at the provider, still to be signed.
pub(in crate::accounts) fn identity_row(proof: &Proof, user: Id, now: Timestamp) -> IdentityRow {
    IdentityRow {
        issuer: proof.issuer.clone(),
        subject: proof.subject.clone(),
        user,
        label: proof.email.clone().unwrap_or_else(|| proof.subject.clone()),
        created_at: now,
        mac: Vec::new(),
    }
}

/// Lets in who is linked with a proof.
pub(super) async fn enter(app: &App, visitor: &Visitor, proof: &Proof) -> Result<Entered, Error> {
    let instance = Arc::clone(&app.instance);
    let found = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<Option<UserRow>, Error> {
            let Some(row) = rows.identity(&proof.issuer, &proof.subject)? else { return Ok(None) };
            row.verify(&instance).map_err(Error::damaged(format!("identity of user {}", row.user)))?;
            rows.user(&row.user)?.map(|user| verified(&instance, user)).transpose()
        })
        .await?;
    let Some(user) = found.filter(|user| !user.is_disabled) else {
        return Err(app.refuse_proof(visitor, proof, Refusal::Unknown).await?);
    };
    let (begun, now, said_by) = (app.begin_session(visitor), app.clock.now(), visitor.clone());
    let session = begun.row.clone();
    let (issuer, subject) = (proof.issuer.clone(), proof.subject.clone());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            // read again: the link, or the account, may have gone meanwhile
            let gone = || Error::NotSignedIn("the account changed meanwhile; begin again".to_owned());
            let link = tx.identity(&issuer, &subject)?.filter(|link| link.user == user.id).ok_or_else(gone)?;
            link.verify(&instance).map_err(Error::damaged(format!("identity of user {}", link.user)))?;
            let row = verified(&instance, tx.user(&user.id)?.ok_or_else(gone)?)?;
            if row.is_disabled {
                return Err(gone());
            }
            let row = UserRow { signed_in_at: Some(now), ..row }.signed(&instance);
            tx.update_user(&row)?;
            Begun::insert(session, &row, tx, &instance)?;
            let target = serde_json::json!({ "user": row.id, "provider": issuer });
            let actor = format!("user:{}", row.name);
            Record::of_visitor(now, &said_by, (&actor, Some(row.id)), ("session.begin", true), &target)
                .append(tx, &instance)
        })
        .await?;
    app.entered(begun, visitor).await
}

/// The caller's session, if its person proved who he is just now.
pub(super) async fn fresh_session(app: &App, caller: &Caller) -> Result<Id, Error> {
    let (Some(session), Some(_)) = (&caller.session, caller.user()) else {
        return Err(Error::Forbidden("only a person who is signed in links an account".to_owned()));
    };
    if app.clock.now().duration_since(session.proved_at) > FRESH {
        app.audit_denial(caller, None, "identity").await?;
        let detail =
            "ways to sign in are changed within 5 minutes of signing in; sign out, sign in again and repeat it";
        return Err(Error::Forbidden(detail.to_owned()));
    }
    Ok(session.id)
}

/// Links a proof with the person whose session began it, in whose browser it ends.
pub(super) async fn link(app: &App, caller: Option<&Caller>, session: Id, proof: &Proof) -> Result<(), Error> {
    let is_same = |caller: &&Caller| caller.session.as_ref().is_some_and(|held| held.id == session);
    let Some((caller, user)) = caller.filter(is_same).and_then(|caller| Some((caller, caller.user()?))) else {
        return Err(Error::NotSignedIn(
            "you are not signed in any more; sign in and link the account again".to_owned(),
        ));
    };
    let now = app.clock.now();
    let row = identity_row(proof, user, now).signed(&app.instance);
    let target = serde_json::json!({ "user": user, "provider": row.issuer, "subject": row.subject });
    let record = Record::done(now, caller, None, "identity.link", &target);
    let instance = Arc::clone(&app.instance);
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            let person = still(tx, &instance, &session, now)?.filter(|person| person.user.id == user);
            person.ok_or_else(|| Error::NotSignedIn("the session is not accepted any more".to_owned()))?;
            insert(tx, &row)?;
            record.append(tx, &instance)
        })
        .await
}

/// Writes a link down, unless either side of it is linked already.
pub(in crate::accounts) fn insert(tx: &mut dyn Tx, row: &IdentityRow) -> Result<(), Error> {
    match tx.insert_identity(row) {
        Err(StoreError::Exists(_)) => Err(Error::conflict(
            "one of the two accounts is linked already: an account here goes with one account there; take the earlier link away first",
            None,
        )),
        other => Ok(other?),
    }
}

/// A person's link with the provider.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Who the person is there, for people.
    pub label: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Whether there is a password too, so that the link can be taken away.
    pub has_password: bool,
}

/// The caller's link with the provider.
pub async fn linked(app: &App, caller: &Caller) -> Result<Option<Linked>, Error> {
    let (Some(user), Ok(provider)) = (caller.user(), provider(app)) else { return Ok(None) };
    let issuer = provider.config.issuer.as_str();
    app.store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let has_password = rows.user(&user)?.is_some_and(|user| !user.password.is_empty());
            let row = rows.identities(&user)?.into_iter().find(|row| row.issuer == issuer);
            Ok(row.map(|row| Linked { label: row.label, created_at: row.created_at, has_password }))
        })
        .await
}

/// Takes the caller's link away, and ends all of the caller's sessions. Whoever has no password keeps it.
pub async fn unlink(app: &App, caller: &Caller) -> Result<(), Error> {
    fresh_session(app, caller).await?;
    let (user, issuer) = (caller.user(), provider(app)?.config.issuer.to_string());
    let user = user.ok_or_else(|| Error::not_found("the account"))?;
    let target = serde_json::json!({ "user": user, "provider": issuer });
    let record = Record::done(app.clock.now(), caller, None, "identity.unlink", &target);
    let instance = Arc::clone(&app.instance);
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            let row = tx.user(&user)?.ok_or_else(|| Error::not_found("the account"))?;
            if verified(&instance, row)?.password.is_empty() {
                return Err(Error::conflict(
                    "this is your only way in: an account without a password keeps its link",
                    None,
                ));
            }
            let link = tx.identities(&user)?.into_iter().find(|row| row.issuer == issuer);
            let link = link.ok_or_else(|| Error::not_found("a link of your account"))?;
            tx.delete_identity(&link.issuer, &link.subject)?;
            end_sessions(tx, &instance, user)?;
            record.append(tx, &instance)
        })
        .await?;
    app.forget_credentials();
    Ok(())
}
