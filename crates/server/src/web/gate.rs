//! What a request for a page passes before its handler sees it: who is there, from where the form came, and its fields.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, Uri, header};
use strongroom_api::Code;
use strongroom_app::Caller;
use strongroom_app::accounts::is_csrf_token;

use super::forms::Form;
use super::frame::Flash;
use super::go;
use super::problem::Around;
use super::visit::{Csrf, visitor};
use crate::admission::is_open_page;
use crate::credential::by_bearer;
use crate::edge::Budget;
use crate::extract::read_body;
use crate::failure::{Failure, Pending};
use crate::guard;
use crate::peer::{Peer, RequestId};
use crate::router::Served;
use crate::session::{self, Origin};

/// Largest form, in bytes: a file of 1 MiB whose every byte is escaped, and the other fields.
const MAX_FORM_BYTES: usize = 3 * (1 << 20) + (1 << 16);

/// Lets a request for a page through to its handler, or says why not. Whoever is known spends his own budget; everybody
/// else, and whoever shows the code of a link, that of his address.
pub(crate) async fn admit(
    served: &Served,
    (peer, id): (Peer, &RequestId),
    mut request: Request,
    routes: Router,
) -> Response {
    let refused = identified(served, (peer, id), &mut request).await.err();
    let budget = match request.extensions().get::<Caller>() {
        Some(caller) if !brings_code(&request) => served.edge.rates.of_caller(peer, caller),
        _ => served.edge.rates.of_address(peer),
    };
    if let Some(refusal) = budget.and_then(Budget::refusal).or(refused) {
        return guard::within(budget, refusal);
    }
    let shows_news = request.method() == Method::GET && Flash::of(request.headers()).is_some();
    let around = around(&request);
    let mut response = match with_form(request).await {
        Ok(request) => guard::to_the_end(request, routes).await,
        Err(failure) => failure.into_response(),
    };
    if response.extensions().get::<Pending>().is_some() {
        response.extensions_mut().insert(around);
    }
    if shows_news && response.status().is_success() {
        response.headers_mut().append(header::SET_COOKIE, Flash::forget());
    }
    guard::within(budget, response)
}

/// Whether the code of a fill-in link stands in the address. It is the whole credential then: a foreign page that sends
/// such a form has the code, and the session of whoever uses it decides nothing.
fn brings_code(request: &Request) -> bool {
    request.uri().path().starts_with("/fill/")
}

/// What the page of a refusal will show of the request.
fn around(request: &Request) -> Around {
    let caller = request.extensions().get::<Caller>();
    let mut parts = request.uri().path().split('/').skip(1);
    let project = (parts.next() == Some("projects")).then(|| parts.next()).flatten();
    Around {
        visitor: caller.map(|caller| visitor(&caller.actor)),
        csrf: request.extensions().get::<Csrf>().map(|csrf| csrf.0.clone()).unwrap_or_default(),
        project: project.and_then(|name| name.parse().ok()),
    }
}

/// Who is there, in the request's extensions.
async fn identified(served: &Served, (peer, id): (Peer, &RequestId), request: &mut Request) -> Result<(), Response> {
    let is_form = !request.method().is_safe();
    // an open page asks nobody who he is, and judges no token
    let has_bearer = request.headers().contains_key(header::AUTHORIZATION) && !is_open_page(request.uri().path());
    request.extensions_mut().insert(id.clone());
    let brings_code = brings_code(request);
    if brings_code && !is_open_page(request.uri().path()) {
        // nobody is led to the sign-in page with a code in its address
        return Err(Failure::new(Code::NotFound, "there is nothing at this address").into_response());
    }
    if brings_code {
        request.extensions_mut().insert(guard::guest(peer, id));
    }
    if is_form && !has_bearer && !brings_code && session::origin(served, request.headers(), peer) != Origin::Own {
        let detail = "this form was not sent from a page of this server; open the page again and repeat it";
        return Err(Failure::new(Code::Forbidden, detail).into_response());
    }
    let mut csrf = Csrf::default();
    if has_bearer {
        let caller = by_bearer(&served.app, request.headers(), &peer.source(), id).await;
        request.extensions_mut().insert(caller.map_err(IntoResponse::into_response)?);
    } else if let Some(caller) =
        session::known(served, request.headers(), peer, id).await.map_err(IntoResponse::into_response)?
    {
        csrf = Csrf(caller.session.as_ref().map(|session| session.csrf.to_string()).unwrap_or_default());
        request.extensions_mut().insert(caller);
    } else if !is_open_page(request.uri().path()) {
        return Err(anonymous(served, peer, request));
    }
    request.extensions_mut().insert(csrf);
    Ok(())
}

/// The request with the fields of its form, which carries the token of the session that sends it.
async fn with_form(request: Request) -> Result<Request, Failure> {
    if request.method().is_safe() {
        return Ok(request);
    }
    if request.method() != Method::POST {
        return Err(Failure::new(Code::MethodNotAllowed, "a page is read with GET and takes forms with POST"));
    }
    let brings_code = brings_code(&request);
    let (parts, body) = request.into_parts();
    let form = read_form(&parts.headers, body).await?;
    let caller = parts.extensions.get::<Caller>().filter(|caller| caller.session.is_some() && !brings_code);
    let is_proved = caller.is_none_or(|caller| {
        form.text("csrf").is_some_and(|sent| is_csrf_token(caller, sent))
            || session::has_csrf_header(caller, &parts.headers)
    });
    if !is_proved {
        let detail = "this form is of another session; open the page again and repeat it";
        return Err(Failure::new(Code::Forbidden, detail));
    }
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(form);
    Ok(request)
}

/// Nobody is signed in: to the sign-in page, and from there back to where he wanted to go.
fn anonymous(served: &Served, peer: Peer, request: &Request) -> Response {
    served.app.count_anonymous_denial(&peer.source());
    if !request.method().is_safe() {
        let detail = "you are not signed in any more; nothing was changed. Sign in and repeat it";
        return Failure::new(Code::Unauthenticated, detail).into_response();
    }
    go(&sign_in_address(request.uri()))
}

/// The sign-in page, which leads on to `wanted`.
fn sign_in_address(wanted: &Uri) -> String {
    let wanted = next_address(wanted.path_and_query().map(http::uri::PathAndQuery::as_str));
    if wanted == "/" {
        return "/sign-in".to_owned();
    }
    let next: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    format!("/sign-in?next={next}")
}

/// An address on this server that a sign-in may lead on to; anything else leads to the front page. It is a path, and
/// holds nothing that a browser takes for another host or changes on the way: `//`, `\`, control characters.
pub(crate) fn next_address(next: Option<&str>) -> &str {
    let is_own = |next: &&str| {
        next.starts_with('/')
            && !next.starts_with("//")
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && next.parse::<Uri>().is_ok_and(|uri| uri.host().is_none())
    };
    next.filter(is_own).unwrap_or("/")
}

async fn read_form(headers: &HeaderMap, body: Body) -> Result<Form, Failure> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    if media
        .split(';')
        .next()
        .is_none_or(|media| !media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        return Err(Failure::new(Code::UnsupportedMedia, "a page takes a form: application/x-www-form-urlencoded"));
    }
    Ok(Form::parse(&read_body(body, MAX_FORM_BYTES).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_on_to_own_pages_alone() {
        assert_eq!(next_address(Some("/projects/a/secrets?search=B")), "/projects/a/secrets?search=B");
        for foreign in [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "javascript:alert(1)",
            "",
            "/\t/evil.example",
            "/%0a\n",
            "projects",
            "/\u{a0}x",
        ] {
            assert_eq!(next_address(Some(foreign)), "/", "{foreign}");
        }
        assert_eq!(next_address(None), "/");
    }
}
