//! People: the first account, signing in, sessions, users, members, invitations.
//!
//! ```text
//! setup code ──> first account ─┐
//! invitation ──> account ───────┤
//! sign-in at a provider ────────┼──> session ──> Caller { access: Person, session } ──> every use case
//! name and password (and code) ─┘       │
//!                                       └ known in memory: a request of a known session asks no database
//! ```
//!
//! # For who writes pages and handlers
//!
//! - The guard has proved the session before a handler runs; the handler gets the request's [`Caller`] as for a token.
//!   For `/projects/{project}/…` and `/api/v1/projects/{project}/…` the guard has turned the person to that project
//!   ([`Caller::enter`]), so `caller.grant()`, `caller.holds(…)` and `caller.reaches_…` speak of it. A person who is no member
//!   gets 404 from every use case there.
//! - `caller.session` says that a session is behind it (of a browser or a command line), when the person last proved who
//!   he is (`proved_at`: for "fresh sign-in"), and the CSRF token for forms (`csrf`, or the header
//!   `X-CSRF-Token`). The guard has compared it already for every request that may change something.
//! - [`sign_in`] and [`set_up`] lead to an [`Entered`]: the text that the browser keeps, and the caller it makes.
//!   `server/session.rs` writes and clears the cookie.
//!
//! # What ends a session
//!
//! Signing out, its two lifetimes (idle, absolute), another password or second factor, another role, the end of a
//! membership, disabling, deletion. All but the first two raise the user's `generation`, which each session carries under
//! its MAC: what began before is refused, also if its row came back. Being added to a project widens a session at once.
//!
//! The local owner's browser session (`strongroom open`) lives in this process's memory alone: no row stands for it, and it
//! ends with the process, as the owner's token does.

mod devices;
mod entering;
pub mod factor;
mod limits;
pub mod logins;
pub mod members;
pub mod oidc;
mod opening;
pub mod own;
mod passwords;
mod sessions;
mod setup;
mod sign_in;
mod standing;
pub mod users;

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_seal::PasswordCost;

use crate::clock::Clock;

pub use devices::{Device, KNOWN_FOR};
pub use entering::{Entered, Visitor};
pub use opening::{is_opening, offer_opening, open_as_owner};
pub use sessions::{authenticate, is_csrf_token, is_fresh, sign_out};
pub use setup::{is_setup_code, offer_setup, set_up};
pub use sign_in::{SignIn, Step, Ticket, sign_in, sign_in_by_code};

pub(crate) use sessions::stands;
pub(crate) use setup::owner_row;
pub(crate) use standing::{member, standing, still};

/// What the process remembers of people.
pub(crate) struct Accounts {
    pub(crate) sessions: sessions::Sessions,
    passwords: passwords::Passwords,
    limits: limits::Limits,
    setup: setup::Setup,
    openings: opening::Openings,
    setups: factor::Setups,
    provider: Option<oidc::Provider>,
    logins: logins::Logins,
}

impl Accounts {
    pub(crate) fn new(cost: PasswordCost, clock: Arc<dyn Clock>, provider: Option<Arc<oidc::ProviderConfig>>) -> Self {
        Self {
            sessions: sessions::Sessions::default(),
            passwords: passwords::Passwords::new(cost),
            limits: limits::Limits::new(clock),
            setup: setup::Setup::default(),
            openings: opening::Openings::default(),
            setups: factor::Setups::default(),
            provider: provider.map(oidc::Provider::new),
            logins: logins::Logins::default(),
        }
    }

    /// One more login of a workload from an address.
    pub(crate) fn limit_workloads(&self, address: Option<std::net::IpAddr>) -> Result<(), crate::error::Error> {
        self.limits.by_workload(address)
    }

    /// Forgets what ran out.
    pub(crate) fn tidy(&self, now: Timestamp) {
        self.limits.tidy();
        self.tidy_openings(now);
        self.setups.tidy(now);
        self.logins.tidy(now);
    }
}
