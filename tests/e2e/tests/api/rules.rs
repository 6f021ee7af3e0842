//! The rules that all endpoints share: errors, unknown fields, methods, sizes, hosts, origins, caching.

use http::Method;
use serde_json::json;
use strongroom_e2e::Instance;

#[tokio::test]
async fn refusals_are_problem_details_with_a_stable_code() {
    let instance = Instance::start().await;
    let (owner, anonymous) = (instance.owner(), instance.anonymous());
    let problem = anonymous.get("secrets").send().await;
    assert_eq!(problem.header("www-authenticate"), "Bearer");
    problem.problem(401, "unauthenticated");
    owner.get("secrets/MISSING").send().await.problem(404, "not_found");
    owner.get("/api/v1/nothing").send().await.problem(404, "not_found");
    owner.get("/api").send().await.problem(404, "not_found");
    owner.delete("stats").send().await.problem(405, "method_not_allowed");
    owner.post("secrets").body("{}").send().await.problem(415, "unsupported_media");
    owner.in_project("elsewhere").get("secrets").send().await.problem(404, "not_found");
    let shown = owner.get("secrets/MISSING").send().await.problem(404, "not_found");
    assert_eq!(shown["type"], "urn:strongroom:problem:not_found");
    instance.close().await;
}

#[tokio::test]
async fn unknown_fields_and_parameters_are_refused_by_name() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let said =
        |problem: serde_json::Value, name: &str| assert!(problem.to_string().contains(name), "{name}: {problem}");
    said(owner.get("secrets?colour=red").send().await.problem(400, "invalid"), "colour");
    said(owner.get("resolve?nmaes=A").send().await.problem(400, "invalid"), "nmaes");
    said(owner.get("stats?x=1").send().await.problem(400, "invalid"), "x");
    said(owner.get("audit?limt=1").send().await.problem(400, "invalid"), "limt");
    said(owner.delete("secrets/A?forse=true").send().await.problem(400, "invalid"), "forse");
    let body = json!({ "secrets": { "A": "x" }, "descriptoin": "y" });
    said(owner.put("secrets").json(&body).send().await.problem(400, "invalid"), "descriptoin");
    said(
        owner
            .post("tokens")
            .json(&json!({ "name": "x", "capabilities": ["admin"], "scope": "y" }))
            .send()
            .await
            .problem(400, "invalid"),
        "scope",
    );
    instance.close().await;
}

#[tokio::test]
async fn bad_json_is_told_by_its_place_and_never_repeated() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let value = instance.plant_plain();
    for body in [
        format!("{{\"secrets\": {{\"A\": \"{value}\""),
        format!("{{\"secrets\": {{\"A\": {value}}}}}"),
        format!("{{\"secrets\": \"{value}\"}}"),
        format!("{{\"secrets\": {{\"A\": [\"{value}\"]}}}}"),
        format!("{{\"secrets\": {{\"A\": \"x\"}}, \"force\": \"{value}\"}}"),
        format!("{{\"secrets\": {{\"A\": \"x\"}}, \"scope\": \"{value}\"}}"),
        format!("{{\"secrets\": {{\"A\": \"x\"}}, \"expires_at\": \"{value}\"}}"),
        format!("{{\"secrets\": {{\"A\": \"x\"}}, \"namespace\": \"{value}!\"}}"),
        value,
    ] {
        owner.put("secrets").header("content-type", "application/json").body(body).send().await.problem(400, "invalid");
    }
    instance.close().await;
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let long = "x".repeat(1_100_000);
    let answer = owner.put("secrets").json(&json!({ "secrets": { "A": long } })).send().await;
    answer.problem(413, "too_large");
    let value = "v".repeat(65_536);
    owner.put("secrets").json(&json!({ "secrets": { "A": value } })).send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn hosts_that_this_server_does_not_answer_for_are_refused() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let with = async |host: &str| owner.get("secrets").header("host", host).send().await;
    let port = instance.management().port();
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", ""] {
        with(host).await.problem(400, "invalid");
    }
    for host in [format!("localhost:{port}"), "localhost".to_owned(), format!("127.0.0.1:{port}"), "[::1]".to_owned()] {
        with(&host).await.expect(200);
    }
    instance.close().await;
}

#[tokio::test]
async fn other_origins_get_no_permission() {
    let instance = Instance::start().await;
    let preflight = instance.anonymous().call(Method::OPTIONS, "secrets").header("origin", "https://evil.example");
    let preflight = preflight.header("access-control-request-method", "PUT").send().await;
    let plain = instance.owner().get("secrets").header("origin", "https://evil.example").send().await;
    for answer in [preflight, plain] {
        assert!(
            !answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")),
            "{:?}",
            answer.headers
        );
    }
    instance.close().await;
}

#[tokio::test]
async fn no_answer_may_be_stored() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", &instance.plant()).await;
    owner.call(Method::PATCH, ".").json(&json!({ "allow_reveal": true })).send().await.expect(200);
    for call in [
        owner.get("resolve"),
        owner.get("export"),
        owner.post("secrets/A/reveal"),
        owner.get("secrets"),
        owner.get("secrets/B"),
    ] {
        let answer = call.send().await;
        assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.line);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{}", answer.line);
    }
    instance.close().await;
}

#[tokio::test]
async fn health_and_the_api_description_are_open_and_tell_nothing() {
    let instance = Instance::start().await;
    let anonymous = instance.anonymous();
    for path in ["/healthz", "/readyz", "/api/v1/openapi.json", "/api/docs"] {
        anonymous.get(path).send().await.expect(200);
    }
    let document = anonymous.get("/api/v1/openapi.json").send().await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for path in ["/api/v1/server", "/api/v1/whoami", "/api/v1/projects", "/metrics"] {
        let status = anonymous.get(path).send().await.status;
        assert!(matches!(status, 401 | 404), "{path}: {status}");
    }
    instance.close().await;
}

#[tokio::test]
async fn revealing_is_off_until_the_project_allows_it_and_is_recorded() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let value = instance.plant();
    owner.set("A", &value).await;
    owner.post("secrets/A/reveal").send().await.problem(403, "forbidden");
    owner.call(Method::PATCH, ".").json(&json!({ "allow_reveal": true })).send().await.expect(200);
    let revealed = owner.post("secrets/A/reveal").send().await.expect(200).json();
    assert!(revealed["value"] == value);
    let records = owner.get("audit?action=values.reveal").send().await.expect(200).json();
    assert_eq!(records["items"].as_array().unwrap().len(), 1, "{records}");
    instance.close().await;
}

#[tokio::test]
async fn the_socket_alone_grants_nothing() {
    let instance = Instance::start().await;
    let socket = instance.socket();
    socket.get("secrets").send().await.problem(401, "unauthenticated");
    let token = instance.owner().token().unwrap().to_owned();
    socket.with_token(&token).get("secrets").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn an_empty_list_of_names_does_not_mean_all_of_them() {
    let instance = Instance::start().await;
    instance.owner().set("A", &instance.plant()).await;
    for query in ["names=", "names=,", "names=A,", "names=A,A"] {
        instance.owner().get(&format!("resolve?{query}")).send().await.problem(400, "invalid");
    }
    instance.close().await;
}

#[tokio::test]
async fn a_repeated_post_with_the_same_key_is_done_once() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let post =
        async |body: serde_json::Value| owner.post("secrets").header("idempotency-key", "k").json(&body).send().await;
    let body = json!({ "name": "A", "value": instance.plant() });
    let first = post(body.clone()).await.expect(201).json();
    let again = post(body).await.expect(201).json();
    assert_eq!(first, again);
    post(json!({ "name": "B", "value": instance.plant() })).await.problem(409, "conflict");
    owner.get("secrets/B").send().await.problem(404, "not_found");
    assert_eq!(owner.get("secrets/A").send().await.expect(200).json()["version"], 1);
    instance.close().await;
}
