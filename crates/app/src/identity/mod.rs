//! Who somebody is according to others: trusted issuers, their keys, their tokens.

mod issuers;
mod jwks;
mod jwt;
mod own;
pub mod trusts;
mod visits;

pub use issuers::{Added, KeySource, NewIssuer, Unproven, add, claimed, delete, list};
pub use jwks::KeysError;
pub use jwt::JwtError;
pub use own::{
    MAX_OWN_SECRETS, MAX_OWN_VALUE_BYTES, authenticate, list as own_secrets, remove as delete_own_secret,
    set as set_own_secret,
};

pub(crate) use issuers::Keys;
pub(crate) use jwt::{Claims, Expected};

use strongroom_fetch::Fetcher;

use issuers::Issuers;
use jwks::Published;
use visits::Deliveries;

/// What is kept in memory of issuers and their keys.
pub(crate) struct Identity {
    pub(crate) published: Published,
    pub(crate) issuers: Issuers,
    pub(crate) deliveries: Deliveries,
}

impl Identity {
    pub(crate) fn new(fetcher: Fetcher) -> Self {
        Self { published: Published::new(fetcher), issuers: Issuers::default(), deliveries: Deliveries::default() }
    }
}
