//! The main job: a secret is set, a deployed function reads it, it is set again, the next invocation has the new value.
//! Every handler shape, every way of reading, through HTTP and through the command line.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::Value;
use strongroom_e2e::functions::{DIGEST, digest_of, open, path, public};
use strongroom_e2e::{Instance, canary, functions, wait};

/// Each way of reading `API_KEY`, by the name that a request asks for it with.
const WAYS: [(&str, &str); 6] = [
    ("env", "Deno.env.get('API_KEY')"),
    ("prefixed", "Deno.env.get('STRONGROOM_SECRET_API_KEY')"),
    ("process", "process.env.API_KEY"),
    ("get", "secrets.get('API_KEY')"),
    ("required", "secrets.getRequired('API_KEY')"),
    ("ctx", "await ctx.secrets.get('API_KEY')"),
];

/// TypeScript that reads in the way that `way` names.
fn reads(with_context: bool) -> String {
    let context = if with_context { "ctx: any" } else { "" };
    let ways = WAYS.iter().filter(|(name, _)| with_context || *name != "ctx");
    let cases: Vec<_> = ways.map(|(name, code)| format!("  if (way === '{name}') return {code};")).collect();
    let cases = cases.join("\n");
    let parameters = if with_context { format!("way: string, {context}") } else { "way: string".to_owned() };
    format!(
        "import process from 'node:process';\ndeclare const secrets: any;\n{DIGEST}async function read({parameters}): Promise<string | undefined> {{\n{cases}\n  throw new Error('no such way');\n}}\n"
    )
}

const DEFAULT: &str = "export default async function handler(req: Request, ctx: any) {
  return new Response(await digest(await read(new URL(req.url).searchParams.get('way')!, ctx)));
}\n";
const DEFINE: &str = "import { defineFunction } from '@strongroom/functions';
export default defineFunction({ name: 'defined', handler: async ({ input, ctx }: any) => ({ digest: await digest(await read(input.way, ctx)) }) });\n";
const SERVE: &str = "Deno.serve(async (req: Request) => new Response(await digest(await read(new URL(req.url).searchParams.get('way')!))));\n";
const FETCH: &str = "export default { async fetch(req: Request, env: any, ctx: any) {
  const way = new URL(req.url).searchParams.get('way')!;
  return new Response(await digest(way === 'binding' ? env.API_KEY : await read(way, ctx)));
} };\n";

/// Sets through the command line, deploys through it, and walks all ways before and after a rotation.
async fn walk(name: &str, source: &str, ways: &[&str]) {
    let instance = Instance::start().await;
    let (first, second) = (instance.plant(), instance.plant());
    std::fs::write(instance.work().join("function.ts"), source).unwrap();

    instance.command(["secrets", "set", "API_KEY"]).input(first.as_str()).run().await.ok();
    let deploy = ["functions", "deploy", name, "--entry", "function.ts", "--secret", "API_KEY", "--public"];
    instance.cli(deploy).await.ok();
    for way in ways {
        assert_eq!(seen(&instance, name, way).await, canary::digest(&first), "{name} by {way}, first value");
    }

    let set = instance.command(["secrets", "set", "API_KEY"]).input(second.as_str()).run().await.ok();
    assert!(set.stdout.contains("✔ Secret updated: API_KEY (v2)"), "{}", set.stdout);
    for way in ways {
        assert_eq!(seen(&instance, name, way).await, canary::digest(&second), "{name} by {way}, second value");
    }
    instance.close().await;
}

async fn seen(instance: &Instance, name: &str, way: &str) -> String {
    let answer = instance.caller().get(&format!("{}?way={way}", path(name))).send().await.expect(200);
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(body)) => body["digest"].as_str().unwrap().to_owned(),
        _ => answer.text(),
    }
}

#[tokio::test]
async fn a_default_function_sees_the_new_value_by_every_way() {
    let ways = ["env", "prefixed", "process", "get", "required", "ctx"];
    walk("plain", &(reads(true) + DEFAULT), &ways).await;
}

#[tokio::test]
async fn a_defined_function_sees_the_new_value_by_every_way() {
    let ways = ["env", "prefixed", "process", "get", "required", "ctx"];
    walk("defined", &(reads(true) + DEFINE), &ways).await;
}

#[tokio::test]
async fn a_served_function_sees_the_new_value_by_every_way() {
    walk("served", &(reads(false) + SERVE), &["env", "prefixed", "process", "get", "required"]).await;
}

#[tokio::test]
async fn a_fetch_object_sees_the_new_value_by_every_way() {
    let ways = ["env", "prefixed", "process", "get", "required", "ctx", "binding"];
    walk("fetching", &(reads(true) + FETCH), &ways).await;
}

#[tokio::test]
async fn a_value_kept_at_module_load_is_renewed_by_a_new_worker() {
    let instance = Instance::start().await;
    let (first, second, owner) = (instance.plant(), instance.plant(), instance.owner());
    owner.set("API_KEY", &first).await;
    let bundle = format!(
        "{DIGEST}const kept = Deno.env.get('API_KEY');\nexport default async () => new Response(await digest(kept));\n"
    );
    functions::deploy(&owner, "keeper", &public(&["API_KEY"]), &bundle).await;
    let ask = async || instance.caller().get(&path("keeper")).send().await.expect(200).text();
    assert_eq!(ask().await, canary::digest(&first));
    let written = owner.set("API_KEY", &second).await;
    assert_eq!(written["live"]["restarted"], serde_json::json!(["keeper"]), "{written}");
    assert_eq!(ask().await, canary::digest(&second));
    instance.close().await;
}

#[tokio::test]
async fn everything_goes_through_http_alone_too() {
    let instance = Instance::start().await;
    let (first, second, owner) = (instance.plant(), instance.plant(), instance.owner());
    assert_eq!(owner.set("API_KEY", &first).await["results"][0]["status"], "set");
    let deployed = functions::deploy(&owner, "http", &open(), &digest_of("secrets.get('API_KEY')")).await;
    assert_eq!(deployed["url"], format!("http://{}/fn/default/default/http", instance.functions()));
    let ask = async || instance.caller().get(&path("http")).send().await.expect(200).text();
    assert_eq!(ask().await, canary::digest(&first));
    let written = owner.set("API_KEY", &second).await;
    assert_eq!(written["results"][0]["status"], "updated");
    assert_eq!(written["results"][0]["version"], 2);
    assert_eq!(written["live"]["functions"], 1, "{written}");
    assert_eq!(ask().await, canary::digest(&second));

    let rolled_back = owner.post("secrets/API_KEY/rollback").json(&serde_json::json!({ "version": 1 })).send().await;
    assert_eq!(rolled_back.expect(200).json()["version"], 3);
    assert_eq!(ask().await, canary::digest(&first));
    instance.close().await;
}

#[tokio::test]
async fn the_command_line_invokes_with_and_without_a_server() {
    let mut instance = Instance::start().await;
    let value = instance.plant();
    std::fs::write(instance.work().join("f.ts"), reads(true) + DEFINE).unwrap();
    instance.command(["secrets", "set", "API_KEY"]).input(value.as_str()).run().await.ok();
    instance.cli(["functions", "deploy", "cli", "--entry", "f.ts", "--secret", "API_KEY"]).await.ok();
    let invoke = ["functions", "invoke", "cli", "--data", r#"{"way":"ctx"}"#];
    let check = |output: strongroom_e2e::Output| {
        assert!(output.stdout.contains(&canary::digest(&value)), "the answer tells another value");
        assert!(output.stderr.contains("200"), "{}", output.stderr);
    };
    check(instance.cli(invoke).await.ok());
    let failing = instance.cli(["functions", "invoke", "cli", "--data", r#"{"way":"nonsense"}"#]).await.expect(1);
    assert!(failing.stderr.contains("500"), "{}", failing.stderr);
    instance.stop().await;
    check(instance.cli(invoke).await.ok());
    instance.close().await;
}

#[tokio::test]
async fn the_log_tells_which_secrets_a_function_reads() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("API_KEY", &instance.plant()).await;
    functions::deploy(&owner, "reader", &open(), &digest_of("secrets.get('API_KEY')")).await;
    instance.caller().get(&path("reader")).send().await.expect(200);
    let line = wait::eventually("the line about the read", || async {
        let found =
            instance.cli(["logs", "list", "--category", "execution", "--search", "STRONGROOM_SECRET"]).await.ok();
        found.stdout.lines().find(|line| line.contains("secret read STRONGROOM_SECRET_API_KEY")).map(str::to_owned)
    });
    let line = line.await;
    assert!(line.contains("scope=global version=1 via=helper"), "{line}");
    let detail = owner.get("secrets/API_KEY").send().await.expect(200).json();
    assert_eq!(detail["used_by"][0]["name"], "reader", "{detail}");
    instance.close().await;
}
