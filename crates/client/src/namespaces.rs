//! Namespaces.

use http::Method;
use strongroom_api::projects::{CreateNamespace, Gone, NamespaceItem, UpdateNamespace};

use crate::client::Project;
use crate::error::ClientError;
use crate::request::every;

impl Project<'_> {
    /// The project's namespaces.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["namespaces"])).await
    }

    /// Creates one.
    pub async fn create_namespace(&self, body: &CreateNamespace) -> Result<NamespaceItem, ClientError> {
        self.call(Method::POST, &["namespaces"]).json(body).send().await
    }

    /// Protects one, or takes its protection away.
    pub async fn update_namespace(&self, name: &str, body: &UpdateNamespace) -> Result<NamespaceItem, ClientError> {
        self.call(Method::PATCH, &["namespaces", name]).json(body).send().await
    }

    /// Deletes one; a conflict while something is in it.
    pub async fn delete_namespace(&self, name: &str) -> Result<Gone, ClientError> {
        self.call(Method::DELETE, &["namespaces", name]).send().await
    }
}
