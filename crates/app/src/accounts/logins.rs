//! A command line that signs in through a browser: the device authorization grant (RFC 8628) in our words
//! (`docs/decisions/login-by-browser.md`).
//!
//! ```text
//! command line                 server                              browser, signed in
//!   begin ──────────────────────>│ device code, user code                │
//!   shows the user code          │<── look(user code typed by hand) ─────┤ shows who asks, from where, since when
//!   claim(device code), each 2 s │<── decide(user code, yes or no) ──────┤
//!        <── a session, once ────┤
//! ```
//!
//! Everything is in memory, as digests, for ten minutes. Who begins one has gained nothing.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use strongroom_model::Id;
use strongroom_seal::{Instance, keyed_digest};
use strongroom_store::Tx;
use strongroom_store::port::SessionRow;
use zeroize::Zeroizing;

use super::entering::{Entered, Visitor};
use super::sign_in::admit;
use super::standing::still;
use crate::audit::Record;
use crate::caller::{Caller, SessionKind};
use crate::error::Error;
use crate::open::App;

/// How long a login waits for its person.
const WAITS: SignedDuration = SignedDuration::from_mins(10);
/// How often a command line asks, in seconds.
pub const INTERVAL_SECONDS: u64 = 2;
/// Asking again sooner is refused.
const PAUSE: SignedDuration = SignedDuration::from_millis(1_000);
/// A command line that has not asked for so long has gone away.
const GONE: SignedDuration = SignedDuration::from_secs(60);
/// Logins that wait at one time.
const MAX_WAITING: usize = 1_000;
/// Consonants, so that no word comes out (RFC 8628, section 6.1). Eight of them are 34 bits.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE: usize = 8;

type Digest = [u8; 32];

/// Logins that wait.
#[derive(Default)]
pub(super) struct Logins(Mutex<Vec<Waiting>>);

struct Waiting {
    device: Digest,
    user: Digest,
    asked: Asked,
    until: Timestamp,
    polled_at: Timestamp,
    decision: Option<Decided>,
}

#[derive(Clone, Copy)]
enum Decided {
    Granted { user: Id, confirmed_by: Id, proved_at: Timestamp },
    Refused,
}

/// Who asks, for the person who decides. It is what the command line says of itself, and nobody has proved it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The machine's name, as it says it.
    pub label: String,
    /// The address that it asks from.
    pub source: String,
    /// Since when.
    pub begun_at: Timestamp,
}

/// A login that has begun.
pub struct Begun {
    /// What the command line claims the session with. It shows it to nobody.
    pub device_code: Zeroizing<String>,
    /// What the person types in the browser: `BCDF-GHJK`.
    pub user_code: String,
    /// When both run out.
    pub expires_at: Timestamp,
}

impl Logins {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Waiting>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets what ran out, and whose command line has gone away.
    pub(super) fn tidy(&self, now: Timestamp) {
        self.with(|all| all.retain(|one| one.until > now && now.duration_since(one.polled_at) < GONE));
    }
}

fn device_digest(instance: &Instance, code: &str) -> Digest {
    keyed_digest(instance, "login device", code.as_bytes())
}

/// Of the code as people type it: in any case, with or without the dash and spaces.
fn user_digest(instance: &Instance, code: &str) -> Digest {
    let letters: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase()).collect();
    keyed_digest(instance, "login user", letters.as_bytes())
}

/// Begins a login of a command line.
pub fn begin(app: &App, visitor: &Visitor) -> Result<Begun, Error> {
    app.accounts.limits.by_login(visitor.address).inspect_err(|_| app.count_anonymous_denial(&visitor.source))?;
    let now = app.clock.now();
    let mut bytes = Zeroizing::new([0_u8; 32]);
    app.rng.fill(bytes.as_mut_slice());
    let device_code = Zeroizing::new(hex::encode(*bytes));
    let letters = user_letters(app);
    let (before, after) = letters.split_at(USER_CODE / 2);
    let user_code = format!("{before}-{after}");
    let until = now.checked_add(WAITS).unwrap_or(now);
    let waiting = Waiting {
        device: device_digest(&app.instance, &device_code),
        user: user_digest(&app.instance, &user_code),
        asked: Asked { label: visitor.label.clone(), source: visitor.source.clone(), begun_at: now },
        until,
        polled_at: now,
        decision: None,
    };
    app.accounts.logins.tidy(now);
    let is_kept = app.accounts.logins.with(|all| {
        let fits = all.len() < MAX_WAITING && !all.iter().any(|one| one.user == waiting.user);
        if fits {
            all.push(waiting);
        }
        fits
    });
    if !is_kept {
        return Err(Error::TooMany(GONE.as_secs().unsigned_abs()));
    }
    Ok(Begun { device_code, user_code, expires_at: until })
}

/// Eight letters, each as likely as the others: bytes above the last whole multiple of 20 are thrown away.
fn user_letters(app: &App) -> String {
    let mut letters = String::with_capacity(USER_CODE);
    while letters.len() < USER_CODE {
        let mut byte = [0_u8; 1];
        app.rng.fill(&mut byte);
        let [byte] = byte;
        if byte < 240 {
            letters.extend(ALPHABET.get(usize::from(byte % 20)).copied().map(char::from));
        }
    }
    letters
}

/// Who may decide: a person in a browser.
async fn decider(app: &App, caller: &Caller) -> Result<(Id, Id), Error> {
    let session = caller.session.as_ref().filter(|session| session.kind == SessionKind::Browser);
    if let (Some(user), Some(session)) = (caller.user(), session) {
        return Ok((user, session.id));
    }
    app.audit_denial(caller, None, "login.confirm").await?;
    let text = "a command line is signed in by a person with an account; the local owner's needs no login";
    Err(Error::Forbidden(text.to_owned()))
}

fn unknown() -> Error {
    Error::not_found("a login with this code that waits")
}

/// Who asks with this code. Guesses are limited.
pub async fn look(app: &App, caller: &Caller, code: &str) -> Result<Asked, Error> {
    let (_, session) = decider(app, caller).await?;
    app.accounts.limits.by_session(session)?;
    let (user, now) = (user_digest(&app.instance, code), app.clock.now());
    let found = app.accounts.logins.with(|all| {
        let waits = |one: &&Waiting| one.user == user && one.until > now && one.decision.is_none();
        all.iter().find(waits).map(|one| one.asked.clone())
    });
    if found.is_none() {
        app.audit_denial(caller, None, "login.confirm").await?;
    }
    found.ok_or_else(unknown)
}

/// Lets the command line in as the caller, or turns it away. Once.
pub async fn decide(app: &App, caller: &Caller, code: &str, is_granted: bool) -> Result<Asked, Error> {
    let (user_id, session) = decider(app, caller).await?;
    let asked = look(app, caller, code).await?;
    let proved_at = caller.session.as_ref().map(|session| session.proved_at).unwrap_or_default();
    let (action, decision) = if is_granted {
        ("login.confirm", Decided::Granted { user: user_id, confirmed_by: session, proved_at })
    } else {
        ("login.refuse", Decided::Refused)
    };
    let target = serde_json::json!({ "from": asked.source, "label": asked.label });
    app.audit(Record::done(app.clock.now(), caller, None, action, &target)).await?;
    let (user, now) = (user_digest(&app.instance, code), app.clock.now());
    app.accounts.logins.with(|all| {
        let waits = |one: &&mut Waiting| one.user == user && one.until > now && one.decision.is_none();
        let one = all.iter_mut().find(waits).ok_or_else(unknown)?;
        one.decision = Some(decision);
        Ok(asked)
    })
}

/// The session, once it is granted, and none before; it is given once. The session that granted it must still stand: what ends a person's
/// sessions ends this login too.
pub async fn claim(app: &App, visitor: &Visitor, device_code: &str) -> Result<Option<Entered>, Error> {
    let (device, now) = (device_digest(&app.instance, device_code), app.clock.now());
    let found = app.accounts.logins.with(|all| {
        let at = all.iter().position(|one| one.device == device && one.until > now);
        let Some(one) = at.and_then(|at| all.get_mut(at)) else { return Err(unknown()) };
        let is_early = one.polled_at > one.asked.begun_at && now.duration_since(one.polled_at) < PAUSE;
        if is_early {
            return Err(Error::TooMany(INTERVAL_SECONDS));
        }
        one.polled_at = now;
        let decided = one.decision.map(|decision| (decision, one.asked.clone()));
        if let (Some(at), true) = (at, decided.is_some()) {
            all.swap_remove(at);
        }
        Ok(decided)
    });
    match found {
        Err(error @ Error::NotFound { .. }) => {
            app.accounts.limits.by_address(visitor.address)?;
            app.count_anonymous_denial(&visitor.source);
            Err(error)
        }
        Err(error) => Err(error),
        Ok(None) => Ok(None),
        Ok(Some((Decided::Refused, _))) => Err(Error::Forbidden("the login was refused in the browser".to_owned())),
        Ok(Some((Decided::Granted { user, confirmed_by, proved_at }, asked))) => {
            let visitor = Visitor { kind: SessionKind::CommandLine, label: asked.label, ..visitor.clone() };
            enter(app, &visitor, (user, confirmed_by), proved_at).await.map(Some)
        }
    }
}

async fn enter(app: &App, visitor: &Visitor, (user, by): (Id, Id), proved_at: Timestamp) -> Result<Entered, Error> {
    let begun = app.begin_session(visitor);
    let session = SessionRow { proved_at, ..begun.row.clone() };
    let (instance, said_by, now) = (Arc::clone(&app.instance), visitor.clone(), app.clock.now());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            let ended = || Error::NotSignedIn("the session that confirmed it has ended; log in again".to_owned());
            let person = still(tx, &instance, &by, now)?.ok_or_else(ended)?;
            if person.user.id != user {
                return Err(ended());
            }
            let target = serde_json::json!({ "user": user, "by": "browser" });
            admit(tx, &instance, (person.user, session), &said_by, &target)
        })
        .await?;
    app.entered(begun, visitor).await
}
