//! Manifests: what a deployed function or job asks for. The hash of a deployment covers all of it.

mod function;
mod job;
mod workload;

pub use function::{CallAuth, FunctionManifest, UserSecrets};
pub use job::{JobManifest, Missed, Overlap};
pub use workload::{ManifestError, OnChange, Runtime, SecretRef, UserWins, Via, Workload};
