//! Platforms whose workloads sign in with a token of their own.

use http::Method;
use strongroom_api::projects::Gone;
use strongroom_api::trusts::{AddTrust, AddedTrust, LoginByJwt, TrustItem, WorkloadToken};

use crate::client::{Client, Project};
use crate::error::ClientError;
use crate::request::every;

impl Project<'_> {
    /// The platforms that the project trusts.
    pub async fn trusts(&self) -> Result<Vec<TrustItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["trusts"])).await
    }

    /// Trusts a platform.
    pub async fn add_trust(&self, body: &AddTrust) -> Result<AddedTrust, ClientError> {
        self.call(Method::POST, &["trusts"]).json(body).send().await
    }

    /// Trusts a platform no longer.
    pub async fn delete_trust(&self, name: &str) -> Result<Gone, ClientError> {
        self.call(Method::DELETE, &["trusts", name]).send().await
    }
}

impl Client {
    /// Signs a workload in with its platform's token.
    pub async fn log_in_by_jwt(&self, body: &LoginByJwt) -> Result<WorkloadToken, ClientError> {
        self.call(Method::POST, &["api", "v1", "login", "jwt"]).anonymous().json(body).send().await
    }
}
