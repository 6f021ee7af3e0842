//! How often somebody may try to sign in: per account and place, whether the account exists or not, and per address. A
//! stranger cannot use up the tries of a browser that the account's person has signed in with before
//! (`docs/decisions/sign-in-limits.md`).

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use jiff::Timestamp;
use strongroom_model::{AccountName, Id, subscriber};

use crate::clock::Clock;
use crate::error::Error;

/// The instance's clock, as the limits read it.
#[derive(Clone)]
struct Time {
    clock: Arc<dyn Clock>,
    start: Timestamp,
}

impl governor::clock::Clock for Time {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        // a clock that is put back stands still here
        let passed = self.clock.now().duration_since(self.start);
        Nanos::from(Duration::try_from(passed).unwrap_or_default())
    }
}

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, Time, NoOpMiddleware<Nanos>>;

/// Who tries: a browser that somebody has signed in to the account with before, or a stranger, by his address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum From {
    /// By its id.
    Known(String),
    /// None for a caller without an address: he is on this machine.
    Stranger(Option<IpAddr>),
}

/// Tries that are left.
pub(super) struct Limits {
    time: Time,
    /// Sign-ins at one account from one place.
    pairs: Keyed<(AccountName, From)>,
    /// Sign-ins of all strangers at one account.
    strangers: Keyed<AccountName>,
    /// Sign-ins of strangers from one address.
    addresses: Keyed<IpAddr>,
    /// Codes of second factors at one account, from one known browser or from all strangers.
    codes: Keyed<(AccountName, Option<String>)>,
    /// Whatever somebody who is signed in tries at his own account.
    sessions: Keyed<Id>,
    /// Logins that command lines begin, by address.
    logins: Keyed<Option<IpAddr>>,
    workloads: Keyed<IpAddr>,
}

const fn many(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("none of the limits is zero")
}

fn quota(burst: u32, every: Duration) -> Quota {
    Quota::with_period(every).expect("no period is zero").allow_burst(many(burst))
}

impl Limits {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let time = Time { start: clock.now(), clock };
        let seconds = Duration::from_secs;
        Self {
            pairs: RateLimiter::hashmap_with_clock(quota(10, seconds(30)), time.clone()),
            strangers: RateLimiter::hashmap_with_clock(quota(100, seconds(30)), time.clone()),
            addresses: RateLimiter::hashmap_with_clock(quota(30, seconds(6)), time.clone()),
            codes: RateLimiter::hashmap_with_clock(quota(10, seconds(60)), time.clone()),
            sessions: RateLimiter::hashmap_with_clock(quota(10, seconds(30)), time.clone()),
            logins: RateLimiter::hashmap_with_clock(quota(20, seconds(30)), time.clone()),
            workloads: RateLimiter::hashmap_with_clock(quota(100, Duration::from_millis(500)), time.clone()),
            time,
        }
    }

    /// One more try from an address.
    pub(super) fn by_address(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let Some(address) = address else { return Ok(()) };
        self.addresses.check_key(&subscriber(address)).map_err(|refused| self.refused(&refused))
    }

    /// One more sign-in at an account, whether it exists or not. Strangers spend what belongs to strangers; a known browser
    /// spends its own alone.
    pub(super) fn by_account(&self, name: &AccountName, from: &From) -> Result<(), Error> {
        let from = match from {
            From::Stranger(address) => {
                self.by_address(*address)?;
                From::Stranger(address.map(subscriber))
            }
            known @ From::Known(_) => known.clone(),
        };
        let is_stranger = matches!(from, From::Stranger(_));
        self.pairs.check_key(&(name.clone(), from)).map_err(|refused| self.refused(&refused))?;
        // whoever has no tries left from one place does not spend what all have
        if is_stranger {
            self.strangers.check_key(name).map_err(|refused| self.refused(&refused))?;
        }
        Ok(())
    }

    /// One more code by somebody who knows the account's password.
    pub(super) fn by_code(&self, name: &AccountName, from: &From) -> Result<(), Error> {
        let known = match from {
            From::Known(id) => Some(id.clone()),
            From::Stranger(_) => None,
        };
        self.codes.check_key(&(name.clone(), known)).map_err(|refused| self.refused(&refused))
    }

    /// One more login that a command line begins.
    pub(super) fn by_login(&self, address: Option<IpAddr>) -> Result<(), Error> {
        self.logins.check_key(&address.map(subscriber)).map_err(|refused| self.refused(&refused))
    }

    /// One more try at a password or a code by somebody who is signed in.
    pub(super) fn by_session(&self, session: Id) -> Result<(), Error> {
        self.sessions.check_key(&session).map_err(|refused| self.refused(&refused))
    }

    /// One more login of a workload from an address, behind which there may be many.
    pub(super) fn by_workload(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let Some(address) = address else { return Ok(()) };
        self.workloads.check_key(&subscriber(address)).map_err(|refused| self.refused(&refused))
    }

    fn refused(&self, refused: &NotUntil<Nanos>) -> Error {
        Error::TooMany(refused.wait_time_from(self.time.now()).as_secs().saturating_add(1))
    }

    /// Forgets who has all tries again.
    pub(super) fn tidy(&self) {
        self.pairs.retain_recent();
        self.strangers.retain_recent();
        self.addresses.retain_recent();
        self.codes.retain_recent();
        self.sessions.retain_recent();
        self.logins.retain_recent();
        self.workloads.retain_recent();
    }
}
