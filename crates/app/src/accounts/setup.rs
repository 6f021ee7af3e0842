//! The first account: made with a code that the server prints at its start, as long as there is no account.

use std::sync::{Arc, Mutex, PoisonError};

use strongroom_model::{AccountName, Id, Membership, Role};
use strongroom_seal::{Instance, keyed_digest};
use strongroom_secret::SecretValue;
use strongroom_store::port::{MemberRow, UserRow};
use strongroom_store::{Rows, Tx};
use zeroize::Zeroizing;

use super::entering::{Begun, Entered, Visitor};
use super::passwords;
use crate::audit::Record;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// The digest of the code that was printed. In memory alone: the next start prints another one.
#[derive(Default)]
pub(super) struct Setup(Mutex<Option<[u8; 32]>>);

/// The code of the setup address, if there is no account yet. Each call makes the earlier one void.
pub async fn offer_setup(app: &App) -> Result<Option<Zeroizing<String>>, Error> {
    if app.store.read(|rows: &mut dyn Rows| rows.count_users()).await? > 0 {
        return Ok(None);
    }
    let code = Zeroizing::new(app.new_id().to_string());
    *app.accounts.setup.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest(&app.instance, &code));
    Ok(Some(code))
}

fn digest(instance: &Instance, code: &str) -> [u8; 32] {
    keyed_digest(instance, "setup", code.as_bytes())
}

/// Whether `code` is the one that was printed and has not served yet. Looking does not use it up.
pub fn is_setup_code(app: &App, code: &str) -> bool {
    // digests are compared: nobody chooses them, so the time tells nothing
    *app.accounts.setup.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(digest(&app.instance, code))
}

/// Makes the first account: an admin of the instance, and owner of every project that is there. Nobody without the
/// printed code can do anything to it: wrong codes change nothing.
pub async fn set_up(
    app: &App,
    visitor: &Visitor,
    code: &str,
    name: AccountName,
    password: SecretValue,
) -> Result<Entered, Error> {
    app.accounts.limits.by_address(visitor.address)?;
    if !is_setup_code(app, code) {
        app.count_anonymous_denial(&visitor.source);
        return Err(Error::not_found("a setup address with this code"));
    }
    passwords::check("password", &name, &password).map_err(|fault| Error::Invalid(vec![fault]))?;
    let password = app.hash_password(password).await?;
    let begun = app.begin_session(visitor);
    let now = app.clock.now();
    let visitor_said = visitor.clone();
    let user = super::users::new_user(app.new_id(), name, ("setup", now));
    let user = UserRow { is_admin: true, password, ..user }.signed(&app.instance);
    let (instance, session) = (Arc::clone(&app.instance), begun.row.clone());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            if tx.count_users()? > 0 {
                return Err(Error::not_found("a setup address with this code"));
            }
            tx.insert_user(&user)?;
            for project in tx.projects()? {
                tx.put_member(&owner_row((project.id, user.id), ("setup", now)).signed(&instance))?;
            }
            Begun::insert(session, &user, tx, &instance)?;
            let target = serde_json::json!({ "user": user.id, "name": user.name });
            let actor = format!("user:{}", user.name);
            Record::of_visitor(now, &visitor_said, (&actor, Some(user.id)), ("setup", true), &target)
                .append(tx, &instance)
        })
        .await?;
    *app.accounts.setup.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    app.entered(begun, visitor).await
}

/// The row of a project's first owner, still to be signed.
pub(crate) fn owner_row(of: (Id, Id), made: (&str, jiff::Timestamp)) -> MemberRow {
    member_row(of, &Membership { role: Role::Owner, namespaces: Vec::new() }, made)
}

/// A membership's row, still to be signed.
pub(super) fn member_row(
    (project, user): (Id, Id),
    membership: &Membership,
    (by, at): (&str, jiff::Timestamp),
) -> MemberRow {
    let access = serde_json::to_string(membership).expect("a membership has text keys only");
    MemberRow { project, user, access, created_at: at, created_by: by.to_owned(), mac: Vec::new() }
}
