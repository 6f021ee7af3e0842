//! The use cases, one file a noun: authorise, resolve, seal, write, audit, announce. Whoever calls brings a [`Caller`].
//!
//! ```text
//! set ──> authorise ──> one transaction: next version, seal, insert, audit, raise the epoch ──> announce to workers
//! resolve ──> authorise ──> sealed rows (cached by epoch) ──> audit, durable ──> open ──> values
//! invoke ──> route (cached) ──> who may call ──> worker, told first if the epoch rose
//! ```

pub mod accounts;
pub mod apps;
pub mod audit;
mod authz;
mod caller;
mod clock;
mod epochs;
mod error;
mod expiries;
pub mod functions;
mod housekeeping;
pub mod identity;
pub mod jobs;
mod keys;
pub mod links;
mod live;
pub mod logs;
pub mod metrics;
mod once;
mod open;
pub mod projects;
pub mod resolve;
mod rows;
pub mod secrets;
mod snapshot;
pub mod tokens;

pub use caller::{Access, Caller, Memberships, Session, SessionKind};
pub use clock::{Clock, SystemClock};
pub use error::{Conflict, Error, Fault};
pub use housekeeping::LogRetention;
pub use live::ChangeEvent;
pub use open::{App, AppConfig, FunctionsConfig, OpenError};
pub use strongroom_runtime::Body;
pub use strongroom_seal::PasswordCost;
pub use strongroom_store::StoreError;
pub use strongroom_store::port::{RunState, WorkloadKind};
