//! `/events`: what changes, as it happens. Names, never values.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt as _};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use strongroom_api::Problem;
use strongroom_app::ChangeEvent;
use strongroom_app::tokens::still_stands;
use strongroom_model::NamespaceName;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::extract::{Lists, Query, Scene};
use crate::failure::Failure;
use crate::place::optional;
use crate::streams::Open;

/// Which changes to hear of.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventParams {
    /// Only what is visible in this namespace.
    namespace: Option<String>,
}

/// One change on the wire. `namespace` null means every namespace; no names means "something, look again".
#[derive(Serialize)]
struct Changed {
    namespace: Option<String>,
    epoch: u64,
    names: Vec<String>,
}

impl Changed {
    fn event(self) -> Event {
        let data = serde_json::to_string(&self).unwrap_or_default();
        Event::default().event("changed").id(self.epoch.to_string()).data(data)
    }
}

/// Server-sent events `changed`. With `Last-Event-ID` it begins with one for everything that was missed.
#[utoipa::path(get, path = "/events", tag = "secrets", params(("project" = String, Path), EventParams, ("Last-Event-ID" = Option<String>, Header, description = "the id of the last event that was seen")),
    responses((status = 200, description = "a stream of events", content_type = "text/event-stream", body = String), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn events(
    scene: Scene<Lists>,
    Query(params): Query<EventParams>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    let only: Option<NamespaceName> =
        optional("namespace", params.namespace.as_deref().filter(|text| !text.is_empty()))?;
    let open = scene.streams.open(&scene.caller)?;
    let changes = scene.app.subscribe();
    let epoch =
        strongroom_app::projects::latest_epoch(&scene.app, &scene.caller, &scene.project, only.as_ref()).await?;
    let last =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    let missed = last.filter(|last| *last < epoch);
    let missed = missed
        .map(|_| Ok(Changed { namespace: only.as_ref().map(ToString::to_string), epoch, names: Vec::new() }.event()));
    let stream = stream::iter(missed).chain(follow((scene, open), changes, only));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)).text("ping")))
}

fn follow(
    scene: (Scene<Lists>, Open),
    changes: Receiver<ChangeEvent>,
    only: Option<NamespaceName>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((scene, changes, only), |((scene, open), mut changes, only)| async move {
        loop {
            let heard = tokio::select! {
                () = scene.streams.ended() => return None,
                heard = changes.recv() => heard,
            };
            let answer = match heard {
                Ok(change) if !concerns(&scene, &change, only.as_ref()) => continue,
                Ok(change) => Changed {
                    namespace: change.scope.namespace().map(ToString::to_string),
                    epoch: change.epoch,
                    names: change
                        .names
                        .iter()
                        .filter(|name| scene.caller.reaches_name(name))
                        .map(ToString::to_string)
                        .collect(),
                },
                Err(RecvError::Lagged(_)) => Changed { namespace: None, epoch: 0, names: Vec::new() },
                Err(RecvError::Closed) => return None,
            };
            if !still_stands(&scene.app, &scene.caller).await.unwrap_or(false) {
                return None;
            }
            return Some((Ok(answer.event()), ((scene, open), changes, only)));
        }
    })
}

fn concerns(scene: &Scene<Lists>, change: &ChangeEvent, only: Option<&NamespaceName>) -> bool {
    let asked = only.is_none_or(|only| change.scope.namespace().is_none_or(|namespace| namespace == only));
    asked && change.project == scene.project.as_str() && scene.caller.reaches_scope(&change.scope)
}
