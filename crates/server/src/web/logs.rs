//! `/projects/{project}/logs`: what functions and jobs wrote and what happened to them, newest last.

use std::time::Duration;

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use strongroom_api::trail::LogItem;
use strongroom_app::{functions, jobs, logs};
use strongroom_model::{Capability, NamespaceName};

use super::frame::Frame;
use super::nav::Section;
use super::overview::namespaces;
use super::show;
use super::visit::Visit;
use crate::api::logs::{LEVELS, LogParams};
use crate::extract::{Query, ReadsLogs};
use crate::failure::Failure;

/// Lines on one page.
const PAGE: usize = 200;

/// What the filters say. Empty texts mean nothing, as forms send them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filters {
    #[serde(default)]
    search: String,
    #[serde(default)]
    level: String,
    #[serde(default)]
    namespace: String,
    /// `function/NAME` or `job/NAME`.
    #[serde(default)]
    workload: String,
    #[serde(default)]
    execution: String,
    #[serde(default)]
    cursor: String,
    /// Whether the page asks for new lines by itself.
    #[serde(default)]
    follow: String,
}

impl Filters {
    fn params(&self, namespace: &str) -> LogParams {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let of = |kind: &str| self.workload.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')).and_then(some);
        LogParams {
            namespace: some(namespace),
            function: of("function"),
            job: of("job"),
            execution: some(&self.execution),
            search: some(&self.search),
            level: some(&self.level),
            cursor: some(&self.cursor),
            limit: Some(PAGE),
            ..LogParams::default()
        }
    }

    /// The query of the page with older lines.
    fn older(&self, cursor: &str) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        let all = [
            ("search", self.search.as_str()),
            ("level", &self.level),
            ("namespace", &self.namespace),
            ("workload", &self.workload),
            ("execution", &self.execution),
            ("cursor", cursor),
        ];
        for (key, text) in all.into_iter().filter(|(_, text)| !text.is_empty()) {
            pairs.append_pair(key, text);
        }
        pairs.finish()
    }
}

struct Line {
    iso: String,
    time: String,
    level: String,
    who: String,
    execution: Option<String>,
    message: String,
}

fn line(item: LogItem) -> Line {
    let who = item.function.or(item.job).unwrap_or(item.category);
    Line {
        iso: item.at.to_string(),
        time: item.at.strftime("%d %b %H:%M:%S%.3f").to_string(),
        who: item.namespace.map_or(who.clone(), |namespace| format!("{namespace}/{who}")),
        level: item.level,
        execution: item.execution,
        message: item.message,
    }
}

#[derive(Template)]
#[template(path = "logs.html")]
struct LogsPage {
    frame: Frame,
    base: String,
    filters: Filters,
    levels: [&'static str; 4],
    namespaces: Vec<String>,
    workloads: Vec<String>,
    lines: Vec<Line>,
    older: Option<String>,
    may_choose_all: bool,
}

/// The newest lines that pass the filters.
pub(crate) async fn list(visit: Visit<ReadsLogs>, Query(mut filters): Query<Filters>) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let (app, caller, project) = (&scene.app, &scene.caller, &scene.project);
    let may_choose_all = !caller.grant().is_some_and(strongroom_model::Grant::is_limited);
    let namespaces = if caller.holds(Capability::SecretsList) { namespaces(&visit).await? } else { Vec::new() };
    // who is limited to namespaces sees one of them at a time
    if let (true, false, Some(first)) = (filters.namespace.is_empty(), may_choose_all, namespaces.first()) {
        filters.namespace = first.to_string();
    }
    let (filter, _) = filters.params(&filters.namespace).filter(app.now())?;
    let page = logs::list(app, caller, project, filter, Duration::ZERO).await?;
    let older = page.next_cursor.map(|cursor| filters.older(&cursor));
    Ok(show(&LogsPage {
        frame: visit.frame("Logs", Section::Logs),
        base: visit.address(""),
        levels: LEVELS,
        workloads: workloads(&visit).await?,
        namespaces: namespaces.iter().map(NamespaceName::to_string).collect(),
        lines: page.items.into_iter().map(line).collect(),
        older,
        may_choose_all,
        filters,
    }))
}

/// The workloads that the visitor may know of, as the filter names them.
async fn workloads(visit: &Visit<ReadsLogs>) -> Result<Vec<String>, Failure> {
    let (app, caller, project) = (&visit.scene.app, &visit.scene.caller, &visit.scene.project);
    if !caller.holds(Capability::SecretsList) {
        return Ok(Vec::new());
    }
    let functions = functions::list(app, caller, project, None).await?;
    let jobs = jobs::list(app, caller, project, None).await?;
    let functions = functions.into_iter().map(|item| format!("function/{}", item.name));
    let mut names: Vec<_> = functions.chain(jobs.into_iter().map(|item| format!("job/{}", item.name))).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
