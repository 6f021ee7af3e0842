//! Secrets: metadata out, values in.

use http::{Method, header};
use strongroom_api::resolve::{Exported, Revealed};
use strongroom_api::secrets::{
    CopySecrets, CreateSecret, DeclareSecrets, Declared, Diff, History, NameItem, Rollback, SecretDetail, SecretItem,
    SetSecrets, StatsAnswer, UpdateSecret, Written, WrittenSecret,
};

use crate::client::Project;
use crate::error::ClientError;
use crate::request::{Call, every};

/// One scope. Without namespace and app it is global.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selector<'a> {
    /// `global`, `namespace`, `app`, `system` or `user`; told by the other two if absent.
    pub scope: Option<&'a str>,
    /// The namespace.
    pub namespace: Option<&'a str>,
    /// The app.
    pub app: Option<&'a str>,
}

/// Which secrets to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecretFilter<'a> {
    /// Only in this scope, namespace and app, as far as given.
    pub within: Selector<'a>,
    /// Only names that contain this.
    pub search: Option<&'a str>,
    /// Only this end user's.
    pub user: Option<&'a str>,
}

impl<'a> Project<'a> {
    /// All secrets that pass `filter`, every page of them.
    pub async fn secrets(&self, filter: SecretFilter<'_>) -> Result<Vec<SecretItem>, ClientError> {
        every(1_000, || self.filtered(filter)).await
    }

    /// The names of all secrets that pass `filter`.
    pub async fn secret_names(&self, filter: SecretFilter<'_>) -> Result<Vec<String>, ClientError> {
        let items = every(10_000, || self.filtered(filter).query("fields", Some("name"))).await?;
        Ok(items.into_iter().map(|item: NameItem| item.name).collect())
    }

    fn filtered(&self, filter: SecretFilter<'_>) -> Call<'a> {
        let within = filter.within;
        let call =
            self.call(Method::GET, &["secrets"]).query("scope", within.scope).query("namespace", within.namespace);
        call.query("app", within.app).query("search", filter.search).query("user", filter.user)
    }

    /// Creates or declares one secret; a conflict if it exists.
    pub async fn create_secret(&self, body: &CreateSecret) -> Result<WrittenSecret, ClientError> {
        self.call(Method::POST, &["secrets"]).json(body).send().await
    }

    /// Sets many values at once, all or none.
    pub async fn set_secrets(&self, body: &SetSecrets) -> Result<Written, ClientError> {
        self.call(Method::PUT, &["secrets"]).json(body).send().await
    }

    /// One secret's metadata and readers.
    pub async fn secret(&self, name: &str, at: Selector<'_>) -> Result<SecretDetail, ClientError> {
        self.at(Method::GET, &["secrets", name], at).send().await
    }

    /// Changes value, description or expiry of one secret, if its version is still `if_version`.
    pub async fn update_secret(
        &self,
        name: &str,
        at: Selector<'_>,
        body: &UpdateSecret,
        if_version: Option<u64>,
    ) -> Result<WrittenSecret, ClientError> {
        let expected = if_version.map(|version| format!("\"{version}\""));
        let call = self.at(Method::PUT, &["secrets", name], at);
        call.header(header::IF_MATCH, expected.as_deref()).json(body).send().await
    }

    /// Deletes one secret. `force` goes over workloads that require it, `purge` leaves nothing to restore.
    pub async fn delete_secret(&self, name: &str, at: Selector<'_>, options: Deletion) -> Result<Written, ClientError> {
        let call = self.at(Method::DELETE, &["secrets", name], at);
        call.query_flag("force", options.force).query_flag("purge", options.purge).send().await
    }

    /// All versions, newest first, without values.
    pub async fn secret_history(&self, name: &str, at: Selector<'_>) -> Result<History, ClientError> {
        self.at(Method::GET, &["secrets", name, "history"], at).send().await
    }

    /// Makes the value of an earlier version the newest.
    pub async fn rollback_secret(
        &self,
        name: &str,
        at: Selector<'_>,
        version: u64,
    ) -> Result<WrittenSecret, ClientError> {
        self.at(Method::POST, &["secrets", name, "rollback"], at).json(&Rollback { version }).send().await
    }

    /// Brings a deleted secret back.
    pub async fn restore_secret(&self, name: &str, at: Selector<'_>) -> Result<WrittenSecret, ClientError> {
        self.at(Method::POST, &["secrets", name, "restore"], at).send().await
    }

    /// One value, for a person, where the project allows it.
    pub async fn reveal_secret(
        &self,
        name: &str,
        at: Selector<'_>,
        version: Option<u64>,
    ) -> Result<Revealed, ClientError> {
        self.at(Method::POST, &["secrets", name, "reveal"], at).query_number("version", version).send().await
    }

    /// Registers names without values, all or none.
    pub async fn declare_secrets(&self, body: &DeclareSecrets) -> Result<Declared, ClientError> {
        self.call(Method::POST, &["declarations"]).json(body).send().await
    }

    /// Copies values between two scopes, all or none.
    pub async fn copy_secrets(&self, body: &CopySecrets) -> Result<Written, ClientError> {
        self.call(Method::POST, &["copies"]).json(body).send().await
    }

    /// How two namespaces differ.
    pub async fn diff_secrets(&self, first: &str, second: &str) -> Result<Diff, ClientError> {
        self.call(Method::GET, &["diff"]).query("first", Some(first)).query("second", Some(second)).send().await
    }

    /// The values of one scope.
    pub async fn export_secrets(&self, at: Selector<'_>) -> Result<Exported, ClientError> {
        self.at(Method::GET, &["export"], at).send().await
    }

    /// Counts.
    pub async fn secret_stats(&self) -> Result<StatsAnswer, ClientError> {
        self.call(Method::GET, &["stats"]).send().await
    }

    fn at(&self, method: Method, segments: &[&str], at: Selector<'_>) -> Call<'a> {
        let call = self.call(method, segments);
        call.query("scope", at.scope).query("namespace", at.namespace).query("app", at.app)
    }
}

/// How a deletion goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deletion {
    /// Also where a workload requires the name.
    pub force: bool,
    /// Erases it from the live store.
    pub purge: bool,
}
