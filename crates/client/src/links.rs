//! Fill-in links.

use http::Method;
use strongroom_api::links::{CreateLink, CreatedLink, LinkItem};

use crate::client::Project;
use crate::error::ClientError;
use crate::request::every;

impl Project<'_> {
    /// The project's links.
    pub async fn links(&self) -> Result<Vec<LinkItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["links"])).await
    }

    /// Makes a link; the answer is the only place where its address can be read.
    pub async fn create_link(&self, body: &CreateLink) -> Result<CreatedLink, ClientError> {
        self.call(Method::POST, &["links"]).json(body).send().await
    }

    /// Revokes a link at once.
    pub async fn revoke_link(&self, id: &str) -> Result<LinkItem, ClientError> {
        self.call(Method::DELETE, &["links", id]).send().await
    }
}
