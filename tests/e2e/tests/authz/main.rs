//! Who gets through which door: every route of the server (`docs/routes.txt`, made from the router itself) with everybody
//! who may come. No route and no caller is left out; what is public is shown to be public.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod callers;
mod table;
mod tokens;

use std::collections::BTreeSet;

use callers::{Caller, Standing, enter};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::routes::{all as routes, is_page};
use strongroom_e2e::{Answer, Instance};
use table::{Right, right, stale};

/// Everything that a token may hold.
const CAPABILITIES: [&str; 11] = [
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
    "admin",
];

/// The methods by which a route is called.
fn methods(method: &'static str) -> Vec<&'static str> {
    if method == "ANY" { vec!["GET", "POST", "PUT", "PATCH", "DELETE"] } else { vec![method] }
}

/// One call of a route, with things that do not exist for its parameters; the function is there.
async fn call(instance: &Instance, caller: &Caller, (method, path): (&str, &str), project: &str) -> Answer {
    let asset = if path.contains("{file}") { asset(instance).await } else { String::new() };
    let at = path
        .replace("{project}", project)
        .replace("{namespace}", "default")
        .replace("{function}", "guarded")
        .replace("{*path}", "any")
        .replace("{file}", &asset);
    let at = ["{name}", "{id}", "{run}", "{code}"].iter().fold(at, |at, part| at.replace(part, "nothing"));
    assert!(!at.contains('{'), "{path}: say here what stands for its parameter");
    let client = if path.starts_with("/fn/") { instance.caller() } else { instance.anonymous() };
    let call = caller.sign(client.call(method.parse().unwrap(), &at), method, path);
    if path.ends_with("/events") {
        // it has no end
        let (status, headers, _) = call.stream().await;
        return Answer { line: format!("{method} {path}"), status, headers, body: bytes::Bytes::new() };
    }
    call.unwitnessed().send().await
}

/// The name of a file that the pages use.
async fn asset(instance: &Instance) -> String {
    let page = instance.anonymous().get("/sign-in").send().await.expect(200).text();
    page.split("\"/assets/").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// What is wrong with the answer that a caller gets, if anything is.
fn fault(caller: &Caller, (method, path): (&str, &str), right: Right, answer: &Answer) -> Option<String> {
    let is_refused = |statuses: &[u16]| statuses.contains(&answer.status);
    // the figures are for those who read the logs of the project `default`
    let in_project = path.contains("{project}") || path.starts_with("/api/v1/admin/") || path == "/metrics";
    // under this path a token is in its own project, wherever that is
    let is_at_home = path.starts_with("/api/v1/admin/") && !caller.has_session();
    let is_right = match (right, caller.standing) {
        (Right::Public, _) => answer.status < 400,
        (Right::Code, _) => (400..500).contains(&answer.status),
        (Right::EndUser, _) if caller.standing != Standing::EndUser => answer.status == 401,
        (_, Standing::Nobody) if is_page(path) && method == "GET" && caller.is_browser() => {
            answer.status == 303 && answer.header("location").starts_with("/sign-in")
        }
        (_, Standing::Nobody) => answer.status == 401,
        (_, Standing::EndUser) if right != Right::EndUser => answer.status == 401,
        (Right::Call, _) if caller.has_session() => answer.status == 401,
        (Right::Members | Right::Instance | Right::Own, Standing::InstanceAdmin) | (Right::EndUser, _) => {
            passes(answer)
        }
        // told to whoever asks: it is the same for a project that is not there
        (Right::Instance, Standing::Stranger) => answer.status == 403,
        (_, Standing::Stranger | Standing::InstanceAdmin) if in_project && !is_at_home => answer.status == 404,
        (Right::Leaves, _) if caller.has_session() => answer.status < 400,
        (Right::Own, _) if caller.has_session() => passes(answer),
        // a token has no session and no password
        (Right::Own | Right::Leaves, _) => !is_refused(&[401]),
        (_, standing) if may(right, standing, caller.has_session()) => passes(answer),
        _ => answer.status == 403,
    };
    (!is_right).then(|| format!("{method} {path} ({right:?}) answers {} to {}", answer.status, caller.name))
}

fn passes(answer: &Answer) -> bool {
    let is_led_away = answer.status == 303 && answer.header("location").starts_with("/sign-in");
    !matches!(answer.status, 401 | 403 | 405 | 429 | 500..) && !is_led_away
}

/// Whether somebody of the project may do what takes `right`.
fn may(right: Right, standing: Standing, has_session: bool) -> bool {
    let holds = |capability: &str| match standing {
        // `admin` allows everything in the project, and who may write may declare
        Standing::Holds("admin") | Standing::Member("founder" | "owner" | "admin") | Standing::Stranger => true,
        Standing::Member("developer") => capability != "audit:read" && capability != "admin",
        Standing::Member(_) => ["secrets:list", "logs:read"].contains(&capability),
        Standing::Holds(held) => held == capability || (held == "secrets:write" && capability == "secrets:declare"),
        Standing::Nobody | Standing::EndUser | Standing::InstanceAdmin => false,
    };
    match right {
        Right::Capability(capability) => holds(capability),
        Right::Several(all) => all.iter().all(|capability| holds(capability)),
        Right::Values => holds("values:read") && !has_session,
        Right::Call => holds("functions:invoke"),
        Right::Members => holds("admin"),
        Right::Instance | Right::Both => standing == Standing::Member("founder"),
        Right::Local | Right::EndUser => false,
        Right::Public | Right::Code | Right::Own | Right::Leaves => true,
    }
}

/// Sends everybody through every route and tells all that is wrong at once.
async fn walk(instance: &Instance, mut callers: Vec<Caller>) {
    let mut faults = Vec::new();
    let mut routes = routes();
    // first, since to sign in anew takes a try, of which the rest of the walk leaves none
    routes.sort_by_key(|(method, path)| right(method, path) != Some(Right::Leaves));
    for (method, path) in routes {
        let right = right(method, path).unwrap_or_else(|| panic!("say in table.rs what {method} {path} takes"));
        for method in methods(method) {
            let calls = callers.iter().map(|caller| call(instance, caller, (method, path), "default"));
            let answers = join_all(calls).await;
            let told = callers.iter().zip(&answers);
            faults.extend(told.filter_map(|(caller, answer)| fault(caller, (method, path), right, answer)));
            if right == Right::Leaves {
                for caller in callers.iter_mut().filter(|caller| caller.has_session()) {
                    if caller.standing != Standing::Nobody {
                        caller.credential = enter(instance, &caller.name).await;
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} wrong answers:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_route_says_what_it_takes() {
    let routes = routes();
    let silent: Vec<_> = routes.iter().filter(|(method, path)| right(method, path).is_none()).collect();
    assert!(silent.is_empty(), "say in table.rs what these take: {silent:?}");
    let stale = stale(&routes);
    assert!(stale.is_empty(), "no route matches these lines of table.rs: {stale:?}");
}

#[tokio::test]
async fn nobody_gets_in_without_a_credential_that_is_valid_now() {
    let instance = callers::world().await;
    let callers = callers::nobodies(&instance).await;
    walk(&instance, callers).await;
    instance.close().await;
}

#[tokio::test]
async fn whoever_is_of_another_project_finds_nothing_here() {
    let instance = callers::world().await;
    let callers = callers::strangers(&instance).await;
    for (listed, path) in routes().into_iter().filter(|(_, path)| path.contains("{project}")) {
        let is_call = right(listed, path) == Some(Right::Call);
        for (caller, method) in
            callers.iter().flat_map(|caller| methods(listed).into_iter().map(move |one| (caller, one)))
        {
            let here = call(&instance, caller, (method, path), "default").await;
            let nowhere = call(&instance, caller, (method, path), "no-such-project").await;
            // who manages projects knows which there are; and that a function wants a token, it tells everybody
            let knows = caller.standing == Standing::InstanceAdmin || (is_call && caller.has_session());
            let told = (here.status, nowhere.status);
            assert!(
                told.0 == told.1 || knows,
                "{method} {path} tells {} whether a project exists: {told:?}",
                caller.name
            );
        }
    }
    let token = &callers[0];
    let known =
        token.sign(instance.anonymous().get("/api/v1/projects"), "GET", "/api/").send().await.expect(200).json();
    let names: Vec<&Value> = known["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["other"]);
    walk(&instance, callers).await;
    instance.close().await;
}

#[tokio::test]
async fn each_route_opens_to_those_alone_whose_right_it_takes() {
    let instance = callers::world().await;
    let callers = callers::members(&instance).await;
    walk(&instance, callers).await;
    let both = instance.client(&["values:read", "secrets:write"]).await;
    let copies = both.post("copies").json(&json!({})).send().await;
    assert!(passes(&copies), "{}", copies.status);
    // purging takes more than deleting
    let deleter = instance.client(&["secrets:delete", "secrets:list"]).await;
    deleter.delete("secrets/A?purge=true").send().await.problem(403, "forbidden");
    instance.close().await;
}

#[tokio::test]
async fn no_route_answers_a_method_that_the_list_of_routes_lacks() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let listed: BTreeSet<_> = routes().into_iter().collect();
    let paths: BTreeSet<_> = listed.iter().filter(|(method, _)| *method != "ANY").map(|(_, path)| *path).collect();
    let owner = Caller::new("owner", Standing::Nobody, callers::Credential::Bearer(owner.token().unwrap().to_owned()));
    let [user, _] = callers::end_users(&instance).await;
    for path in paths {
        let owner = if path.starts_with("/api/v1/me/") { &user } else { &owner };
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if !listed.contains(&(method, path)) {
                let answer = call(&instance, owner, (method, path), "default").await;
                assert_eq!(answer.status, 405, "{method} {path}");
            }
        }
    }
    let lost = instance.anonymous().call(Method::GET, "/fn/default").send().await;
    assert_eq!(lost.status, 401, "the functions' addresses are none of the other listener's");
    instance.close().await;
}

#[tokio::test]
async fn the_document_describes_every_route_of_the_api() {
    let instance = Instance::start().await;
    let document = instance.anonymous().get("/api/v1/openapi.json").send().await.expect(200).json();
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys().filter(|key| *key != "parameters");
        described.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    // the second mount is told in one sentence, and the document does not describe itself
    let is_told =
        |path: &str| !path.starts_with("/api/v1/admin/") && path != "/api/v1/admin" && path != "/api/v1/openapi.json";
    let of_programs = routes().into_iter().filter(|(_, path)| {
        (path.starts_with("/api/v1/") || ["/healthz", "/readyz", "/metrics"].contains(path)) && is_told(path)
    });
    let mounted: BTreeSet<_> = of_programs.map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(described, mounted);
    instance.close().await;
}
