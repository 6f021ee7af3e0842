//! Settings secrets: of the system, or of one end user.

use http::Method;
use strongroom_api::Page;
use strongroom_api::secrets::{SecretDetail, SecretItem, UpdateSecret, Written};

use crate::client::Project;
use crate::error::ClientError;

impl Project<'_> {
    /// The system's secrets, or those of `user`.
    pub async fn settings_secrets(&self, user: Option<&str>) -> Result<Vec<SecretItem>, ClientError> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let call = self.call(Method::GET, &["settings", "secrets"]).query("user", user);
            let page: Page<SecretItem> =
                call.query("limit", Some("1000")).query("cursor", cursor.as_deref()).send().await?;
            all.extend(page.items);
            match page.next_cursor {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(all),
            }
        }
    }

    /// Sets one.
    pub async fn set_settings_secret(
        &self,
        name: &str,
        user: Option<&str>,
        body: &UpdateSecret,
    ) -> Result<Written, ClientError> {
        self.call(Method::PUT, &["settings", "secrets", name]).query("user", user).json(body).send().await
    }

    /// One's metadata.
    pub async fn settings_secret(&self, name: &str, user: Option<&str>) -> Result<SecretDetail, ClientError> {
        self.call(Method::GET, &["settings", "secrets", name]).query("user", user).send().await
    }

    /// Deletes one.
    pub async fn delete_settings_secret(&self, name: &str, user: Option<&str>) -> Result<Written, ClientError> {
        self.call(Method::DELETE, &["settings", "secrets", name]).query("user", user).send().await
    }
}
