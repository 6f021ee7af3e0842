//! `/projects/{project}/issuers`: whose tokens say who an end user is. A shared key goes in and never comes back.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::issuers::IssuerItem;
use strongroom_app::identity::{self, KeySource, NewIssuer};
use strongroom_model::TrustName;

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Section;
use super::problem::Notice;
use super::visit::{Visit, visitor};
use super::when::When;
use super::{show, show_with};
use crate::extract::Administers;
use crate::failure::Failure;
use crate::place::required;

struct Line {
    name: String,
    issuer: String,
    audience: String,
    /// Where its keys come from, for people.
    keys: String,
    created: When,
    created_by: String,
}

/// What was typed and is no key, so that a refused form need not be typed again.
#[derive(Debug, Default)]
struct Typed {
    name: String,
    issuer: String,
    audience: String,
    jwks_url: String,
}

#[derive(Template)]
#[template(path = "issuers.html")]
struct IssuersPage {
    frame: Frame,
    base: String,
    notice: Option<Notice>,
    issuers: Vec<Line>,
    typed: Typed,
}

async fn page(
    visit: &Visit<Administers>,
    (status, notice): (StatusCode, Option<Notice>),
    typed: Typed,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let now = scene.app.now();
    let line = |item: IssuerItem| Line {
        keys: item.jwks_url.unwrap_or_else(|| "a shared key".to_owned()),
        created: When::new(item.created_at, now),
        created_by: visitor(&item.created_by),
        name: item.name,
        issuer: item.issuer,
        audience: item.audience,
    };
    let issuers = identity::list(&scene.app, &scene.caller, &scene.project).await?.into_iter().map(line).collect();
    let frame = visit.frame("End users", Section::Settings).crumb("Settings", visit.address("/settings"));
    Ok(show_with(status, &IssuersPage { frame, base: visit.address(""), notice, issuers, typed }))
}

/// The issuers that the project trusts, and the form that adds one.
pub(crate) async fn list(visit: Visit<Administers>) -> Result<Response, Failure> {
    page(&visit, (StatusCode::OK, None), Typed::default()).await
}

/// Trusts one more, or shows the form again with what is wrong. A key that was typed has to be typed again.
pub(crate) async fn add(visit: Visit<Administers>, form: Form) -> Result<Response, Failure> {
    match added(&visit, &form).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            let (status, notice): (StatusCode, Notice) = failure.into();
            let typed = Typed {
                name: form.line("name"),
                issuer: form.line("issuer"),
                audience: form.line("audience"),
                jwks_url: form.line("jwks_url"),
            };
            let notice = Some(notice.without_hint());
            page(&visit, (status, notice), typed).await.map(IntoResponse::into_response)
        }
    }
}

async fn added(visit: &Visit<Administers>, form: &Form) -> Result<Response, Failure> {
    let keys = match (form.text("jwks_url"), form.value("shared_key")?) {
        (None, None) => KeySource::Discovered,
        (Some(url), None) => KeySource::Url(url.to_owned()),
        (None, Some(key)) => KeySource::Shared(key),
        (Some(_), Some(_)) => {
            let detail = "an issuer has published keys or a shared one, not both; leave one of the two fields empty";
            return Err(Failure::invalid("shared_key", detail));
        }
    };
    let new = NewIssuer {
        name: required("name", &form.line("name"))?,
        issuer: required("issuer", &form.line("issuer"))?,
        audience: form.line("audience"),
        keys,
    };
    let scene = &visit.scene;
    let done = identity::add(&scene.app, &scene.caller, &scene.project, new).await?;
    let news = format!("Tokens of {} are believed from now on.", done.item.issuer);
    Ok(Flash::done(news).warn(done.warnings).at(&visit.address("/issuers")))
}

#[derive(Template)]
#[template(path = "issuer-remove.html")]
struct RemovePage {
    frame: Frame,
    base: String,
    name: String,
}

/// Asks whether an issuer shall be trusted no longer.
pub(crate) async fn ask(
    visit: Visit<Administers>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let name: TrustName = required("name", &name)?;
    let frame = visit.frame("Remove an issuer", Section::Settings).crumb("Settings", visit.address("/settings"));
    let frame = frame.crumb("End users", visit.address("/issuers"));
    Ok(show(&RemovePage { frame, base: visit.address(""), name: name.to_string() }))
}

/// Trusts it no longer.
pub(crate) async fn remove(
    visit: Visit<Administers>,
    Path((_, name)): Path<(String, String)>,
    _: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let name: TrustName = required("name", &name)?;
    identity::delete(&scene.app, &scene.caller, &scene.project, &name).await?;
    Ok(Flash::done(format!("{name} is not trusted any more. Its tokens are refused.")).at(&visit.address("/issuers")))
}
