//! Fill-in links: a one-time address by which somebody without an account sends values in, on behalf of whoever made it.
//!
//! ```text
//! create (who may write there) ──> open ──> filled     by one POST, in the transaction that writes the values
//!                                    ├────> expired    72 hours later unless said otherwise
//!                                    ├────> revoked
//!                                    └────> ended      its maker may not write there any more
//! ```
//! From outside, everything that is not `open` looks like a code that never was.

mod filling;

pub use filling::{Visitor, fill, look};

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strongroom_api::links::{CreatedLink, LinkItem};
use strongroom_model::{AppId, Capability, Expiry, Id, NamespaceName, ProjectName, Scope, ScopeKind, SecretName};
use strongroom_seal::{Instance, keyed_digest, token};
use strongroom_store::port::LinkRow;
use strongroom_store::{Rows, StoreError, Tx};

use crate::audit::Record;
use crate::authz::{self, Reach};
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::keys::Project;
use crate::live::Affected;
use crate::once::Once;
use crate::open::App;
use crate::rows::Authenticated as _;
use crate::secrets::declare::{Declare, Registered, declare_in};
use crate::secrets::{Place, scope_of};

/// How long a link lasts unless said otherwise, in hours.
const LASTS_HOURS: i64 = 72;
/// How long it may last at most, in hours.
const MAX_HOURS: i64 = 30 * 24;
/// Links of a project that are open at one time.
const MAX_OPEN: usize = 200;
/// Secrets that one link asks for: a person fills them in.
const MAX_NAMES: usize = 100;

/// What a new link shall be.
#[derive(Debug)]
pub struct NewLink {
    /// What is asked for; what is not there yet is declared.
    pub declare: Declare,
    /// What happens to values that are there.
    pub existing: Existing,
    /// When it runs out; 72 hours from now unless given.
    pub expires: Option<Expiry>,
}

/// What a link does to values that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It leaves them as they are.
    Kept,
    /// It replaces them.
    Replaced,
}

/// On whose behalf a link writes. With his right to do so it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Author {
    Owner,
    Token(Id),
    Person(Id),
}

/// What a link's row says.
#[derive(Debug, Serialize, Deserialize)]
struct Terms {
    kind: ScopeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<NamespaceName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<AppId>,
    names: Vec<SecretName>,
    replace: bool,
    author: Author,
}

impl Terms {
    fn of(caller: &Caller, new: &NewLink) -> Self {
        let scope = &new.declare.scope;
        Self {
            kind: scope.kind(),
            namespace: scope.namespace().cloned(),
            app: scope.app().cloned(),
            names: new.declare.entries.iter().map(|(name, _)| name.clone()).collect(),
            replace: new.existing == Existing::Replaced,
            author: match &caller.access {
                Access::Owner => Author::Owner,
                Access::Token { id, .. } => Author::Token(*id),
                Access::Person { user, .. } => Author::Person(*user),
                // none gets this far; a token that does not exist gives a link nothing
                Access::EndUser { home, .. } => Author::Token(*home),
            },
        }
    }

    fn read(row: &LinkRow) -> Result<Self, StoreError> {
        serde_json::from_str(&row.terms).map_err(|_| StoreError::Damaged("link terms"))
    }

    fn scope(&self) -> Result<Scope, StoreError> {
        let scope = scope_of(self.kind, self.namespace.clone(), self.app.clone());
        scope.ok_or(StoreError::Damaged("link scope"))
    }
}

fn digest(instance: &Instance, code: &str) -> Vec<u8> {
    keyed_digest(instance, "fill-in link", code.as_bytes()).to_vec()
}

/// Declares what is not there yet and makes a link for it, in one transaction. Nobody asks for more than he may write.
pub async fn create(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    new: NewLink,
) -> Result<CreatedLink, Error> {
    let scope = new.declare.scope.clone();
    let entered = app.enter(caller, project, Capability::SecretsWrite, Reach::Change(&scope)).await?;
    app.require_names(caller, project, new.declare.entries.iter().map(|(name, _)| name)).await?;
    if new.declare.entries.len() > MAX_NAMES {
        return Err(Error::invalid("secrets", format!("one link asks for at most {MAX_NAMES} secrets")));
    }
    let now = app.clock.now();
    let expires_at = runs_out(new.expires, now)?;
    let base = app.reached_at()?;
    let code = token::generate_link(&*app.rng);
    let terms = Terms::of(caller, &new);
    let row = LinkRow {
        id: app.new_id(),
        project: entered.id,
        digest: digest(&app.instance, code.expose()),
        terms: serde_json::to_string(&terms).expect("terms have text keys only"),
        created_at: now,
        created_by: caller.actor.clone(),
        expires_at,
        filled_at: None,
        filled_from: None,
        revoked_at: None,
        mac: Vec::new(),
    }
    .signed(&app.instance);
    let link = item(&row, Some(&terms), "open");
    let Registered { results, created, names, raised } = insert(app, caller, &entered, (new, row)).await?;
    app.announce(Affected { project: entered, scope, names, removed: false }, raised.as_ref()).await;
    Ok(CreatedLink { url: format!("{base}/fill/{}", code.expose()), results, created, link })
}

async fn insert(
    app: &App,
    caller: &Caller,
    entered: &Arc<Project>,
    (new, row): (NewLink, LinkRow),
) -> Result<Registered, Error> {
    let (owner, instance, rng) = (Arc::clone(entered), Arc::clone(&app.instance), Arc::clone(&app.rng));
    let (who, now) = (caller.clone(), row.created_at);
    let Declare { scope, entries, force, allowed } = &new.declare;
    let request = format!("{scope:?} {entries:?} {force} {allowed:?} {:?} {:?}", new.existing, new.expires);
    let once = Once::of(&app.instance, caller, &entered.id, "link.create", &request);
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<Registered, Error> {
            if let Some(once) = once {
                if let Some(reference) = once.answered(tx)? {
                    return Err(Error::Repeated { reference });
                }
                once.remember(tx, &row.id, now)?;
            }
            let is_open = |row: &&LinkRow| row.filled_at.is_none() && row.revoked_at.is_none() && row.expires_at > now;
            if tx.links(&owner.id)?.iter().filter(is_open).count() >= MAX_OPEN {
                let hint = Some("strongroom links list".to_owned());
                return Err(Error::conflict(format!("the project has {MAX_OPEN} open links already"), hint));
            }
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            let registered = declare_in(tx, &place, &new.declare, &*rng)?;
            tx.insert_link(&row)?;
            let names: Vec<_> = new.declare.entries.iter().map(|(name, _)| name).collect();
            let replaces = new.existing == Existing::Replaced;
            let target = serde_json::json!({ "link": row.id, "scope": new.declare.scope.to_string(), "names": names, "replace": replaces });
            place.record_target(tx, "link.create", &target)?;
            Ok(registered)
        })
        .await
}

fn runs_out(expires: Option<Expiry>, now: Timestamp) -> Result<Timestamp, Error> {
    let refused = |detail: &str| Error::invalid("expires_at", detail);
    let at = match expires {
        None => now.checked_add(SignedDuration::from_hours(LASTS_HOURS)).ok(),
        Some(expiry) => expiry.resolve(now).map_err(|error| Error::invalid("expires_at", error))?,
    };
    let at =
        at.map(crate::clock::to_millisecond).ok_or_else(|| refused("a link always runs out, after 30 days at most"))?;
    match at.duration_since(now) {
        lasts if lasts > SignedDuration::from_hours(MAX_HOURS) => Err(refused("a link lasts 30 days at most")),
        lasts if lasts <= SignedDuration::ZERO => Err(refused("a link cannot have run out before it is made")),
        _ => Ok(at),
    }
}

/// The caller on whose behalf a link writes, as he would be let in now; none if he would not be.
fn author(
    rows: &mut (impl Rows + ?Sized),
    instance: &Instance,
    project: &Project,
    terms: &Terms,
    now: Timestamp,
) -> Result<Option<Caller>, Error> {
    match &terms.author {
        Author::Owner => Ok(Some(Caller::owner("process", "link"))),
        Author::Token(id) => crate::tokens::holder(rows, instance, (&project.id, id), now),
        Author::Person(id) => crate::accounts::member(rows, instance, &project.name, id),
    }
}

/// Whether whoever made the link could write now what it asks for.
fn is_backed(
    rows: &mut (impl Rows + ?Sized),
    instance: &Instance,
    project: &Project,
    terms: &Terms,
    now: Timestamp,
) -> Result<bool, Error> {
    let scope = terms.scope()?;
    let author = author(rows, instance, project, terms, now)?;
    Ok(author.is_some_and(|author| may_write(&author, project, (&scope, &terms.names))))
}

fn may_write(caller: &Caller, project: &Project, (scope, names): (&Scope, &[SecretName])) -> bool {
    authz::may(caller, project, Capability::SecretsWrite, Reach::Change(scope))
        && names.iter().all(|name| caller.reaches_name(name))
}

/// A project's links that ask for what the caller may write, newest first.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<LinkItem>, Error> {
    let entered = app.enter(caller, project, Capability::SecretsWrite, Reach::Anywhere).await?;
    let now = app.clock.now();
    app.store
        .read(|rows: &mut dyn Rows| {
            let all = rows.links(&entered.id)?;
            let shown = all.into_iter().map(|row| described(rows, app, (&entered, caller), &row, now));
            shown.filter_map(Result::transpose).collect()
        })
        .await
}

/// One link's record, for the answer to a repeated request.
pub async fn show(app: &App, caller: &Caller, project: &ProjectName, id: Id) -> Result<LinkItem, Error> {
    let all = list(app, caller, project).await?;
    all.into_iter().find(|item| item.id == id.to_string()).ok_or_else(|| Error::not_found(format!("link {id}")))
}

/// What the caller may know of a link. A damaged one is shown, without what it says, to who may write anywhere.
fn described(
    rows: &mut (impl Rows + ?Sized),
    app: &App,
    (project, caller): (&Project, &Caller),
    row: &LinkRow,
    now: Timestamp,
) -> Result<Option<LinkItem>, Error> {
    if row.verify(&app.instance).is_err() {
        let whole = caller.grant().is_none_or(|grant| !grant.is_limited());
        return Ok(whole.then(|| item(row, None, "damaged")));
    }
    let terms = Terms::read(row)?;
    if !may_write(caller, project, (&terms.scope()?, &terms.names)) {
        return Ok(None);
    }
    let state = match row {
        LinkRow { filled_at: Some(_), .. } => "filled",
        LinkRow { revoked_at: Some(_), .. } => "revoked",
        row if row.expires_at <= now => "expired",
        _ if !is_backed(rows, &app.instance, project, &terms, now)? => "ended",
        _ => "open",
    };
    Ok(Some(item(row, Some(&terms), state)))
}

/// Revokes a link at once. Once it was used, that changes nothing.
pub async fn revoke(app: &App, caller: &Caller, project: &ProjectName, id: Id) -> Result<LinkItem, Error> {
    let entered = app.enter(caller, project, Capability::SecretsWrite, Reach::Anywhere).await?;
    let (instance, who, now, name) = (Arc::clone(&app.instance), caller.clone(), app.clock.now(), project.clone());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<LinkItem, Error> {
            let missing = || Error::not_found(format!("link {id}"));
            let mut row = tx.link(&entered.id, &id)?.ok_or_else(missing)?;
            row.verify(&instance).map_err(Error::damaged(format!("link {id}")))?;
            let terms = Terms::read(&row)?;
            if !may_write(&who, &entered, (&terms.scope()?, &terms.names)) {
                return Err(missing());
            }
            if row.filled_at.is_some() {
                return Ok(item(&row, Some(&terms), "filled"));
            }
            row.revoked_at = row.revoked_at.or(Some(now));
            let row = row.signed(&instance);
            tx.update_link(&row)?;
            let target = serde_json::json!({ "link": row.id });
            Record::done(now, &who, Some(&name), "link.revoke", &target).append(tx, &instance)?;
            Ok(item(&row, Some(&terms), "revoked"))
        })
        .await
}

fn item(row: &LinkRow, terms: Option<&Terms>, state: &str) -> LinkItem {
    LinkItem {
        id: row.id.to_string(),
        state: state.to_owned(),
        scope: terms.map(|terms| terms.kind),
        namespace: terms.and_then(|terms| terms.namespace.as_ref()).map(ToString::to_string),
        app: terms.and_then(|terms| terms.app.as_ref()).map(ToString::to_string),
        names: terms.iter().flat_map(|terms| &terms.names).map(ToString::to_string).collect(),
        replace: terms.is_some_and(|terms| terms.replace),
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        expires_at: row.expires_at,
        filled_at: row.filled_at,
        filled_from: row.filled_from.clone(),
    }
}
