//! The local owner in a browser: the command line asks for a code, the browser spends it.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use strongroom_seal::{keyed_digest, token};
use zeroize::Zeroizing;

use super::entering::{Entered, Visitor};
use crate::audit::Record;
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::open::App;

/// How long a code can be spent.
const CODE: SignedDuration = SignedDuration::from_mins(2);
/// How long the owner's browser session lasts at most; it ends with the process, too.
const SESSION: SignedDuration = SignedDuration::from_hours(12);

/// Codes that were given out and not spent: digests, and when each runs out. In memory alone.
#[derive(Default)]
pub(super) struct Openings(Mutex<Vec<([u8; 32], Timestamp)>>);

/// A code that signs one browser in as the local owner, once, within two minutes. Only for who holds the owner's token: not
/// for the owner's own browser session, or one session would live on through another.
pub async fn offer_opening(app: &App, caller: &Caller) -> Result<Zeroizing<String>, Error> {
    if !matches!(caller.access, Access::Owner) || caller.session.is_some() {
        app.audit_denial(caller, None, "session.open").await?;
        return Err(Error::Forbidden("this needs the owner's token of the data directory".to_owned()));
    }
    let code = Zeroizing::new(app.new_id().to_string());
    let now = app.clock.now();
    app.audit(Record::done(now, caller, None, "session.offer", &serde_json::json!({}))).await?;
    let mut open = app.accounts.openings.0.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|(_, until)| *until > now);
    open.push((keyed_digest(&app.instance, "open", code.as_bytes()), now.checked_add(CODE).unwrap_or(now)));
    Ok(code)
}

/// Whether `code` can be spent. Looking does not spend it: chat programs and scanners look at addresses.
pub fn is_opening(app: &App, code: &str) -> bool {
    let (digest, now) = (keyed_digest(&app.instance, "open", code.as_bytes()), app.clock.now());
    let open = app.accounts.openings.0.lock().unwrap_or_else(PoisonError::into_inner);
    open.iter().any(|(held, until)| *held == digest && *until > now)
}

/// Spends a code.
pub async fn open_as_owner(app: &App, visitor: &Visitor, code: &str) -> Result<Entered, Error> {
    app.accounts.limits.by_address(visitor.address)?;
    let (digest, now) = (keyed_digest(&app.instance, "open", code.as_bytes()), app.clock.now());
    let spent = {
        let mut open = app.accounts.openings.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|(held, until)| *held == digest && *until > now);
        at.map(|at| open.swap_remove(at))
    };
    if spent.is_none() {
        app.count_anonymous_denial(&visitor.source);
        return Err(Error::not_found("an address to open with this code"));
    }
    let record = Record::of_visitor(now, visitor, ("owner", None), ("session.begin", true), &serde_json::json!({}));
    app.audit(record).await?;
    let text = token::generate(&*app.rng);
    let expires_at = now.checked_add(SESSION).unwrap_or(now);
    let caller = app.keep_owner_session(text.expose(), visitor, expires_at);
    Ok(Entered { text: Zeroizing::new(text.expose().to_owned()), caller, expires_at, device: None })
}

impl super::Accounts {
    /// Forgets codes that ran out.
    pub(super) fn tidy_openings(&self, now: Timestamp) {
        self.openings.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, until)| *until > now);
    }
}
