//! `/metrics`: figures in Prometheus' text form, which is a few lines a figure. No label holds a name that somebody chose.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use strongroom_api::Problem;
use strongroom_app::metrics::{self, Figures};

use super::NoParams;
use crate::extract::{Query, Scene};
use crate::failure::Failure;
use crate::router::Served;

/// Answers of the management API by the first digit of their status.
#[derive(Default)]
pub(crate) struct Answers([AtomicU64; 5]);

impl Answers {
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).checked_sub(1);
        if let Some(count) = class.and_then(|class| self.0.get(class)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Figures about the whole instance in Prometheus' text form. Takes `logs:read` in the project `default`, without limits.
#[utoipa::path(get, path = "/metrics", tag = "instance",
    responses((status = 200, description = "figures", body = String, content_type = "text/plain"), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn metrics(
    scene: Scene,
    State(served): State<Arc<Served>>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Response, Failure> {
    let figures = metrics::figures(&scene.app, &scene.caller).await?;
    let media = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media)], text(&served, &figures)).into_response())
}

fn text(served: &Served, figures: &Figures) -> String {
    let secrets = &figures.secrets;
    let rest = secrets.expiring_soon + secrets.expired + secrets.without_value;
    let answers: Vec<_> = served.answers.0.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(answers);
    let open = u64::try_from(served.edge.connections.open_now()).unwrap_or(u64::MAX);
    let mut page = Page(String::new());
    page.put("build_info", "gauge", "The program's version.", &[(Some(("version", env!("CARGO_PKG_VERSION"))), 1)]);
    page.put("projects", "gauge", "Projects.", &[(None, figures.projects)]);
    page.put(
        "secrets",
        "gauge",
        "Secrets of all projects by state; expiring_soon is within 7 days.",
        &[
            (Some(("state", "set")), secrets.total.saturating_sub(rest)),
            (Some(("state", "expiring_soon")), secrets.expiring_soon),
            (Some(("state", "expired")), secrets.expired),
            (Some(("state", "no_value")), secrets.without_value),
        ],
    );
    let classes: Vec<_> = classes.map(|(class, count)| (Some(("status", class)), count)).collect();
    page.put("http_answers_total", "counter", "Answers of the management API.", &classes);
    page.put("http_connections", "gauge", "Connections that are open, of all listeners.", &[(None, open)]);
    let (deliveries, values) = figures.deliveries;
    page.put("resolutions_total", "counter", "Resolutions whose values were handed over.", &[(None, deliveries)]);
    page.put("values_delivered_total", "counter", "Values in those resolutions.", &[(None, values)]);
    page.put("invocations_total", "counter", "Calls of functions.", &[(None, figures.invocations)]);
    let (workers, calls, bytes) = figures.workers;
    page.put("workers", "gauge", "Workers that run.", &[(None, workers)]);
    page.put("worker_calls", "gauge", "Calls and runs that are in workers.", &[(None, calls)]);
    page.put("worker_memory_bytes", "gauge", "Memory of all workers' own.", &[(None, bytes)]);
    page.put("audit_records_total", "counter", "Records of the audit trail.", &[(None, figures.audit_records)]);
    let (anchors, failing) = figures.anchors;
    page.put("audit_anchors", "gauge", "Places where the head of the trail is written besides.", &[(None, anchors)]);
    page.put(
        "audit_anchors_failing",
        "gauge",
        "Those of them that got no anchor at the last attempt.",
        &[(None, failing)],
    );
    page.0
}

struct Page(String);

impl Page {
    fn put(&mut self, name: &str, kind: &str, help: &str, samples: &[(Option<(&str, &str)>, u64)]) {
        let _infallible = write!(self.0, "# HELP strongroom_{name} {help}\n# TYPE strongroom_{name} {kind}\n");
        for (label, value) in samples {
            let label = label.map(|(key, word)| format!("{{{key}=\"{word}\"}}")).unwrap_or_default();
            let _infallible = writeln!(self.0, "strongroom_{name}{label} {value}");
        }
    }
}
