//! Settings secrets: of the system, or of one end user.

use http::Method;
use strongroom_api::secrets::{SecretDetail, SecretItem, UpdateSecret, Written};

use crate::client::Project;
use crate::error::ClientError;
use crate::request::every;

/// An end user.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// The id there.
    pub id: &'a str,
    /// The issuer; none where the project trusts one alone.
    pub issuer: Option<&'a str>,
}

impl Project<'_> {
    /// The system's secrets, or those of `user`.
    pub async fn settings_secrets(&self, user: Option<User<'_>>) -> Result<Vec<SecretItem>, ClientError> {
        let call = || {
            let call = self.call(Method::GET, &["settings", "secrets"]).query("user", user.map(|user| user.id));
            call.query("issuer", user.and_then(|user| user.issuer))
        };
        every(1_000, call).await
    }

    /// Sets one.
    pub async fn set_settings_secret(
        &self,
        name: &str,
        user: Option<User<'_>>,
        body: &UpdateSecret,
    ) -> Result<Written, ClientError> {
        self.call(Method::PUT, &["settings", "secrets", name])
            .query("user", user.map(|user| user.id))
            .query("issuer", user.and_then(|user| user.issuer))
            .json(body)
            .send()
            .await
    }

    /// One's metadata.
    pub async fn settings_secret(&self, name: &str, user: Option<User<'_>>) -> Result<SecretDetail, ClientError> {
        self.call(Method::GET, &["settings", "secrets", name])
            .query("user", user.map(|user| user.id))
            .query("issuer", user.and_then(|user| user.issuer))
            .send()
            .await
    }

    /// Deletes one.
    pub async fn delete_settings_secret(&self, name: &str, user: Option<User<'_>>) -> Result<Written, ClientError> {
        self.call(Method::DELETE, &["settings", "secrets", name])
            .query("user", user.map(|user| user.id))
            .query("issuer", user.and_then(|user| user.issuer))
            .send()
            .await
    }
}
