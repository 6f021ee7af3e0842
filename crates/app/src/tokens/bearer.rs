//! Who a bearer token belongs to.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use strongroom_model::{AddressRange, Grant, Id};
use strongroom_seal::{Instance, token};
use strongroom_store::{Rows, StoreError};

use super::{Terms, standing};
use crate::caller::{Access, Caller, SessionKind};
use crate::error::Error;
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
