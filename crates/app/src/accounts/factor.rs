//! The second factor: codes of an authenticator app, and recovery codes. Each serves once.
//!
//! ```text
//! begin (fresh sign-in) ──> secret, kept in memory for this session ── confirm(code) ──> sealed in the user's row
//!                                                                                        + ten recovery codes, shown once
//! sign-in, remove, renew ── spend(code) ──> the row's step rises, or the recovery code's digest goes, in the same
//!                                           transaction as what the code was for
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use strongroom_model::Id;
use strongroom_seal::{FactorSecret, Instance, keyed_digest};
use strongroom_secret::SecretValue;
use strongroom_store::port::UserRow;
use strongroom_store::{Rows, StoreError, Tx};
use zeroize::Zeroizing;

use super::entering::{Entered, Visitor};
use super::sessions::is_fresh;
use super::standing::verified;
use crate::audit::Record;
use crate::caller::{Caller, SessionKind};
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// How long a secret that was shown waits for its first code.
const SETUP: SignedDuration = SignedDuration::from_mins(15);
/// Recovery codes that are made at once.
const RECOVERY_CODES: usize = 10;
/// Crockford's base32: no letter that is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Secrets that were shown and not confirmed, by session. In memory alone.
#[derive(Default)]
pub(super) struct Setups(Mutex<HashMap<Id, (Arc<FactorSecret>, Timestamp)>>);

impl Setups {
    fn find(&self, session: Id, now: Timestamp) -> Option<Arc<FactorSecret>> {
        let setups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        setups.get(&session).filter(|(_, until)| *until > now).map(|(secret, _)| Arc::clone(secret))
    }

    fn keep(&self, session: Id, secret: Arc<FactorSecret>, until: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session, (secret, until));
    }

    fn drop(&self, session: Id) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }

    /// Forgets what ran out.
    pub(super) fn tidy(&self, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (_, until)| *until > now);
    }
}

/// What an authenticator app takes: shown once, until a code of it confirms it.
pub struct NewFactor {
    /// For typing: base32.
    pub secret: Zeroizing<String>,
    /// For scanning: `otpauth://totp/…`.
    pub address: Zeroizing<String>,
}

impl NewFactor {
    /// The address as authenticator apps read it: label `Strongroom (host):name`, issuer, and the defaults of RFC 6238.
    fn of(app: &App, caller: &Caller, secret: &FactorSecret) -> Self {
        let host = app.public_url().and_then(|url| url.parse::<http::Uri>().ok()?.host().map(str::to_owned));
        let issuer = host.map_or_else(|| "Strongroom".to_owned(), |host| format!("Strongroom ({host})"));
        let name = caller.actor.split(' ').next().unwrap_or_default().trim_start_matches("user:");
        let (issuer, name) = (escaped(&issuer), escaped(name));
        let secret = secret.to_base32();
        let parameters = format!("secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30", *secret);
        Self { address: Zeroizing::new(format!("otpauth://totp/{issuer}:{name}?{parameters}")), secret }
    }
}

/// Percent-encoding of RFC 3986: of everything but its unreserved characters.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// Recovery codes, shown once.
pub type RecoveryCodes = Vec<SecretValue>;

/// How one's own second factor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A sign-in takes the password alone.
    Without,
    /// A sign-in takes a code.
    With {
        /// Recovery codes that are left.
        recovery_codes: usize,
    },
}

/// One's own second factor. For who is no person, there is none.
pub async fn standing(app: &App, caller: &Caller) -> Result<Standing, Error> {
    let Some(id) = caller.user() else { return Ok(Standing::Without) };
    let user = own_row(app, &id).await?;
    Ok(match user.factor {
        None => Standing::Without,
        Some(_) => Standing::With { recovery_codes: digests(&user)?.len() },
    })
}

async fn own_row(app: &App, id: &Id) -> Result<UserRow, Error> {
    let row = app.store.read(|rows: &mut dyn Rows| rows.user(id).map_err(Error::from)).await?;
    verified(&app.instance, row.ok_or_else(|| Error::not_found("the account"))?)
}

/// The person whose browser's session this is, and that session, if it proved who he is just now.
async fn fresh(app: &App, caller: &Caller, action: &str) -> Result<(Id, Id), Error> {
    let session = caller.session.as_ref().filter(|session| session.kind == SessionKind::Browser);
    let (Some(user), Some(session)) = (caller.user(), session) else {
        app.audit_denial(caller, None, action).await?;
        return Err(Error::Forbidden("only a person's own browser session has a second factor".to_owned()));
    };
    if !is_fresh(app, caller) {
        app.audit_denial(caller, None, action).await?;
        return Err(Error::Forbidden(
            "a second factor is changed within 5 minutes of signing in; sign in again and repeat it".to_owned(),
        ));
    }
    Ok((user, session.id))
}

/// Begins to set a second factor up. Nothing counts before [`confirm`]; a secret that was shown before is void.
pub async fn begin(app: &App, caller: &Caller) -> Result<NewFactor, Error> {
    let (user, session) = fresh(app, caller, "user.factor").await?;
    if own_row(app, &user).await?.factor.is_some() {
        let text = "this account has a second factor already; remove it first, or make new recovery codes";
        return Err(Error::conflict(text, None));
    }
    let secret = Arc::new(FactorSecret::generate(&*app.rng));
    let target = serde_json::json!({ "user": user });
    app.audit(Record::done(app.clock.now(), caller, None, "user.factor.begin", &target)).await?;
    let until = app.clock.now().checked_add(SETUP).unwrap_or_else(|_| app.clock.now());
    app.accounts.setups.keep(session, Arc::clone(&secret), until);
    Ok(NewFactor::of(app, caller, &secret))
}

/// What [`begin`] showed to this session, while it waits for its first code.
pub fn begun(app: &App, caller: &Caller) -> Option<NewFactor> {
    let session = caller.session.as_ref()?;
    let secret = app.accounts.setups.find(session.id, app.clock.now())?;
    Some(NewFactor::of(app, caller, &secret))
}

/// Sets the second factor up, once a code proves that the app has it. Every session ends, and a new one begins here.
pub async fn confirm(
    app: &App,
    caller: &Caller,
    visitor: &Visitor,
    code: SecretValue,
) -> Result<(RecoveryCodes, Entered), Error> {
    let (id, shown_to) = fresh(app, caller, "user.factor").await?;
    let now = app.clock.now();
    let secret = app.accounts.setups.find(shown_to, now).ok_or_else(|| {
        Error::conflict(
            "no second factor is being set up by this session, or it took more than 15 minutes; begin again",
            None,
        )
    })?;
    app.accounts.limits.by_session(shown_to)?;
    let Some(step) = secret.step_of(&bare(&code), seconds(now)) else {
        app.audit_denial(caller, None, "user.factor").await?;
        let text = "the code is not right; type the six digits that the app shows now, and see that this machine's and the phone's clocks are right";
        return Err(Error::invalid("code", text));
    };
    let sealed = app.instance.seal_factor(&id, &secret, &*app.rng).map_err(Error::damaged("a new second factor"))?;
    let (codes, recovery) = new_codes(app, &id);
    let change = move |row: UserRow| {
        if row.factor.is_some() {
            return Err(Error::conflict("this account has a second factor already", None));
        }
        Ok(Some(UserRow { factor: Some(sealed), factor_step: step, recovery, ..row }))
    };
    let entered = app.change_own(caller, visitor, (id, "user.factor"), change).await?;
    app.accounts.setups.drop(shown_to);
    Ok((codes, entered.ok_or_else(wrong_code)?))
}

/// Removes one's own second factor, by a code of it. Every session ends, and a new one begins here.
pub async fn remove(app: &App, caller: &Caller, visitor: &Visitor, code: SecretValue) -> Result<Entered, Error> {
    let (id, session) = fresh(app, caller, "user.factor.remove").await?;
    app.accounts.limits.by_session(session)?;
    let (instance, now) = (Arc::clone(&app.instance), app.clock.now());
    let change = move |row: UserRow| {
        let spent = spend(&instance, row, &code, now)?;
        Ok(spent.map(|(row, _)| UserRow { factor: None, recovery: "[]".to_owned(), ..row }))
    };
    let entered = app.change_own(caller, visitor, (id, "user.factor.remove"), change).await?;
    refused_if_none(app, caller, entered, "user.factor.remove").await
}

/// New recovery codes in place of the old ones, by a code. Sessions stay.
pub async fn renew_recovery(app: &App, caller: &Caller, code: SecretValue) -> Result<RecoveryCodes, Error> {
    let (id, session) = fresh(app, caller, "user.recovery").await?;
    app.accounts.limits.by_session(session)?;
    let (instance, now, by) = (Arc::clone(&app.instance), app.clock.now(), caller.clone());
    let (codes, recovery) = new_codes(app, &id);
    let renewed = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<Option<()>, Error> {
            let row = verified(&instance, tx.user(&id)?.ok_or_else(|| Error::not_found("the account"))?)?;
            let Some((row, _)) = spend(&instance, row, &code, now)? else { return Ok(None) };
            tx.update_user(&UserRow { recovery, ..row }.signed(&instance))?;
            let target = serde_json::json!({ "user": id });
            Record::done(now, &by, None, "user.recovery", &target).append(tx, &instance).map(Some)
        })
        .await?;
    refused_if_none(app, caller, renewed, "user.recovery").await?;
    Ok(codes)
}

async fn refused_if_none<T>(app: &App, caller: &Caller, changed: Option<T>, action: &str) -> Result<T, Error> {
    if changed.is_none() {
        app.audit_denial(caller, None, action).await?;
    }
    changed.ok_or_else(wrong_code)
}

fn wrong_code() -> Error {
    Error::invalid("code", "the code is not right, or it has served already; wait for the app's next one")
}

/// Which of the two a code was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    App,
    Recovery,
}

impl Spent {
    /// The word in the audit trail.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Recovery => "recovery",
        }
    }
}

/// The row after `code` has served, still to be signed and written in the transaction that it was read in. None if the code
/// is wrong, has served, or the account has no second factor.
pub(super) fn spend(
    instance: &Instance,
    row: UserRow,
    code: &SecretValue,
    now: Timestamp,
) -> Result<Option<(UserRow, Spent)>, Error> {
    let Some(sealed) = &row.factor else { return Ok(None) };
    let code = bare(code);
    let secret = instance.open_factor(&row.id, sealed);
    let secret = secret.map_err(Error::damaged(format!("the second factor of {}", row.name)))?;
    if let Some(step) = secret.step_of(&code, seconds(now)) {
        // a step serves once, and so does everything before it
        let is_new = step > row.factor_step;
        return Ok(is_new.then_some((UserRow { factor_step: step, ..row }, Spent::App)));
    }
    let (digest, mut left) = (digest(instance, &row.id, &code), digests(&row)?);
    // digests are compared: nobody chooses them, so the time tells nothing
    let Some(at) = left.iter().position(|held| *held == digest) else { return Ok(None) };
    left.swap_remove(at);
    Ok(Some((UserRow { recovery: listed(&left), ..row }, Spent::Recovery)))
}

/// A code without the spaces and dashes that people type, in lower case, with the letters that are taken for digits as such.
fn bare(code: &SecretValue) -> Zeroizing<String> {
    let letters = code.expose().chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        letter => letter,
    };
    Zeroizing::new(letters.map(plain).collect())
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or_default()
}

/// Ten new codes of 50 random bits, and what the row keeps of them.
fn new_codes(app: &App, user: &Id) -> (RecoveryCodes, String) {
    let (mut codes, mut kept) = (Vec::with_capacity(RECOVERY_CODES), Vec::with_capacity(RECOVERY_CODES));
    for _ in 0..RECOVERY_CODES {
        let mut bytes = Zeroizing::new([0_u8; 10]);
        app.rng.fill(bytes.as_mut_slice());
        let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from));
        let code: Zeroizing<String> = Zeroizing::new(letters.collect());
        kept.push(digest(&app.instance, user, &code));
        let (before, after) = code.split_at(5);
        codes.push(SecretValue::new(format!("{before}-{after}")).expect("eleven plain letters are a value"));
    }
    (codes, listed(&kept))
}

fn digest(instance: &Instance, user: &Id, code: &str) -> String {
    let of = Zeroizing::new([user.as_bytes(), code.as_bytes()].concat());
    hex::encode(keyed_digest(instance, "recovery", &of))
}

fn digests(row: &UserRow) -> Result<Vec<String>, Error> {
    serde_json::from_str(&row.recovery).map_err(|_| StoreError::Damaged("recovery codes").into())
}

fn listed(digests: &[String]) -> String {
    serde_json::to_string(digests).expect("a list of texts is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for (typed, read) in [
            ("123456", "123456"),
            (" 123 456 ", "123456"),
            ("0OoIl-abcde", "00011abcde"),
            ("ABCDE-FGHJK", "abcdefghjk"),
            ("\u{a0}1\t2\n", "12"),
        ] {
            let typed = SecretValue::new(typed.to_owned()).expect("a text");
            assert_eq!(*bare(&typed), read);
        }
    }

    #[test]
    fn an_address_holds_no_character_that_ends_its_part() {
        assert_eq!(escaped("Strongroom (a:b)"), "Strongroom%20%28a%3Ab%29");
        assert_eq!(escaped("ada+x@example.com"), "ada%2Bx%40example.com");
    }
}
