//! Functions: deploy, list, roll back, delete, invoke. Jobs are deployed, rolled back and deleted the same way.

mod deploy;
mod entry;
mod guard;
mod invoke;
mod look;
mod manage;
mod manifest;

pub use deploy::{Deployment, deploy};
pub use invoke::{Invocation, InvokeRefusal, invoke};
pub use manage::{delete, detail, list, rollback};
pub use manifest::Manifest;

pub(crate) use deploy::{require_secrets, without_folders};
pub(crate) use entry::{Entry, Routes};
pub(crate) use look::{Looked, look, reached};
