//! How many requests a caller may make in time.
//!
//! A credential that is accepted has a budget of its own; whoever sends none, or one that is refused, spends that of his
//! address. Calls of functions have budgets beside those of management, so that neither takes from the other. Budgets fill up steadily (GCRA). They stand in many small tables, so that callers do not wait for each
//! other, and empty themselves of callers that have been quiet.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use strongroom_api::Code;
use strongroom_app::{Access, Caller};
use strongroom_model::subscriber;

use crate::failure::Failure;
use crate::peer::Peer;

/// Tables of each kind; a power of two.
const TABLES: usize = 32;
/// After so many requests a table forgets those who have been quiet.
const TIDY_EVERY: u32 = 8_192;

/// How many requests a second one caller may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rate {
    /// What is built in; callers on this machine have no limit.
    #[default]
    BuiltIn,
    /// No limit for anybody.
    Off,
    /// This many, on this machine too. The local socket has no limit.
    PerSecond(NonZeroU32),
}

/// Rates of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// Of one accepted credential: 1000 a second, 2000 at once.
    pub per_caller: Rate,
    /// Of one address without an accepted credential: 20 a second, 200 at once.
    pub per_address: Rate,
    /// Calls of functions by one accepted credential, or by one address without one: 500 a second, 1000 at once.
    pub per_function_caller: Rate,
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, MonotonicClock, StateInformationMiddleware>;

/// The budgets.
pub(crate) struct Rates {
    callers: Option<Budgets<strongroom_model::Id>>,
    addresses: Option<Budgets<IpAddr>>,
    function_callers: Option<Budgets<FunctionCaller>>,
}

/// Who calls functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum FunctionCaller {
    Known(strongroom_model::Id),
    At(IpAddr),
}

struct Budgets<K: Hash + Eq + Clone> {
    tables: Vec<(Limiter<K>, AtomicU32)>,
    hasher: RandomState,
    per_second: NonZeroU32,
    at_once: NonZeroU32,
    spares_local: bool,
}

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    at_once: u32,
    left: u32,
    /// Seconds until it is full again.
    full_in: u64,
    /// Seconds until the next request, if this one is over the budget.
    next_in: Option<u64>,
}

impl Rates {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            callers: Budgets::new(limits.per_caller, (1_000, 2)),
            addresses: Budgets::new(limits.per_address, (20, 10)),
            function_callers: Budgets::new(limits.per_function_caller, (500, 2)),
        }
    }

    /// Spends one request of an accepted caller. The local owner has no limit.
    pub(crate) fn of_caller(&self, peer: Peer, caller: &Caller) -> Option<Budget> {
        let budgets = self.callers.as_ref().filter(|budgets| budgets.hold_for(peer))?;
        match &caller.access {
            // end users are counted by `end_users`, more narrowly
            Access::Owner | Access::EndUser { .. } => None,
            Access::Token { id, .. } | Access::Person { user: id, .. } => Some(budgets.spend(id)),
        }
    }

    /// Spends one call of a function: of an accepted caller, else of the address. The local owner has no limit.
    pub(crate) fn of_call(&self, peer: Peer, caller: Option<&Caller>) -> Option<Budget> {
        let budgets = self.function_callers.as_ref().filter(|budgets| budgets.hold_for(peer))?;
        let key = match caller.map(|caller| &caller.access) {
            Some(Access::Owner) => return None,
            Some(Access::Token { id, .. } | Access::Person { user: id, .. }) => FunctionCaller::Known(*id),
            Some(Access::EndUser { .. }) | None => FunctionCaller::At(subscriber(peer.address()?)),
        };
        Some(budgets.spend(&key))
    }

    /// Spends one request of an address that shows no accepted credential.
    pub(crate) fn of_address(&self, peer: Peer) -> Option<Budget> {
        let budgets = self.addresses.as_ref().filter(|budgets| budgets.hold_for(peer))?;
        peer.address().map(|address| budgets.spend(&subscriber(address)))
    }
}

impl<K: Hash + Eq + Clone> Budgets<K> {
    /// `built_in` is so many a second, and how many seconds' worth there may be at once.
    fn new(rate: Rate, (built_in, seconds): (u32, u32)) -> Option<Self> {
        let (per_second, spares_local) = match rate {
            Rate::BuiltIn => (NonZeroU32::new(built_in)?, true),
            Rate::Off => return None,
            Rate::PerSecond(number) => (number, false),
        };
        let at_once = per_second.saturating_mul(NonZeroU32::new(seconds)?);
        let quota = Quota::per_second(per_second).allow_burst(at_once);
        let table = || (RateLimiter::hashmap(quota).with_middleware(), AtomicU32::new(0));
        let tables = std::iter::repeat_with(table).take(TABLES).collect();
        Some(Self { tables, hasher: RandomState::new(), per_second, at_once, spares_local })
    }

    fn hold_for(&self, peer: Peer) -> bool {
        peer.address().is_some() && !(self.spares_local && peer.is_local())
    }

    fn spend(&self, key: &K) -> Budget {
        let index = usize::try_from(self.hasher.hash_one(key) % 32).unwrap_or_default();
        let (table, uses) = self.tables.get(index).expect("a remainder by the number of tables is an index");
        if uses.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            table.retain_recent();
        }
        let at_once = self.at_once.get();
        let (left, next_in) = match table.check_key(key) {
            Ok(state) => (state.remaining_burst_capacity().min(at_once), None),
            Err(until) => (0, Some(until.wait_time_from(table.clock().now()).as_secs() + 1)),
        };
        let full_in = u64::from((at_once - left).div_ceil(self.per_second.get()));
        Budget { at_once, left, full_in, next_in }
    }
}

impl Budget {
    /// The refusal, if the request is over the budget.
    pub(crate) fn refusal(self) -> Option<Response> {
        self.excess().map(IntoResponse::into_response)
    }

    /// The same, not yet an answer.
    pub(crate) fn excess(self) -> Option<Failure> {
        let detail = |seconds| format!("too many requests; try again in {seconds} s");
        self.next_in.map(|seconds| Failure::new(Code::TooMany, detail(seconds)))
    }

    /// Says in an answer's headers what is left, and when to come again if that is nothing. A function's own words about its
    /// own limits stay.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        if let Some(next_in) = self.next_in {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(next_in));
        }
        let said = [
            ("ratelimit-limit", u64::from(self.at_once)),
            ("ratelimit-remaining", u64::from(self.left)),
            ("ratelimit-reset", self.full_in),
        ];
        for (name, number) in said {
            headers.entry(HeaderName::from_static(name)).or_insert_with(|| HeaderValue::from(number));
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;

    fn from(address: &str) -> Peer {
        Peer::Tls(address.parse().unwrap())
    }

    #[test]
    fn an_address_spends_its_own_budget_and_no_others() {
        let rate = Rate::PerSecond(NonZeroU32::new(1).unwrap());
        let rates = Rates::new(RateLimits { per_caller: Rate::Off, per_address: rate, ..RateLimits::default() });
        let spent: Vec<_> = (0..11).map(|_| rates.of_address(from("192.0.2.1:1")).unwrap()).collect();
        assert!(spent[..10].iter().all(|budget| budget.next_in.is_none()));
        assert_eq!((spent[0].at_once, spent[0].left, spent[0].full_in), (10, 9, 1));
        assert_eq!(spent[10].left, 0);
        assert!(spent[10].next_in.is_some_and(|seconds| (1..=2).contains(&seconds)));
        assert_eq!(spent[10].refusal().unwrap().status(), 429);
        assert!(rates.of_address(from("192.0.2.2:1")).unwrap().next_in.is_none());
        // an IPv6 caller has a whole /64
        for host in 0..10 {
            assert!(rates.of_address(from(&format!("[2001:db8::{host}]:1"))).unwrap().next_in.is_none());
        }
        assert!(rates.of_address(from("[2001:db8::ffff]:1")).unwrap().next_in.is_some());
    }

    #[test]
    fn what_is_built_in_spares_this_machine_and_what_is_asked_for_does_not() {
        let local = Peer::Tcp("127.0.0.1:1".parse().unwrap());
        let built_in = Rates::new(RateLimits::default());
        assert!(built_in.of_address(local).is_none());
        assert!(built_in.of_address(from("192.0.2.1:1")).is_some());
        let said = Peer::Proxied { client: "127.0.0.1".parse().unwrap(), is_https: true };
        assert!(built_in.of_address(said).is_some());
        let asked = Rate::PerSecond(NonZeroU32::new(5).unwrap());
        let asked = Rates::new(RateLimits { per_caller: asked, per_address: asked, per_function_caller: asked });
        assert!(asked.of_address(local).is_some() && asked.of_call(local, None).is_some());
        assert!(asked.of_address(Peer::Socket).is_none() && asked.of_call(Peer::Socket, None).is_none());
        assert!(built_in.of_call(local, None).is_none());
        assert_eq!(built_in.of_call(from("192.0.2.1:1"), None).unwrap().at_once, 1_000);
    }
}
