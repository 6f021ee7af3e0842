//! How often somebody may try to sign in: per account, whether it exists or not, and per address.

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

/// Tries that are left.
pub(super) struct Limits {
    time: Time,
    accounts: Keyed<AccountName>,
    addresses: Keyed<IpAddr>,
    sessions: Keyed<Id>,
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
        Self {
            accounts: RateLimiter::hashmap_with_clock(quota(10, Duration::from_secs(30)), time.clone()),
            addresses: RateLimiter::hashmap_with_clock(quota(30, Duration::from_secs(6)), time.clone()),
            sessions: RateLimiter::hashmap_with_clock(quota(10, Duration::from_secs(30)), time.clone()),
            time,
        }
    }

    /// One more try from an address.
    pub(super) fn by_address(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let Some(address) = address else { return Ok(()) };
        self.addresses.check_key(&subscriber(address)).map_err(|refused| self.refused(&refused))
    }

    /// One more try at an account.
    pub(super) fn by_account(&self, name: &AccountName) -> Result<(), Error> {
        self.accounts.check_key(name).map_err(|refused| self.refused(&refused))
    }

    /// One more try at a password or a code by somebody who is signed in.
    pub(super) fn by_session(&self, session: Id) -> Result<(), Error> {
        self.sessions.check_key(&session).map_err(|refused| self.refused(&refused))
    }

    fn refused(&self, refused: &NotUntil<Nanos>) -> Error {
        Error::TooMany(refused.wait_time_from(self.time.now()).as_secs().saturating_add(1))
    }

    /// Forgets who has all tries again.
    pub(super) fn tidy(&self) {
        self.accounts.retain_recent();
        self.addresses.retain_recent();
        self.sessions.retain_recent();
    }
}
