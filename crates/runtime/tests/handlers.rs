//! Every handler shape, on a real Deno.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use support::{World, spec};

#[tokio::test]
async fn a_default_function_answers_and_sees_the_public_address() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let spec = Arc::new(spec(
        "export default async function handler(req, ctx) { return new Response([req.method, req.url, await req.text(), secrets.get('API_KEY'), ctx.env.TIER].join('|')); }",
    ));
    let answer = world.post(&spec, "/a/b?x=1", "body").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text, "POST|https://fn.example.test/fn/shop/a/b?x=1|body|value-of-api-key|gold");
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("x-strongroom")));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn define_function_gets_input_and_its_result_is_json() {
    let world = World::new();
    let spec = Arc::new(spec(
        "export default { [Symbol.for('strongroom.function')]: true, name: 'x', handler: ({input, ctx}) => ({ got: input, id: ctx.executionId, method: ctx.request.method }) }",
    ));
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let posted = json(&world.post(&spec, "/", r#"{"a":[1,2]}"#).await.text);
    assert_eq!(posted["got"]["a"][1], 2);
    assert!(posted["id"].as_str().unwrap().starts_with("exec-"));
    let asked = json(&world.get(&spec, "/?q=1&q=2&r=3").await.text);
    assert_eq!(asked["got"], serde_json::json!({"q": ["1", "2"], "r": "3"}));
    let broken = world.post(&spec, "/", "{").await;
    assert_eq!(broken.status, 400);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn deno_serve_in_its_three_forms_is_captured() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    for code in ["Deno.serve(h)", "Deno.serve({ port: 1234, onListen() {} }, h)", "Deno.serve({ handler: h })"] {
        let code = format!(
            "const h = (req, info) => new Response(Deno.env.get('API_KEY') + info.remoteAddr.transport); {code};"
        );
        let answer = world.get(&Arc::new(spec(&code)), "/").await;
        assert_eq!(answer.text, "value-of-api-keytcp");
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_fetch_object_gets_env_and_ctx() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "export default { async fetch(req, env, ctx) { return new Response([env.API_KEY, env.TIER, typeof env.toString, await ctx.secrets.get('API_KEY')].join('|')); } }";
    let answer = world.get(&Arc::new(spec(code)), "/").await;
    assert_eq!(answer.text, "value-of-api-key|gold|undefined|value-of-api-key");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_uncaught_error_shows_the_caller_nothing_and_the_log_everything() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "export default () => { throw new Error('because of ' + secrets.get('API_KEY')) }";
    let answer = world.get(&Arc::new(spec(code)), "/").await;
    assert_eq!(answer.status, 500);
    let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(body["error"], "internal error");
    assert!(body["request_id"].as_str().unwrap().starts_with("exec-"));
    assert_eq!(body.as_object().unwrap().len(), 2);
    let line = world.log_line("because of").await;
    assert!(line.contains("because of [masked]") && line.contains("main.js"), "{line}");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn code_without_a_handler_fails_to_start_with_a_reason() {
    let world = World::new();
    let failure = world.runtime.trial_start(&Arc::new(spec("export const x = 1"))).await.unwrap_err();
    assert!(failure.to_string().contains("no handler found"), "{failure}");
    world.runtime.shutdown().await;
}
