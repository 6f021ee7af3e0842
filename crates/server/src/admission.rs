//! What a request must show before a handler sees it: decided once, by its whole path, never by a part of it.

use axum::extract::Request;
use http::{Method, header};

/// What lets a request in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nothing.
    Open,
    /// Nothing yet: it lets somebody in who is not signed in.
    Door,
    /// The one-time code in its body.
    Code,
    /// The token of an end user, which an issuer of his project signed.
    EndUser,
    /// What the pages' own gate asks for: it is for a page, or from a browser that lost its way.
    Page,
    /// A credential. So is everything that is not named here.
    Credential,
}

/// Health, and the description of the API.
const OPEN: [&str; 5] = ["/healthz", "/readyz", "/api/v1/openapi.json", "/api/docs", crate::docs_page::STYLE_PATH];
/// Routes that let somebody in.
const DOORS: [(Method, &str); 6] = [
    (Method::POST, "/api/v1/setup"),
    (Method::POST, "/api/v1/session"),
    (Method::POST, "/api/v1/invitations/accept"),
    (Method::POST, "/api/v1/logins"),
    (Method::POST, "/api/v1/logins/claim"),
    (Method::POST, "/api/v1/login/jwt"),
];
/// Routes that take the code of a fill-in link.
const CODES: [&str; 2] = ["/api/v1/fill", "/api/v1/fill/look"];
/// Routes of end users.
const END_USERS: [&str; 2] = ["/api/v1/me/secrets", "/api/v1/me/secrets/*"];
/// Pages that need nobody to be signed in.
const OPEN_PAGES: [&str; 8] = [
    "/assets/*",
    "/fill/*",
    "/invitation/*",
    "/open/*",
    "/setup/*",
    "/sign-in",
    "/sign-in/oidc",
    "/sign-in/oidc/callback",
];

/// First parts of the addresses of pages.
const PLACES: [&str; 14] = [
    "",
    "account",
    "assets",
    "fill",
    "invitation",
    "invitations",
    "new-project",
    "login",
    "open",
    "projects",
    "setup",
    "sign-in",
    "sign-out",
    "users",
];
/// First parts of the addresses that programs use.
const MACHINES: [&str; 6] = ["api", "fn", "healthz", "metrics", "readyz", "v1"];

impl Admission {
    /// What `request` must show.
    pub(crate) fn of(request: &Request) -> Self {
        let path = request.uri().path();
        if OPEN.contains(&path) {
            Self::Open
        } else if DOORS.iter().any(|(method, door)| request.method() == method && is_at(door, path)) {
            Self::Door
        } else if CODES.contains(&path) {
            Self::Code
        } else if END_USERS.iter().any(|own| is_at(own, path)) {
            Self::EndUser
        } else if is_for_a_page(request) {
            Self::Page
        } else {
            Self::Credential
        }
    }
}

/// Whether the page at `path` needs nobody to be signed in.
pub(crate) fn is_open_page(path: &str) -> bool {
    OPEN_PAGES.iter().any(|page| is_at(page, path))
}

fn is_for_a_page(request: &Request) -> bool {
    let first = request.uri().path().split('/').nth(1).unwrap_or_default();
    let wants_html = || {
        let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/html"))
    };
    PLACES.contains(&first) || (!MACHINES.contains(&first) && wants_html())
}

/// Whether a path is `pattern`, whose last `*` stands for exactly one part.
fn is_at(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(before) => path.strip_prefix(before).is_some_and(|rest| !rest.is_empty() && !rest.contains('/')),
        None => path == pattern,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use axum::body::Body;

    use super::*;

    fn of(method: &str, path: &str) -> Admission {
        Admission::of(&Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
    }

    #[test]
    fn open_pages_are_whole_paths() {
        assert!(is_open_page("/sign-in") && is_open_page("/setup/abc") && is_open_page("/assets/a.css"));
        for closed in
            ["/", "/sign-in/", "/sign-in/x", "/setup/", "/setup", "/setup/a/b", "/projects/setup/a", "/account"]
        {
            assert!(!is_open_page(closed), "{closed}");
        }
    }

    #[test]
    fn what_is_not_named_asks_for_a_credential() {
        assert_eq!(of("GET", "/healthz"), Admission::Open);
        assert_eq!(of("POST", "/api/v1/session"), Admission::Door);
        assert_eq!(of("GET", "/open/abc"), Admission::Page);
        assert!(is_open_page("/open/abc") && !is_open_page("/open/") && !is_open_page("/open/a/b"));
        assert_eq!(of("POST", "/api/v1/fill"), Admission::Code);
        assert_eq!(of("PUT", "/api/v1/me/secrets/KEY"), Admission::EndUser);
        assert_eq!(of("GET", "/projects/shop"), Admission::Page);
        for (method, path) in [
            ("GET", "/api/v1/session"),
            ("POST", "/api/v1/session/"),
            ("POST", "/api/v1/session/password"),
            ("GET", "/healthz/"),
            ("GET", "/api/v1/me"),
            ("GET", "/api/v1/me/secrets/"),
            ("GET", "/api/v1/me/secretsx"),
            ("GET", "/api/v1/me/secrets/a/b"),
            ("GET", "/api/v1/me/%73ecrets"),
            ("GET", "/api/v1/fill/"),
            ("GET", "/api/v1/projects?next=/healthz"),
            ("GET", "/API/docs"),
            ("GET", "/nowhere"),
        ] {
            assert_eq!(of(method, path), Admission::Credential, "{method} {path}");
        }
    }
}
