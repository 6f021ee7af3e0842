//! `/resolve` and `/resolution`

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use strongroom_api::resolve::{ResolutionAnswer, Resolved};
use strongroom_api::{Code, Problem};
use strongroom_app::resolve::{self, Prepared, Question};
use strongroom_app::tokens::still_stands;
use strongroom_model::Lifetime;
use tokio::time::Instant;

use crate::extract::{Json, Lists, Preconditions, Query, ReadsValues, Scene, Values};
use crate::failure::Failure;
use crate::place::{self, optional, workload_namespace};

/// Longest `wait`.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// What to resolve.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResolveParams {
    /// The workload's namespace; `default` unless named.
    namespace: Option<String>,
    /// The workload's id, if it is an app.
    app: Option<String>,
    /// Names, separated by commas; everything that resolves unless given.
    names: Option<String>,
    /// With `If-None-Match`: answers only once something has changed, or after this long (at most 60s).
    wait: Option<String>,
}

impl ResolveParams {
    fn question(&self) -> Result<Question, Failure> {
        // an empty list is refused like an empty name: it must not turn into "everything"
        let names = self.names.as_deref();
        Ok(Question {
            namespace: workload_namespace(self.namespace.as_ref())?,
            app: optional("app", self.app.as_deref().filter(|text| !text.is_empty()))?,
            names: names.map(|names| place::names(names.split(',').map(str::trim))).transpose()?,
        })
    }

    fn wait(&self) -> Result<Duration, Failure> {
        let Some(text) = &self.wait else { return Ok(Duration::ZERO) };
        let wait = text.parse::<Lifetime>().ok().and_then(|lifetime| Duration::try_from(lifetime.duration()).ok());
        let wait = wait.ok_or_else(|| Failure::invalid("wait", "wait is a length of time such as 30s"))?;
        Ok(wait.min(MAX_WAIT))
    }
}

/// The injection endpoint: names to values, for processes. Needs `values:read`; every delivery is audited first.
#[utoipa::path(get, path = "/resolve", tag = "values", params(("project" = String, Path), ResolveParams, ("If-None-Match" = Option<String>, Header, description = "the ETag of an earlier answer")),
    responses((status = 200, description = "values", body = Resolved), (status = 304, description = "nothing has changed"), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn resolve(
    scene: Scene<ReadsValues>,
    Query(params): Query<ResolveParams>,
    preconditions: Preconditions,
) -> Result<Response, Failure> {
    let (question, wait) = (params.question()?, params.wait()?);
    let mut deadline = Instant::now() + wait;
    let _open = params.wait.as_ref().map(|_| scene.streams.open(&scene.caller)).transpose()?;
    // before the first look, so that no change falls between a look and the wait
    let mut changes = (!wait.is_zero()).then(|| scene.app.subscribe());
    let prepared = loop {
        let prepared = resolve::prepare(&scene.app, &scene.caller, &scene.project, &question).await?;
        if !is_known(&preconditions.if_none_match, &prepared.tag) {
            break prepared;
        }
        let Some(changes) = changes.as_mut().filter(|_| Instant::now() < deadline) else {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag(&prepared))]).into_response());
        };
        let until = deadline.min(Instant::now() + until_expiry(&scene, &prepared));
        // a change, or a listener that lagged behind, or time: each is a reason to look again
        tokio::select! {
            () = scene.streams.ended() => deadline = Instant::now(),
            _why = tokio::time::timeout_at(until, changes.recv()) => {}
        }
        if !still_stands(&scene.app, &scene.caller).await? {
            return Err(Failure::new(Code::Unauthenticated, "the token is not accepted any more"));
        }
    };
    let tag = etag(&prepared);
    let resolved = resolve::deliver(&scene.app, &scene.caller, prepared).await?;
    let about_bytes = resolved.secrets.about_bytes();
    Ok(([(header::ETAG, tag)], Values { body: resolved, about_bytes }).into_response())
}

/// Whether `If-None-Match` names the tag, compared weakly (RFC 9110, section 13.1.2).
fn is_known(known: &[HeaderValue], tag: &str) -> bool {
    let lists = known.iter().filter_map(|value| value.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|sent| {
        let quoted = sent.strip_prefix("W/").unwrap_or(sent);
        sent == "*" || quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(tag)
    })
}

fn etag(prepared: &Prepared<'_>) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", prepared.tag)).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn until_expiry(scene: &Scene<ReadsValues>, prepared: &Prepared<'_>) -> Duration {
    let Some(at) = prepared.valid_until() else { return MAX_WAIT };
    let left = at.duration_since(scene.app.now());
    Duration::try_from(left).unwrap_or_default().max(Duration::from_millis(1))
}

/// What to explain.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainParams {
    /// The workload's namespace; `default` unless named.
    namespace: Option<String>,
    /// The workload's id, if it is an app.
    app: Option<String>,
}

/// Which names a workload gets, and which scope each comes from. No values.
#[utoipa::path(get, path = "/resolution", tag = "secrets", params(("project" = String, Path), ExplainParams),
    responses((status = 200, description = "names and scopes", body = ResolutionAnswer), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn explain(
    scene: Scene<Lists>,
    Query(params): Query<ExplainParams>,
) -> Result<Json<ResolutionAnswer>, Failure> {
    let question =
        ResolveParams { namespace: params.namespace, app: params.app, names: None, wait: None }.question()?;
    Ok(Json(resolve::explain(&scene.app, &scene.caller, &scene.project, &question).await?))
}
