//! Deployed workloads (functions and jobs), their deployments, and which workload reads which secret.

use jiff::Timestamp;
use strongroom_model::{Id, NamespaceName, SecretName, WorkloadName};

use super::StoreError;

/// A deployed workload: a function or a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadRow {
    /// The workload.
    pub id: Id,
    /// The project.
    pub project: Id,
    /// The namespace.
    pub namespace: NamespaceName,
    /// A function or a job.
    pub kind: WorkloadKind,
    /// Its name, unique among those of its kind in the namespace.
    pub name: WorkloadName,
    /// The number of the deployment that serves.
    pub active: u64,
    /// When it was first deployed.
    pub created_at: Timestamp,
    /// When it was last deployed or rolled back.
    pub updated_at: Timestamp,
    /// Who did that.
    pub updated_by: String,
    /// MAC over what steers which code runs.
    pub mac: Vec<u8>,
}

/// One deployment of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentRow {
    /// The workload.
    pub workload: Id,
    /// Numbered from 1 in each workload.
    pub number: u64,
    /// The manifest as canonical JSON.
    pub manifest: String,
    /// What reading the bundle found, as JSON.
    pub references: String,
    /// SHA-256 over bundle and manifest.
    pub digest: Vec<u8>,
    /// Size of the bundle in bytes.
    pub bundle_bytes: u64,
    /// When.
    pub created_at: Timestamp,
    /// Who.
    pub created_by: String,
    /// MAC over what steers which code runs with which secrets.
    pub mac: Vec<u8>,
}

/// Kinds of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkloadKind {
    /// An HTTP handler.
    Function,
    /// A background handler.
    Job,
    /// A long-running backend that is injected into.
    App,
}

impl WorkloadKind {
    /// The word used in rows and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Job => "job",
            Self::App => "app",
        }
    }
}

/// One workload reads one secret: known from its code, its list, or seen at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFact {
    /// The project.
    pub project: Id,
    /// The namespace of the workload.
    pub namespace: NamespaceName,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub workload: String,
    /// The stored name of the secret.
    pub secret: SecretName,
    /// `list` (declared), `code` (found by reading the bundle), `env` or `helper` (seen at run time).
    pub via: String,
    /// Last read at run time.
    pub last_read_at: Option<Timestamp>,
}

/// Reading.
pub trait WorkloadRows {
    /// One workload.
    fn workload(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        kind: WorkloadKind,
        name: &WorkloadName,
    ) -> Result<Option<WorkloadRow>, StoreError>;
    /// The workloads of a kind in a project (in one namespace), by namespace and name.
    fn workloads(
        &mut self,
        project: &Id,
        namespace: Option<&NamespaceName>,
        kind: WorkloadKind,
    ) -> Result<Vec<WorkloadRow>, StoreError>;
    /// One deployment.
    fn deployment(&mut self, workload: &Id, number: u64) -> Result<Option<DeploymentRow>, StoreError>;
    /// All deployments, newest first.
    fn deployments(&mut self, workload: &Id) -> Result<Vec<DeploymentRow>, StoreError>;
    /// The code of a deployment.
    fn bundle(&mut self, workload: &Id, number: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// Who reads a secret name, one row for each workload and `via`.
    fn readers(&mut self, project: &Id, secret: &SecretName) -> Result<Vec<ReadFact>, StoreError>;
    /// All read facts of a project, ordered by secret.
    fn all_readers(&mut self, project: &Id) -> Result<Vec<ReadFact>, StoreError>;
    /// What one workload reads.
    fn reads_of(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        kind: WorkloadKind,
        workload: &str,
    ) -> Result<Vec<ReadFact>, StoreError>;
}

/// Writing.
pub trait WorkloadTx {
    /// Adds a workload; `Exists` if there.
    fn insert_workload(&mut self, row: &WorkloadRow) -> Result<(), StoreError>;
    /// Replaces active, updated and MAC. `false` if missing.
    fn update_workload(&mut self, row: &WorkloadRow) -> Result<bool, StoreError>;
    /// Erases a workload with its deployments, read facts and runs. `false` if missing.
    fn delete_workload(&mut self, row: &WorkloadRow) -> Result<bool, StoreError>;
    /// Adds a deployment with its code.
    fn insert_deployment(&mut self, row: &DeploymentRow, bundle: &[u8]) -> Result<(), StoreError>;
    /// Erases deployments below `keep_from`, except the number `active`; returns how many.
    fn prune_deployments(&mut self, workload: &Id, keep_from: u64, active: u64) -> Result<u64, StoreError>;
    /// Replaces the facts of `via` `list` and `code` of one workload. Only secret, `via` and time of `facts` are looked
    /// at; doubles count once.
    fn replace_static_reads(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        kind: WorkloadKind,
        workload: &str,
        facts: &[ReadFact],
    ) -> Result<(), StoreError>;
    /// Adds a run-time fact or moves its time forward.
    fn touch_read(&mut self, fact: &ReadFact) -> Result<(), StoreError>;
}
