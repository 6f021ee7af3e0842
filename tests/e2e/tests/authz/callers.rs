//! Everybody who may come to the door, made once for a run of the matrix.

use serde_json::{Value, json};
use strongroom_e2e::identity::Issuer;
use strongroom_e2e::routes::is_page;
use strongroom_e2e::{Call, Client, Instance, wait};

const PASSWORD: &str = "four random words of hers";

/// What somebody shows.
#[derive(Clone)]
pub(crate) enum Credential {
    /// Nothing.
    None,
    /// A token, or the session of a command line.
    Bearer(String),
    /// A browser's session.
    Session {
        /// The cookie.
        cookie: String,
        /// The CSRF token.
        csrf: String,
    },
}

/// What somebody is in the project `default`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Nobody: without a credential, or with one that is not accepted (any more).
    Nobody,
    /// An end user of the project, by a token of the issuer that it trusts.
    EndUser,
    /// Somebody of another project, or of none.
    Stranger,
    /// An admin of the instance who is a member of no project.
    InstanceAdmin,
    /// A token with one capability.
    Holds(&'static str),
    /// A member, by role; the founder is an owner who is an admin of the instance too.
    Member(&'static str),
}

#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) standing: Standing,
    pub(crate) credential: Credential,
}

impl Caller {
    pub(crate) fn new(name: &str, standing: Standing, credential: Credential) -> Self {
        Self { name: name.to_owned(), standing, credential }
    }

    pub(crate) fn is_browser(&self) -> bool {
        !matches!(self.credential, Credential::Bearer(_))
    }

    pub(crate) fn has_session(&self) -> bool {
        matches!(self.credential, Credential::Session { .. })
    }

    /// The call with what this caller shows, as his program or browser sends it.
    pub(crate) fn sign(&self, call: Call, method: &str, path: &str) -> Call {
        let takes_form = is_page(path) && method == "POST";
        let call = if is_page(path) && method != "GET" { call.header("sec-fetch-site", "same-origin") } else { call };
        let sent = match &self.credential {
            Credential::Session { csrf, .. } => format!("csrf={csrf}"),
            Credential::None | Credential::Bearer(_) => String::new(),
        };
        let call = match &self.credential {
            Credential::None => call,
            Credential::Bearer(token) => call.header("authorization", &format!("Bearer {token}")),
            Credential::Session { cookie, csrf } => call.header("cookie", cookie).header("x-csrf-token", csrf),
        };
        match method {
            _ if takes_form => call.header("content-type", "application/x-www-form-urlencoded").body(sent),
            "POST" | "PUT" | "PATCH" => call.json(&json!({})),
            _ => call,
        }
    }
}

/// A browser's session from the answer that began it.
fn session(answer: &strongroom_e2e::Answer) -> Credential {
    assert!(answer.status < 300, "{}: {} {}", answer.line, answer.status, answer.text());
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    Credential::Session { cookie, csrf: answer.json()["csrf_token"].as_str().unwrap().to_owned() }
}

/// Signs in.
pub(crate) async fn enter(instance: &Instance, name: &str) -> Credential {
    let body = json!({ "name": name, "password": PASSWORD });
    session(&instance.anonymous().post("/api/v1/session").json(&body).unwitnessed().send().await)
}

/// Makes the first account, so that there are people.
async fn set_up(instance: &Instance) {
    let line = wait::eventually("the printed address", || async {
        let log = instance.log();
        log.lines().find(|line| line.contains("Set up the first account: ")).map(str::to_owned)
    });
    let code = line.await.rsplit('/').next().unwrap().trim().to_owned();
    let body = json!({ "code": code, "name": "ada", "password": PASSWORD });
    instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await.expect(201);
}

/// Somebody who has accepted an invitation.
async fn join(instance: &Instance, invitation: Value) -> Credential {
    let made = instance.owner().post("/api/v1/invitations").json(&invitation).unwitnessed().send().await.expect(201);
    let code = made.json()["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let body = json!({ "code": code, "password": PASSWORD });
    session(&instance.anonymous().post("/api/v1/invitations/accept").json(&body).unwitnessed().send().await)
}

async fn join_as(instance: &Instance, name: &str, project: &str, role: &str) -> Credential {
    join(instance, json!({ "name": name, "project": project, "role": role })).await
}

/// A token made with what `by` shows.
async fn token(by: &Caller, client: &Client, body: Value) -> (String, String) {
    let answer = by.sign(client.post("tokens"), "POST", "/api/").json(&body).unwitnessed().send().await.expect(201);
    let text = |key: &str| answer.json()[key].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

/// A world with a second project, and people.
pub(crate) async fn world() -> Instance {
    let instance = Instance::start().await;
    set_up(&instance).await;
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    for project in ["default", "other"] {
        let allowed = json!({ "allow_reveal": true });
        owner.in_project(project).call(http::Method::PATCH, ".").json(&allowed).send().await.expect(200);
    }
    let code = "export default () => new Response('called');\n";
    strongroom_e2e::functions::deploy(&owner, "guarded", &json!({ "auth": "token" }), code).await;
    instance
}

/// An end user of the project `default`, with a token that is good, and one whose token is not.
pub(crate) async fn end_users(instance: &Instance) -> [Caller; 2] {
    let issuer = Issuer::shared("https://login.example.com");
    issuer.trusted_by(&instance.owner(), None).await;
    let stranger = Issuer::shared("https://login.example.com");
    let caller =
        |name: &str, standing, issuer: &Issuer| Caller::new(name, standing, Credential::Bearer(issuer.token("ann")));
    [
        caller("an end user", Standing::EndUser, &issuer),
        caller("an end user with a forged token", Standing::Nobody, &stranger),
    ]
}

/// Everybody whose credential is none, or is not accepted.
pub(crate) async fn nobodies(instance: &Instance) -> Vec<Caller> {
    let owner = instance.owner();
    let by_owner = Caller::new("owner", Standing::Nobody, Credential::Bearer(owner.token().unwrap().to_owned()));
    let admin = |name: &str| json!({ "name": name, "capabilities": ["admin"] });
    let (revoked, id) = token(&by_owner, &owner, admin("revoked")).await;
    owner.delete(&format!("tokens/{id}")).send().await.expect(200);
    let (expired, _) =
        token(&by_owner, &owner, json!({ "name": "brief", "capabilities": ["admin"], "expires_at": "1s" })).await;
    let invented = format!("srt_{}", "A".repeat(revoked.len() - 4));
    let mut all = vec![
        Caller::new("anonymous", Standing::Nobody, Credential::None),
        Caller::new("an invented token", Standing::Nobody, Credential::Bearer(invented)),
        Caller::new("a revoked token", Standing::Nobody, Credential::Bearer(revoked)),
        Caller::new("an expired token", Standing::Nobody, Credential::Bearer(expired.clone())),
    ];
    for (name, end) in [("disabled", "PATCH"), ("removed", "member"), ("deleted", "DELETE"), ("signed-out", "session")]
    {
        let browser = join_as(instance, name, "default", "admin").await;
        let browser = Caller::new(&format!("the session of somebody {name}"), Standing::Nobody, browser);
        let (minted, _) = token(&browser, &instance.anonymous(), admin(name)).await;
        let minted = Caller::new(&format!("a token of somebody {name}"), Standing::Nobody, Credential::Bearer(minted));
        let user = format!("/api/v1/users/{name}");
        let done = match end {
            "PATCH" => owner.call(http::Method::PATCH, &user).json(&json!({ "disabled": true })).send().await,
            "member" => owner.delete(&format!("members/{name}")).send().await,
            "DELETE" => owner.delete(&user).send().await,
            _ => browser.sign(instance.anonymous().delete("/api/v1/session"), "DELETE", "/api/").send().await,
        };
        assert!(done.status < 300, "{name}: {}", done.status);
        all.push(browser);
        // signing out ends a session, not what was made in it
        if end != "session" {
            all.push(minted);
        }
    }
    all.extend(end_users(instance).await);
    let gone = instance.anonymous().with_token(&expired);
    wait::eventually("the token's end", || async { (gone.get("stats").send().await.status == 401).then_some(()) })
        .await;
    all
}

/// Everybody who is somebody, but not in the project `default`.
pub(crate) async fn strangers(instance: &Instance) -> Vec<Caller> {
    let owner = instance.owner().in_project("other");
    let by_owner = Caller::new("owner", Standing::Nobody, Credential::Bearer(owner.token().unwrap().to_owned()));
    let (foreign, _) = token(&by_owner, &owner, json!({ "name": "foreign", "capabilities": ["admin"] })).await;
    join_as(instance, "once-a-member", "default", "admin").await;
    instance.owner().delete("members/once-a-member").send().await.expect(200);
    let chief = join(instance, json!({ "name": "chief", "instance_admin": true })).await;
    vec![
        Caller::new("a token of another project", Standing::Stranger, Credential::Bearer(foreign)),
        Caller::new("neighbour", Standing::Stranger, join_as(instance, "neighbour", "other", "owner").await),
        Caller::new("once-a-member", Standing::Stranger, enter(instance, "once-a-member").await),
        Caller::new("guest", Standing::Stranger, join(instance, json!({ "name": "guest" })).await),
        Caller::new("chief", Standing::InstanceAdmin, chief),
    ]
}

/// Members in each role, and tokens with each capability alone.
pub(crate) async fn members(instance: &Instance) -> Vec<Caller> {
    let owner = instance.owner();
    let by_owner = Caller::new("owner", Standing::Nobody, Credential::Bearer(owner.token().unwrap().to_owned()));
    let mut all = vec![Caller::new("ada", Standing::Member("founder"), enter(instance, "ada").await)];
    for role in ["viewer", "developer", "admin", "owner"] {
        let name = format!("{role}-person");
        all.push(Caller::new(&name, Standing::Member(role), join_as(instance, &name, "default", role).await));
    }
    for capability in crate::CAPABILITIES {
        let (token, _) = token(&by_owner, &owner, json!({ "name": "narrow", "capabilities": [capability] })).await;
        all.push(Caller::new(capability, Standing::Holds(capability), Credential::Bearer(token)));
    }
    all
}
