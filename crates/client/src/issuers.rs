//! Issuers whose tokens say who an end user is.

use http::Method;
use strongroom_api::issuers::{AddIssuer, AddedIssuer, IssuerItem};
use strongroom_api::projects::Gone;

use crate::client::Project;
use crate::error::ClientError;
use crate::request::every;

impl Project<'_> {
    /// The issuers that the project trusts.
    pub async fn issuers(&self) -> Result<Vec<IssuerItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["issuers"])).await
    }

    /// Trusts an issuer.
    pub async fn add_issuer(&self, body: &AddIssuer) -> Result<AddedIssuer, ClientError> {
        self.call(Method::POST, &["issuers"]).json(body).send().await
    }

    /// Trusts an issuer no longer.
    pub async fn delete_issuer(&self, name: &str) -> Result<Gone, ClientError> {
        self.call(Method::DELETE, &["issuers", name]).send().await
    }
}
