//! Beginning a session.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use strongroom_model::Id;
use strongroom_seal::{Instance, token};
use strongroom_store::Tx;
use strongroom_store::port::{SessionRow, UserRow};
use zeroize::Zeroizing;

use super::devices::Device;
use crate::caller::{Caller, SessionKind};
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// Who knocks: nobody yet.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// From where, as the audit trail says it.
    pub source: String,
    /// The address, if there is one.
    pub address: Option<IpAddr>,
    /// The request.
    pub request_id: String,
    /// What the person will know the session by, such as the browser's name.
    pub label: String,
    /// What will hold the session.
    pub kind: SessionKind,
    /// What the browser keeps of earlier sign-ins.
    pub device: Option<Device>,
}

/// A session that has begun.
pub struct Entered {
    /// What the browser or the command line sends from now on. It is stored nowhere.
    pub text: Zeroizing<String>,
    /// Who it makes the holder.
    pub caller: Caller,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// What the browser keeps, so that it has tries of its own. None where there are no tries to count.
    pub device: Option<Device>,
}

impl std::fmt::Debug for Entered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entered").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// How long a session may rest, and how long it lasts at most.
pub(super) fn lifetimes(kind: SessionKind) -> (SignedDuration, SignedDuration) {
    match kind {
        SessionKind::Browser => (SignedDuration::from_hours(12), SignedDuration::from_hours(7 * 24)),
        SessionKind::CommandLine => (SignedDuration::from_hours(30 * 24), SignedDuration::from_hours(90 * 24)),
    }
}

/// A session that is about to begin.
pub(super) struct Begun {
    pub(super) text: Zeroizing<String>,
    pub(super) row: SessionRow,
}

impl App {
    /// Makes a session; [`Begun::insert`] writes it down in the transaction that decides.
    pub(super) fn begin_session(&self, visitor: &Visitor) -> Begun {
        let token = token::generate(&*self.rng);
        let now = self.clock.now();
        let (_, longest) = lifetimes(visitor.kind);
        let row = SessionRow {
            id: self.new_id(),
            user: Id::from_bytes([0; 16]),
            digest: self.instance.token_digest(token.expose()).to_vec(),
            kind: visitor.kind.as_str().to_owned(),
            generation: 0,
            created_at: now,
            proved_at: now,
            expires_at: now.checked_add(longest).unwrap_or(now),
            last_used_at: now,
            source: visitor.source.clone(),
            label: visitor.label.chars().filter(|letter| !letter.is_control()).take(100).collect(),
            mac: Vec::new(),
        };
        Begun { text: Zeroizing::new(token.expose().to_owned()), row }
    }

    /// The caller of a session that was just written down.
    pub(super) async fn entered(&self, begun: Begun, visitor: &Visitor) -> Result<Entered, Error> {
        let caller = super::authenticate(self, visitor.kind, &begun.text, &visitor.source, &visitor.request_id).await;
        let caller = caller.map_err(|error| match error {
            crate::tokens::AuthenticateError::Store(error) => error,
            crate::tokens::AuthenticateError::Refused => Error::NotSignedIn("the session ended at once".to_owned()),
        })?;
        let name = caller.actor.strip_prefix("user:").and_then(|name| name.parse().ok());
        let name = name.filter(|_| visitor.kind == SessionKind::Browser);
        let device = name.map(|name| self.device_after(visitor.device.as_ref(), &name));
        Ok(Entered { text: begun.text, caller, expires_at: begun.row.expires_at, device })
    }
}

impl Begun {
    /// Writes the session down for `user`, as the row stands in this transaction.
    pub(super) fn insert(row: SessionRow, user: &UserRow, tx: &mut dyn Tx, instance: &Instance) -> Result<(), Error> {
        let row = SessionRow { user: user.id, generation: user.generation, ..row }.signed(instance);
        Ok(tx.insert_session(&row)?)
    }
}
