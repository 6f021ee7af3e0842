//! Signing in with name and password.

use std::sync::Arc;

use strongroom_model::AccountName;
use strongroom_secret::SecretValue;
use strongroom_store::port::UserRow;
use strongroom_store::{Rows, Tx};

use super::entering::{Begun, Entered, Visitor};
use super::standing::verified;
use crate::audit::Record;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// What somebody says of himself.
#[derive(Debug)]
pub struct SignIn {
    /// The account's name, in any writing.
    pub name: String,
    /// The password.
    pub password: SecretValue,
}

/// Lets a person in. Whatever is wrong, the answer and the time that it takes are the same, whether the account exists or
/// not.
pub async fn sign_in(app: &App, visitor: &Visitor, attempt: SignIn) -> Result<Entered, Error> {
    app.accounts.limits.by_address(visitor.address).inspect_err(|_| app.count_anonymous_denial(&visitor.source))?;
    let name: Option<AccountName> = attempt.name.trim().parse().ok();
    if let Some(name) = &name {
        app.accounts.limits.by_account(name).inspect_err(|_| app.count_anonymous_denial(&visitor.source))?;
    }
    let found = match &name {
        Some(name) => app.store.read(|rows: &mut dyn Rows| rows.user_by_name(name).map_err(Error::from)).await?,
        None => None,
    };
    let user = found.map(|row| verified(&app.instance, row)).transpose()?;
    let hash = user.as_ref().map(|user| user.password.clone()).filter(|hash| !hash.is_empty());
    let renewal = hash.as_ref().filter(|hash| app.is_outdated(hash)).map(|_| attempt.password.duplicate());
    let fits = app.fits(attempt.password, hash).await?;
    let user = match user {
        Some(user) if fits && !user.is_disabled => user,
        known => return Err(refuse(app, visitor, known.as_ref()).await?),
    };
    let renewed = match renewal {
        Some(password) => Some(app.hash_password(password).await?),
        None => None,
    };
    let begun = app.begin_session(visitor);
    let said_by = visitor.clone();
    let (instance, session, now) = (Arc::clone(&app.instance), begun.row.clone(), app.clock.now());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            // read again: it may have changed while the password was hashed
            let row = tx.user(&user.id)?.ok_or_else(wrong)?;
            let row = verified(&instance, row)?;
            if row.is_disabled || row.generation != user.generation || row.password != user.password {
                return Err(wrong());
            }
            let password = renewed.unwrap_or(row.password);
            let row = UserRow { password, signed_in_at: Some(now), ..row }.signed(&instance);
            tx.update_user(&row)?;
            Begun::insert(session, &row, tx, &instance)?;
            let target = serde_json::json!({ "user": row.id });
            let actor = format!("user:{}", row.name);
            Record::of_visitor(now, &said_by, (&actor, Some(row.id)), ("session.begin", true), &target)
                .append(tx, &instance)
        })
        .await?;
    app.entered(begun, visitor).await
}

fn wrong() -> Error {
    Error::NotSignedIn("the name or the password is not right".to_owned())
}

/// Records a refused sign-in. The name is told only where there is such an account: people type passwords there. The same
/// record is written in both cases, so that it takes as long.
async fn refuse(app: &App, visitor: &Visitor, known: Option<&UserRow>) -> Result<Error, Error> {
    let actor = known.map_or_else(|| "anonymous".to_owned(), |user| format!("user:{}", user.name));
    let target = serde_json::json!({ "reason": "name or password" });
    let text = format!("refused: a sign-in as {actor} from {}, request {}", visitor.source, visitor.request_id);
    app.house_line("security", "warn", None, text).await;
    let who = (actor.as_str(), known.map(|user| user.id));
    app.audit(Record::of_visitor(app.clock.now(), visitor, who, ("session.begin", false), &target)).await?;
    Ok(wrong())
}
