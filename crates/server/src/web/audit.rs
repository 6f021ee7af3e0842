//! `/projects/{project}/audit`: who did what, and whether the trail is whole.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use strongroom_api::trail::AuditVerdict;
use strongroom_app::audit;

use super::deeds::told;
use super::forms::Form;
use super::frame::Frame;
use super::nav::Section;
use super::show;
use super::visit::{Visit, visitor};
use super::when::When;
use crate::api::{moment, unknown_cursor};
use crate::extract::{Query, ReadsAudit};
use crate::failure::Failure;

/// Records on one page.
const PAGE: usize = 100;

/// What the filters say. Empty texts mean nothing, as forms send them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filters {
    #[serde(default)]
    search: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    before: String,
}

struct Line {
    when: When,
    actor: String,
    source: String,
    action: String,
    /// The action in words, where it has some.
    deed: Option<&'static str>,
    target: Vec<(String, String)>,
    is_denied: bool,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    base: String,
    filters: Filters,
    lines: Vec<Line>,
    /// The query of the page with older records.
    older: Option<String>,
    verdict: Option<AuditVerdict>,
    /// Where all records are to be had as a file.
    export: String,
}

/// The parts of a target for people: a name and a text each.
fn parts(target: &Value) -> Vec<(String, String)> {
    let Some(fields) = target.as_object() else { return Vec::new() };
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(shortened(text)),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            Some(items.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        other => Some(other.to_string()),
    };
    fields.iter().filter_map(|(key, value)| Some((key.replace('_', " "), text(value)?))).collect()
}

/// A digest by its beginning; anything else whole.
fn shortened(text: &str) -> String {
    const DIGEST: usize = 64;
    let is_digest = text.len() == DIGEST && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { text.chars().take(12).chain(['…']).collect() } else { text.to_owned() }
}

/// The project's records, newest first.
pub(crate) async fn list(visit: Visit<ReadsAudit>, Query(filters): Query<Filters>) -> Result<Response, Failure> {
    page(&visit, filters, None).await
}

/// Walks the chain of records, and says whether it is whole.
pub(crate) async fn verify(visit: Visit<ReadsAudit>, _: Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let verdict = audit::verify(&scene.app, &scene.caller, &scene.project, &[]).await?;
    page(&visit, Filters::default(), Some(verdict)).await
}

async fn page(visit: &Visit<ReadsAudit>, filters: Filters, verdict: Option<AuditVerdict>) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let now = scene.app.now();
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let query = audit::Query {
        action: some(&filters.action),
        since: moment("since", some(&filters.since).as_deref(), now)?,
        search: some(&filters.search),
        before: some(&filters.before).map(|text| text.parse().map_err(|_| unknown_cursor())).transpose()?,
        limit: PAGE + 1,
        until: None,
        everything: false,
    };
    let mut items = audit::list(&scene.app, &scene.caller, &scene.project, query).await?;
    let has_more = items.len() > PAGE;
    items.truncate(PAGE);
    let older = items.last().filter(|_| has_more).map(|last| {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("search", &filters.search).append_pair("action", &filters.action);
        pairs.append_pair("since", &filters.since).append_pair("before", &last.seq.to_string()).finish()
    });
    let line = |item: strongroom_api::trail::AuditItem| Line {
        when: When::new(item.at, now),
        target: parts(&item.target),
        is_denied: item.result != "ok",
        actor: visitor(&item.actor),
        deed: told(&item.action),
        source: item.source,
        action: item.action,
    };
    Ok(show(&AuditPage {
        frame: visit.frame("Audit", Section::Audit),
        base: visit.address(""),
        lines: items.into_iter().map(line).collect(),
        export: format!("/api/v1/projects/{}/audit/export?format=csv", scene.project),
        filters,
        older,
        verdict,
    }))
}
