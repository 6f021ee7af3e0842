//! Deploying: what is refused, what switches, and the way back.

use serde_json::{Value, json};
use strongroom_e2e::Instance;
use strongroom_e2e::functions::{deploy, digest_of, open, path, public, try_deploy};

fn saying(text: &str) -> String {
    format!("export default () => new Response('{text}');\n")
}

async fn answer(instance: &Instance, name: &str) -> String {
    instance.caller().get(&path(name)).send().await.expect(200).text()
}

#[tokio::test]
async fn a_bundle_that_contains_a_stored_value_is_refused_without_telling_it() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let value = instance.plant_plain();
    owner.set("API_KEY", &value).await;
    owner.set("SHORT", "abc").await;
    let leaky = format!("const key = '{value}';\nexport default () => new Response('abc' + key.length);\n");
    let problem = try_deploy(&owner, ("default", "leaky"), &open(), &leaky).await.problem(400, "invalid");
    assert!(problem.to_string().contains("API_KEY") && !problem.to_string().contains("SHORT"), "{problem}");
    let blind = instance.client(&["functions:deploy"]).await;
    let problem = try_deploy(&blind, ("default", "leaky"), &open(), &leaky).await.problem(400, "invalid");
    assert!(!problem.to_string().contains("API_KEY"), "the name is for those who may list it: {problem}");
    owner.get("functions/leaky").send().await.problem(404, "not_found");
    deploy(&owner, "clean", &open(), &saying("abc")).await;
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", instance.plant_plain());
    owner.set("TLS_KEY", &pem).await;
    let literal = serde_json::to_string(pem.trim()).unwrap();
    let escaped = format!("const key = {literal};\nexport default () => new Response(String(key.length));\n");
    let problem = try_deploy(&owner, ("default", "leaky"), &open(), &escaped).await.problem(400, "invalid");
    assert!(problem.to_string().contains("TLS_KEY"), "{problem}");

    std::fs::write(instance.work().join("leaky.ts"), leaky).unwrap();
    let output = instance.cli(["functions", "deploy", "leaky", "--entry", "leaky.ts"]).await;
    assert!(output.code != Some(0) && output.stderr.contains("API_KEY"), "{}", output.stderr);
    instance.close().await;
}

#[tokio::test]
async fn a_deployment_is_code_and_configuration() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let first = deploy(&owner, "f", &open(), &saying("one")).await;
    assert_eq!((&first["status"], &first["deployment"]), (&json!("deployed"), &json!(1)));
    let again = deploy(&owner, "f", &open(), &saying("one")).await;
    assert_eq!((&again["status"], &again["deployment"]), (&json!("unchanged"), &json!(1)));
    let configured = deploy(&owner, "f", &json!({ "auth": "public", "env": { "TIER": "gold" } }), &saying("one")).await;
    assert_eq!((&configured["status"], &configured["deployment"]), (&json!("deployed"), &json!(2)));
    let dry = json!({ "manifest": open(), "bundle": saying("three"), "dry_run": true });
    let dry = owner.put("functions/f").json(&dry).send().await.expect(200).json();
    assert_eq!(dry["status"], "would_deploy");
    assert_eq!(answer(&instance, "f").await, "one");
    instance.close().await;
}

#[tokio::test]
async fn code_that_does_not_start_replaces_nothing() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    deploy(&owner, "f", &open(), &saying("good")).await;
    for bundle in [
        "throw new Error('at load');\nexport default () => {};\n",
        "export const nothing = 1;\n",
        "export default {{{\n",
    ] {
        let refused = try_deploy(&owner, ("default", "f"), &open(), bundle).await;
        assert!(matches!(refused.status, 400 | 409 | 422), "{}", refused.text());
        assert_eq!(answer(&instance, "f").await, "good");
    }
    let detail = owner.get("functions/f").send().await.expect(200).json();
    assert_eq!(detail["deployments"].as_array().unwrap().len(), 1);
    instance.close().await;
}

#[tokio::test]
async fn earlier_deployments_serve_again_and_deleted_functions_do_not() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for text in ["one", "two", "three"] {
        deploy(&owner, "f", &open(), &saying(text)).await;
        assert_eq!(answer(&instance, "f").await, text);
    }
    let back = async |body: Value| owner.post("functions/f/rollback").json(&body).send().await;
    back(json!({})).await.expect(200);
    assert_eq!(answer(&instance, "f").await, "two");
    back(json!({ "deployment": 1 })).await.expect(200);
    assert_eq!(answer(&instance, "f").await, "one");
    back(json!({ "deployment": 99 })).await.problem(404, "not_found");
    instance.cli(["functions", "rollback", "f", "3"]).await;
    owner.delete("functions/f").send().await.expect(200);
    instance.caller().get(&path("f")).send().await.problem(404, "not_found");
    owner.delete("functions/f").send().await.problem(404, "not_found");
    instance.close().await;
}

#[tokio::test]
async fn deployments_survive_a_restart() {
    let mut instance = Instance::start().await;
    let value = instance.plant();
    instance.owner().set("API_KEY", &value).await;
    deploy(&instance.owner(), "f", &public(&["API_KEY"]), &digest_of("secrets.get('API_KEY')")).await;
    let before = answer(&instance, "f").await;
    instance.stop().await;
    instance.boot().await;
    assert_eq!(answer(&instance, "f").await, before);
    instance.close().await;
}

#[tokio::test]
async fn a_secret_that_a_function_requires_is_not_deleted_by_accident() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("API_KEY", &instance.plant()).await;
    deploy(&owner, "needy", &public(&["API_KEY"]), &saying("ok")).await;
    let problem = owner.delete("secrets/API_KEY").send().await.problem(409, "conflict");
    assert!(problem.to_string().contains("needy"), "{problem}");
    let output = instance.cli(["secrets", "delete", "API_KEY", "--yes"]).await.expect(5);
    assert!(output.stderr.contains("needy"), "{}", output.stderr);
    owner.delete("secrets/API_KEY?force=true").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn the_project_file_says_what_is_deployed() {
    let instance = Instance::start().await;
    let value = instance.plant();
    instance.owner().set("OPENAI_API_KEY", &value).await;
    let file = r#"{ // what this project deploys
      "namespace": "development",
      "functions": [
        { "name": "call_openai", "entry": "src/one.ts", "auth": "public", "secrets": ["OPENAI_API_KEY", { "name": "REGION", "default": "eu" }], "env": { "TIER": "gold" } },
        { "name": "two", "entry": "src/two.ts", "auth": "public" },
      ] }"#;
    std::fs::create_dir(instance.work().join("src")).unwrap();
    std::fs::write(instance.work().join("strongroom.json"), file).unwrap();
    std::fs::write(instance.work().join("src/shared.ts"), "export const word: string = 'shared';\n").unwrap();
    let one = "import { word } from './shared.ts';\nexport default (req: Request, ctx: any) => Response.json({ word, tier: ctx.env.TIER });\n";
    std::fs::write(instance.work().join("src/one.ts"), one).unwrap();
    std::fs::write(instance.work().join("src/two.ts"), saying("two")).unwrap();
    std::fs::write(instance.work().join("src/.env"), format!("API_KEY={}\n", instance.plant_plain())).unwrap();
    instance.cli(["functions", "deploy"]).await.ok();
    let at = |name: &str| format!("/fn/default/development/{name}");
    let told = instance.caller().get(&at("call_openai")).send().await.expect(200).json();
    assert_eq!(told, json!({ "word": "shared", "tier": "gold" }));
    assert_eq!(instance.caller().get(&at("two")).send().await.expect(200).text(), "two");
    let listed = instance.cli(["functions", "list", "--json"]).await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    instance.close().await;
}
