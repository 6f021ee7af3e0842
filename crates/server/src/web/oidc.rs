//! `/sign-in/oidc…` and `/account/oidc…`: to the sign-in provider and back.

use askama::Template;
use axum::Extension;
use axum::response::Response;
use http::{HeaderValue, header};
use jiff::Timestamp;
use serde::Deserialize;
use strongroom_app::Caller;
use strongroom_app::accounts::oidc::{self, Callback, Finished, Going};

use super::door::Next;
use super::forms::Form;
use super::frame::{Flash, Frame};
use super::gate::next_address;
use super::problem::Notice;
use super::visit::Visit;
use super::when::When;
use super::{go, show, show_quietly};
use crate::api::session::Door;
use crate::extract::Query;
use crate::failure::Failure;
use crate::session::{self, AT_PROVIDER, Origin};

/// The way to the provider, as the sign-in page offers it.
pub(crate) struct Button {
    pub(crate) name: String,
    pub(crate) href: String,
}

impl Button {
    /// The one that leads on to `next`; none where no provider is configured.
    pub(crate) fn to(door: &Door, next: &str) -> Option<Self> {
        let name = oidc::provider_name(&door.served.app)?.to_owned();
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let href = if next == "%2F" { "/sign-in/oidc".to_owned() } else { format!("/sign-in/oidc?next={next}") };
        Some(Self { name, href })
    }
}

/// What the account page shows of the provider.
pub(crate) struct Linking {
    pub(crate) name: String,
    pub(crate) linked: Option<LinkedAs>,
}

/// Who the person is there.
pub(crate) struct LinkedAs {
    pub(crate) label: String,
    pub(crate) since: When,
    pub(crate) has_password: bool,
}

impl Linking {
    /// None where no provider is configured, or nobody could be linked.
    pub(crate) async fn of(visit: &Visit, now: Timestamp) -> Result<Option<Self>, Failure> {
        let (app, caller) = (&visit.scene.app, &visit.scene.caller);
        let Some(name) = oidc::provider_name(app).filter(|_| caller.user().is_some()) else { return Ok(None) };
        let linked = oidc::linked(app, caller).await?.map(|linked| LinkedAs {
            label: linked.label,
            since: When::new(linked.created_at, now),
            has_password: linked.has_password,
        });
        Ok(Some(Self { name: name.to_owned(), linked }))
    }
}

#[derive(Template)]
#[template(path = "door/onward.html")]
struct OnwardPage {
    frame: Frame,
    name: String,
    lead: String,
    address: String,
    back: &'static str,
}

#[derive(Template)]
#[template(path = "door/not_signed_in.html")]
struct NotSignedInPage {
    frame: Frame,
    notice: Notice,
    request_id: String,
}

/// Sends the browser to the provider. Only from a page of this server: no other site's page begins a sign-in here.
pub(crate) async fn begin(door: Door, Query(next): Query<Next>) -> Response {
    let next = next_address(next.next.as_deref());
    if oidc::provider_name(&door.served.app).is_some()
        && session::origin(&door.served, &door.headers, door.peer) == Origin::Foreign
    {
        return go("/sign-in");
    }
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    match oidc::begin(&door.served.app, &visitor, next).await {
        Ok(going) => kept(&door, &going, go(&going.address)),
        Err(error) => not_signed_in(&door, error.into()),
    }
}

/// Begins to accept an invitation by a sign-in at the provider.
pub(crate) async fn begin_accepting(door: Door, form: Form) -> Response {
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    match oidc::begin_accepting(&door.served.app, &visitor, &form.line("code")).await {
        Ok(going) => {
            let lead = "Sign in there. You come back with an account here that needs no password.";
            onward(&door, &going, lead, "/sign-in")
        }
        Err(error) => not_signed_in(&door, error.into()),
    }
}

/// Begins to link the visitor's account. A form may not lead to another site, so that a page stands in between.
pub(crate) async fn begin_linking(door: Door, visit: Visit, _: Form) -> Result<Response, Failure> {
    let going = oidc::begin_linking(&visit.scene.app, &visit.scene.caller).await?;
    let lead = "Sign in there as yourself. From then on, that account lets you in here.";
    Ok(onward(&door, &going, lead, "/account"))
}

/// Takes the visitor's link away; all of the visitor's sessions end.
pub(crate) async fn unlink(visit: Visit, _: Form) -> Result<Response, Failure> {
    oidc::unlink(&visit.scene.app, &visit.scene.caller).await?;
    Ok(Flash::done("The link is gone. Sign in with your password.").at("/sign-in"))
}

/// What a provider sends back. It may say more than this, which is not looked at.
#[derive(Deserialize)]
pub(crate) struct Returned {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Where the provider sends the browser back to.
pub(crate) async fn callback(
    door: Door,
    known: Option<Extension<Caller>>,
    Query(returned): Query<Returned>,
) -> Response {
    let Returned { code, state, iss: issuer, error } = returned;
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let kept = session::only(AT_PROVIDER, &door.served, &door.headers, door.peer);
    let known = known.map(|Extension(caller)| caller);
    let callback = Callback { code, state, issuer, error };
    let finished = oidc::finish(&door.served.app, &visitor, (kept, known.as_ref()), callback).await;
    let mut response = match finished {
        Ok(Finished::Entered { entered, next }) => door.keeps(go(next_address(Some(&next))), &entered),
        Ok(Finished::Linked) => go("/account"),
        Err(error) => return not_signed_in(&door, error.into()),
    };
    let spent = session::set(AT_PROVIDER, &door.served, (&door.headers, door.peer), ("", 0));
    response.headers_mut().append(header::SET_COOKIE, spent);
    response
}

/// The page that leads on to the provider.
fn onward(door: &Door, going: &Going, lead: &str, back: &'static str) -> Response {
    let name = oidc::provider_name(&door.served.app).unwrap_or_default().to_owned();
    let frame = Frame { title: format!("On to {name}"), ..Frame::default() };
    let page = OnwardPage { frame, name, lead: lead.to_owned(), address: going.address.clone(), back };
    kept(door, going, show(&page))
}

fn kept(door: &Door, going: &Going, mut response: Response) -> Response {
    let text = (going.cookie.as_str(), going.lifetime.as_secs());
    let cookie: HeaderValue = session::set(AT_PROVIDER, &door.served, (&door.headers, door.peer), text);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Says what happened and where to go on. The address of such a page may hold what the provider sent.
fn not_signed_in(door: &Door, failure: Failure) -> Response {
    let (status, notice) = failure.into();
    let frame = Frame { title: "Not signed in".to_owned(), ..Frame::default() };
    show_quietly(status, &NotSignedInPage { frame, notice: notice.without_hint(), request_id: door.id.0.clone() })
}
