//! Deploying: what is refused, what switches, and the way back.

use serde_json::{Value, json};
use strongroom_e2e::Instance;
use strongroom_e2e::functions::{deploy, digest_of, open, path, public, try_deploy};

fn base64(text: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

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
async fn a_bundle_that_hides_a_stored_value_in_an_encoding_is_refused() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let value = instance.plant_plain();
    owner.set("API_KEY", &value).await;
    let url = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let split = value.replace('-', "\\x2d");
    for form in [base64(&value), base64(&format!("user:{value}")), hex(&value), url, split] {
        let code = format!("// src/config.ts\nconst key = '{form}';\nexport default () => new Response(key);\n");
        let problem = try_deploy(&owner, ("default", "leaky"), &open(), &code).await.problem(400, "invalid");
        let told = problem.to_string();
        assert!(told.contains("API_KEY") && told.contains("src/config.ts, line 2"), "{told}");
        assert!(!told.contains(&form) && !told.contains(&value), "{told}");
    }
    instance.close().await;
}

#[tokio::test]
async fn a_bundle_with_a_known_key_is_refused_unless_its_rule_is_allowed() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    // put together here, so that no key stands in this file
    let key = ["gh", "p_", "zK3vQ9xT7bW1mN5cR8dF2gH6jL0pS4yU3aE7"].concat();
    let code = format!("const key = '{key}';\nexport default () => new Response(String(key.length));\n");
    let problem = try_deploy(&owner, ("default", "f"), &open(), &code).await.problem(400, "invalid").to_string();
    assert!(problem.contains("github-pat") && problem.contains("line 1") && !problem.contains(&key), "{problem}");
    std::fs::write(instance.work().join("f.ts"), &code).unwrap();
    let deploy = ["functions", "deploy", "f", "--entry", "f.ts"];
    let refused = instance.cli(deploy).await.expect(2);
    assert!(
        refused.stderr.contains("--allow-pattern github-pat") && !refused.stderr.contains(&key),
        "{}",
        refused.stderr
    );
    let unknown = instance.command([&deploy[..], &["--allow-pattern", "no-such-rule"]].concat()).run().await.expect(2);
    assert!(unknown.stderr.contains("no-such-rule"), "{}", unknown.stderr);
    instance.command([&deploy[..], &["--allow-pattern", "github-pat"]].concat()).run().await.ok();
    let trail = instance.cli(["audit", "list", "--json"]).await.ok();
    assert!(trail.stdout.contains("allowed_patterns") && trail.stdout.contains("github-pat"), "{}", trail.stdout);
    // a stored value cannot be allowed
    owner.set("TOKEN", &key).await;
    let still =
        instance.command([&deploy[..], &["--force", "--allow-pattern", "github-pat"]].concat()).run().await.expect(2);
    assert!(still.stderr.contains("TOKEN") && !still.stderr.contains(&key), "{}", still.stderr);
    instance.close().await;
}

#[tokio::test]
async fn a_deploy_warns_of_names_that_the_list_lacks_and_of_names_that_nothing_reads() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for name in ["LISTED", "UNREAD", "UNLISTED"] {
        owner.set(name, &instance.plant()).await;
    }
    let code = "const { UNLISTED, NODE_ENV } = process.env;\nexport default () => new Response(String(Boolean(secrets.get('LISTED') && secrets.get('HELPED') && UNLISTED)));\n";
    let deployed = deploy(
        &owner,
        "f",
        &json!({ "auth": "public", "secrets": [{ "name": "LISTED" }, { "name": "UNREAD" }] }),
        code,
    )
    .await;
    let warnings = deployed["warnings"].to_string();
    for said in ["UNLISTED, which is not in its list", "HELPED, which is not in its list", "UNREAD is in its list"] {
        assert!(warnings.contains(said), "{warnings}");
    }
    assert!(!warnings.contains("NODE_ENV") && deployed["warnings"].as_array().unwrap().len() == 3, "{warnings}");
    let unknown = "export default (req) => new Response(String(Boolean(process.env[req.headers.get('x')])));\n";
    let deployed = deploy(&owner, "f", &json!({ "auth": "public", "secrets": [{ "name": "UNREAD" }] }), unknown).await;
    assert!(deployed["warnings"].is_null(), "what cannot be told is not claimed: {deployed}");
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
