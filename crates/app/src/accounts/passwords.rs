//! Hashing passwords: a bounded number at once, and as long for who does not exist as for who does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use strongroom_model::AccountName;
use strongroom_seal::{PasswordCost, verify_password};
use strongroom_secret::SecretValue;
use tokio::sync::Semaphore;

use crate::error::{Error, Fault};
use crate::open::App;

/// So many hashes at once: at the default cost 128 MiB of memory, whatever comes.
const AT_ONCE: usize = 2;
/// So many may wait for their turn; more are turned away.
const MAX_WAITING: usize = 40;
/// Bounds of a password: characters at least, bytes at most.
const MIN_CHARACTERS: usize = 12;
const MAX_BYTES: usize = 1_024;

pub(super) struct Passwords {
    cost: PasswordCost,
    /// What the password of somebody who does not exist is compared with.
    nobody: OnceLock<String>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Passwords {
    pub(super) fn new(cost: PasswordCost) -> Self {
        Self { cost, nobody: OnceLock::new(), slots: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }

    /// Runs `work` on a thread that may take its time, once it is this one's turn.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _one = Waiting::begin(&self.waiting).ok_or(Error::TooMany(2))?;
        let slots = Arc::clone(&self.slots);
        let turn = slots.acquire_owned().await.map_err(|_| Error::Unavailable("the server is stopping".to_owned()))?;
        let worked = tokio::task::spawn_blocking(move || {
            // held until the hash is done, also if the caller has gone away
            let _turn = turn;
            work()
        });
        worked.await.map_err(|_| Error::Unavailable("a password could not be hashed".to_owned()))
    }
}

/// One that waits or works; counted until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Self> {
        let one = Self(count);
        (count.fetch_add(1, Ordering::SeqCst) < MAX_WAITING).then_some(one)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl App {
    /// The hash of a new password.
    pub(super) async fn hash_password(&self, password: SecretValue) -> Result<String, Error> {
        let (cost, rng) = (self.accounts.passwords.cost, Arc::clone(&self.rng));
        let hashed = self.accounts.passwords.in_turn(move || cost.hash(password.expose(), &*rng)).await?;
        hashed.map_err(Error::damaged("a new password"))
    }

    /// Whether `password` fits `hash`. Without a hash it takes as long, and does not.
    pub(super) async fn fits(&self, password: SecretValue, hash: Option<String>) -> Result<bool, Error> {
        let (is_known, cost) = (hash.is_some(), self.accounts.passwords.cost);
        let hash = match hash {
            Some(hash) => hash,
            None => self.accounts.passwords.nobody.get_or_init(|| cost.of_nobody(&*self.rng)).clone(),
        };
        let fits = self.accounts.passwords.in_turn(move || verify_password(password.expose(), &hash)).await?;
        Ok(fits && is_known)
    }

    /// Whether a hash should be made anew, now that its password is known.
    pub(super) fn is_outdated(&self, hash: &str) -> bool {
        self.accounts.passwords.cost.is_other_than(hash)
    }
}

/// Refuses a password that is easily guessed. Length is what counts (NIST SP 800-63B, section 3.1.1.2); there are no rules
/// about which characters it has.
pub(super) fn check(at: &str, name: &AccountName, password: &SecretValue) -> Result<(), Fault> {
    let text = password.expose();
    let characters = text.chars().count();
    if characters < MIN_CHARACTERS || text.len() > MAX_BYTES {
        return Err(Fault::new(
            at,
            format!(
                "a password has at least {MIN_CHARACTERS} characters and at most {MAX_BYTES} bytes; four random words are good"
            ),
        ));
    }
    let mut distinct: Vec<char> = text.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 4 || text.to_ascii_lowercase() == name.as_str() {
        return Err(Fault::new(at, "this password is too easily guessed; four random words are good"));
    }
    Ok(())
}
