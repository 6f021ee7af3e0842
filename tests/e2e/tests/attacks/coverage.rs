//! Every operation of the served OpenAPI document that can change something leaves a record of the request that did it, or
//! stands here with the reason why it leaves none. And no record holds anything that was sent as a value, whatever its type.

use std::collections::BTreeMap;

use super::rows::{PASSWORD, setup_code};
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::functions::{self, open};
use strongroom_e2e::identity::{AUDIENCE, Issuer};
use strongroom_e2e::{Answer, Call, Client, Instance, Setup, factor, jobs};

/// Operations that are not audited: method, path, reason. This is the whole list; reads of metadata (GET) change and deliver
/// nothing, and those that deliver values stand in `DELIVERIES`.
const UNAUDITED: &[(&str, &str, &str)] = &[
    ("POST", "/audit/verify", "compares the trail with anchors; changes and delivers nothing"),
    ("POST", "/api/v1/logins", "gives two codes to whoever asks; what a person decides about them leaves a record"),
    ("POST", "/api/v1/fill/look", "what a link asks for: names alone, as often as a chat program's preview looks"),
];

/// Reads that deliver values.
const DELIVERIES: [(&str, &str); 2] = [("GET", "/resolve"), ("GET", "/export")];

/// A world in which each operation can succeed once.
struct World {
    instance: Instance,
    owner: Client,
    ids: BTreeMap<&'static str, String>,
    /// The answer to the first account's making, which succeeds once.
    setup: Answer,
    /// The token of an end user.
    end_user: String,
    /// Sessions by what becomes of them.
    sessions: BTreeMap<&'static str, Session>,
}

/// A person's session.
struct Session {
    id: String,
    cookie: String,
    csrf: String,
}

impl Session {
    fn of(answer: &Answer) -> Self {
        assert!(answer.status < 300, "{}", answer.status);
        let (body, cookie) = (answer.json(), answer.header("set-cookie").split(';').next().unwrap().to_owned());
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        Self { id: text("id"), cookie, csrf: text("csrf_token") }
    }

    async fn begin(instance: &Instance, name: &str) -> Self {
        let body = json!({ "name": name, "password": PASSWORD });
        Self::of(&instance.anonymous().post("/api/v1/session").json(&body).unwitnessed().send().await)
    }

    fn sign(&self, call: Call) -> Call {
        call.header("cookie", &self.cookie).header("x-csrf-token", &self.csrf)
    }
}

/// Invites somebody; the invitation's id and code.
async fn invite(instance: &Instance, name: &str) -> (String, String) {
    let body = json!({ "name": name, "project": "default", "role": "viewer" });
    let made = instance.owner().post("/api/v1/invitations").json(&body).unwitnessed().send().await.expect(201).json();
    let code = made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    (made["id"].as_str().unwrap().to_owned(), code)
}

/// Somebody who has accepted an invitation.
async fn join(instance: &Instance, name: &str) -> Session {
    let (_, code) = invite(instance, name).await;
    let body = json!({ "code": code, "password": PASSWORD });
    Session::of(&instance.anonymous().post("/api/v1/invitations/accept").json(&body).unwitnessed().send().await)
}

/// The token of an end user who has a secret; and an issuer to delete.
async fn end_user(instance: &Instance) -> String {
    let issuer = Issuer::shared("https://login.example.com");
    for name in ["app", "doomed"] {
        let body = json!({ "name": name, "issuer": issuer.url, "audience": "shop", "shared_key": issuer.shared_key() });
        instance.owner().post("issuers").json(&body).send().await.expect(201);
    }
    instance.watch(issuer.shared_key());
    let token = issuer.token("ann");
    let body = json!({ "value": instance.plant() });
    let user = instance.anonymous().with_token(&token);
    user.put("/api/v1/me/secrets/OWN_DOOMED").json(&body).send().await.expect(200);
    token
}

/// A platform whose workloads may sign in, and a token of one.
async fn workload(instance: &Instance) -> String {
    let issuer = Issuer::published("https://ci.example.com");
    for name in ["ci", "doomed"] {
        instance.owner().post("trusts").json(&trust(name, &issuer)).send().await.expect(201);
    }
    let token = issuer.sign(&issuer.header(), &issuer.claims("deployment"));
    instance.watch(&token);
    token
}

fn trust(name: &str, issuer: &Issuer) -> Value {
    json!({
        "name": name, "issuer": issuer.url, "audience": AUDIENCE, "jwks": issuer.document(),
        "claims": { "sub": "deployment" }, "capabilities": ["values:read"],
    })
}

/// Somebody with a second factor: the session, the secret, the recovery codes. None of the codes has served but the first.
async fn join_with_factor(instance: &Instance, name: &str) -> (Session, String, Value) {
    let session = join(instance, name).await;
    let secret = begin_factor(instance, &session).await;
    let body = json!({ "code": factor::code(&secret, 0) });
    let call = session.sign(instance.anonymous().put("/api/v1/session/factor").json(&body)).unwitnessed();
    let confirmed = call.send().await;
    let codes = confirmed.json()["recovery_codes"].clone();
    (Session::of(&confirmed), secret, codes)
}

async fn begin_factor(instance: &Instance, session: &Session) -> String {
    let call = session.sign(instance.anonymous().post("/api/v1/session/factor").json(&json!({}))).unwitnessed();
    call.send().await.expect(201).json()["secret"].as_str().unwrap().to_owned()
}

/// What is deployed, so that it can be run, rolled back and deleted.
async fn deploy_all(owner: &Client) {
    let (code, once) = ("export default () => new Response('ok');\n", json!({ "retries": 0 }));
    let job = "export default async (payload) => { if (payload.fails) throw new Error('asked to'); };\n";
    for end in ["// one\n", "// two\n"] {
        functions::deploy(owner, "rolled", &open(), &format!("{code}{end}")).await;
        jobs::deploy(owner, "rolled", &once, &format!("{job}{end}")).await;
    }
    let slow = "export default () => new Promise((resolve) => setTimeout(resolve, 600_000));\n";
    jobs::deploy(owner, "slow", &once, slow).await;
    functions::deploy(owner, "doomed", &open(), "export default () => new Response('ok');\n").await;
    jobs::deploy(owner, "doomed", &json!({}), "export default async () => {};\n").await;
}

/// People at each point of a second factor's life.
async fn people_with_factors(
    instance: &Instance,
    (ids, sessions): (&mut BTreeMap<&'static str, String>, &mut BTreeMap<&'static str, Session>),
) {
    let beginner = join(instance, "beginner").await;
    ids.insert("device code", confirmed_login(instance, &beginner).await);
    sessions.insert("beginner", beginner);
    let confirmer = join(instance, "confirmer").await;
    ids.insert("secret", begin_factor(instance, &confirmer).await);
    sessions.insert("confirmer", confirmer);
    for (name, code) in [("renewer", "renewing code"), ("remover", "removing code"), ("forgetful", "")] {
        let (session, _, codes) = join_with_factor(instance, name).await;
        ids.insert(code, codes[0].as_str().unwrap().to_owned());
        sessions.insert(name, session);
    }
}

/// The device code of a login that somebody has confirmed.
async fn confirmed_login(instance: &Instance, session: &Session) -> String {
    let call = instance.anonymous().post("/api/v1/logins").json(&json!({})).unwitnessed();
    let begun = call.send().await.expect(201).json();
    let body = format!("csrf={}&answer=yes&code={}", session.csrf, begun["user_code"].as_str().unwrap());
    let call = instance.anonymous().post("/login/confirm").body(body).header("sec-fetch-site", "same-origin");
    let call = call.header("content-type", "application/x-www-form-urlencoded").header("cookie", &session.cookie);
    call.send().await.expect(200);
    begun["device_code"].as_str().unwrap().to_owned()
}

async fn world() -> World {
    let instance = Setup::default().word("--audit-anchor").word("file:work/anchors").start().await;
    let owner = instance.owner();
    for name in ["READ", "TO_DELETE", "TO_ROLL", "TO_ROLL", "GONE", "COPIED"] {
        owner.set(name, &instance.plant()).await;
    }
    owner.delete("secrets/GONE").send().await.expect(200);
    owner.call(Method::PATCH, ".").json(&json!({ "allow_reveal": true })).send().await.expect(200);
    owner.post("/api/v1/projects").json(&json!({ "name": "doomed" })).send().await.expect(201);
    for name in ["doomed", "staging"] {
        owner.post("namespaces").json(&json!({ "name": name })).send().await.expect(201);
    }
    owner.post("apps").json(&json!({ "id": "doomed" })).send().await.expect(201);
    owner.put("settings/secrets/DOOMED").json(&json!({ "value": instance.plant() })).send().await.expect(200);
    deploy_all(&owner).await;
    let dead = jobs::run(&owner, "rolled", &json!({ "fails": true })).await;
    jobs::until(&owner, &dead, "dead").await;
    let endless = jobs::run(&owner, "slow", &json!({})).await;
    let (_, token) = instance.mint(&["secrets:list"]).await;
    let link = |name: &str| {
        let body = json!({ "secrets": [{ "name": name }] });
        owner.post("links").json(&body).unwitnessed().send()
    };
    let (doomed, filled) = (link("BY_LINK").await.expect(201).json(), link("BY_FILL").await.expect(201).json());
    let body = json!({ "code": setup_code(&instance).await, "name": "ada", "password": PASSWORD });
    let setup = instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ids = [
        ("dead run", dead),
        ("endless run", endless),
        ("token", text(&token["id"])),
        ("workload's token", workload(&instance).await),
        ("link", text(&doomed["link"]["id"])),
        ("code", text(&filled["url"]).rsplit('/').next().unwrap().to_owned()),
    ];
    for (project, adds) in [("team", false), ("leaving", true)] {
        owner.post("/api/v1/projects").json(&json!({ "name": project })).send().await.expect(201);
        if adds {
            let viewer = json!({ "role": "viewer" });
            owner.in_project(project).put("members/ada").json(&viewer).send().await.expect(200);
        }
    }
    let (withdrawn, _) = invite(&instance, "withdrawn").await;
    let (_, invited) = invite(&instance, "invited").await;
    let mut ids = BTreeMap::from(ids);
    ids.extend([("withdrawn", withdrawn), ("invited", invited)]);
    join(&instance, "leaver").await;
    join(&instance, "edited").await;
    let sessions = [
        // a change of membership has ended the first session
        ("out", Session::begin(&instance, "ada").await),
        ("changer", join(&instance, "changer").await),
        ("ended", join(&instance, "ender").await),
        ("ender", Session::begin(&instance, "ender").await),
    ];
    let end_user = end_user(&instance).await;
    let mut sessions = BTreeMap::from(sessions);
    people_with_factors(&instance, (&mut ids, &mut sessions)).await;
    World { instance, owner, ids, setup, end_user, sessions }
}

impl World {
    /// A call of this operation that succeeds, with planted values wherever values and other text may stand. None where the
    /// operation is not known here.
    fn call(&self, method: &str, path: &str) -> Option<Call> {
        let below = path.strip_prefix("/api/v1/projects/{project}").unwrap_or(path);
        let known = self.on_secrets(method, below).or_else(|| self.on_workloads(method, below));
        let known = known.or_else(|| self.on_factors(method, below)).or_else(|| self.on_trust(method, below));
        let call = known.or_else(|| self.on_access(method, below))?;
        // what tools send along, and what must not come into the trail
        let planted = self.instance.plant_plain();
        let call = call.header("x-vault-token", &planted).header("referer", &planted);
        let is_signed = below.contains("/session");
        Some(if is_signed { call } else { call.header("cookie", &format!("id={planted}")) })
    }

    fn on_secrets(&self, method: &str, path: &str) -> Option<Call> {
        let (owner, plant) = (&self.owner, || self.instance.plant());
        Some(match (method, path) {
            ("POST", "/secrets") => owner.post("secrets").json(&json!({ "name": "NEW", "value": plant() })),
            ("PUT", "/secrets") => owner.put("secrets").json(&json!({ "secrets": { "READ": plant() } })),
            ("PUT", "/secrets/{name}") => owner.put("secrets/READ").json(&json!({ "value": plant() })),
            ("DELETE", "/secrets/{name}") => owner.delete("secrets/TO_DELETE"),
            ("POST", "/secrets/{name}/rollback") => {
                owner.post("secrets/TO_ROLL/rollback").json(&json!({ "version": 1 }))
            }
            ("POST", "/secrets/{name}/restore") => owner.post("secrets/GONE/restore"),
            ("POST", "/secrets/{name}/reveal") => owner.post("secrets/READ/reveal"),
            ("POST", "/declarations") => {
                owner.post("declarations").json(&json!({ "secrets": [{ "name": "DECLARED" }] }))
            }
            ("POST", "/copies") => {
                owner.post("copies").json(&json!({ "to_namespace": "staging", "names": ["COPIED"] }))
            }
            ("GET", "/resolve") => owner.get("resolve"),
            ("GET", "/export") => owner.get("export"),
            ("PUT", "/api/v1/me/secrets/{name}") => {
                self.end_user().put("/api/v1/me/secrets/OWN").json(&json!({ "value": plant() }))
            }
            ("DELETE", "/api/v1/me/secrets/{name}") => self.end_user().delete("/api/v1/me/secrets/OWN_DOOMED"),
            ("PUT", "/settings/secrets/{name}") => owner.put("settings/secrets/S").json(&json!({ "value": plant() })),
            ("DELETE", "/settings/secrets/{name}") => owner.delete("settings/secrets/DOOMED"),
            _ => return None,
        })
    }

    fn end_user(&self) -> Client {
        self.instance.anonymous().with_token(&self.end_user)
    }

    fn on_workloads(&self, method: &str, path: &str) -> Option<Call> {
        let (owner, plant) = (&self.owner, || self.instance.plant());
        let function = json!({ "manifest": open(), "bundle": "export default () => new Response('new');\n" });
        let job = json!({ "manifest": {}, "bundle": "export default async () => {};\n" });
        Some(match (method, path) {
            ("POST", "/namespaces") => owner.post("namespaces").json(&json!({ "name": "new" })),
            ("PATCH", "/namespaces/{name}") => {
                owner.call(Method::PATCH, "namespaces/staging").json(&json!({ "protected": true }))
            }
            ("DELETE", "/namespaces/{name}") => owner.delete("namespaces/doomed"),
            ("POST", "/apps") => owner.post("apps").json(&json!({ "id": "new" })),
            ("DELETE", "/apps/{id}") => owner.delete("apps/doomed"),
            ("PUT", "/functions/{name}") => owner.put("functions/new").json(&function),
            ("DELETE", "/functions/{name}") => owner.delete("functions/doomed"),
            ("POST", "/functions/{name}/rollback") => owner.post("functions/rolled/rollback").json(&json!({})),
            ("PUT", "/jobs/{name}") => owner.put("jobs/new").json(&job),
            ("DELETE", "/jobs/{name}") => owner.delete("jobs/doomed"),
            ("POST", "/jobs/{name}/rollback") => owner.post("jobs/rolled/rollback").json(&json!({})),
            ("POST", "/jobs/{name}/runs") => {
                owner.post("jobs/rolled/runs").json(&json!({ "payload": { "x": plant() } }))
            }
            ("POST", "/runs/{run}/retry") => owner.post(&format!("runs/{}/retry", self.ids["dead run"])),
            ("POST", "/runs/{run}/cancel") => owner.post(&format!("runs/{}/cancel", self.ids["endless run"])),
            _ => return None,
        })
    }

    fn on_factors(&self, method: &str, path: &str) -> Option<Call> {
        let anonymous = self.instance.anonymous();
        let code = |which: &str| json!({ "code": self.ids[which] });
        let (who, call) = match (method, path) {
            ("POST", "/api/v1/session/factor") => ("beginner", anonymous.post(path).json(&json!({}))),
            ("PUT", "/api/v1/session/factor") => {
                ("confirmer", anonymous.put(path).json(&json!({ "code": factor::code(&self.ids["secret"], 0) })))
            }
            ("POST", "/api/v1/session/factor/recovery") => {
                ("renewer", anonymous.post(path).json(&code("renewing code")))
            }
            ("POST", "/api/v1/session/factor/remove") => ("remover", anonymous.post(path).json(&code("removing code"))),
            ("POST", "/api/v1/logins/claim") => {
                let body = json!({ "device_code": self.ids["device code"] });
                return Some(anonymous.post(path).json(&body).unwitnessed());
            }
            ("DELETE", "/api/v1/users/{name}/factor") => {
                return Some(self.owner.delete("/api/v1/users/forgetful/factor"));
            }
            _ => return None,
        };
        Some(self.sessions[who].sign(call.unwitnessed()))
    }

    fn on_trust(&self, method: &str, path: &str) -> Option<Call> {
        let (owner, plant) = (&self.owner, || self.instance.plant());
        Some(match (method, path) {
            ("POST", "/issuers") => {
                let body = json!({ "name": "new", "issuer": "https://new.example.com", "audience": "shop", "shared_key": plant() });
                owner.post("issuers").json(&body)
            }
            ("DELETE", "/issuers/{name}") => owner.delete("issuers/doomed"),
            ("POST", "/trusts") => {
                owner.post("trusts").json(&trust("new", &Issuer::published("https://new.example.com")))
            }
            ("DELETE", "/trusts/{name}") => owner.delete("trusts/doomed"),
            ("POST", "/api/v1/login/jwt") => {
                let body = json!({ "trust": "ci", "jwt": self.ids["workload's token"] });
                self.instance.anonymous().post("/api/v1/login/jwt").json(&body).unwitnessed()
            }
            _ => return None,
        })
    }

    fn on_access(&self, method: &str, path: &str) -> Option<Call> {
        let (owner, plant) = (&self.owner, || self.instance.plant());
        Some(match (method, path) {
            ("POST", "/tokens") => {
                owner.post("tokens").json(&json!({ "name": "new", "capabilities": ["secrets:list"] })).unwitnessed()
            }
            ("DELETE", "/tokens/{id}") => owner.delete(&format!("tokens/{}", self.ids["token"])),
            ("POST", "/links") => owner.post("links").json(&json!({ "secrets": [{ "name": "ASKED" }] })).unwitnessed(),
            ("DELETE", "/links/{id}") => owner.delete(&format!("links/{}", self.ids["link"])),
            ("POST", "/api/v1/fill") => {
                let body = json!({ "code": self.ids["code"], "secrets": { "BY_FILL": plant() } });
                self.instance.anonymous().post("/api/v1/fill").json(&body)
            }
            ("POST", "/api/v1/session") => {
                let body = json!({ "name": "ada", "password": PASSWORD });
                self.instance.anonymous().post("/api/v1/session").json(&body).unwitnessed()
            }
            ("DELETE", "/api/v1/session") => {
                self.sessions["out"].sign(self.instance.anonymous().delete("/api/v1/session"))
            }
            ("PUT", "/api/v1/session/password") => {
                let body = json!({ "password": PASSWORD, "new_password": "seven other planted words for nobody" });
                let call = self.instance.anonymous().put("/api/v1/session/password").json(&body).unwitnessed();
                self.sessions["changer"].sign(call)
            }
            ("DELETE", "/api/v1/sessions/{id}") => {
                let path = format!("/api/v1/sessions/{}", self.sessions["ended"].id);
                self.sessions["ender"].sign(self.instance.anonymous().delete(&path))
            }
            ("POST", "/api/v1/invitations") => {
                owner.post("/api/v1/invitations").json(&json!({ "name": "new" })).unwitnessed()
            }
            ("POST", "/api/v1/invitations/accept") => {
                let body = json!({ "code": self.ids["invited"], "password": PASSWORD });
                self.instance.anonymous().post("/api/v1/invitations/accept").json(&body).unwitnessed()
            }
            ("DELETE", "/api/v1/invitations/{id}") => {
                owner.delete(&format!("/api/v1/invitations/{}", self.ids["withdrawn"]))
            }
            ("PATCH", "/api/v1/users/{name}") => {
                owner.call(Method::PATCH, "/api/v1/users/edited").json(&json!({ "disabled": true }))
            }
            ("DELETE", "/api/v1/users/{name}") => owner.delete("/api/v1/users/leaver"),
            ("POST", "/api/v1/session/opening") => owner.post("/api/v1/session/opening").json(&json!({})).unwitnessed(),
            ("PUT", "/members/{name}") => {
                owner.in_project("team").put("members/ada").json(&json!({ "role": "viewer" }))
            }
            ("DELETE", "/members/{name}") => owner.in_project("leaving").delete("members/ada"),
            ("POST", "/audit/anchors") => owner.post("audit/anchors"),
            ("PATCH", "") => owner.call(Method::PATCH, ".").json(&json!({ "value_hints": true })),
            ("DELETE", "") => owner.in_project("doomed").delete(".?confirm=doomed"),
            ("POST", "/api/v1/projects") => owner.post("/api/v1/projects").json(&json!({ "name": "new" })),
            _ => return None,
        })
    }
}

/// The record of this request, if there is one.
async fn record(owner: &Client, answer: &Answer) -> Option<Value> {
    let id = answer.header("x-request-id");
    let found = owner.get(&format!("audit?everything=true&limit=1000&search={id}")).send().await.expect(200).json();
    found["items"].as_array().unwrap().iter().find(|record| record["request_id"] == id).cloned()
}

#[tokio::test]
async fn attack_36_every_operation_that_changes_or_delivers_leaves_a_record() {
    let world = world().await;
    let document = world.owner.get("/api/v1/openapi.json").send().await.expect(200).json();
    let (mut unknown, mut silent) = (Vec::new(), Vec::new());
    let mut paths: Vec<_> = document["paths"].as_object().unwrap().iter().collect();
    // sessions first: changes of membership end them
    paths.sort_by_key(|(path, _)| !path.starts_with("/api/v1/session"));
    for (path, operations) in paths {
        for method in operations.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let method = method.to_uppercase();
            let below = path.strip_prefix("/api/v1/projects/{project}").unwrap_or(path);
            let is_unaudited = UNAUDITED.iter().any(|(of, at, _)| (*of, *at) == (&method, below));
            let delivers = DELIVERIES.contains(&(method.as_str(), below));
            if is_unaudited || (method == "GET" && !delivers) {
                continue;
            }
            let answer = match world.call(&method, path) {
                Some(call) => &call.send().await,
                None if below == "/api/v1/setup" => &world.setup,
                None => {
                    unknown.push(format!("{method} {path}"));
                    continue;
                }
            };
            assert!(answer.status < 300, "{method} {path} was to succeed: {} {}", answer.status, told(answer));
            match record(&world.owner, answer).await {
                Some(record) => assert_eq!(record["result"], "ok", "{method} {path}: {record}"),
                None => silent.push(format!("{method} {path}")),
            }
        }
    }
    assert!(silent.is_empty(), "these leave no record: {silent:?}");
    assert!(unknown.is_empty(), "say in coverage.rs how these are called, or why they leave no record: {unknown:?}");
    // headers, cookies, values of every operation: nothing of them stands in the trail, in any form
    let trail = world.owner.get("audit?everything=true&limit=1000").send().await.expect(200).text();
    for format in ["jsonl", "csv"] {
        world.instance.cli(["audit", "export", "--format", format]).await.ok();
    }
    assert!(trail.contains("secret.set"));
    world.instance.close().await;
}

/// A problem's text, which holds no value.
fn told(answer: &Answer) -> String {
    answer.json().get("detail").map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn attack_35_numbers_booleans_and_raw_bytes_that_are_sent_come_into_no_record() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let number = 918_273_645_546_372_819_u64;
    for value in [json!(number), json!(-1.25e-300), json!(true), json!([number]), json!({ "a": number }), json!(null)] {
        for path in ["secrets/A", "settings/secrets/A"] {
            let answer = owner.put(path).json(&json!({ "value": value })).send().await;
            assert!(answer.status < 500, "{path}: {}", answer.status);
        }
        owner.put("secrets").json(&json!({ "secrets": { "A": value } })).send().await.problem(400, "invalid");
        owner.post("tokens").json(&json!({ "name": value, "capabilities": [] })).send().await.problem(400, "invalid");
        owner.post("namespaces").json(&json!({ "name": value })).send().await.problem(400, "invalid");
    }
    let planted = instance.plant_plain();
    let (raw, bad) = (planted.clone().into_bytes(), [b"\xff\xfe", planted.as_bytes()].concat());
    for body in [raw, bad, format!("[\"{planted}\"]").into_bytes()] {
        for media in ["application/json", "application/octet-stream", "text/plain"] {
            let answer = owner.put("secrets").header("content-type", media).body(body.clone()).send().await;
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
    }
    let basic = format!("Basic {planted}");
    instance.anonymous().get("secrets").header("authorization", &basic).send().await.problem(401, "unauthenticated");
    let trail = owner.get("audit?everything=true&limit=1000").send().await.expect(200).text();
    assert!(!trail.contains(&number.to_string()), "a number that was sent stands in the trail");
    assert!(!instance.log().contains(&number.to_string()), "a number that was sent stands in the log");
    instance.close().await;
}
