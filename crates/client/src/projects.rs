//! Projects.

use http::Method;
use strongroom_api::projects::{CreateNamed, Gone, ProjectItem, UpdateProject};

use crate::client::{Client, Project};
use crate::error::ClientError;
use crate::request::every;

impl Client {
    /// The projects that the caller may see.
    pub async fn projects(&self) -> Result<Vec<ProjectItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["api", "v1", "projects"])).await
    }

    /// Creates a project with a key of its own.
    pub async fn create_project(&self, name: &str) -> Result<ProjectItem, ClientError> {
        self.call(Method::POST, &["api", "v1", "projects"]).json(&CreateNamed { name: name.to_owned() }).send().await
    }
}

impl Project<'_> {
    /// The project's record.
    pub async fn about(&self) -> Result<ProjectItem, ClientError> {
        self.call(Method::GET, &[]).send().await
    }

    /// Changes its settings.
    pub async fn update(&self, body: &UpdateProject) -> Result<ProjectItem, ClientError> {
        self.call(Method::PATCH, &[]).json(body).send().await
    }

    /// Deletes the project, its secrets and its key for good. `confirm` is its name, typed again.
    pub async fn delete(&self, confirm: &str) -> Result<Gone, ClientError> {
        self.call(Method::DELETE, &[]).query("confirm", Some(confirm)).send().await
    }
}
