//! `/projects/{project}/functions`: what is deployed, and one function.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use strongroom_app::functions;
use strongroom_model::manifest::Runtime;

use super::frame::Frame;
use super::nav::Section;
use super::show;
use super::visit::{Visit, visitor};
use super::when::When;
use super::workloads::{self, Deployment, May, Use, Variable};
use crate::extract::Lists;
use crate::failure::Failure;

#[derive(Template)]
#[template(path = "functions.html")]
struct FunctionsPage {
    frame: Frame,
    base: String,
    functions: Vec<Line>,
}

struct Line {
    name: String,
    namespace: String,
    deployment: u64,
    auth: &'static str,
    url: Option<String>,
    updated: When,
    updated_by: String,
}

/// Who may call a function, for people.
fn who_calls(word: &str) -> &'static str {
    match word {
        "public" => "anyone",
        "user" => "signed-in users",
        _ => "tokens",
    }
}

/// The functions that the visitor reaches.
pub(crate) async fn list(visit: Visit<Lists>) -> Result<Response, Failure> {
    let now = visit.scene.app.now();
    let items = functions::list(&visit.scene.app, &visit.scene.caller, &visit.scene.project, None).await?;
    let line = |item: strongroom_api::functions::FunctionItem| Line {
        auth: who_calls(&item.auth),
        updated: When::new(item.updated_at, now),
        name: item.name,
        namespace: item.namespace,
        deployment: item.deployment,
        url: item.url,
        updated_by: visitor(&item.updated_by),
    };
    let functions = items.into_iter().map(line).collect();
    let (frame, base) = (visit.frame("Functions", Section::Functions), visit.address(""));
    Ok(show(&FunctionsPage { frame, base, functions }))
}

#[derive(Template)]
#[template(path = "function.html")]
struct FunctionPage {
    frame: Frame,
    base: String,
    address: String,
    line: Line,
    runtime: &'static str,
    timeout_s: u64,
    memory_mib: u64,
    concurrency: u32,
    allow_net: Option<Vec<String>>,
    gets_all: bool,
    uses: Vec<Use>,
    variables: Vec<Variable>,
    deployments: Vec<Deployment>,
    may: May,
}

/// A runtime by the name that people know it by.
fn runtime(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Deno => "Deno",
        Runtime::Node => "Node.js",
    }
}

/// One function.
pub(crate) async fn show_one(
    visit: Visit<Lists>,
    Path((_, namespace, name)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let (namespace, name) = workloads::place(&namespace, &name)?;
    let (app, caller, project) = (&visit.scene.app, &visit.scene.caller, &visit.scene.project);
    let now = app.now();
    let detail = functions::detail(app, caller, project, (&namespace, &name)).await?;
    let manifest = detail.manifest;
    let item = detail.item;
    let page = FunctionPage {
        frame: visit.frame(name.as_str(), Section::Functions).crumb("Functions", visit.address("/functions")),
        base: visit.address(""),
        address: visit.address(&format!("/functions/{namespace}/{name}")),
        runtime: runtime(manifest.workload.runtime),
        timeout_s: manifest.timeout_ms.div_ceil(1000),
        memory_mib: manifest.workload.memory_bytes >> 20,
        concurrency: manifest.concurrency,
        gets_all: manifest.workload.secrets.is_none(),
        uses: workloads::uses(&manifest.workload, detail.reads, now),
        variables: workloads::variables(&manifest.workload),
        deployments: workloads::deployments(&detail.deployments, now),
        allow_net: manifest.workload.allow_net,
        may: May::of(caller),
        line: Line {
            auth: who_calls(&item.auth),
            updated: When::new(item.updated_at, now),
            name: item.name,
            namespace: item.namespace,
            deployment: item.deployment,
            url: item.url,
            updated_by: visitor(&item.updated_by),
        },
    };
    Ok(show(&page))
}
