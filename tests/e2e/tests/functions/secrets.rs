//! Which secrets a function gets, under which names, and what happens when one is missing or runs out.

use serde_json::{Value, json};
use strongroom_e2e::functions::{DIGEST, deploy, digest_of, open, path, public, try_deploy};
use strongroom_e2e::{Client, Instance, canary, wait};

async fn ask(instance: &Instance, name: &str) -> Value {
    instance.caller().get(&path(name)).send().await.expect(200).json()
}

/// Tells for each expression the digest of what it gives, or the name of the error that it throws.
fn telling(expressions: &[(&str, &str)]) -> String {
    let case = |(key, code): &(&str, &str)| format!("  told['{key}'] = await tell(async () => {code});");
    let cases = expressions.iter().map(case).collect::<Vec<_>>().join("\n");
    format!("{DIGEST}const tell = async (read) => {{ try {{ return await digest(await read()); }} catch (error) {{ return error.name; }} }};
export default async (req, ctx) => {{ const told = {{}};\n{cases}\n  return Response.json(told); }};\n")
}

#[tokio::test]
async fn a_function_with_a_list_gets_what_is_listed_and_nothing_else() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (listed, other) = (instance.plant(), instance.plant());
    owner.set("LISTED", &listed).await;
    owner.set("OTHER", &other).await;
    let bundle = telling(&[
        ("listed", "secrets.get('LISTED')"),
        ("other", "secrets.get('OTHER')"),
        ("required", "secrets.getRequired('OTHER')"),
        ("ctx", "ctx.secrets.get('OTHER')"),
        ("env", "Deno.env.get('OTHER')"),
        ("prefixed", "Deno.env.get('STRONGROOM_SECRET_OTHER')"),
        ("names", "Object.keys(Deno.env.toObject()).sort().join()"),
        ("inherited", "secrets.get('toString')"),
        ("prototype", "ctx.secrets.get('__proto__', 'fallback')"),
    ]);
    deploy(&owner, "least", &public(&["LISTED"]), &bundle).await;
    let told = ask(&instance, "least").await;
    assert_eq!(told["listed"], canary::digest(&listed));
    assert_eq!(
        (&told["other"], &told["env"], &told["prefixed"]),
        (&json!("undefined"), &json!("undefined"), &json!("undefined"))
    );
    assert_eq!((&told["required"], &told["ctx"]), (&json!("SecretNotFoundError"), &json!("SecretNotFoundError")));
    assert_eq!(told["names"], canary::digest("LISTED,STRONGROOM_SECRET_LISTED"));
    assert_eq!((&told["inherited"], &told["prototype"]), (&json!("undefined"), &json!(canary::digest("fallback"))));
    instance.close().await;
}

#[tokio::test]
async fn a_renamed_secret_has_one_name() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let value = instance.plant();
    owner.set("STRIPE_LIVE", &value).await;
    let bundle = telling(&[
        ("bare", "Deno.env.get('STRIPE_KEY')"),
        ("prefixed", "Deno.env.get('STRONGROOM_SECRET_STRIPE_KEY')"),
        ("helper", "secrets.get('STRIPE_KEY')"),
        ("old", "secrets.get('STRIPE_LIVE')"),
        ("old_env", "Deno.env.get('STRIPE_LIVE')"),
    ]);
    let manifest = json!({ "auth": "public", "secrets": [{ "name": "STRIPE_LIVE", "as": "STRIPE_KEY" }] });
    deploy(&owner, "renamed", &manifest, &bundle).await;
    let told = ask(&instance, "renamed").await;
    for key in ["bare", "prefixed", "helper"] {
        assert_eq!(told[key], canary::digest(&value), "{key}");
    }
    assert_eq!((&told["old"], &told["old_env"]), (&json!("undefined"), &json!("undefined")));
    instance.close().await;
}

#[tokio::test]
async fn defaults_stand_in_for_what_is_not_set_and_for_nothing_else() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let bundle = telling(&[
        ("env", "Deno.env.get('REGION')"),
        ("get", "secrets.get('REGION')"),
        ("ctx", "ctx.secrets.get('REGION', 'fallback')"),
        ("own", "ctx.secrets.get('OPTIONAL', 'fallback')"),
    ]);
    let manifest = json!({ "auth": "public", "secrets": [{ "name": "REGION", "default": "eu-1" }, { "name": "OPTIONAL", "required": false }] });
    deploy(&owner, "defaults", &manifest, &bundle).await;
    let told = ask(&instance, "defaults").await;
    for key in ["env", "get", "ctx"] {
        assert_eq!(told[key], canary::digest("eu-1"), "{key}");
    }
    assert_eq!(told["own"], canary::digest("fallback"));
    owner.set("REGION", "").await;
    assert_eq!(ask(&instance, "defaults").await["get"], canary::digest(""), "an empty value is a value");
    let (value, brief) = (instance.plant(), json!({ "value": instance.plant(), "expires_at": "1s" }));
    owner.set("REGION", &value).await;
    assert_eq!(ask(&instance, "defaults").await["env"], canary::digest(&value));
    owner.put("secrets/REGION").json(&brief).send().await.expect(200);
    let told = wait::eventually("the expiry", || async {
        let told = ask(&instance, "defaults").await;
        (told["get"] == "SecretExpiredError").then_some(told)
    });
    let told = told.await;
    assert_eq!((&told["ctx"], &told["env"]), (&json!("SecretExpiredError"), &json!("undefined")));
    instance.close().await;
}

#[tokio::test]
async fn a_secret_that_runs_out_is_gone_and_never_falls_back_to_the_global_one() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("TOKEN", &instance.plant()).await;
    let override_value = instance.plant();
    let command = ["secrets", "set", "TOKEN", "--namespace", "default", "--expires", "3s"];
    instance.command(command).input(override_value.as_str()).run().await.ok();
    let bundle = telling(&[
        ("get", "secrets.get('TOKEN')"),
        ("required", "secrets.getRequired('TOKEN')"),
        ("ctx", "ctx.secrets.get('TOKEN', 'fallback')"),
        ("env", "Deno.env.get('TOKEN')"),
    ]);
    deploy(&owner, "expiring", &public(&["TOKEN"]), &bundle).await;
    assert_eq!(ask(&instance, "expiring").await["get"], canary::digest(&override_value));
    let told = wait::eventually("the expiry", || async {
        let told = ask(&instance, "expiring").await;
        (told["get"] != canary::digest(&override_value)).then_some(told)
    });
    let told = told.await;
    for key in ["get", "required", "ctx"] {
        assert_eq!(told[key], "SecretExpiredError", "{key}");
    }
    assert_eq!(told["env"], "undefined");
    instance.close().await;
}

#[tokio::test]
async fn a_declared_secret_without_a_value_throws_its_own_error() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.post("declarations").json(&json!({ "secrets": [{ "name": "LATER" }] })).send().await.expect(200);
    let bundle = telling(&[
        ("get", "secrets.get('LATER')"),
        ("required", "secrets.getRequired('LATER')"),
        ("ctx", "ctx.secrets.get('LATER')"),
        ("fallback", "ctx.secrets.get('LATER', 'fallback')"),
    ]);
    deploy(&owner, "early", &open(), &bundle).await;
    let told = ask(&instance, "early").await;
    assert_eq!((&told["get"], &told["fallback"]), (&json!("undefined"), &json!(canary::digest("fallback"))));
    assert_eq!(
        (&told["required"], &told["ctx"]),
        (&json!("SecretWithoutValueError"), &json!("SecretWithoutValueError"))
    );
    let value = instance.plant();
    owner.set("LATER", &value).await;
    assert_eq!(ask(&instance, "early").await["ctx"], canary::digest(&value));
    instance.close().await;
}

#[tokio::test]
async fn system_secrets_answer_when_nothing_else_has_the_name() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (system, global) = (instance.plant(), instance.plant());
    owner.put("settings/secrets/MAIL").json(&json!({ "value": system })).send().await.expect(200);
    owner.put("settings/secrets/MAIL?user=u-1").json(&json!({ "value": instance.plant() })).send().await.expect(200);
    let bundle = telling(&[
        ("get", "secrets.get('MAIL')"),
        ("system", "secrets.getSystem('MAIL')"),
        ("env", "Deno.env.get('MAIL')"),
        ("user", "secrets.getUser('MAIL')"),
    ]);
    deploy(&owner, "mailer", &open(), &bundle).await;
    let told = ask(&instance, "mailer").await;
    assert_eq!((&told["get"], &told["system"]), (&json!(canary::digest(&system)), &json!(canary::digest(&system))));
    assert_eq!((&told["env"], &told["user"]), (&json!("undefined"), &json!("Error")));
    owner.set("MAIL", &global).await;
    let told = ask(&instance, "mailer").await;
    assert_eq!((&told["get"], &told["system"]), (&json!(canary::digest(&global)), &json!(canary::digest(&system))));
    instance.close().await;
}

#[tokio::test]
async fn the_servers_own_environment_wins() {
    let (stored, own) = (canary::value(), canary::value());
    let setup =
        strongroom_e2e::Setup::default().env("STRONGROOM_SECRET_SHARED", &own).env("STRONGROOM_SECRET_EXTRA", &own);
    let instance = setup.start().await;
    instance.witness.plant(&stored);
    let owner = instance.owner();
    owner.set("SHARED", &stored).await;
    let bundle = telling(&[("shared", "secrets.get('SHARED')"), ("extra", "Deno.env.get('EXTRA')")]);
    deploy(&owner, "served", &open(), &bundle).await;
    let told = ask(&instance, "served").await;
    assert_eq!((&told["shared"], &told["extra"]), (&json!(canary::digest(&own)), &json!(canary::digest(&own))));
    let listed = owner.get("secrets").send().await.expect(200).json();
    assert_eq!(listed["items"][0]["overridden"], true, "{listed}");
    instance.close().await;
}

async fn refused(owner: &Client, manifest: &Value) -> Value {
    let answer = try_deploy(owner, ("default", "wanting"), manifest, &digest_of("secrets.get('A')")).await;
    answer.problem(422, "secrets_missing")
}

#[tokio::test]
async fn a_deploy_lists_all_missing_names_and_changes_nothing() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("THERE", &instance.plant()).await;
    owner.post("declarations").json(&json!({ "secrets": [{ "name": "EMPTY" }] })).send().await.expect(200);
    owner
        .post("secrets")
        .json(&json!({ "name": "GONE", "value": instance.plant(), "expires_at": "1s" }))
        .send()
        .await
        .expect(201);
    wait::eventually("the expiry", || async { owner.resolve("default", "GONE").await.is_none().then_some(()) }).await;
    let list = ["THERE", "ABSENT", "EMPTY", "GONE"].map(|name| json!({ "name": name }));
    let problem = refused(&owner, &json!({ "secrets": list })).await;
    let names: Vec<&Value> = problem["errors"].as_array().unwrap().iter().map(|error| &error["at"]).collect();
    assert_eq!(names, ["ABSENT", "EMPTY", "GONE"]);
    assert!(problem["hint"].as_str().unwrap().contains("strongroom secrets set"), "{problem}");
    owner.get("functions/wanting").send().await.problem(404, "not_found");
    assert!(owner.get("functions").send().await.expect(200).json()["items"].as_array().unwrap().is_empty());

    std::fs::write(instance.work().join("f.ts"), digest_of("secrets.get('A')")).unwrap();
    let words = [
        "functions",
        "deploy",
        "wanting",
        "--entry",
        "f.ts",
        "--secret",
        "ABSENT",
        "--secret",
        "GONE",
        "--secret",
        "THERE",
    ];
    let output = instance.cli(words).await.expect(1);
    for name in ["ABSENT", "GONE"] {
        assert!(output.stderr.contains(name), "{}", output.stderr);
    }
    assert!(output.stderr.contains("strongroom secrets set"), "{}", output.stderr);
    owner.get("functions/wanting").send().await.problem(404, "not_found");
    instance.close().await;
}

#[tokio::test]
async fn a_refused_deploy_into_an_unknown_namespace_does_not_make_it() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let manifest = public(&["ABSENT"]);
    try_deploy(&owner, ("fresh", "wanting"), &manifest, &digest_of("1")).await.problem(422, "secrets_missing");
    let namespaces = owner.get("namespaces").send().await.expect(200).json();
    assert_eq!(namespaces["items"].as_array().unwrap().len(), 1, "{namespaces}");
    instance.close().await;
}
