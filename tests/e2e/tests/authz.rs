//! Every route that the served OpenAPI document names refuses callers without a right to it, and opens to one
//! capability alone. A route that stands in no table here fails the test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Answer, Client, Instance, wait};

/// What a route takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Right {
    /// Nothing at all.
    Public,
    /// The one-time code, or the password, that its body holds.
    Code,
    /// Any token; the answer is about the caller itself.
    Own,
    /// The instance's owner.
    Owner,
    /// One capability, or `admin`.
    Capability(&'static str),
    /// More than one capability.
    Several(&'static [&'static str]),
}

const LIST: Right = Right::Capability("secrets:list");
const DECLARE: Right = Right::Capability("secrets:declare");
const WRITE: Right = Right::Capability("secrets:write");
const DELETE: Right = Right::Capability("secrets:delete");
const VALUES: Right = Right::Capability("values:read");
const DEPLOY: Right = Right::Capability("functions:deploy");
const RUN: Right = Right::Capability("jobs:run");
const LOGS: Right = Right::Capability("logs:read");
const AUDIT: Right = Right::Capability("audit:read");
const ADMIN: Right = Right::Capability("admin");

/// Below `/api/v1/projects/{project}`.
const PROJECT: [(&str, &str, Right); 65] = [
    ("GET", "/links", WRITE),
    ("POST", "/links", WRITE),
    ("DELETE", "/links/{id}", WRITE),
    ("GET", "/members", ADMIN),
    ("PUT", "/members/{name}", ADMIN),
    ("DELETE", "/members/{name}", ADMIN),
    ("PATCH", "/namespaces/{name}", ADMIN),
    ("GET", "/secrets", LIST),
    ("POST", "/secrets", WRITE),
    ("PUT", "/secrets", WRITE),
    ("GET", "/secrets/{name}", LIST),
    ("PUT", "/secrets/{name}", WRITE),
    ("DELETE", "/secrets/{name}", DELETE),
    ("GET", "/secrets/{name}/history", LIST),
    ("POST", "/secrets/{name}/rollback", WRITE),
    ("POST", "/secrets/{name}/restore", WRITE),
    ("POST", "/secrets/{name}/reveal", VALUES),
    ("POST", "/declarations", DECLARE),
    ("GET", "/stats", LIST),
    ("POST", "/copies", Right::Several(&["values:read", "secrets:write"])),
    ("GET", "/diff", LIST),
    ("GET", "/export", VALUES),
    ("GET", "/resolve", VALUES),
    ("GET", "/resolution", LIST),
    ("GET", "/events", LIST),
    ("GET", "/settings/secrets", LIST),
    ("GET", "/settings/secrets/{name}", LIST),
    ("PUT", "/settings/secrets/{name}", WRITE),
    ("DELETE", "/settings/secrets/{name}", DELETE),
    ("GET", "/namespaces", LIST),
    ("POST", "/namespaces", ADMIN),
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
    ("GET", "/tokens", ADMIN),
    ("POST", "/tokens", ADMIN),
    ("DELETE", "/tokens/{id}", ADMIN),
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
    ("DELETE", "", Right::Owner),
];

const INSTANCE: [(&str, &str, Right); 24] = [
    ("POST", "/api/v1/setup", Right::Code),
    ("POST", "/api/v1/session", Right::Code),
    ("POST", "/api/v1/fill", Right::Code),
    ("POST", "/api/v1/fill/look", Right::Code),
    ("POST", "/api/v1/invitations/accept", Right::Code),
    ("GET", "/api/v1/session", Right::Own),
    ("DELETE", "/api/v1/session", Right::Own),
    ("PUT", "/api/v1/session/password", Right::Own),
    ("GET", "/api/v1/sessions", Right::Own),
    ("DELETE", "/api/v1/sessions/{id}", Right::Own),
    ("POST", "/api/v1/session/opening", Right::Owner),
    ("GET", "/api/v1/users", Right::Owner),
    ("PATCH", "/api/v1/users/{name}", Right::Owner),
    ("DELETE", "/api/v1/users/{name}", Right::Owner),
    ("GET", "/api/v1/invitations", Right::Owner),
    ("POST", "/api/v1/invitations", Right::Owner),
    ("DELETE", "/api/v1/invitations/{id}", Right::Owner),
    ("GET", "/healthz", Right::Public),
    ("GET", "/readyz", Right::Public),
    ("GET", "/metrics", LOGS),
    ("GET", "/api/v1/whoami", Right::Own),
    ("GET", "/api/v1/server", Right::Own),
    ("GET", "/api/v1/projects", Right::Own),
    ("POST", "/api/v1/projects", Right::Owner),
];

/// The right that a route of the document takes.
fn right(method: &str, path: &str) -> Right {
    let known = |table: &[(&str, &str, Right)], path: &str| {
        table.iter().find(|(its, at, _)| *its == method && *at == path).map(|(_, _, right)| *right)
    };
    let below = path.strip_prefix("/api/v1/projects/{project}").and_then(|path| known(&PROJECT, path));
    let Some(right) = below.or_else(|| known(&INSTANCE, path)) else {
        panic!("{method} {path} stands in no table: say here which right it takes");
    };
    right
}

/// Every route of the served document, with its path as a template.
async fn routes(instance: &Instance) -> Vec<(String, String)> {
    let document = instance.anonymous().get("/api/v1/openapi.json").send().await.expect(200).json();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys().filter(|key| *key != "parameters");
        routes.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    assert!(routes.len() >= 40, "only {} routes are documented", routes.len());
    routes
}

/// One call of a route, with things that do not exist for its parameters. An events stream is not read.
async fn call(client: &Client, method: &str, path: &str, project: &str) -> Answer {
    let path = path
        .replace("{project}", project)
        .replace("{name}", "nothing")
        .replace("{id}", "nothing")
        .replace("{run}", "nothing");
    let method: Method = method.parse().unwrap();
    let mut call = client.call(method.clone(), &path);
    if method != Method::GET && method != Method::DELETE {
        let body = if path == "/api/v1/projects" { json!({ "name": "another" }) } else { json!({}) };
        call = call.json(&body);
    }
    if path.ends_with("/events") {
        let (status, headers, _) = call.stream().await;
        return Answer { line: format!("{method} {path}"), status, headers, body: bytes() };
    }
    call.send().await
}

fn bytes() -> bytes::Bytes {
    bytes::Bytes::new()
}

#[tokio::test]
async fn nobody_passes_without_a_token_that_is_valid_now() {
    let instance = Instance::start().await;
    let (revoked, record) = instance.mint(&["admin"]).await;
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    let expiring = json!({ "name": "brief", "capabilities": ["admin"], "expires_at": "1s" });
    let (expired, _) = instance.mint_with(&expiring).await;
    let anonymous = instance.anonymous();
    wait::eventually("the token's end", || async {
        (anonymous.with_token(&expired).get("stats").send().await.status == 401).then_some(())
    })
    .await;
    let invented = format!("srt_{}", "A".repeat(revoked.len() - 4));
    for (method, path) in routes(&instance).await {
        let callers = [None, Some(&revoked), Some(&expired), Some(&invented)];
        for (index, token) in callers.into_iter().enumerate() {
            let client = token.map_or_else(|| anonymous.clone(), |token| anonymous.with_token(token));
            for mount in mounts(&path) {
                let status = call(&client, &method, &mount, "default").await.status;
                match right(&method, &path) {
                    Right::Public => assert_eq!(status, 200, "{method} {mount} as caller {index}"),
                    // no code, no entry, whatever else is brought along
                    Right::Code => {
                        assert!((400..500).contains(&status), "{method} {mount} as caller {index}: {status}");
                    }
                    _ => assert_eq!(status, 401, "{method} {mount} as caller {index}"),
                }
            }
        }
    }
    instance.close().await;
}

/// The route itself, and where it also answers under the caller's own project.
fn mounts(path: &str) -> Vec<String> {
    let below = path.strip_prefix("/api/v1/projects/{project}/");
    let admin = below.map(|below| format!("/api/v1/admin/{below}"));
    std::iter::once(path.to_owned()).chain(admin).collect()
}

#[tokio::test]
async fn another_projects_admin_finds_nothing_here() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    let body = json!({ "name": "foreign", "capabilities": ["admin"] });
    let made = owner.in_project("other").post("tokens").json(&body).unwitnessed().send().await.expect(201).json();
    let foreign = instance.anonymous().with_token(made["token"].as_str().unwrap());
    for (method, path) in routes(&instance).await.into_iter().filter(|(_, path)| path.contains("{project}")) {
        let answer = call(&foreign, &method, &path, "default").await;
        let missing = call(&foreign, &method, &path, "no-such-project").await;
        if right(&method, &path) == Right::Owner {
            assert!(matches!(answer.status, 403 | 404), "{method} {path}: {}", answer.status);
        } else {
            assert_eq!(answer.status, 404, "{method} {path}");
        }
        assert_eq!(answer.status, missing.status, "{method} {path} tells whether a project exists");
    }
    let known = foreign.get("/api/v1/projects").send().await.expect(200).json();
    let names: Vec<&Value> = known["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["other"]);
    instance.close().await;
}

#[tokio::test]
async fn each_route_opens_to_one_capability_alone() {
    const ALL: [&str; 10] = [
        "secrets:list",
        "secrets:declare",
        "secrets:write",
        "secrets:delete",
        "values:read",
        "functions:deploy",
        "functions:invoke",
        "jobs:run",
        "logs:read",
        "audit:read",
    ];
    let instance = Instance::start().await;
    let allowed = json!({ "allow_reveal": true });
    instance.owner().call(Method::PATCH, ".").json(&allowed).send().await.expect(200);
    let mut clients = Vec::new();
    for capability in ALL {
        clients.push((capability, instance.client(&[capability]).await));
    }
    for (method, path) in routes(&instance).await {
        let right = right(&method, &path);
        if matches!(right, Right::Public | Right::Code | Right::Own) {
            continue;
        }
        for (held, client) in &clients {
            let answer = call(client, &method, &path, "default").await;
            // who may write may declare
            if right == Right::Capability(held) || (right == DECLARE && *held == "secrets:write") {
                assert!(!matches!(answer.status, 401 | 403), "{method} {path} refuses {held}: {}", answer.status);
            } else {
                assert_eq!(answer.status, 403, "{method} {path} with {held}");
            }
        }
    }
    let both = instance.client(&["values:read", "secrets:write"]).await;
    let copies = call(&both, "POST", "/api/v1/projects/{project}/copies", "default").await;
    assert!(!matches!(copies.status, 401 | 403), "{}", copies.status);
    // `admin` is not the owner
    let admin = instance.client(&["admin"]).await;
    admin.delete(".?confirm=default").send().await.problem(403, "forbidden");
    admin.post("/api/v1/projects").json(&json!({ "name": "x" })).send().await.problem(403, "forbidden");
    // purging takes more than deleting
    let deleter = instance.client(&["secrets:delete", "secrets:list"]).await;
    deleter.delete("secrets/A?purge=true").send().await.problem(403, "forbidden");
    instance.close().await;
}

#[tokio::test]
async fn nobody_mints_a_token_wider_than_his_own() {
    let instance = Instance::start().await;
    instance.owner().post("namespaces").json(&json!({ "name": "staging" })).send().await.expect(201);
    let body = json!({ "name": "limited", "capabilities": ["admin"], "namespaces": ["staging"], "expires_at": "1h" });
    let (token, record) = instance.mint_with(&body).await;
    let limited = instance.anonymous().with_token(&token);
    let wide = json!({ "name": "wide", "capabilities": ["admin"] });
    limited.post("tokens").json(&wide).send().await.problem(403, "forbidden");
    let other = json!({ "name": "other", "capabilities": ["secrets:list"], "namespaces": ["default"] });
    limited.post("tokens").json(&other).send().await.problem(403, "forbidden");
    let own =
        json!({ "name": "own", "capabilities": ["secrets:list"], "namespaces": ["staging"], "expires_at": "90d" });
    let made = limited.post("tokens").json(&own).unwitnessed().send().await.expect(201).json();
    assert_eq!(made["expires_at"], record["expires_at"], "a child outlives its parent");
    instance.close().await;
}

#[tokio::test]
async fn tokens_minted_by_a_token_end_with_it() {
    let instance = Instance::start().await;
    let (parent, record) = instance.mint(&["admin"]).await;
    let body = json!({ "name": "child", "capabilities": ["secrets:list"] });
    let made = instance.anonymous().with_token(&parent).post("tokens").json(&body).unwitnessed().send().await;
    let child = instance.anonymous().with_token(made.expect(201).json()["token"].as_str().unwrap());
    child.get("secrets").send().await.expect(200);
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    child.get("secrets").send().await.problem(401, "unauthenticated");
    instance.close().await;
}

#[tokio::test]
async fn an_event_stream_tells_nothing_after_its_token_has_ended() {
    let instance = Instance::start().await;
    let (token, record) = instance.mint(&["secrets:list"]).await;
    let (status, _, mut stream) = instance.anonymous().with_token(&token).get("events").stream().await;
    assert_eq!(status, 200);
    instance.owner().set("BEFORE", &instance.plant()).await;
    assert!(stream.until("\n\n").await.contains("BEFORE"));
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    instance.owner().set("AFTER", &instance.plant()).await;
    let rest = wait::in_time("the stream's end", stream.rest()).await;
    assert!(!String::from_utf8_lossy(&rest).contains("AFTER"), "a revoked token still hears of changes");
    instance.close().await;
}

#[tokio::test]
async fn a_long_poll_delivers_nothing_after_its_token_has_ended() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("KEY", &instance.plant()).await;
    let (token, record) = instance.mint(&["values:read"]).await;
    let client = instance.anonymous().with_token(&token);
    let tag = client.get("resolve").send().await.expect(200).header("etag").to_owned();
    let poll = tokio::spawn(async move { client.get("resolve?wait=25s").header("if-none-match", &tag).send().await });
    // the poll is under way; were it not, it would be refused at the door
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    owner.delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    owner.set("KEY", &instance.plant()).await;
    wait::in_time("the poll", poll).await.unwrap().problem(401, "unauthenticated");
    instance.close().await;
}
