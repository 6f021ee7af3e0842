//! What is done with functions and jobs alike: deploying, deleting, going back.

use http::Method;
use serde::Serialize;
use strongroom_api::functions::{Deployed, RollbackFunction};
use strongroom_api::projects::Gone;

use crate::client::Project;
use crate::error::ClientError;
use crate::request::Call;

/// The kinds of workload that are deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadKind {
    /// HTTP handlers.
    Function,
    /// Background handlers.
    Job,
}

impl WorkloadKind {
    /// The word for one.
    pub fn word(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Job => "job",
        }
    }

    /// The word for several, which is also where they lie in the API.
    pub fn words(self) -> &'static str {
        match self {
            Self::Function => "functions",
            Self::Job => "jobs",
        }
    }
}

/// One deployed workload.
#[derive(Debug, Clone, Copy)]
pub struct Deployable<'a> {
    /// What it is.
    pub kind: WorkloadKind,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl Project<'_> {
    /// Deploys a bundle; `body` is `Deploy` for a function, `DeployJob` for a job.
    pub async fn deploy(&self, what: Deployable<'_>, body: &impl Serialize) -> Result<Deployed, ClientError> {
        self.call_on(Method::PUT, what, &[]).json(body).send().await
    }

    /// Deletes a workload with its deployments, and a job's runs.
    pub async fn delete_workload(&self, what: Deployable<'_>) -> Result<Gone, ClientError> {
        self.call_on(Method::DELETE, what, &[]).send().await
    }

    /// Lets an earlier deployment serve or run again; the one before the current unless told which.
    pub async fn rollback(&self, what: Deployable<'_>, deployment: Option<u64>) -> Result<Deployed, ClientError> {
        self.call_on(Method::POST, what, &["rollback"]).json(&RollbackFunction { deployment }).send().await
    }

    fn call_on(&self, method: Method, what: Deployable<'_>, behind: &[&str]) -> Call<'_> {
        let path = [&[what.kind.words(), what.name], behind].concat();
        self.call(method, &path).query("namespace", Some(what.namespace))
    }
}
