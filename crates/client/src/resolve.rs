//! Resolution: what a workload gets.

use http::{Method, header};
use strongroom_api::resolve::{ResolutionAnswer, Resolved};

use crate::client::Project;
use crate::error::ClientError;

/// A resolution, and the tag by which a later one is compared with it.
#[derive(Debug)]
pub struct Tagged {
    /// Names and values.
    pub resolved: Resolved,
    /// Its entity tag, if the server gave one.
    pub tag: Option<String>,
}

/// A workload that secrets are resolved for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Workload<'a> {
    /// Its namespace; `default` if absent.
    pub namespace: Option<&'a str>,
    /// Its id, if it is an app.
    pub app: Option<&'a str>,
}

impl Project<'_> {
    /// Names and values; with `names`, of these alone. The one answer for processes that carries values.
    pub async fn resolve(&self, workload: Workload<'_>, names: &[String]) -> Result<Resolved, ClientError> {
        let names = (!names.is_empty()).then(|| names.join(","));
        let call = self.call(Method::GET, &["resolve"]).query("namespace", workload.namespace);
        call.query("app", workload.app).query("names", names.as_deref()).send().await
    }

    /// As [`Project::resolve`]; nothing if what the tag `known` stands for still holds.
    pub async fn resolve_if_changed(
        &self,
        workload: Workload<'_>,
        names: &[String],
        known: Option<&str>,
    ) -> Result<Option<Tagged>, ClientError> {
        let names = (!names.is_empty()).then(|| names.join(","));
        let call = self.call(Method::GET, &["resolve"]).query("namespace", workload.namespace);
        let call =
            call.query("app", workload.app).query("names", names.as_deref()).header(header::IF_NONE_MATCH, known);
        let answer = call.send_unless_known().await?;
        Ok(answer.map(|(resolved, tag)| Tagged { resolved, tag }))
    }

    /// Names and the scopes that answer for them, without values.
    pub async fn resolution(&self, workload: Workload<'_>) -> Result<ResolutionAnswer, ClientError> {
        let call = self.call(Method::GET, &["resolution"]).query("namespace", workload.namespace);
        call.query("app", workload.app).send().await
    }
}
