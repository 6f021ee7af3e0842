//! Functions: deploy, list, roll back, delete, invoke.

mod deploy;
mod entry;
mod invoke;
mod manage;

pub use deploy::{Deployment, deploy};
pub use invoke::{Invocation, InvokeRefusal, invoke};
pub use manage::{delete, detail, list, rollback};

pub(crate) use entry::{Entry, Routes};
