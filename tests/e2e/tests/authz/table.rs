//! What each route of `docs/routes.txt` takes. **A new route gets a line here**, or the matrix fails and names it.

use strongroom_e2e::routes::is_page;

/// What a route takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Right {
    /// Nothing at all: everybody gets an answer.
    Public,
    /// The one-time code, or the password, that its address or body holds: whoever brings none is refused, whoever he is.
    Code,
    /// Any credential; the answer is about the caller itself.
    Own,
    /// The same; afterwards the caller's session is over.
    Leaves,
    /// One capability in the project.
    Capability(&'static str),
    /// More than one capability.
    Several(&'static [&'static str]),
    /// `values:read`, and no browser's session: these values are for processes.
    Values,
    /// `functions:invoke`, on the functions' own listener, where a browser's session is nothing.
    Call,
    /// `admin` in the project, or an admin of the instance who is no member.
    Members,
    /// An admin of the instance.
    Instance,
    /// `admin` in the project, of somebody who is an admin of the instance too.
    Both,
    /// The token of an end user, which an issuer of his project signed; nothing of Strongroom's.
    EndUser,
    /// The owner of the data directory, and nobody else.
    Local,
}

const LIST: Right = Right::Capability("secrets:list");
const DECLARE: Right = Right::Capability("secrets:declare");
const WRITE: Right = Right::Capability("secrets:write");
const DELETE: Right = Right::Capability("secrets:delete");
const REVEAL: Right = Right::Capability("values:read");
const DEPLOY: Right = Right::Capability("functions:deploy");
const RUN: Right = Right::Capability("jobs:run");
const LOGS: Right = Right::Capability("logs:read");
const AUDIT: Right = Right::Capability("audit:read");
const ADMIN: Right = Right::Capability("admin");

/// Pages with a form show what is there.
const FORM: Right = Right::Several(&["secrets:list", "secrets:write"]);

type Line = (&'static str, &'static str, Right);

/// Below `/api/v1/projects/{project}` and `/api/v1/admin`.
const PROJECT: &[Line] = &[
    ("GET", "/secrets", LIST),
    ("POST", "/secrets", WRITE),
    ("PUT", "/secrets", WRITE),
    ("GET", "/secrets/{name}", LIST),
    ("PUT", "/secrets/{name}", WRITE),
    ("DELETE", "/secrets/{name}", DELETE),
    ("GET", "/secrets/{name}/history", LIST),
    ("POST", "/secrets/{name}/rollback", WRITE),
    ("POST", "/secrets/{name}/restore", WRITE),
    ("POST", "/secrets/{name}/reveal", REVEAL),
    ("POST", "/declarations", DECLARE),
    ("GET", "/stats", LIST),
    ("POST", "/copies", Right::Several(&["values:read", "secrets:write"])),
    ("GET", "/diff", LIST),
    ("GET", "/export", Right::Values),
    ("GET", "/resolve", Right::Values),
    ("GET", "/resolution", LIST),
    ("GET", "/events", LIST),
    ("GET", "/settings/secrets", LIST),
    ("GET", "/settings/secrets/{name}", LIST),
    ("PUT", "/settings/secrets/{name}", WRITE),
    ("DELETE", "/settings/secrets/{name}", DELETE),
    ("GET", "/namespaces", LIST),
    ("POST", "/namespaces", ADMIN),
    ("PATCH", "/namespaces/{name}", ADMIN),
    ("DELETE", "/namespaces/{name}", ADMIN),
    ("GET", "/apps", LIST),
    ("POST", "/apps", ADMIN),
    ("GET", "/apps/{id}", LIST),
    ("DELETE", "/apps/{id}", ADMIN),
    ("GET", "/functions", LIST),
    ("GET", "/functions/{name}", LIST),
    ("PUT", "/functions/{name}", DEPLOY),
    ("DELETE", "/functions/{name}", DEPLOY),
    ("POST", "/functions/{name}/rollback", DEPLOY),
    ("GET", "/jobs", LIST),
    ("GET", "/jobs/{name}", LIST),
    ("PUT", "/jobs/{name}", DEPLOY),
    ("DELETE", "/jobs/{name}", DEPLOY),
    ("POST", "/jobs/{name}/rollback", DEPLOY),
    ("POST", "/jobs/{name}/runs", RUN),
    ("GET", "/runs", RUN),
    ("GET", "/runs/{run}", RUN),
    ("POST", "/runs/{run}/retry", RUN),
    ("POST", "/runs/{run}/cancel", RUN),
    ("GET", "/issuers", ADMIN),
    ("POST", "/issuers", ADMIN),
    ("GET", "/trusts", ADMIN),
    ("POST", "/trusts", ADMIN),
    ("DELETE", "/trusts/{name}", ADMIN),
    ("DELETE", "/issuers/{name}", ADMIN),
    ("GET", "/tokens", ADMIN),
    ("POST", "/tokens", ADMIN),
    ("DELETE", "/tokens/{id}", ADMIN),
    ("GET", "/links", WRITE),
    ("POST", "/links", WRITE),
    ("DELETE", "/links/{id}", WRITE),
    ("GET", "/members", Right::Members),
    ("PUT", "/members/{name}", Right::Members),
    ("DELETE", "/members/{name}", Right::Members),
    ("GET", "/audit", AUDIT),
    ("GET", "/audit/verify", AUDIT),
    ("POST", "/audit/verify", AUDIT),
    ("GET", "/audit/export", AUDIT),
    ("GET", "/audit/retention", AUDIT),
    ("GET", "/audit/anchors", AUDIT),
    ("POST", "/audit/anchors", AUDIT),
    ("GET", "/logs", LOGS),
    ("GET", "", Right::Own),
    ("PATCH", "", ADMIN),
    ("DELETE", "", Right::Instance),
];

/// The instance's, and the functions' listener.
const INSTANCE: &[Line] = &[
    ("GET", "/healthz", Right::Public),
    ("GET", "/readyz", Right::Public),
    ("GET", "/api/docs", Right::Public),
    ("GET", "/api/docs/style.css", Right::Public),
    ("GET", "/api/v1/openapi.json", Right::Public),
    ("GET", "/metrics", LOGS),
    ("GET", "/api/v1/whoami", Right::Own),
    ("GET", "/api/v1/server", Right::Own),
    ("GET", "/api/v1/me/secrets", Right::EndUser),
    ("PUT", "/api/v1/me/secrets/{name}", Right::EndUser),
    ("DELETE", "/api/v1/me/secrets/{name}", Right::EndUser),
    ("GET", "/api/v1/projects", Right::Own),
    ("POST", "/api/v1/projects", Right::Instance),
    ("POST", "/api/v1/setup", Right::Code),
    ("POST", "/api/v1/logins", Right::Public),
    ("POST", "/api/v1/logins/claim", Right::Code),
    ("POST", "/api/v1/fill", Right::Code),
    ("POST", "/api/v1/fill/look", Right::Code),
    ("POST", "/api/v1/invitations/accept", Right::Code),
    ("POST", "/api/v1/session", Right::Code),
    ("POST", "/api/v1/login/jwt", Right::Code),
    ("GET", "/api/v1/session", Right::Own),
    ("DELETE", "/api/v1/session", Right::Leaves),
    ("PUT", "/api/v1/session/password", Right::Own),
    ("GET", "/api/v1/session/factor", Right::Own),
    ("POST", "/api/v1/session/factor", Right::Own),
    ("PUT", "/api/v1/session/factor", Right::Own),
    ("POST", "/api/v1/session/factor/remove", Right::Own),
    ("POST", "/api/v1/session/factor/recovery", Right::Own),
    ("POST", "/api/v1/session/opening", Right::Local),
    ("GET", "/api/v1/sessions", Right::Own),
    ("DELETE", "/api/v1/sessions/{id}", Right::Own),
    ("GET", "/api/v1/users", Right::Instance),
    ("PATCH", "/api/v1/users/{name}", Right::Instance),
    ("DELETE", "/api/v1/users/{name}", Right::Instance),
    ("DELETE", "/api/v1/users/{name}/factor", Right::Instance),
    ("GET", "/api/v1/invitations", Right::Instance),
    ("POST", "/api/v1/invitations", Right::Instance),
    ("DELETE", "/api/v1/invitations/{id}", Right::Instance),
    ("ANY", "/fn/{project}/{namespace}/{function}/{*path}", Right::Call),
];

/// Pages of no project.
const PAGES: &[Line] = &[
    ("GET", "/", Right::Own),
    ("GET", "/account", Right::Own),
    ("GET", "/new-project", Right::Instance),
    ("POST", "/new-project", Right::Instance),
    ("GET", "/users", Right::Instance),
    ("GET", "/users/{name}", Right::Instance),
    ("GET", "/users/{name}/change", Right::Instance),
    ("POST", "/users/{name}/change", Right::Instance),
    ("GET", "/invitations", Right::Instance),
    ("POST", "/invitations", Right::Instance),
    ("GET", "/invitations/{id}/withdraw", Right::Instance),
    ("POST", "/invitations/{id}/withdraw", Right::Instance),
    ("GET", "/account/password", Right::Own),
    ("POST", "/account/password", Right::Own),
    ("GET", "/account/factor", Right::Own),
    ("POST", "/account/factor", Right::Own),
    ("POST", "/account/factor/begin", Right::Own),
    ("GET", "/account/factor/recovery", Right::Own),
    ("POST", "/account/factor/recovery", Right::Own),
    ("GET", "/account/factor/remove", Right::Own),
    ("POST", "/account/factor/remove", Right::Own),
    ("POST", "/account/sessions/{id}/end", Right::Own),
    ("GET", "/assets/{file}", Right::Public),
    ("GET", "/sign-in", Right::Public),
    ("POST", "/sign-in", Right::Code),
    ("GET", "/sign-in/oidc", Right::Code),
    ("POST", "/sign-in/oidc", Right::Code),
    ("GET", "/sign-in/oidc/callback", Right::Code),
    ("POST", "/account/oidc", Right::Own),
    ("POST", "/account/oidc/unlink", Right::Own),
    ("POST", "/sign-out", Right::Leaves),
    ("GET", "/setup/{code}", Right::Code),
    ("POST", "/setup/{code}", Right::Code),
    ("GET", "/invitation/{code}", Right::Code),
    ("POST", "/invitation/{code}", Right::Code),
    ("GET", "/open/{code}", Right::Code),
    ("POST", "/open/{code}", Right::Code),
    ("GET", "/login", Right::Own),
    ("POST", "/login", Right::Own),
    ("POST", "/login/confirm", Right::Own),
    ("GET", "/fill/{code}", Right::Code),
    ("POST", "/fill/{code}", Right::Code),
];

/// Pages below `/projects/{project}`.
const PROJECT_PAGES: &[Line] = &[
    ("GET", "/issuers", ADMIN),
    ("POST", "/issuers", ADMIN),
    ("GET", "/issuers/{name}/remove", ADMIN),
    ("POST", "/issuers/{name}/remove", ADMIN),
    ("GET", "", LIST),
    ("GET", "/secrets", LIST),
    ("GET", "/new-secret", FORM),
    ("POST", "/new-secret", FORM),
    ("GET", "/secrets/{name}", LIST),
    ("GET", "/secrets/{name}/value", FORM),
    ("POST", "/secrets/{name}/value", FORM),
    ("GET", "/secrets/{name}/edit", FORM),
    ("POST", "/secrets/{name}/edit", FORM),
    ("GET", "/secrets/{name}/rollback", FORM),
    ("POST", "/secrets/{name}/rollback", WRITE),
    ("GET", "/secrets/{name}/delete", Right::Several(&["secrets:list", "secrets:delete"])),
    ("POST", "/secrets/{name}/delete", DELETE),
    ("POST", "/secrets/{name}/restore", WRITE),
    ("GET", "/deleted-secrets", FORM),
    ("GET", "/import", FORM),
    ("POST", "/import", FORM),
    ("POST", "/import/write", FORM),
    ("GET", "/fill", FORM),
    ("POST", "/fill", FORM),
    ("GET", "/functions", LIST),
    ("GET", "/functions/{namespace}/{name}", LIST),
    ("GET", "/functions/{namespace}/{name}/rollback", DEPLOY),
    ("POST", "/functions/{namespace}/{name}/rollback", DEPLOY),
    ("GET", "/jobs", LIST),
    ("GET", "/jobs/{namespace}/{name}", LIST),
    ("GET", "/jobs/{namespace}/{name}/rollback", DEPLOY),
    ("POST", "/jobs/{namespace}/{name}/rollback", DEPLOY),
    ("POST", "/jobs/{namespace}/{name}/run", RUN),
    ("GET", "/runs", RUN),
    ("GET", "/runs/{run}", RUN),
    ("POST", "/runs/{run}/retry", RUN),
    ("POST", "/runs/{run}/cancel", RUN),
    ("GET", "/logs", LOGS),
    ("GET", "/audit", AUDIT),
    ("POST", "/audit/verify", AUDIT),
    ("GET", "/tokens", ADMIN),
    ("POST", "/tokens", ADMIN),
    ("GET", "/tokens/new", ADMIN),
    ("GET", "/tokens/{id}/revoke", ADMIN),
    ("POST", "/tokens/{id}/revoke", ADMIN),
    ("GET", "/members", Right::Members),
    ("POST", "/members", Right::Members),
    ("GET", "/members/{name}/remove", Right::Members),
    ("POST", "/members/{name}/remove", Right::Members),
    ("GET", "/settings", LIST),
    ("POST", "/settings", ADMIN),
    ("POST", "/settings/destroy", Right::Both),
    ("POST", "/settings/namespaces", ADMIN),
    ("POST", "/settings/namespaces/{name}/protection", ADMIN),
    ("GET", "/settings/namespaces/{name}/delete", ADMIN),
    ("POST", "/settings/namespaces/{name}/delete", ADMIN),
];

/// Which table a path stands in, and how it is written there.
fn place(path: &str) -> (&'static [Line], &str) {
    let below = |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let project = below("/api/v1/projects/{project}").or_else(|| below("/api/v1/admin"));
    match (project, below("/projects/{project}")) {
        (Some(rest), _) => (PROJECT, rest),
        (None, Some(rest)) => (PROJECT_PAGES, rest),
        _ if is_page(path) => (PAGES, path),
        _ => (INSTANCE, path),
    }
}

/// The right that a route takes, or none where nobody has said so.
pub(crate) fn right(method: &str, path: &str) -> Option<Right> {
    let (table, path) = place(path);
    table.iter().find(|(its, at, _)| *its == method && *at == path).map(|(_, _, right)| *right)
}

/// Lines that no route matches any more.
pub(crate) fn stale<'a>(routes: &[(&'a str, &'a str)]) -> Vec<Line> {
    let tables = [PROJECT, INSTANCE, PAGES, PROJECT_PAGES];
    let is_there = |line: &Line| routes.iter().any(|(method, path)| *method == line.0 && place(path).1 == line.1);
    tables.into_iter().flatten().filter(|line| !is_there(line)).copied().collect()
}
