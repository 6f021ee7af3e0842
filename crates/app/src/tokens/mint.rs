//! Minting tokens: none is wider, or lives longer, than who mints it.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::access::CreatedToken;
use strongroom_model::{AddressRange, Capability, Expiry, Grant, Id};
use strongroom_seal::{Instance, token};
use strongroom_store::port::TokenRow;
use strongroom_store::{Rows, StoreError, Tx};

use super::{Terms, item, standing, terms};
use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::once::Once;
use crate::open::App;
use crate::rows::Authenticated as _;

/// What a new token shall be.
#[derive(Debug)]
pub struct NewToken {
    /// For people: 1 to 100 characters without control characters.
    pub name: String,
    /// What it may do; the project must be the caller's.
    pub grant: Grant,
    /// From where it is accepted; empty means from everywhere.
    pub from: Vec<AddressRange>,
    /// When it runs out.
    pub expires: Expiry,
}

/// Tokens of a project that are accepted at one time.
const MAX_LIVE: usize = 1_000;
/// Tokens that one token has minted and that are accepted at one time.
const MAX_LIVE_CHILDREN: usize = 100;

/// Refuses another token where there are too many: who can mint must not be able to fill the store.
fn refuse_too_many(tx: &mut dyn Tx, new: &TokenRow, parent: Option<Id>) -> Result<(), Error> {
    let mut live = tx.tokens(&new.project)?;
    live.retain(|row| row.revoked_at.is_none() && row.expires_at.is_none_or(|at| at > new.created_at));
    let children = live.iter().filter(|row| parent.is_some() && terms(row).and_then(|terms| terms.parent) == parent);
    let detail = if live.len() >= MAX_LIVE {
        format!("the project has {MAX_LIVE} tokens that are accepted, which is as many as it may have")
    } else if children.count() >= MAX_LIVE_CHILDREN {
        format!("this token has minted {MAX_LIVE_CHILDREN} tokens that are accepted, which is as many as it may")
    } else {
        return Ok(());
    };
    Err(Error::conflict(detail, Some("revoke those that nobody uses: strongroom tokens list".to_owned())))
}

/// Mints a token. Nobody mints one that is wider than himself or lives longer than himself.
pub async fn create(app: &App, caller: &Caller, new: NewToken) -> Result<CreatedToken, Error> {
    let project_name = new.grant.project.clone();
    let project = app.enter(caller, &project_name, Capability::Admin, Reach::Anywhere).await?;
    check(&new)?;
    let now = app.clock.now();
    let expires_at = new.expires.resolve(now).map_err(|error| Error::invalid("expires_at", error))?;
    let expires_at = bounded(app, caller, &new, expires_at).await?;
    let terms = Terms::of(new.grant, new.from, caller);
    let grant = terms.grant.clone();
    let text = token::generate(&*app.rng);
    let row = TokenRow {
        id: app.new_id(),
        project: project.id,
        name: new.name,
        digest: app.instance.token_digest(text.expose()).to_vec(),
        grant: serde_json::to_string(&terms).expect("a grant has text keys only"),
        expires_at: expires_at.map(crate::clock::to_millisecond),
        created_at: now,
        created_by: caller.actor.clone(),
        last_used_at: None,
        revoked_at: None,
        mac: Vec::new(),
    }
    .signed(&app.instance);
    let target = serde_json::json!({ "token": row.id, "name": row.name, "capabilities": grant.capabilities, "namespaces": grant.namespaces, "from": terms.from });
    let record = Record::done(now, caller, Some(&project_name), "token.create", &target);
    let item = item(&row, &app.instance, now);
    let (instance, parent, minter) = (Arc::clone(&app.instance), caller.token(), caller.clone());
    let request = format!("{:?} {:?} {:?} {:?}", row.name, grant, new.expires, terms.from);
    let once = Once::of(&app.instance, caller, &project.id, "token.create", &request);
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            if let Some(once) = once {
                if let Some(reference) = once.answered(tx)? {
                    return Err(Error::Repeated { reference });
                }
                once.remember(tx, &row.id, row.created_at)?;
            }
            // asked again here: a child made while its parent is being revoked would outlive it
            if let Some(parent) = parent {
                standing(tx, &instance, (&row.project, &parent), row.created_at)?;
            }
            refuse_too_many(tx, &row, parent)?;
            if minter.user().is_some() {
                person_covers(tx, &instance, &minter, (&terms.grant, row.created_at))?;
            }
            tx.insert_token(&row)?;
            record.append(tx, &instance)
        })
        .await?;
    Ok(CreatedToken { token: text.expose().to_owned(), item })
}

fn check(new: &NewToken) -> Result<(), Error> {
    let mut faults = Vec::new();
    if new.name.is_empty() || new.name.chars().count() > 100 || new.name.chars().any(char::is_control) {
        faults
            .push(crate::error::Fault::new("name", "a token's name is 1 to 100 characters without control characters"));
    }
    if new.grant.capabilities.is_empty() {
        let words: Vec<_> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
        faults.push(crate::error::Fault::new(
            "capabilities",
            format!("a token needs at least one of {}", words.join(", ")),
        ));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// A token is no wider than who mints it; minted by a token, it lives no longer either.
pub(crate) async fn bounded(
    app: &App,
    caller: &Caller,
    asked: &NewToken,
    expires_at: Option<Timestamp>,
) -> Result<Option<Timestamp>, Error> {
    if caller
        .grant_in(&asked.grant.project)
        .is_some_and(|held| held.is_ok_and(|(_, grant)| !grant.covers(&asked.grant)))
    {
        app.audit_denial(caller, Some(&asked.grant.project), "token.create").await?;
        let text = match caller.user() {
            Some(_) => "nobody mints a token that is wider than himself",
            None => "a token cannot mint one that is wider than itself",
        };
        return Err(Error::Forbidden(text.to_owned()));
    }
    let Access::Token { id, grant, .. } = &caller.access else { return Ok(expires_at) };
    let project = app.projects.load(&*app.store, &app.instance, &grant.project).await?;
    let now = app.clock.now();
    let own = app.store.read(|rows: &mut dyn Rows| standing(rows, &app.instance, (&project.id, id), now)).await?;
    let limits = terms(&own).ok_or(StoreError::Damaged("token grant"))?.from;
    let within = |range: &AddressRange| limits.iter().any(|limit| limit.covers(range));
    if !limits.is_empty() && (asked.from.is_empty() || !asked.from.iter().all(within)) {
        app.audit_denial(caller, Some(&asked.grant.project), "token.create").await?;
        let own: Vec<_> = limits.iter().map(ToString::to_string).collect();
        let detail = format!("a token cannot mint one for more addresses than its own ({})", own.join(", "));
        return Err(Error::Forbidden(detail));
    }
    let limit = own.expires_at;
    Ok(match (expires_at, limit) {
        (Some(asked), Some(limit)) => Some(asked.min(limit)),
        (asked, limit) => asked.or(limit),
    })
}

/// Refuses a person who lost, since the request began, what it takes to mint such a token.
fn person_covers(
    tx: &mut dyn Tx,
    instance: &Instance,
    caller: &Caller,
    (asked, now): (&Grant, Timestamp),
) -> Result<(), Error> {
    let session = caller.session.as_ref().map(|session| session.id);
    let person = match session {
        Some(session) => crate::accounts::still(tx, instance, &session, now)?,
        None => None,
    };
    let held = person.as_ref().and_then(|person| person.memberships.get(&asked.project));
    if held.is_some_and(|(_, grant)| grant.allows(Capability::Admin) && grant.covers(asked)) {
        return Ok(());
    }
    Err(Error::Forbidden("the session is not accepted any more".to_owned()))
}
