//! Tokens: minting, listing, revoking, and telling who a bearer is.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use strongroom_api::access::{CreatedToken, TokenItem};
use strongroom_model::{AddressRange, Capability, Expiry, Grant, Id, ProjectName};
use strongroom_seal::{Instance, token};
use strongroom_store::port::{TokenRow, TokenRows};
use strongroom_store::{Rows, StoreError, Tx};

use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::{Access, Caller, SessionKind};
use crate::error::Error;
use crate::once::Once;
use crate::open::App;
use crate::rows::Authenticated as _;

type Digest = [u8; 32];

#[derive(Clone)]
struct Known {
    id: Id,
    home: Id,
    actor: Arc<str>,
    grant: Arc<Grant>,
    from: Arc<[AddressRange]>,
    expires_at: Option<Timestamp>,
}

/// Bearer tokens that were proved, by keyed digest. Revoked ones are never in it.
pub(crate) struct Credentials {
    owner: token::NewToken,
    owner_digest: Digest,
    known: RwLock<HashMap<Digest, Known>>,
    revocations: AtomicU64,
    used: Mutex<HashMap<Id, Timestamp>>,
}

impl Credentials {
    pub(crate) fn new(instance: &Instance, owner: token::NewToken) -> Self {
        let owner_digest = instance.token_digest(owner.expose());
        Self { owner, owner_digest, known: RwLock::default(), revocations: AtomicU64::new(0), used: Mutex::default() }
    }

    pub(crate) fn owner_token(&self) -> &str {
        self.owner.expose()
    }

    /// Forgets every proved token; each is looked up again.
    pub(crate) fn forget_all(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.revocations.fetch_add(1, Ordering::SeqCst);
        known.clear();
    }

    /// Uses since the last call, to be written down.
    pub(crate) fn take_uses(&self) -> Vec<(Id, Timestamp)> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

/// Why a bearer is nobody. Every reason looks alike from outside.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// Not a token, unknown, revoked or expired.
    #[error("the token is not accepted")]
    Refused,
    /// The store failed, or the token's row is damaged.
    #[error("the token could not be checked")]
    Store(#[from] Error),
}

impl From<StoreError> for AuthenticateError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Who a bearer token belongs to. Costs one HMAC when the token is known; digests are compared by hash-table look-up,
/// which tells an attacker nothing since he cannot choose keyed digests.
pub async fn authenticate(
    app: &App,
    bearer: &str,
    source: &str,
    request_id: &str,
) -> Result<Caller, AuthenticateError> {
    if bearer.len() != token::TOKEN_BYTES {
        return Err(AuthenticateError::Refused);
    }
    let digest = app.instance.token_digest(bearer);
    if digest == app.credentials.owner_digest {
        return Ok(Caller::owner(source, request_id));
    }
    let known = app.credentials.known.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
    let known = match known {
        Some(known) => known,
        // the store is not asked about a text whose checksum does not fit
        None if token::parse(bearer).is_err() => return Err(AuthenticateError::Refused),
        None => match look_up(app, digest, source).await {
            Err(AuthenticateError::Refused) => {
                return crate::accounts::authenticate(app, SessionKind::CommandLine, bearer, source, request_id).await;
            }
            other => other?,
        },
    };
    let now = app.clock.now();
    if known.expires_at.is_some_and(|at| at <= now) {
        let text = format!("refused: the expired {} ({}) was used from {source}", known.actor, known.id);
        app.house_line_of("security", "warn", known.home, text);
        return Err(AuthenticateError::Refused);
    }
    if !is_accepted_from(&known.from, source) {
        let text = format!("refused: {} ({}) was used from {source}, which it is not for", known.actor, known.id);
        app.house_line_of("security", "warn", known.home, text);
        return Err(AuthenticateError::Refused);
    }
    app.credentials.used.lock().unwrap_or_else(PoisonError::into_inner).insert(known.id, now);
    Ok(Caller {
        actor: known.actor.to_string(),
        source: source.to_owned(),
        request_id: request_id.to_owned(),
        access: Access::Token { id: known.id, home: known.home, grant: known.grant },
        idempotency: None,
        session: None,
    })
}

/// Whether a token with these limits is accepted from where a request comes: an address, or this machine's own socket or
/// process, which count as loopback.
fn is_accepted_from(from: &[AddressRange], source: &str) -> bool {
    let within = |address: IpAddr| from.iter().any(|range| range.contains(address));
    match source {
        _ if from.is_empty() => true,
        "socket" | "process" => within(Ipv4Addr::LOCALHOST.into()) || within(Ipv6Addr::LOCALHOST.into()),
        address => address.parse().is_ok_and(within),
    }
}

async fn look_up(app: &App, digest: Digest, source: &str) -> Result<Known, AuthenticateError> {
    let revocations = app.credentials.revocations.load(Ordering::SeqCst);
    let row = app.store.read(|rows: &mut dyn Rows| rows.token_by_digest(&digest)).await?;
    let row = row.ok_or(AuthenticateError::Refused)?;
    if row.revoked_at.is_some() {
        let text = format!("refused: the revoked token {} ({}) was used from {source}", row.name, row.id);
        app.house_line_of("security", "warn", row.project, text);
        return Err(AuthenticateError::Refused);
    }
    if let Err(error) = row.verify(&app.instance) {
        let text = format!("token {} does not say what was signed: the database was changed from outside", row.id);
        app.house_line_of("security", "error", row.project, text);
        return Err(Error::damaged(format!("token {}", row.id))(error).into());
    }
    let terms: Terms = serde_json::from_str(&row.grant).map_err(|_| StoreError::Damaged("token grant"))?;
    let Terms { grant, from, .. } = terms;
    let actor = format!("{}:{}", if grant.agent { "agent" } else { "token" }, row.name).into();
    let (grant, from) = (Arc::new(grant), from.into());
    let known = Known { id: row.id, home: row.project, actor, grant, from, expires_at: row.expires_at };
    let mut table = app.credentials.known.write().unwrap_or_else(PoisonError::into_inner);
    if app.credentials.revocations.load(Ordering::SeqCst) == revocations {
        table.insert(digest, known.clone());
    }
    Ok(known)
}

/// Whether a caller that was let in would be let in now: asked before more goes out on an answer that takes its time.
pub async fn still_stands(app: &App, caller: &Caller) -> Result<bool, Error> {
    let Access::Token { id, grant, .. } = &caller.access else { return crate::accounts::stands(app, caller).await };
    let project = match app.projects.load(&*app.store, &app.instance, &grant.project).await {
        Err(Error::NotFound { .. }) => return Ok(false),
        other => other?,
    };
    let now = app.clock.now();
    match app.store.read(|rows: &mut dyn Rows| standing(rows, &app.instance, (&project.id, id), now)).await {
        Err(Error::Forbidden(_)) => Ok(false),
        other => other.map(|_| true),
    }
}

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

/// What a token's row says: its grant, from where it is accepted, and the token that minted it, with which it ends.
#[derive(serde::Serialize, serde::Deserialize)]
struct Terms {
    #[serde(flatten)]
    grant: Grant,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    from: Vec<AddressRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Id>,
    /// The person who minted it: it ends with his power to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<Id>,
}

fn terms(row: &TokenRow) -> Option<Terms> {
    serde_json::from_str(&row.grant).ok()
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
    let terms = Terms { grant: new.grant, from: new.from, parent: caller.token(), person: caller.user() };
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
async fn bounded(
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

/// Revokes what a person has minted in a project and may not mint any more, with all that descends from it; returns how
/// many. Part of the transaction that takes the right away; the caller forgets known tokens after it.
pub(crate) fn revoke_of_person(
    tx: &mut dyn Tx,
    instance: &Instance,
    (project, user): (&Id, &Id),
    still: Option<&Grant>,
    now: Timestamp,
) -> Result<u64, Error> {
    let all = tx.tokens(project)?;
    let lost = all.iter().filter(|row| {
        let Some(terms) = terms(row).filter(|terms| terms.person == Some(*user)) else { return false };
        !still.is_some_and(|still| still.allows(Capability::Admin) && still.covers(&terms.grant))
    });
    let mut revoked = 0;
    for id in lost.map(|row| row.id) {
        for row in family(all.clone(), id).into_iter().filter(|row| row.revoked_at.is_none()) {
            let is_whole = row.verify(instance).is_ok();
            let row = TokenRow { revoked_at: Some(now), ..row };
            tx.update_token(&if is_whole { row.signed(instance) } else { row })?;
            revoked += 1;
        }
    }
    Ok(revoked)
}

/// The row of a token that is accepted now.
fn standing(
    rows: &mut (impl TokenRows + ?Sized),
    instance: &Instance,
    (project, id): (&Id, &Id),
    now: Timestamp,
) -> Result<TokenRow, Error> {
    let row = rows.token(project, id)?;
    let row = row.filter(|row| row.revoked_at.is_none() && row.expires_at.is_none_or(|at| at > now));
    let row = row.ok_or_else(|| Error::Forbidden("the token is not accepted any more".to_owned()))?;
    row.verify(instance).map_err(Error::damaged(format!("token {id}")))?;
    Ok(row)
}

/// The caller that a token stands for; none if it is not accepted now.
pub(crate) fn holder(
    rows: &mut (impl TokenRows + ?Sized),
    instance: &Instance,
    (project, id): (&Id, &Id),
    now: Timestamp,
) -> Result<Option<Caller>, Error> {
    let row = match standing(rows, instance, (project, id), now) {
        Err(Error::Forbidden(_)) => return Ok(None),
        other => other?,
    };
    let grant = Arc::new(terms(&row).ok_or(StoreError::Damaged("token grant"))?.grant);
    let access = Access::Token { id: row.id, home: row.project, grant };
    Ok(Some(Caller { actor: row.name, access, ..Caller::owner("process", "token") }))
}

/// A project's tokens, newest first.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<TokenItem>, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.tokens(&owner.id).map_err(Error::from)).await?;
    let now = app.clock.now();
    Ok(rows.iter().map(|row| item(row, &app.instance, now)).collect())
}

/// One token's record, for the answer to a repeated request.
pub async fn show(app: &App, caller: &Caller, project: &ProjectName, id: Id) -> Result<TokenItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Anywhere).await?;
    let row = app.store.read(|rows: &mut dyn Rows| rows.token(&owner.id, &id).map_err(Error::from)).await?;
    let row = row.ok_or_else(|| Error::not_found(format!("token {id}")))?;
    Ok(item(&row, &app.instance, app.clock.now()))
}

/// Revokes a token at once, and with it every token that it has minted, and so on.
pub async fn revoke(app: &App, caller: &Caller, project: &ProjectName, id: Id) -> Result<TokenItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let now = app.clock.now();
    let instance = Arc::clone(&app.instance);
    let (project_id, caller, name) = (owner.id, caller.clone(), project.clone());
    let row = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<TokenRow, Error> {
            let all = tx.tokens(&project_id)?;
            let mut revoked = Vec::new();
            for mut row in family(all, id) {
                let is_whole = row.verify(&instance).is_ok();
                row.revoked_at = row.revoked_at.or(Some(now));
                // a damaged row lets nobody in, must not keep its family from being revoked, and is never signed
                let row = if is_whole { row.signed(&instance) } else { row };
                tx.update_token(&row)?;
                let target = serde_json::json!({ "token": row.id, "name": row.name });
                Record::done(now, &caller, Some(&name), "token.revoke", &target).append(tx, &instance)?;
                revoked.push(row);
            }
            revoked.into_iter().next().ok_or_else(|| Error::not_found(format!("token {id}")))
        })
        .await?;
    app.credentials.forget_all();
    Ok(item(&row, &app.instance, now))
}

/// A token and everything that descends from it, itself first.
fn family(mut others: Vec<TokenRow>, id: Id) -> Vec<TokenRow> {
    let mut family: Vec<TokenRow> = others.extract_if(.., |row| row.id == id).collect();
    let mut next = 0;
    while let Some(parent) = family.get(next).map(|row| row.id) {
        let minted_by = |row: &TokenRow| terms(row).and_then(|terms| terms.parent);
        family.extend(others.extract_if(.., |row| minted_by(row) == Some(parent)));
        next += 1;
    }
    family
}

fn item(row: &TokenRow, instance: &Instance, now: Timestamp) -> TokenItem {
    let terms = terms(row).filter(|_| row.verify(instance).is_ok());
    let grant = terms.as_ref().map(|terms| &terms.grant);
    let state = match (grant, row.revoked_at, row.expires_at) {
        (_, Some(_), _) => "revoked",
        (None, ..) => "damaged",
        (Some(_), None, Some(at)) if at <= now => "expired",
        _ => "active",
    };
    let words = |grant: &Grant| grant.capabilities.iter().map(ToString::to_string).collect();
    TokenItem {
        id: row.id.to_string(),
        name: row.name.clone(),
        project: grant.map(|grant| grant.project.to_string()).unwrap_or_default(),
        capabilities: grant.map(words).unwrap_or_default(),
        namespaces: grant.iter().flat_map(|grant| &grant.namespaces).map(ToString::to_string).collect(),
        app: grant.and_then(|grant| grant.app.as_ref()).map(ToString::to_string),
        names: grant.iter().flat_map(|grant| &grant.names).map(ToString::to_string).collect(),
        from: terms.iter().flat_map(|terms| &terms.from).map(ToString::to_string).collect(),
        agent: grant.is_some_and(|grant| grant.agent),
        state: state.to_owned(),
        expires_at: row.expires_at,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        last_used_at: row.last_used_at,
    }
}
