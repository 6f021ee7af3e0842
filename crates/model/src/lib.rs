//! The words of Strongroom as types: names, scopes, versions, expiry, resolution order, manifests. Pure: no I/O, no plaintext.

pub mod access;
pub mod address;
pub mod expiry;
pub mod id;
pub mod manifest;
pub mod member;
pub mod name;
pub mod resolution;
pub mod schedule;
pub mod scope;
pub mod slug;
pub mod text;
pub mod user;

pub use access::{Capability, Grant};
pub use address::{AddressRange, subscriber};
pub use expiry::{Expiry, Lifetime};
pub use id::Id;
pub use member::{AccountName, Membership, Role};
pub use name::{NameList, SecretName};
pub use resolution::{Resolution, resolve};
pub use schedule::Schedule;
pub use scope::{Scope, ScopeKind};
pub use slug::{AppId, NamespaceName, ProjectName, TrustName, UserId, WorkloadName};
pub use user::{EndUser, IssuerUrl};
