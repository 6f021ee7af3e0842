//! `/projects/{project}/tokens`: what programs sign in with. A new one is shown once.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::access::{CreateToken, TokenItem};
use strongroom_app::Error;
use strongroom_app::tokens;
use strongroom_model::{Capability, Id};

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Section;
use super::overview::namespaces;
use super::problem::Notice;
use super::secrets::from_midnight;
use super::visit::{Visit, visitor};
use super::when::When;
use super::{show, show_with};
use crate::api::tokens::parse;
use crate::extract::Administers;
use crate::failure::Failure;
use crate::place;

struct Line {
    id: String,
    name: String,
    state: String,
    capabilities: Vec<String>,
    limits: Vec<String>,
    expires: Option<When>,
    last_used: Option<When>,
    created: When,
    created_by: String,
    is_agent: bool,
}

fn line(item: TokenItem, now: jiff::Timestamp) -> Line {
    let limit = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")));
    let app: Vec<String> = item.app.into_iter().collect();
    let limits = [
        limit("namespaces", &item.namespaces),
        limit("app", &app),
        limit("names", &item.names),
        limit("from", &item.from),
    ];
    Line {
        limits: limits.into_iter().flatten().collect(),
        expires: When::maybe(item.expires_at, now),
        last_used: When::maybe(item.last_used_at, now),
        created: When::new(item.created_at, now),
        id: item.id,
        name: item.name,
        state: item.state,
        capabilities: item.capabilities,
        created_by: visitor(&item.created_by),
        is_agent: item.agent,
    }
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    base: String,
    tokens: Vec<Line>,
}

/// The project's tokens.
pub(crate) async fn list(visit: Visit<Administers>) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let now = scene.app.now();
    let items = tokens::list(&scene.app, &scene.caller, &scene.project).await?;
    let tokens = items.into_iter().map(|item| line(item, now)).collect();
    Ok(show(&TokensPage { frame: visit.frame("Tokens", Section::Tokens), base: visit.address(""), tokens }))
}

/// What a capability lets its holder do, for people.
fn explained(capability: Capability) -> &'static str {
    match capability {
        Capability::SecretsList => "see names, states, history and who uses what",
        Capability::SecretsDeclare => "declare names without values",
        Capability::SecretsWrite => "set values, import, roll back, restore",
        Capability::SecretsDelete => "delete secrets",
        Capability::ValuesRead => "read values: run, export, resolve",
        Capability::FunctionsDeploy => "deploy functions and jobs, whose code reads what it resolves",
        Capability::FunctionsInvoke => "call functions",
        Capability::JobsRun => "start, retry and cancel runs of jobs",
        Capability::LogsRead => "read logs",
        Capability::AuditRead => "read the audit trail",
        Capability::Admin => "everything in the project, members and tokens too",
    }
}

/// What was typed, so that a refused form need not be typed again.
#[derive(Debug, Default)]
struct Typed {
    name: String,
    expires: String,
    names: String,
    from: String,
    is_agent: bool,
}

struct Choice {
    word: String,
    help: &'static str,
    is_ticked: bool,
}

#[derive(Template)]
#[template(path = "token-new.html")]
struct NewPage {
    frame: Frame,
    base: String,
    notice: Option<Notice>,
    typed: Typed,
    capabilities: Vec<Choice>,
    namespaces: Vec<Choice>,
    /// Makes a form that is sent twice one token.
    once: String,
}

async fn form_page(
    visit: &Visit<Administers>,
    (status, notice): (StatusCode, Option<Notice>),
    form: Option<&Form>,
) -> Result<Response, Failure> {
    let ticked = |field: &str, word: &str| form.is_some_and(|form| form.all(field).any(|one| one == word));
    let capabilities = Capability::ALL.into_iter().map(|capability| Choice {
        word: capability.as_str().to_owned(),
        help: explained(capability),
        is_ticked: ticked("capability", capability.as_str()),
    });
    let namespaces = namespaces(visit).await?;
    let namespaces = namespaces.into_iter().map(|namespace| Choice {
        is_ticked: ticked("namespace", namespace.as_str()),
        word: namespace.to_string(),
        help: "",
    });
    let line = |name| form.map(|form| form.line(name)).unwrap_or_default();
    let fresh = form.is_none();
    let page = NewPage {
        frame: visit.frame("New token", Section::Tokens).crumb("Tokens", visit.address("/tokens")),
        base: visit.address(""),
        notice,
        typed: Typed {
            name: line("name"),
            expires: if fresh { "90d".to_owned() } else { line("expires") },
            names: line("names"),
            from: line("from"),
            is_agent: form.is_some_and(|form| form.has("agent")),
        },
        capabilities: capabilities.collect(),
        namespaces: namespaces.collect(),
        once: visit.scene.caller.request_id.clone(),
    };
    Ok(show_with(status, &page))
}

/// The form.
pub(crate) async fn form(visit: Visit<Administers>) -> Result<Response, Failure> {
    form_page(&visit, (StatusCode::OK, None), None).await
}

#[derive(Template)]
#[template(path = "token-made.html")]
struct MadePage {
    frame: Frame,
    base: String,
    name: String,
    token: String,
}

/// Mints it and shows it, this once; or shows the form again with what is wrong.
pub(crate) async fn create(mut visit: Visit<Administers>, form: Form) -> Result<Response, Failure> {
    visit.scene.caller.idempotency = form.text("once").map(str::to_owned);
    match mint(&visit, &form).await {
        Ok(page) => Ok(page),
        Err(failure) => {
            let (status, notice) = failure.into();
            form_page(&visit, (status, Some(notice)), Some(&form)).await.map(IntoResponse::into_response)
        }
    }
}

async fn mint(visit: &Visit<Administers>, form: &Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let listed =
        |name: &str| form.line(name).split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let body = CreateToken {
        name: form.line("name"),
        capabilities: form.all("capability").map(str::to_owned).collect(),
        namespaces: form.all("namespace").map(str::to_owned).collect(),
        app: None,
        names: listed("names"),
        from: listed("from"),
        agent: form.has("agent"),
        expires_at: form.text("expires").map(from_midnight),
    };
    let made = match tokens::create(&scene.app, &scene.caller, parse(&scene.project, body)?).await {
        Err(Error::Repeated { .. }) => {
            return Ok(Flash::done("This token was made already; it was shown then.").at(&visit.address("/tokens")));
        }
        made => made?,
    };
    Ok(show(&MadePage {
        frame: visit.frame("New token", Section::Tokens).crumb("Tokens", visit.address("/tokens")),
        base: visit.address(""),
        name: made.item.name,
        token: made.token,
    }))
}

#[derive(Template)]
#[template(path = "token-revoke.html")]
struct RevokePage {
    frame: Frame,
    base: String,
    id: String,
    name: String,
}

/// Asks whether a token shall be revoked.
pub(crate) async fn ask(visit: Visit<Administers>, Path((_, id)): Path<(String, String)>) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let id: Id = place::required("id", &id)?;
    let item = tokens::show(&scene.app, &scene.caller, &scene.project, id).await?;
    let frame = visit.frame("Revoke a token", Section::Tokens).crumb("Tokens", visit.address("/tokens"));
    Ok(show(&RevokePage { frame, base: visit.address(""), id: item.id, name: item.name }))
}

/// Revokes it.
pub(crate) async fn revoke(
    visit: Visit<Administers>,
    Path((_, id)): Path<(String, String)>,
    _: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let id: Id = place::required("id", &id)?;
    let item = tokens::revoke(&scene.app, &scene.caller, &scene.project, id).await?;
    Ok(Flash::done(format!("{} is revoked. It is refused from now on.", item.name)).at(&visit.address("/tokens")))
}
