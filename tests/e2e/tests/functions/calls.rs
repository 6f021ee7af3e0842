//! What of a request reaches a function, and what of its answer reaches the caller.

use http::Method;
use serde_json::{Value, json};
use strongroom_e2e::functions::{deploy, open, path};
use strongroom_e2e::{Instance, wait};

const ECHO: &str = "export default async (req) => Response.json({
  method: req.method, url: req.url, headers: Object.fromEntries(req.headers), body: await req.text(),
});\n";

#[tokio::test]
async fn functions_and_management_are_two_origins() {
    let instance = Instance::start().await;
    deploy(&instance.owner(), "echo", &open(), ECHO).await;
    instance.anonymous().get(&path("echo")).send().await.problem(401, "unauthenticated");
    instance.owner().get(&path("echo")).send().await.problem(404, "not_found");
    let token = instance.owner().token().unwrap().to_owned();
    let caller = instance.caller().with_token(&token);
    for other in
        ["/api/v1/projects/default/secrets", "/api/v1/openapi.json", "/api/docs", "/healthz", "/", "/fn/default"]
    {
        caller.get(other).send().await.problem(404, "not_found");
    }
    instance.close().await;
}

#[tokio::test]
async fn method_path_query_and_body_arrive() {
    let instance = Instance::start().await;
    deploy(&instance.owner(), "echo", &open(), ECHO).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        let at = format!("{}/a/b%20c?q=1&q=2", path("echo"));
        let seen = instance.caller().call(method.clone(), &at).body("päckchen").send().await.expect(200).json();
        assert_eq!(seen["method"], method.as_str());
        assert!(seen["url"].as_str().unwrap().ends_with("/a/b%20c?q=1&q=2"), "{seen}");
        assert_eq!(seen["body"], "päckchen");
        assert_eq!(seen["headers"]["x-forwarded-prefix"], path("echo"));
    }
    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let bundle = "export default async (req) => new Response(await req.arrayBuffer());\n";
    deploy(&instance.owner(), "bytes", &open(), bundle).await;
    let back = instance.caller().call(Method::POST, &path("bytes")).body(binary.clone()).send().await.expect(200);
    assert!(back.body == binary, "bytes were changed on the way");
    instance.close().await;
}

#[tokio::test]
async fn credentials_cookies_and_headers_of_strongroom_never_arrive() {
    let instance = Instance::start().await;
    let private = json!({ "auth": "token" });
    deploy(&instance.owner(), "echo", &private, ECHO).await;
    let (token, _) = instance.mint(&["functions:invoke"]).await;
    let call = instance.caller().with_token(&token).get(&path("echo"));
    let call = call.header("cookie", "a=1; strongroom_session=x; __Host-strongroom_csrf=y; b=2");
    let call =
        call.header("x-strongroom-epoch", "99").header("X-Strongroom-Execution", "forged").header("x-own", "kept");
    let seen = call.send().await.expect(200).json();
    let headers = seen["headers"].as_object().unwrap();
    assert!(headers.keys().all(|name| !name.starts_with("x-strongroom-")), "{seen}");
    assert!(!headers.contains_key("authorization"), "{seen}");
    assert_eq!(headers["cookie"], "a=1; b=2");
    assert_eq!(headers["x-own"], "kept");
    deploy(&instance.owner(), "echo", &open(), ECHO).await;
    let other =
        instance.caller().get(&path("echo")).header("authorization", "Bearer of-another-application").send().await;
    assert_eq!(other.expect(200).json()["headers"]["authorization"], "Bearer of-another-application");
    instance.close().await;
}

#[tokio::test]
async fn cookies_are_set_but_never_strongrooms_own() {
    let instance = Instance::start().await;
    let bundle = "export default () => { const headers = new Headers(); for (const cookie of ['a=1; Path=/', 'b=2', 'strongroom_session=forged', '__Host-strongroom_x=forged'])
        headers.append('set-cookie', cookie); return new Response('ok', { status: 201, headers }); };\n";
    deploy(&instance.owner(), "cookies", &open(), bundle).await;
    let answer = instance.caller().get(&path("cookies")).send().await.expect(201);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    instance.close().await;
}

#[tokio::test]
async fn who_may_call_is_what_the_manifest_says() {
    let instance = Instance::start().await;
    deploy(&instance.owner(), "private", &json!({}), "export default () => new Response('in');\n").await;
    instance.caller().get(&path("private")).send().await.problem(401, "unauthenticated");
    let (wrong, _) = instance.mint(&["secrets:list"]).await;
    instance.caller().with_token(&wrong).get(&path("private")).send().await.problem(403, "forbidden");
    let (right, record) = instance.mint(&["functions:invoke"]).await;
    let caller = instance.caller().with_token(&right);
    assert_eq!(caller.get(&path("private")).send().await.expect(200).text(), "in");
    instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    caller.get(&path("private")).send().await.problem(401, "unauthenticated");
    instance.close().await;
}

#[tokio::test]
async fn another_projects_token_finds_no_function() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    let body = json!({ "name": "foreign", "capabilities": ["functions:invoke"] });
    let made = owner.in_project("other").post("tokens").json(&body).unwitnessed().send().await.expect(201).json();
    let foreign = instance.caller().with_token(made["token"].as_str().unwrap());
    deploy(&owner, "private", &json!({}), "export default () => new Response('in');\n").await;
    let there = foreign.get(&path("private")).send().await;
    let nowhere = foreign.get(&path("nothing")).send().await;
    assert_eq!((there.status, nowhere.status), (404, 404));
    instance.close().await;
}

#[tokio::test]
async fn failures_tell_callers_nothing_and_the_log_everything() {
    let instance = Instance::start().await;
    let bundle = "function deep() { throw new Error('the inner reason'); }\nexport default () => deep();\n";
    deploy(&instance.owner(), "failing", &open(), bundle).await;
    let answer = instance.caller().get(&path("failing")).send().await.expect(500);
    let body = answer.json();
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["error", "request_id"]);
    assert_eq!(body["error"], "internal error");
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    let logged = wait::eventually("the error in the log", || async {
        let path = format!("logs?level=error&execution={}", answer.header("x-request-id"));
        let logs = instance.owner().get(&path).send().await.expect(200).json();
        logs["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["message"].to_string().contains("the inner reason"))
            .cloned()
    });
    assert_eq!(logged.await["function"], "failing");
    instance.close().await;
}

#[tokio::test]
async fn a_missing_secret_is_answered_by_exactly_an_internal_error() {
    let instance = Instance::start().await;
    let bundle = "export default async (req, ctx) => { try { await ctx.secrets.get('ABSENT'); } catch (error) {
        if (error.name !== 'SecretNotFoundError' || error.secret !== 'ABSENT') return new Response('another error');
        throw error; } };\n";
    deploy(&instance.owner(), "needy", &open(), bundle).await;
    let answer = instance.caller().get(&path("needy")).send().await.expect(500);
    assert_eq!(answer.json(), json!({ "error": "internal error", "request_id": answer.header("x-request-id") }));
    assert_eq!(answer.header("content-type"), "application/json");
    wait::eventually("how to set it, in the log", || async {
        let logs: Value =
            instance.owner().get("logs?search=strongroom%20secrets%20set%20ABSENT").send().await.expect(200).json();
        (!logs["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    instance.close().await;
}
