//! Apps.

use http::Method;
use strongroom_api::projects::{AppItem, CreateApp, Gone};

use crate::client::Project;
use crate::error::ClientError;
use crate::request::every;

impl Project<'_> {
    /// The project's apps, or those of one namespace.
    pub async fn apps(&self, namespace: Option<&str>) -> Result<Vec<AppItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["apps"]).query("namespace", namespace)).await
    }

    /// Registers one.
    pub async fn create_app(&self, body: &CreateApp) -> Result<AppItem, ClientError> {
        self.call(Method::POST, &["apps"]).json(body).send().await
    }

    /// One app.
    pub async fn app(&self, id: &str, namespace: Option<&str>) -> Result<AppItem, ClientError> {
        self.call(Method::GET, &["apps", id]).query("namespace", namespace).send().await
    }

    /// Deletes one; with `force` also one that has secrets, and those with it.
    pub async fn delete_app(&self, id: &str, namespace: Option<&str>, force: bool) -> Result<Gone, ClientError> {
        let call = self.call(Method::DELETE, &["apps", id]).query("namespace", namespace);
        call.query_flag("force", force).send().await
    }
}
