//! `/sign-in`, `/sign-out`, `/setup/{code}`, `/invitation/{code}` and `/open/{code}`: how people come in and go.

use askama::Template;
use axum::Extension;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use strongroom_api::Code;
use strongroom_app::accounts::{self, Entered, SignIn, Step, users};
use strongroom_app::{Caller, Error};
use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::gate::next_address;
use super::oidc::Button;
use super::problem::Notice;
use super::visit::Visit;
use super::{go, show, show_with};
use crate::api::session::Door;
use crate::extract::Query;
use crate::failure::Failure;
use crate::{place, session};

/// Where to go on to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Next {
    pub(crate) next: Option<String>,
    /// Says that who is signed in wants to prove anew who he is.
    pub(crate) again: Option<String>,
}

#[derive(Template)]
#[template(path = "door/sign_in.html")]
struct SignInPage {
    frame: Frame,
    notice: Option<Notice>,
    provider: Option<Button>,
    name: String,
    next: String,
}

#[derive(Template)]
#[template(path = "door/code.html")]
struct CodePage {
    frame: Frame,
    notice: Option<Notice>,
    ticket: Zeroizing<String>,
    next: String,
}

#[derive(Template)]
#[template(path = "door/open.html")]
struct OpenPage {
    frame: Frame,
    code: String,
}

#[derive(Template)]
#[template(path = "door/set_up.html")]
struct SetUpPage {
    frame: Frame,
    notice: Option<Notice>,
    name: String,
    code: String,
}

#[derive(Template)]
#[template(path = "door/invitation.html")]
struct InvitationPage {
    frame: Frame,
    notice: Option<Notice>,
    provider: Option<Button>,
    name: String,
    code: String,
}

fn titled(title: &str, flash: Option<Flash>) -> Frame {
    Frame { title: title.to_owned(), flash, ..Frame::default() }
}

/// The same with the token of the session that is there already, if one is.
fn titled_for(title: &str, known: Option<&Caller>) -> Frame {
    let session = known.and_then(|caller| caller.session.as_ref());
    Frame { csrf: session.map(|session| session.csrf.to_string()).unwrap_or_default(), ..titled(title, None) }
}

/// The form. Who is signed in already goes on, unless he wants to do it again.
pub(crate) async fn sign_in_form(door: Door, known: Option<Extension<Caller>>, Query(asked): Query<Next>) -> Response {
    let next = next_address(asked.next.as_deref());
    if known.is_some() && asked.again.is_none() {
        return go(next);
    }
    let known = known.as_deref();
    let frame = Frame { flash: Flash::of(&door.headers), ..titled_for("Sign in", known) };
    let name = known.and_then(|caller| caller.actor.strip_prefix("user:")).unwrap_or_default().to_owned();
    let provider = Button::to(&door, next);
    show(&SignInPage { frame, notice: None, provider, name, next: next.to_owned() })
}

/// Signs in and goes on. Whatever is wrong, the page says the same.
pub(crate) async fn sign_in(door: Door, known: Option<Extension<Caller>>, form: Form) -> Result<Response, Failure> {
    let (known, next) = (known.as_deref(), next_address(form.text("next")).to_owned());
    let step = if form.has("ticket") { by_code(&door, &form).await } else { signed_in(&door, &form).await };
    match step {
        Ok(Step::In(entered)) => {
            if let Some(before) = known {
                // this browser has one session
                accounts::sign_out(&door.served.app, before).await?;
            }
            Ok(enter(&door, &entered, &next))
        }
        Ok(Step::CodeWanted(ticket)) => {
            let frame = titled_for("Your code", known);
            Ok(show(&CodePage { frame, notice: None, ticket: ticket.0, next }))
        }
        Err(failure) => {
            let (status, notice) = failure.into();
            let notice = Some(notice);
            if form.has("ticket") {
                let (frame, ticket) = (titled_for("Your code", known), Zeroizing::new(form.line("ticket")));
                return Ok(show_with(status, &CodePage { frame, notice, ticket, next }));
            }
            let frame = titled_for("Sign in", known);
            let provider = Button::to(&door, &next);
            Ok(show_with(status, &SignInPage { frame, notice, provider, name: form.line("name"), next }))
        }
    }
}

async fn signed_in(door: &Door, form: &Form) -> Result<Step, Failure> {
    let password = form.value("password")?;
    let password = password.ok_or_else(|| Failure::invalid("password", "type your name and your password"))?;
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let attempt = SignIn { name: form.line("name"), password, code: None };
    Ok(accounts::sign_in(&door.served.app, &visitor, attempt).await?)
}

/// The code of the second factor, with the ticket that the password was worth.
async fn by_code(door: &Door, form: &Form) -> Result<Step, Failure> {
    let code = form.value("code")?.ok_or_else(|| Failure::invalid("code", "type the code that your app shows"))?;
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let entered = accounts::sign_in_by_code(&door.served.app, &visitor, &form.line("ticket"), code).await?;
    Ok(Step::In(entered))
}

fn enter(door: &Door, entered: &Entered, next: &str) -> Response {
    door.keeps(go(next), entered)
}

/// Ends the session; the browser forgets what it kept of the pages.
pub(crate) async fn sign_out(door: Door, visit: Visit, _: Form) -> Result<Response, Failure> {
    accounts::sign_out(&visit.scene.app, &visit.scene.caller).await?;
    door.served.drafts.forget(&visit.scene.caller.actor);
    let mut response = Flash::done("You are signed out.").at("/sign-in");
    let cookie = session::cleared(&door.served, &door.headers, door.peer);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", forget);
    Ok(response)
}

/// The button that signs the local owner in. Looking at the address spends nothing: chat programs and scanners look, too.
pub(crate) async fn open_form(
    door: Door,
    known: Option<Extension<Caller>>,
    Path(code): Path<String>,
) -> Result<Response, Failure> {
    if !accounts::is_opening(&door.served.app, &code) {
        door.served.app.count_anonymous_denial(&door.peer.source());
        return Err(spent());
    }
    Ok(show(&OpenPage { frame: titled_for("Open", known.as_deref()), code }))
}

/// Spends the code of the address: this browser is the local owner's.
pub(crate) async fn open(
    door: Door,
    known: Option<Extension<Caller>>,
    Path(code): Path<String>,
    _: Form,
) -> Result<Response, Failure> {
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let entered = accounts::open_as_owner(&door.served.app, &visitor, &code).await.map_err(|error| match error {
        Error::NotFound { .. } => spent(),
        error => error.into(),
    })?;
    if let Some(before) = known.as_deref() {
        accounts::sign_out(&door.served.app, before).await?;
    }
    Ok(enter(&door, &entered, "/"))
}

fn spent() -> Failure {
    let detail = "this address does not work any more: it works once, within two minutes; ask for another one with strongroom open";
    Failure::new(Code::NotFound, detail)
}

/// The form for the first account. Looking uses the code up as little as a wrong password does.
pub(crate) async fn set_up_form(door: Door, Path(code): Path<String>) -> Result<Response, Failure> {
    if !accounts::is_setup_code(&door.served.app, &code) {
        let detail = "this setup address does not work any more; if there is no account yet, the server's output has a newer one";
        return Err(Failure::new(Code::NotFound, detail));
    }
    Ok(show(&SetUpPage { frame: titled("Set up", None), notice: None, name: String::new(), code }))
}

/// Makes the first account and signs it in.
pub(crate) async fn set_up(door: Door, Path(code): Path<String>, form: Form) -> Result<Response, Failure> {
    match made(&door, &code, &form).await {
        Ok(entered) => Ok(enter(&door, &entered, "/")),
        Err(failure) if failure.0.code == Code::NotFound => Err(failure),
        Err(failure) => {
            let (status, notice): (StatusCode, Notice) = failure.into();
            let page = SetUpPage { frame: titled("Set up", None), notice: Some(notice), name: form.line("name"), code };
            Ok(show_with(status, &page))
        }
    }
}

async fn made(door: &Door, code: &str, form: &Form) -> Result<Entered, Failure> {
    let name = place::required("name", &form.line("name"))?;
    let password = chosen_password(form)?;
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    Ok(accounts::set_up(&door.served.app, &visitor, code, name, password).await?)
}

/// A new password, typed twice.
pub(crate) fn chosen_password(form: &Form) -> Result<SecretValue, Failure> {
    let (password, again) = (form.value("password")?, form.value("again")?);
    let password = password.ok_or_else(|| Failure::invalid("password", "choose a password"))?;
    if again.is_none_or(|again| again.expose() != password.expose()) {
        return Err(Failure::invalid("again", "the two passwords differ; type the same one twice"));
    }
    Ok(password)
}

/// The form for somebody who was invited. Looking does not use the code up.
pub(crate) async fn invitation_form(door: Door, Path(code): Path<String>) -> Result<Response, Failure> {
    Ok(show(&invitation(&door, code, None).await?))
}

/// Makes the account that the invitation is for and signs its person in.
pub(crate) async fn accept(door: Door, Path(code): Path<String>, form: Form) -> Result<Response, Failure> {
    match accepted(&door, &code, &form).await {
        Ok(entered) => Ok(enter(&door, &entered, "/")),
        Err(failure) if failure.0.code == Code::NotFound => Err(gone()),
        Err(failure) => {
            let (status, notice): (StatusCode, Notice) = failure.into();
            Ok(show_with(status, &invitation(&door, code, Some(notice)).await?))
        }
    }
}

async fn accepted(door: &Door, code: &str, form: &Form) -> Result<Entered, Failure> {
    let password = chosen_password(form)?;
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    Ok(users::accept(&door.served.app, &visitor, code, password).await?)
}

async fn invitation(door: &Door, code: String, notice: Option<Notice>) -> Result<InvitationPage, Failure> {
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let name = users::invited(&door.served.app, &visitor, &code).await.map_err(|error| match error {
        Error::NotFound { .. } => gone(),
        error => error.into(),
    })?;
    let provider = Button::to(door, "/");
    Ok(InvitationPage { frame: titled("Invitation", None), notice, provider, name: name.to_string(), code })
}

fn gone() -> Failure {
    let detail = "this invitation does not work any more: it was used, withdrawn or has run out; ask for another one";
    Failure::new(Code::NotFound, detail)
}
