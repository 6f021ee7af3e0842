//! Sessions that were proved, and telling who a session's text belongs to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use strongroom_model::{Id, ProjectName};
use strongroom_seal::{keyed_digest, same_text, token};
use strongroom_store::{Rows, Tx};

use super::entering::{Visitor, lifetimes};
use super::standing;
use crate::audit::Record;
use crate::caller::{Access, Caller, Memberships, Session, SessionKind, nothing_in};
use crate::error::Error;
use crate::open::App;
use crate::tokens::AuthenticateError;

type Digest = [u8; 32];

/// A session, and whose it is.
struct Known {
    session: Arc<Session>,
    actor: Arc<str>,
    who: Who,
    /// The last use, in milliseconds since 1970.
    last_used: std::sync::atomic::AtomicI64,
}

enum Who {
    Person {
        user: Id,
        is_instance_admin: bool,
        memberships: Arc<Memberships>,
    },
    /// The local owner in a browser.
    Owner,
}

/// Sessions in memory. Ended ones are never in it.
#[derive(Default)]
pub(crate) struct Sessions {
    known: RwLock<HashMap<Digest, Arc<Known>>>,
    /// The local owner's. They are nowhere else.
    of_owner: RwLock<HashMap<Digest, Arc<Known>>>,
    /// How often all were forgotten, so that what was read before is not kept after.
    changes: AtomicU64,
    used: Mutex<HashMap<Id, Timestamp>>,
}

impl Sessions {
    /// Forgets every proved session; each is looked up again. To be called after each change of a user, a membership, a
    /// session or a project.
    pub(crate) fn forget_all(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::SeqCst);
        known.clear();
    }

    /// Uses since the last call, to be written down.
    pub(crate) fn take_uses(&self) -> Vec<(Id, Timestamp)> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    fn find(&self, digest: &Digest) -> Option<Arc<Known>> {
        let in_table = |table: &RwLock<HashMap<Digest, Arc<Known>>>| {
            table.read().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
        };
        in_table(&self.known).or_else(|| in_table(&self.of_owner))
    }

    fn drop_digest(&self, digest: &Digest) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
        self.of_owner.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }

    /// Whether a session of the local owner is there.
    fn has_of_owner(&self, id: Id, now: Timestamp) -> bool {
        let of_owner = self.of_owner.read().unwrap_or_else(PoisonError::into_inner);
        of_owner.values().any(|known| known.session.id == id && known.session.expires_at > now)
    }

    fn end_of_owner(&self, id: Id) {
        self.of_owner.write().unwrap_or_else(PoisonError::into_inner).retain(|_, known| known.session.id != id);
    }
}

/// Who a session's text belongs to, if `kind` is what holds it. Costs one HMAC when the session is known. A browser's text
/// is no bearer, and a command line's no cookie.
pub async fn authenticate(
    app: &App,
    kind: SessionKind,
    text: &str,
    source: &str,
    request_id: &str,
) -> Result<Caller, AuthenticateError> {
    if text.len() != token::TOKEN_BYTES {
        return Err(AuthenticateError::Refused);
    }
    let digest = app.instance.token_digest(text);
    let sessions = &app.accounts.sessions;
    let known = match sessions.find(&digest) {
        Some(known) => known,
        None if token::parse(text).is_err() => return Err(AuthenticateError::Refused),
        None => look_up(app, digest).await?,
    };
    if known.session.kind != kind {
        return Err(AuthenticateError::Refused);
    }
    let now = app.clock.now();
    let (idle, _) = lifetimes(kind);
    let rested = now.as_millisecond().saturating_sub(known.last_used.load(Ordering::Relaxed));
    if known.session.expires_at <= now || i128::from(rested) > idle.as_millis() {
        sessions.drop_digest(&digest);
        return Err(AuthenticateError::Refused);
    }
    known.last_used.fetch_max(now.as_millisecond(), Ordering::Relaxed);
    if matches!(known.who, Who::Person { .. }) {
        sessions.used.lock().unwrap_or_else(PoisonError::into_inner).insert(known.session.id, now);
    }
    Ok(Caller {
        actor: known.actor.to_string(),
        source: source.to_owned(),
        request_id: request_id.to_owned(),
        access: known.who.access(),
        idempotency: None,
        session: Some(Arc::clone(&known.session)),
    })
}

impl Who {
    fn access(&self) -> Access {
        match self {
            Self::Owner => Access::Owner,
            Self::Person { user, is_instance_admin, memberships } => Access::Person {
                user: *user,
                home: None,
                grant: nothing_in(ProjectName::default_project()),
                is_instance_admin: *is_instance_admin,
                memberships: Arc::clone(memberships),
            },
        }
    }
}

impl App {
    /// Keeps a new session of the local owner, in memory alone.
    pub(super) fn keep_owner_session(&self, text: &str, visitor: &Visitor, expires_at: Timestamp) -> Caller {
        let (digest, now) = (self.instance.token_digest(text), self.clock.now());
        let session = Session {
            id: self.new_id(),
            kind: SessionKind::Browser,
            proved_at: now,
            expires_at,
            csrf: csrf(self, &digest),
        };
        let known = Known {
            session: Arc::new(session),
            actor: "owner".into(),
            who: Who::Owner,
            last_used: now.as_millisecond().into(),
        };
        let session = Some(Arc::clone(&known.session));
        let mut of_owner = self.accounts.sessions.of_owner.write().unwrap_or_else(PoisonError::into_inner);
        of_owner.retain(|_, known| known.session.expires_at > now);
        of_owner.insert(digest, Arc::new(known));
        Caller { session, ..Caller::owner(visitor.source.clone(), visitor.request_id.clone()) }
    }
}

async fn look_up(app: &App, digest: Digest) -> Result<Arc<Known>, AuthenticateError> {
    let sessions = &app.accounts.sessions;
    let changes = sessions.changes.load(Ordering::SeqCst);
    let found = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let Some(row) = rows.session_by_digest(&digest)? else { return Ok(None) };
            Ok(standing(rows, &app.instance, &row)?.map(|person| (row, person)))
        })
        .await?;
    let (row, person) = found.ok_or(AuthenticateError::Refused)?;
    let kind = [SessionKind::Browser, SessionKind::CommandLine].into_iter().find(|kind| kind.as_str() == row.kind);
    let session = Session {
        id: row.id,
        kind: kind.ok_or(AuthenticateError::Refused)?,
        proved_at: row.proved_at,
        expires_at: row.expires_at,
        csrf: csrf(app, &digest),
    };
    let known = Arc::new(Known {
        session: Arc::new(session),
        actor: format!("user:{}", person.user.name).into(),
        who: Who::Person {
            user: person.user.id,
            is_instance_admin: person.user.is_admin,
            memberships: Arc::new(person.memberships),
        },
        last_used: row.last_used_at.as_millisecond().into(),
    });
    let mut table = sessions.known.write().unwrap_or_else(PoisonError::into_inner);
    if sessions.changes.load(Ordering::SeqCst) == changes {
        table.insert(digest, Arc::clone(&known));
    }
    Ok(known)
}

/// What a page of the session sends back with every change: it comes from the session's digest, so nothing is stored.
fn csrf(app: &App, digest: &Digest) -> Arc<str> {
    hex::encode(keyed_digest(&app.instance, "csrf", digest)).into()
}

/// Whether `text` is the CSRF token of the caller's session, in constant time. No session, no token.
pub fn is_csrf_token(caller: &Caller, text: &str) -> bool {
    caller.session.as_ref().is_some_and(|session| same_text(&session.csrf, text))
}

/// How long after proving who he is a person may do what an open window must not do for somebody else.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// Whether no session is behind the caller, or one whose person proved who he is just now.
pub fn is_fresh(app: &App, caller: &Caller) -> bool {
    let is_fresh = |at: Timestamp| app.clock.now().duration_since(at) <= FRESH;
    caller.session.as_ref().is_none_or(|session| is_fresh(session.proved_at))
}

/// Ends the caller's own session.
pub async fn sign_out(app: &App, caller: &Caller) -> Result<(), Error> {
    let Some(session) = caller.session.clone() else {
        return Err(Error::invalid("session", "this caller has no session: a token ends when it is revoked"));
    };
    let (id, instance) = (session.id, Arc::clone(&app.instance));
    let target = serde_json::json!({ "session": id, "kind": session.kind.as_str() });
    let record = Record::done(app.clock.now(), caller, None, "session.end", &target);
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            tx.delete_session(&id)?;
            record.append(tx, &instance)
        })
        .await?;
    app.accounts.sessions.end_of_owner(id);
    app.accounts.sessions.forget_all();
    Ok(())
}

/// Whether a caller's session would be let in now.
pub(crate) async fn stands(app: &App, caller: &Caller) -> Result<bool, Error> {
    let Some(session) = &caller.session else { return Ok(true) };
    let now = app.clock.now();
    let Access::Person { user, home, grant, .. } = &caller.access else {
        return Ok(app.accounts.sessions.has_of_owner(session.id, now));
    };
    let person = app
        .store
        .read(|rows: &mut dyn Rows| standing::still(rows, &app.instance, &session.id, now))
        .await?
        .filter(|person| person.user.id == *user);
    let is_member = |person: &standing::Person| match home {
        None => true,
        Some(home) => person.memberships.get(&grant.project).is_some_and(|(id, now)| id == home && now.covers(grant)),
    };
    Ok(person.as_ref().is_some_and(is_member))
}
