//! `/audit/export`: the trail as a file, streamed.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderValue, header};
use serde::Deserialize;
use strongroom_api::Problem;
use strongroom_api::trail::AuditItem;
use strongroom_app::audit;

use super::super::moment;
use super::csv;
use crate::extract::{Query, ReadsAudit, Scene};
use crate::failure::Failure;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// A table for spreadsheets: RFC 4180, and no cell is a formula.
    Csv,
}

/// Which records to export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// `jsonl` (one object a line) or `csv`.
    #[serde(default)]
    #[param(inline)]
    format: Form,
    /// Records of the whole instance, also of projects that are gone and of none: for an admin of the instance.
    #[serde(default)]
    everything: bool,
    /// Only actions that begin with this.
    action: Option<String>,
    /// Only since this point in time, or since this long ago.
    since: Option<String>,
    /// Only before this point in time, or before this long ago.
    until: Option<String>,
    /// Only records that contain this text.
    search: Option<String>,
}

/// A project's audit records, oldest first, as a file.
#[utoipa::path(get, path = "/audit/export", tag = "audit", params(("project" = String, Path), ExportParams),
    responses((status = 200, description = "records, one a line", content((String = "application/x-ndjson"), (String = "text/csv"))), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn export(scene: Scene<ReadsAudit>, Query(params): Query<ExportParams>) -> Result<Response, Failure> {
    let query = audit::Query {
        everything: params.everything,
        action: params.action,
        since: moment("since", params.since.as_deref(), scene.app.now())?,
        until: moment("until", params.until.as_deref(), scene.app.now())?,
        search: params.search,
        ..audit::Query::default()
    };
    let export = audit::Export::begin(&scene.app, &scene.caller, &scene.project, query).await?;
    let form = params.format;
    let head = if form == Form::Csv { csv::HEAD.to_owned() } else { String::new() };
    let pieces = stream::try_unfold((export, head), move |(mut export, head)| async move {
        let items = match export.next().await {
            Ok(Some(items)) => items,
            Ok(None) if head.is_empty() => return Ok(None),
            Ok(None) => Vec::new(),
            Err(error) => {
                // the answer breaks off, so that nobody takes a part for the whole
                tracing::warn!(%error, "an export of the audit trail broke off");
                return Err(error);
            }
        };
        let mut text = head;
        for item in &items {
            write(form, &mut text, item);
        }
        Ok(Some((text, (export, String::new()))))
    });
    let (media, file) = match form {
        Form::Jsonl => ("application/x-ndjson", "attachment; filename=\"audit.jsonl\""),
        Form::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
    };
    let mut response = Body::from_stream(pieces).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(file));
    Ok(response)
}

fn write(form: Form, text: &mut String, item: &AuditItem) {
    match form {
        Form::Jsonl => {
            text.push_str(&serde_json::to_string(item).expect("a record has text keys only"));
            text.push('\n');
        }
        Form::Csv => csv::row(text, item),
    }
}
