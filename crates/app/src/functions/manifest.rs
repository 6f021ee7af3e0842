//! What a deployment says of itself: the manifest of a function or of a job, and what the two have in common.

use strongroom_model::Schedule;
use strongroom_model::manifest::{FunctionManifest, JobManifest, ManifestError, Workload};
use strongroom_runtime::WorkloadKind as Running;
use strongroom_store::StoreError;
use strongroom_store::port::WorkloadKind;

use crate::error::Error;

/// A workload's configuration.
#[derive(Debug, Clone)]
pub enum Manifest {
    /// Of a function.
    Function(FunctionManifest),
    /// Of a job.
    Job(Box<JobManifest>),
}

impl Manifest {
    /// What it configures.
    pub fn kind(&self) -> WorkloadKind {
        match self {
            Self::Function(_) => WorkloadKind::Function,
            Self::Job(_) => WorkloadKind::Job,
        }
    }

    pub(crate) fn running(&self) -> Running {
        match self {
            Self::Function(_) => Running::Function,
            Self::Job(_) => Running::Job,
        }
    }

    /// What both kinds have.
    pub fn workload(&self) -> &Workload {
        match self {
            Self::Function(manifest) => &manifest.workload,
            Self::Job(manifest) => &manifest.workload,
        }
    }

    pub(super) fn workload_mut(&mut self) -> &mut Workload {
        match self {
            Self::Function(manifest) => &mut manifest.workload,
            Self::Job(manifest) => &mut manifest.workload,
        }
    }

    /// A function's.
    pub(super) fn of_function(self) -> Result<FunctionManifest, Error> {
        match self {
            Self::Function(manifest) => Ok(manifest),
            Self::Job(_) => Err(Error::Store(StoreError::Damaged("a function's manifest"))),
        }
    }

    /// A job's.
    pub(crate) fn of_job(self) -> Result<JobManifest, Error> {
        match self {
            Self::Job(manifest) => Ok(*manifest),
            Self::Function(_) => Err(Error::Store(StoreError::Damaged("a job's manifest"))),
        }
    }

    /// When it runs by itself.
    pub(crate) fn schedule(&self) -> Option<&Schedule> {
        match self {
            Self::Function(_) => None,
            Self::Job(manifest) => manifest.schedule.as_ref(),
        }
    }

    pub(crate) fn problems(&self) -> Vec<ManifestError> {
        match self {
            Self::Function(manifest) => manifest.problems(),
            Self::Job(manifest) => manifest.problems(),
        }
    }

    pub(crate) fn timeout_ms(&self) -> u64 {
        match self {
            Self::Function(manifest) => manifest.timeout_ms,
            Self::Job(manifest) => manifest.timeout_ms,
        }
    }

    pub(crate) fn concurrency(&self) -> u32 {
        match self {
            Self::Function(manifest) => manifest.concurrency,
            Self::Job(manifest) => manifest.concurrency,
        }
    }

    /// The text that is stored and stands under the digest.
    pub(crate) fn to_text(&self) -> String {
        let text = match self {
            Self::Function(manifest) => serde_json::to_string(manifest),
            Self::Job(manifest) => serde_json::to_string(manifest),
        };
        text.expect("a manifest has text keys only")
    }

    /// Reads what [`Manifest::to_text`] wrote for a workload of this kind.
    pub(crate) fn read(kind: WorkloadKind, text: &str) -> Result<Self, Error> {
        let read = match kind {
            WorkloadKind::Function => serde_json::from_str(text).map(Self::Function),
            WorkloadKind::Job => serde_json::from_str(text).map(|manifest| Self::Job(Box::new(manifest))),
            WorkloadKind::App => return Err(Error::Store(StoreError::Damaged("an app is not deployed"))),
        };
        read.map_err(|_| Error::Store(StoreError::Damaged("manifest")))
    }
}

/// The word for what was done to a workload of this kind.
pub(super) fn by_kind(kind: WorkloadKind, of_function: &'static str, of_job: &'static str) -> &'static str {
    if kind == WorkloadKind::Job { of_job } else { of_function }
}
