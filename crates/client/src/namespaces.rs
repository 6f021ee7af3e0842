//! Namespaces.

use http::Method;
use strongroom_api::Page;
use strongroom_api::projects::{CreateNamed, Gone, NamespaceItem};

use crate::client::Project;
use crate::error::ClientError;

impl Project<'_> {
    /// The project's namespaces.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceItem>, ClientError> {
        let page: Page<NamespaceItem> = self.call(Method::GET, &["namespaces"]).send().await?;
        Ok(page.items)
    }

    /// Creates one.
    pub async fn create_namespace(&self, name: &str) -> Result<NamespaceItem, ClientError> {
        self.call(Method::POST, &["namespaces"]).json(&CreateNamed { name: name.to_owned() }).send().await
    }

    /// Deletes one; a conflict while something is in it.
    pub async fn delete_namespace(&self, name: &str) -> Result<Gone, ClientError> {
        self.call(Method::DELETE, &["namespaces", name]).send().await
    }
}
