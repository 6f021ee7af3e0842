//! Signing in: name and password, then the code of a second factor where there is one.
//!
//! ```text
//! limits ──> password ──> no second factor ─────────────────────────────> session
//!               │     └─> code brought along ──> spent with the session ──> session
//!               │     └─> no code ──> Step::CodeWanted(ticket) ── ticket, code ──> session
//!               └─> wrong: the same answer, in the same time, whatever was wrong
//! ```
//!
//! Who signs people in by another way makes the session as [`admit`] does.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use strongroom_model::{AccountName, Id};
use strongroom_seal::{Instance, keyed_digest, same_text};
use strongroom_secret::SecretValue;
use strongroom_store::port::UserRow;
use strongroom_store::{Rows, Tx};
use zeroize::Zeroizing;

use super::entering::{Begun, Entered, Visitor};
use super::factor;
use super::limits::From;
use super::standing::verified;
use crate::audit::Record;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// How long after the password the code may come.
const TICKET: SignedDuration = SignedDuration::from_mins(5);

/// What somebody says of himself.
#[derive(Debug)]
pub struct SignIn {
    /// The account's name, in any writing.
    pub name: String,
    /// The password.
    pub password: SecretValue,
    /// The code of the second factor, or a recovery code.
    pub code: Option<SecretValue>,
}

/// How far a sign-in came.
#[derive(Debug)]
pub enum Step {
    /// A session has begun.
    In(Entered),
    /// The password is right, and the account asks for a code: [`sign_in_by_code`] takes this ticket with it.
    CodeWanted(Ticket),
}

/// Says for five minutes that its holder knew the password. It opens nothing.
pub struct Ticket(pub Zeroizing<String>);

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(..)")
    }
}

impl Ticket {
    /// `user id . ends, in ms . MAC over both and over what makes the password known by now`. Nothing is stored.
    fn of(instance: &Instance, user: &UserRow, ends: Timestamp) -> Self {
        let ends = ends.as_millisecond();
        Self(Zeroizing::new(format!("{}.{ends}.{}", user.id, Self::mac(instance, user, ends))))
    }

    fn mac(instance: &Instance, user: &UserRow, ends: i64) -> String {
        let of = serde_json::json!([user.id, ends, user.generation, user.password]).to_string();
        hex::encode(keyed_digest(instance, "ticket", of.as_bytes()))
    }

    /// Whose it is, which is believed once [`Ticket::fits`].
    fn user(text: &str) -> Option<Id> {
        text.split('.').next()?.parse().ok()
    }

    fn fits(text: &str, instance: &Instance, user: &UserRow, now: Timestamp) -> bool {
        let Some((_, ends)) = text.split_once('.') else { return false };
        let Some((ends, mac)) = ends.split_once('.') else { return false };
        let Ok(ends) = ends.parse::<i64>() else { return false };
        same_text(mac, &Self::mac(instance, user, ends)) && now.as_millisecond() < ends
    }
}

/// Lets a person in. Whatever is wrong, the answer and the time that it takes are the same, whether the account exists or
/// not, and whether it has a second factor or not.
pub async fn sign_in(app: &App, visitor: &Visitor, attempt: SignIn) -> Result<Step, Error> {
    let name: Option<AccountName> = attempt.name.trim().parse().ok();
    let limited = match &name {
        Some(name) => app.accounts.limits.by_account(name, &app.place_of(visitor, name)),
        None => app.accounts.limits.by_address(visitor.address),
    };
    limited.inspect_err(|_| app.count_anonymous_denial(&visitor.source))?;
    let found = match &name {
        Some(name) => app.store.read(|rows: &mut dyn Rows| rows.user_by_name(name).map_err(Error::from)).await?,
        None => None,
    };
    let user = found.map(|row| verified(&app.instance, row)).transpose()?;
    let hash = user.as_ref().map(|user| user.password.clone()).filter(|hash| !hash.is_empty());
    let outdated = hash.as_ref().filter(|hash| app.is_outdated(hash)).map(|_| attempt.password.duplicate());
    let fits = app.fits(attempt.password, hash).await?;
    let user = match user {
        Some(user) if fits && !user.is_disabled => user,
        known => {
            refused(app, visitor, known.as_ref(), "name or password").await?;
            return Err(wrong());
        }
    };
    let user = match outdated {
        Some(password) => hashed_anew(app, user, password).await?,
        None => user,
    };
    if user.factor.is_some() && attempt.code.is_none() {
        refused(app, visitor, Some(&user), "the password was right, a code was asked for").await?;
        let ends = app.clock.now().checked_add(TICKET).unwrap_or_else(|_| app.clock.now());
        return Ok(Step::CodeWanted(Ticket::of(&app.instance, &user, ends)));
    }
    match enter(app, visitor, user, attempt.code).await? {
        Some(entered) => Ok(Step::In(entered)),
        None => Err(wrong()),
    }
}

/// The second step: the ticket of the first, and the code.
pub async fn sign_in_by_code(app: &App, visitor: &Visitor, ticket: &str, code: SecretValue) -> Result<Entered, Error> {
    let too_late = || Error::NotSignedIn("this sign-in took too long; begin again".to_owned());
    let user = Ticket::user(ticket).ok_or_else(too_late)?;
    let found = app.store.read(|rows: &mut dyn Rows| rows.user(&user).map_err(Error::from)).await?;
    let user = verified(&app.instance, found.ok_or_else(too_late)?)?;
    if user.is_disabled || !Ticket::fits(ticket, &app.instance, &user, app.clock.now()) {
        app.accounts.limits.by_address(visitor.address)?;
        app.count_anonymous_denial(&visitor.source);
        return Err(too_late());
    }
    let limited = app.accounts.limits.by_account(&user.name, &app.place_of(visitor, &user.name));
    limited.inspect_err(|_| app.count_anonymous_denial(&visitor.source))?;
    let entered = enter(app, visitor, user, Some(code)).await?;
    entered.ok_or_else(|| {
        Error::NotSignedIn("the code is not right, or it has served already; wait for the app's next one".to_owned())
    })
}

/// The user, whose hash is made anew now that the password is known: the instance's cost is another one.
async fn hashed_anew(app: &App, user: UserRow, password: SecretValue) -> Result<UserRow, Error> {
    let (password, instance) = (app.hash_password(password).await?, Arc::clone(&app.instance));
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<UserRow, Error> {
            let row = verified(&instance, tx.user(&user.id)?.ok_or_else(wrong)?)?;
            if row.password != user.password {
                return Err(wrong());
            }
            let row = UserRow { password, ..row }.signed(&instance);
            tx.update_user(&row)?;
            Ok(row)
        })
        .await
}

/// Spends the code, if the account asks for one, and begins the session: in one transaction, so that of two sign-ins with
/// one code one comes in. None if the code is wrong.
async fn enter(
    app: &App,
    visitor: &Visitor,
    user: UserRow,
    code: Option<SecretValue>,
) -> Result<Option<Entered>, Error> {
    if user.factor.is_some() {
        let limited = app.accounts.limits.by_code(&user.name, &app.place_of(visitor, &user.name));
        limited.inspect_err(|_| app.count_anonymous_denial(&visitor.source))?;
    }
    let begun = app.begin_session(visitor);
    let (instance, said_by, now) = (Arc::clone(&app.instance), visitor.clone(), app.clock.now());
    let (session, known) = (begun.row.clone(), user.clone());
    let is_in = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<bool, Error> {
            // read again: it may have changed while the password was hashed
            let row = verified(&instance, tx.user(&known.id)?.ok_or_else(wrong)?)?;
            if row.is_disabled || row.generation != known.generation || row.password != known.password {
                return Err(wrong());
            }
            let (row, spent) = match (&row.factor, code) {
                (None, _) => (row, None),
                (Some(_), None) => return Err(Error::SecondFactor),
                (Some(_), Some(code)) => match factor::spend(&instance, row, &code, now)? {
                    Some((row, spent)) => (row, Some(spent)),
                    None => return Ok(false),
                },
            };
            let target = serde_json::json!({ "user": row.id, "second_factor": spent.map(factor::Spent::as_str) });
            admit(tx, &instance, (row, session), &said_by, &target)?;
            Ok(true)
        })
        .await?;
    if !is_in {
        refused(app, visitor, Some(&user), "second factor").await?;
        return Ok(None);
    }
    app.entered(begun, visitor).await.map(Some)
}

/// Writes down that a person has signed in, by whatever way: his last sign-in, the session ([`App::begin_session`]) and the
/// record, which says `target`. The row is verified, of this transaction, and of nobody who is disabled.
/// [`App::entered`] tells the session once it is committed.
pub(super) fn admit(
    tx: &mut dyn Tx,
    instance: &Instance,
    (row, session): (UserRow, strongroom_store::port::SessionRow),
    visitor: &Visitor,
    target: &serde_json::Value,
) -> Result<(), Error> {
    let now = session.created_at;
    let row = UserRow { signed_in_at: Some(now), ..row }.signed(instance);
    tx.update_user(&row)?;
    Begun::insert(session, &row, tx, instance)?;
    let actor = format!("user:{}", row.name);
    Record::of_visitor(now, visitor, (&actor, Some(row.id)), ("session.begin", true), target).append(tx, instance)
}

impl App {
    /// Where somebody tries to sign in to an account from.
    fn place_of(&self, visitor: &Visitor, name: &AccountName) -> From {
        let known = visitor.device.as_ref().and_then(|device| device.id(&self.instance, name, self.clock.now()));
        known.map_or(From::Stranger(visitor.address), From::Known)
    }
}

fn wrong() -> Error {
    Error::NotSignedIn("the name, the password or the code is not right".to_owned())
}

/// Records a refused sign-in. The name is told only where there is such an account: people type passwords there. The same
/// record is written in both cases, so that it takes as long.
async fn refused(app: &App, visitor: &Visitor, known: Option<&UserRow>, reason: &str) -> Result<(), Error> {
    let actor = known.map_or_else(|| "anonymous".to_owned(), |user| format!("user:{}", user.name));
    let target = serde_json::json!({ "reason": reason });
    let text = format!("refused: a sign-in as {actor} from {}, request {}", visitor.source, visitor.request_id);
    app.house_line("security", "warn", None, text).await;
    let who = (actor.as_str(), known.map(|user| user.id));
    app.audit(Record::of_visitor(app.clock.now(), visitor, who, ("session.begin", false), &target)).await
}
