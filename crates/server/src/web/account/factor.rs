//! `/account/factor`: setting a second factor up, new recovery codes, removing it.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use qrcodegen::{QrCode, QrCodeEcc};
use strongroom_api::Code;
use strongroom_app::accounts::factor::{self, NewFactor, RecoveryCodes};
use strongroom_app::accounts::is_fresh;
use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

use crate::api::session::Door;
use crate::failure::Failure;
use crate::session;
use crate::web::forms::Form;
use crate::web::frame::{Flash, Frame};
use crate::web::nav::Hall;
use crate::web::problem::Notice;
use crate::web::visit::Visit;
use crate::web::{go, show, show_with};

const PAGE: &str = "/account/factor";

/// A code for a camera: how many units a side has, and the dark ones as a path.
struct Qr {
    side: i32,
    path: Zeroizing<String>,
}

impl Qr {
    /// The light border that readers need, in units (ISO/IEC 18004: four).
    const BORDER: i32 = 4;

    fn of(text: &str) -> Result<Self, Failure> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium);
        let code = code.map_err(|_| Failure::new(Code::Internal, "the code for the camera could not be drawn"))?;
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let unit = |(x, y): (i32, i32)| format!("M{},{}h1v1h-1z", x + Self::BORDER, y + Self::BORDER);
        let path = dark.filter(|(x, y)| code.get_module(*x, *y)).map(unit).collect();
        Ok(Self { side: code.size() + 2 * Self::BORDER, path: Zeroizing::new(path) })
    }
}

#[derive(Template)]
#[template(path = "account/factor.html")]
struct FactorPage {
    frame: Frame,
    notice: Option<Notice>,
    qr: Qr,
    secret: Zeroizing<String>,
}

#[derive(Template)]
#[template(path = "account/codes.html")]
struct CodesPage {
    frame: Frame,
    lead: &'static str,
    codes: RecoveryCodes,
}

#[derive(Template)]
#[template(path = "account/code.html")]
struct CodePage {
    frame: Frame,
    lead: &'static str,
    notice: Option<Notice>,
    action: &'static str,
    button: &'static str,
    tone: &'static str,
}

fn titled(visit: &Visit, title: &str) -> Frame {
    visit.hall(title, Hall::Account).crumb("Your account", "/account")
}

/// Who signed in too long ago does it again, and comes back.
fn stale(visit: &Visit) -> Option<Response> {
    let is_stale = !is_fresh(&visit.scene.app, &visit.scene.caller);
    is_stale.then(|| {
        let news = "For this, sign in again: you did so more than 5 minutes ago.";
        Flash::done(news).at("/sign-in?again=yes&next=%2Faccount")
    })
}

/// Makes a secret and goes to the page that shows it.
pub(crate) async fn begin(visit: Visit, _: Form) -> Result<Response, Failure> {
    if let Some(response) = stale(&visit) {
        return Ok(response);
    }
    factor::begin(&visit.scene.app, &visit.scene.caller).await?;
    Ok(go(PAGE))
}

/// The secret that waits for its first code.
pub(crate) async fn form(visit: Visit) -> Result<Response, Failure> {
    match factor::begun(&visit.scene.app, &visit.scene.caller) {
        Some(begun) => page(&visit, &begun, (StatusCode::OK, None)),
        None => Ok(go("/account")),
    }
}

fn page(visit: &Visit, begun: &NewFactor, (status, notice): (StatusCode, Option<Notice>)) -> Result<Response, Failure> {
    let letters: Vec<char> = begun.secret.chars().collect();
    let groups: Vec<Zeroizing<String>> =
        letters.chunks(4).map(|group| Zeroizing::new(group.iter().collect())).collect();
    let words: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
    let secret = Zeroizing::new(words.join(" "));
    let frame = titled(visit, "Set up a second factor");
    Ok(show_with(status, &FactorPage { frame, notice, qr: Qr::of(&begun.address)?, secret }))
}

/// Takes the first code: the factor is on, and its recovery codes are shown this once.
pub(crate) async fn confirm(door: Door, visit: Visit, form: Form) -> Result<Response, Failure> {
    if let Some(response) = stale(&visit) {
        return Ok(response);
    }
    let Some(begun) = factor::begun(&visit.scene.app, &visit.scene.caller) else {
        let news = "Setting up took more than 15 minutes; begin again.";
        return Ok(Flash::done("Nothing was changed.").warn([news.to_owned()]).at("/account"));
    };
    let confirmed = async {
        let visitor = session::visitor(door.peer, &door.id, &door.headers);
        let code = code(&form)?;
        Ok::<_, Failure>(factor::confirm(&visit.scene.app, &visit.scene.caller, &visitor, code).await?)
    };
    match confirmed.await {
        Ok((codes, entered)) => {
            // the forms of this page are those of the new session
            let csrf = entered.caller.session.as_ref().map(|session| session.csrf.to_string());
            let frame = Frame { csrf: csrf.unwrap_or_default(), ..titled(&visit, "Your second factor is on") };
            let lead = "From now on a sign-in takes your password and a code of your app.";
            Ok(door.keeps(show(&CodesPage { frame, lead, codes }), &entered))
        }
        Err(failure) => {
            let (status, notice) = failure.into();
            page(&visit, &begun, (status, Some(notice)))
        }
    }
}

fn code(form: &Form) -> Result<SecretValue, Failure> {
    form.value("code")?.ok_or_else(|| Failure::invalid("code", "type the code that your app shows"))
}

fn recovery_page(visit: &Visit, (status, notice): (StatusCode, Option<Notice>)) -> Response {
    let page = CodePage {
        frame: titled(visit, "New recovery codes"),
        lead: "All earlier ones end. The new ones are shown once.",
        notice,
        action: "/account/factor/recovery",
        button: "Make new codes",
        tone: "primary",
    };
    show_with(status, &page)
}

/// Asks for a code.
pub(crate) async fn recovery_form(visit: Visit) -> Response {
    stale(&visit).unwrap_or_else(|| recovery_page(&visit, (StatusCode::OK, None)))
}

/// Makes new recovery codes and shows them, this once.
pub(crate) async fn renew_recovery(visit: Visit, form: Form) -> Response {
    if let Some(response) = stale(&visit) {
        return response;
    }
    let renewed = async {
        let code = code(&form)?;
        Ok::<_, Failure>(factor::renew_recovery(&visit.scene.app, &visit.scene.caller, code).await?)
    };
    match renewed.await {
        Ok(codes) => {
            let (frame, lead) = (titled(&visit, "Your recovery codes"), "The earlier ones have ended.");
            show(&CodesPage { frame, lead, codes })
        }
        Err(failure) => {
            let (status, notice) = failure.into();
            recovery_page(&visit, (status, Some(notice)))
        }
    }
}

fn removal_page(visit: &Visit, (status, notice): (StatusCode, Option<Notice>)) -> Response {
    let page = CodePage {
        frame: titled(visit, "Remove the second factor"),
        lead: "A sign-in then takes your password alone. Every other session of yours ends.",
        notice,
        action: "/account/factor/remove",
        button: "Remove it",
        tone: "danger",
    };
    show_with(status, &page)
}

/// Asks for a code.
pub(crate) async fn removal_form(visit: Visit) -> Response {
    stale(&visit).unwrap_or_else(|| removal_page(&visit, (StatusCode::OK, None)))
}

/// Removes it.
pub(crate) async fn remove(door: Door, visit: Visit, form: Form) -> Response {
    if let Some(response) = stale(&visit) {
        return response;
    }
    let removed = async {
        let visitor = session::visitor(door.peer, &door.id, &door.headers);
        let code = code(&form)?;
        Ok::<_, Failure>(factor::remove(&visit.scene.app, &visit.scene.caller, &visitor, code).await?)
    };
    match removed.await {
        Ok(entered) => {
            let response = Flash::done("Your second factor is removed. Every other session of yours has ended.");
            door.keeps(response.at("/account"), &entered)
        }
        Err(failure) => {
            let (status, notice) = failure.into();
            removal_page(&visit, (status, Some(notice)))
        }
    }
}
