//! Invocations that are made for an end user: his secrets reach the code that runs for him, and nobody else's.

use futures_util::future::join_all;
use serde_json::{Value, json};
use strongroom_e2e::functions::{DIGEST, deploy, path, try_deploy};
use strongroom_e2e::identity::{self, Issuer};
use strongroom_e2e::{Answer, Call, Instance, canary, jobs, wait};

const KEY: &str = "OPENAI_API_KEY";

/// A function for end users, run by `runtime`.
fn manifest(runtime: &str) -> Value {
    json!({ "auth": "user", "runtime": runtime })
}

/// Answers with what `expression` gives, or with the message of what it throws. A text is told by its digest alone.
fn telling(expression: &str) -> String {
    format!(
        "{DIGEST}export default async (req, ctx) => {{\n  try {{\n    const seen = await (async () => {expression})();\n    \
         return Response.json({{ seen: typeof seen === 'string' ? await digest(seen) : seen ?? null }});\n  }} catch (error) {{\n    \
         return Response.json({{ name: error.name, message: error.message }});\n  }}\n}};\n"
    )
}

/// Stores a fresh value as this user's own, and gives its digest.
async fn keep(instance: &Instance, token: &str, name: &str) -> String {
    let value = instance.plant();
    let user = instance.anonymous().with_token(token);
    user.put(&format!("/api/v1/me/secrets/{name}")).json(&json!({ "value": value })).send().await.expect(200);
    canary::digest(&value)
}

fn call(instance: &Instance, name: &str, token: &str) -> Call {
    instance.caller().with_token(token).get(&path(name))
}

async fn seen(instance: &Instance, name: &str, token: &str) -> Value {
    call(instance, name, token).send().await.expect(200).json()["seen"].clone()
}

#[tokio::test]
async fn code_sees_the_secrets_of_the_user_whom_it_runs_for_in_either_runtime() {
    let (instance, issuer) = identity::instance().await;
    let owner = instance.owner();
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|user| issuer.token(user));
    let (of_ann, of_bob) = (keep(&instance, &ann, KEY).await, keep(&instance, &bob, KEY).await);
    for runtime in ["deno", "node"] {
        deploy(&owner, runtime, &manifest(runtime), &telling("secrets.getUser('OPENAI_API_KEY')")).await;
        assert_eq!(seen(&instance, runtime, &ann).await, json!(of_ann), "{runtime}");
        assert_eq!(seen(&instance, runtime, &bob).await, json!(of_bob), "{runtime}");
        assert_eq!(seen(&instance, runtime, &eve).await, Value::Null, "{runtime}");
        let name = format!("{runtime}-who");
        let who = "({ user: ctx.user, authorization: req.headers.get('authorization'), own: [...req.headers.keys()] })";
        deploy(&owner, &name, &manifest(runtime), &telling(who)).await;
        let told = seen(&instance, &name, &ann).await;
        assert_eq!(told["user"], json!({ "issuer": issuer.url, "id": "ann" }), "{runtime}");
        assert_eq!(told["authorization"], Value::Null, "the consumed token reached the code");
        assert!(!told["own"].to_string().contains("x-strongroom-"), "{told}");
    }
    // a change is seen by the next invocation
    let newer = keep(&instance, &ann, KEY).await;
    assert_eq!(seen(&instance, "deno", &ann).await, json!(newer));
    instance.anonymous().with_token(&ann).delete(&format!("/api/v1/me/secrets/{KEY}")).send().await.expect(200);
    assert_eq!(seen(&instance, "deno", &ann).await, Value::Null);
    assert_eq!(seen(&instance, "deno", &bob).await, json!(of_bob));
    instance.close().await;
}

#[tokio::test]
async fn a_users_own_value_wins_where_the_list_says_so_and_stands_in_no_environment() {
    let (instance, issuer) = identity::instance().await;
    let (owner, ann, bob) = (instance.owner(), issuer.token("ann"), issuer.token("bob"));
    let (ours, plain) = (instance.plant(), instance.plant());
    owner.set(KEY, &ours).await;
    owner.set("PLAIN", &plain).await;
    let (theirs, _) = (keep(&instance, &ann, KEY).await, keep(&instance, &ann, "PLAIN").await);
    let all = "({ get: await digest(secrets.get('KEY')), required: await digest(secrets.getRequired('KEY')), \
               ctx: await digest(await ctx.secrets.get('KEY')), env: await digest(process.env.KEY), \
               plain: await digest(secrets.get('PLAIN')) })";
    let code = format!("import process from 'node:process';\n{}", telling(all));
    for runtime in ["deno", "node"] {
        let list = json!([{ "name": KEY, "as": "KEY", "user": "override" }, { "name": "PLAIN" }]);
        let manifest = json!({ "auth": "user", "runtime": runtime, "secrets": list });
        deploy(&owner, runtime, &manifest, &code).await;
        let (ours, plain) = (canary::digest(&ours), canary::digest(&plain));
        let mine = json!({ "get": theirs, "required": theirs, "ctx": theirs, "env": ours, "plain": plain });
        assert_eq!(seen(&instance, runtime, &ann).await, mine, "{runtime}");
        let others = json!({ "get": ours, "required": ours, "ctx": ours, "env": ours, "plain": plain });
        assert_eq!(seen(&instance, runtime, &bob).await, others, "{runtime}");
    }
    instance.close().await;
}

#[tokio::test]
async fn a_call_by_token_is_made_for_a_user_only_if_his_token_comes_along_and_is_good() {
    let (instance, issuer) = identity::instance().await;
    let (owner, ann) = (instance.owner(), issuer.token("ann"));
    let value = keep(&instance, &ann, KEY).await;
    let code = telling("secrets.getUser('OPENAI_API_KEY')");
    deploy(&owner, "by-token", &json!({ "auth": "token" }), &code).await;
    deploy(&owner, "for-all", &json!({ "auth": "public" }), &code).await;
    deploy(&owner, "for-users", &json!({ "auth": "user" }), &code).await;
    let (token, _) = instance.mint(&["functions:invoke"]).await;
    let by_token = |user: &str| call(&instance, "by-token", &token).header("x-strongroom-user", user);
    assert_eq!(by_token(&ann).send().await.expect(200).json()["seen"], json!(value));
    let alone = call(&instance, "by-token", &token).send().await.expect(200).json();
    assert!(alone["message"].as_str().unwrap().contains("made for no end user"), "{alone}");
    // a token that is not good is nobody's: never an anonymous call
    let forged = Issuer::shared(&issuer.url).token("ann");
    for bad in [forged.as_str(), "", "x", token.as_str()] {
        by_token(bad).send().await.problem(401, "unauthenticated");
        let open = instance.caller().get(&path("for-all")).header("x-strongroom-user", bad);
        open.send().await.problem(401, "unauthenticated");
        call(&instance, "for-users", bad).send().await.problem(401, "unauthenticated");
    }
    // each kind of credential has its own place
    instance
        .caller()
        .get(&path("by-token"))
        .header("x-strongroom-user", &ann)
        .send()
        .await
        .problem(401, "unauthenticated");
    call(&instance, "by-token", &ann).send().await.problem(401, "unauthenticated");
    instance
        .caller()
        .get(&path("for-users"))
        .header("x-strongroom-user", &ann)
        .send()
        .await
        .problem(401, "unauthenticated");
    call(&instance, "for-users", &ann).header("x-strongroom-user", &ann).send().await.problem(401, "unauthenticated");
    call(&instance, "for-users", &token).send().await.problem(401, "unauthenticated");
    let both = instance.caller().get(&path("for-users")).header("authorization", &format!("Bearer {ann}"));
    both.header("authorization", &format!("Bearer {token}")).send().await.problem(401, "unauthenticated");
    by_token(&ann).header("x-strongroom-user", &ann).send().await.problem(401, "unauthenticated");
    let open = instance.caller().get(&path("for-all")).header("x-strongroom-user", &ann);
    assert_eq!(open.send().await.expect(200).json()["seen"], json!(value));
    instance.close().await;
}

#[tokio::test]
async fn without_a_user_there_is_a_clear_error_and_a_function_for_users_needs_an_issuer() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let refused = try_deploy(&owner, ("default", "f"), &manifest("deno"), "export default () => 1;\n").await;
    let told = refused.problem(400, "invalid").to_string();
    assert!(told.contains("strongroom issuers add"), "{told}");
    let code = "let early; try { secrets.getUser('A'); } catch (error) { early = error.message; }\n\
                export default () => Response.json({ early });\n";
    deploy(&owner, "early", &json!({ "auth": "public" }), code).await;
    let told = instance.caller().get(&path("early")).send().await.expect(200).json();
    assert!(told["early"].as_str().unwrap().contains("only inside an invocation"), "{told}");
    let job = "export default async (payload, ctx) => { const told = [String(ctx.user)];\n\
               try { secrets.getUser('A'); } catch (error) { told.push(error.message); }\n\
               await ctx.userSecrets.set('A', 'x').catch((error) => told.push(error.message)); return told; };\n";
    jobs::deploy(&owner, "job", &json!({}), job).await;
    let run = jobs::run(&owner, "job", &json!({})).await;
    jobs::until(&owner, &run, "succeeded").await;
    let result = owner.get(&format!("runs/{run}")).send().await.expect(200).json()["result"].clone();
    assert_eq!(result[0], "null");
    assert!(result[1].as_str().unwrap().contains("made for no end user"), "{result}");
    assert!(result[2].as_str().unwrap().contains("made for no end user"), "{result}");
    instance.close().await;
}

#[tokio::test]
async fn code_with_the_grant_changes_its_users_secrets_and_no_others() {
    let (instance, issuer) = identity::instance().await;
    let (owner, ann, bob) = (instance.owner(), issuer.token("ann"), issuer.token("bob"));
    let of_bob = keep(&instance, &bob, "REFRESH").await;
    let change = "(async () => {\n\
        const words = await req.json(); const told = [];\n\
        for (const [name, value] of words) {\n\
          try { if (value === null) await ctx.userSecrets.delete(name); else await ctx.userSecrets.set(name, value); told.push('done'); }\n\
          catch (error) { told.push(error.message); }\n\
        }\n\
        const now = secrets.getUser('REFRESH'); return { told, now: now === undefined ? null : await digest(now) }; })()";
    for runtime in ["deno", "node"] {
        let granted = json!({ "auth": "user", "runtime": runtime, "user_secrets": "write" });
        deploy(&owner, runtime, &granted, &telling(change)).await;
        let value = instance.plant();
        let send = |words: Value| {
            let call = instance.caller().with_token(&ann).post(&path(runtime)).json(&words);
            async move { call.send().await.expect(200).json()["seen"].clone() }
        };
        let told = send(json!([["REFRESH", value]])).await;
        assert_eq!(told, json!({ "told": ["done"], "now": canary::digest(&value) }), "{runtime}");
        // the next invocation has it too, and nobody else
        assert_eq!(send(json!([])).await["now"], json!(canary::digest(&value)));
        let listed = owner.get("settings/secrets?user=ann").send().await.expect(200).json();
        assert_eq!(listed["items"][0]["updated_by"], "end-user:ann", "{listed}");
        let wrong =
            json!([["PATH", "x"], ["a b", "x"], ["BIG", "x".repeat(16 * 1024 + 1)], ["NUL", "a\0b"], ["GONE", null]]);
        let told = send(wrong).await;
        for (index, part) in ["steers", "name", "16384", "NUL", "done"].iter().enumerate() {
            assert!(told["told"][index].as_str().unwrap().contains(part), "{part}: {told}");
        }
        assert_eq!(send(json!([["REFRESH", null]])).await, json!({ "told": ["done"], "now": null }), "{runtime}");
    }
    let trail = owner.get("audit?limit=1000&search=end-user").send().await.expect(200).json();
    let set = trail["items"].as_array().unwrap().iter().find(|record| record["action"] == "secret.set").unwrap();
    assert_eq!(set["target"]["issuer"], json!(issuer.url), "{set}");
    // without the grant
    deploy(&owner, "reader", &manifest("deno"), &telling("(await ctx.userSecrets.set('A', 'x'))")).await;
    let told = call(&instance, "reader", &ann).send().await.expect(200).json();
    assert!(told["message"].as_str().unwrap().contains("\"user_secrets\": \"write\""), "{told}");
    deploy(&owner, "bobs", &manifest("deno"), &telling("secrets.getUser('REFRESH')")).await;
    assert_eq!(seen(&instance, "bobs", &bob).await, json!(of_bob));
    instance.close().await;
}

#[tokio::test]
async fn what_code_prints_of_a_users_value_is_masked_and_each_delivery_is_recorded_once() {
    let (instance, issuer) = identity::instance().await;
    let (owner, ann) = (instance.owner(), issuer.token("ann"));
    keep(&instance, &ann, KEY).await;
    let code = "export default async () => {\n  const key = secrets.getUser('OPENAI_API_KEY');\n  \
                console.log(`the key is ${key}`); console.error(btoa(unescape(encodeURIComponent(key))));\n  \
                setTimeout(() => console.log(`still ${key}`), 50);\n  throw new Error(`failed with ${key}`);\n};\n";
    for runtime in ["deno", "node"] {
        deploy(&owner, runtime, &manifest(runtime), code).await;
        for _ in 0..2 {
            call(&instance, runtime, &ann).send().await.expect(500);
        }
        let search = format!("logs?function={runtime}&limit=1000");
        wait::eventually("the lines", || async {
            let logs = owner.get(&search).send().await.expect(200).text();
            (logs.matches("still ").count() == 2).then_some(())
        })
        .await;
        let logs = owner.get(&search).send().await.expect(200).text();
        assert!(logs.contains("scope=user"), "a read of a user's secret is not in the log");
    }
    let trail = owner.get("audit?limit=1000&everything=true").send().await.expect(200).json();
    let all = trail["items"].as_array().unwrap().iter();
    let delivered: Vec<_> = all.filter(|record| record["action"] == "values.user").collect();
    assert_eq!(delivered.len(), 2, "one for each function: {delivered:?}");
    assert_eq!(delivered[0]["target"]["names"], json!([KEY]));
    assert_eq!(delivered[0]["target"]["user"], "ann");
    // a user's reads are no use of the project's secret of that name
    owner.set(KEY, &instance.plant()).await;
    let listed = owner.get(&format!("secrets/{KEY}")).send().await.expect(200).json();
    let readers = listed["used_by"].as_array().unwrap();
    assert!(readers.iter().all(|reader| reader["last_read_at"].is_null()), "{listed}");
    instance.close().await;
}

/// Reads a user's values again and again while others' invocations run in between, and tells what it saw.
const INTERLEAVED: &str = "const worker = crypto.randomUUID();
const nap = (ms) => new Promise((go) => setTimeout(go, ms));
export default async (req, ctx) => {
  const seen = new Set();
  const look = async () => {
    for (const value of [secrets.getUser('OWN'), secrets.get('SHARED'), await ctx.secrets.get('SHARED')]) seen.add(value);
    seen.add(ctx.user.id);
  };
  await look();
  await nap(Math.random() * 40);
  await Promise.all([look(), nap(Math.random() * 20).then(look), Promise.resolve().then(look)]);
  queueMicrotask(look);
  await new Promise((go) => setImmediate(() => look().then(go)));
  await fetch('data:,x').then((answer) => answer.text()).catch(() => {}).then(look);
  const values = [...seen].sort();
  return Response.json({ worker, values: await Promise.all(values.map(digest)) });
};\n";

#[tokio::test]
async fn a_thousand_interleaved_users_on_one_worker_never_see_one_anothers_values() {
    let users = 1_000;
    let (instance, issuer) = identity::instance().await;
    let owner = instance.owner();
    owner.set("SHARED", &instance.plant()).await;
    let values: Vec<_> = (0..users)
        .map(|n| {
            [format!("own-of-{n}-{}", canary::random_hex(12)), format!("shared-of-{n}-{}", canary::random_hex(12))]
        })
        .collect();
    instance.watch(&values[7][0]);
    for (start, chunk) in values.chunks(100).enumerate() {
        join_all(chunk.iter().enumerate().map(|(n, [own, shared])| {
            let (owner, user) = (&owner, start * 100 + n);
            async move {
                for (name, value) in [("OWN", own), ("SHARED", shared)] {
                    let at = format!("settings/secrets/{name}?user=u{user}");
                    owner.put(&at).json(&json!({ "value": value })).send().await.expect(200);
                }
            }
        }))
        .await;
    }
    for runtime in ["deno", "node"] {
        let list = json!([{ "name": "SHARED", "user": "override" }]);
        let manifest =
            json!({ "auth": "user", "runtime": runtime, "secrets": list, "concurrency": 200, "timeout_ms": 120_000 });
        deploy(&owner, runtime, &manifest, &format!("{DIGEST}{INTERLEAVED}")).await;
        let answers = join_all((0..users).map(|n| one(&instance, runtime, issuer.token(&format!("u{n}"))))).await;
        let worker = &answers[0]["worker"];
        for (n, answer) in answers.iter().enumerate() {
            let mut expected = [values[n][0].clone(), values[n][1].clone(), format!("u{n}")];
            expected.sort();
            let expected: Vec<_> = expected.iter().map(|value| canary::digest(value)).collect();
            assert_eq!(answer["values"], json!(expected), "{runtime}: user {n} saw something else");
            assert_eq!(&answer["worker"], worker, "{runtime}: more than one worker");
        }
    }
    instance.close().await;
}

async fn one(instance: &Instance, name: &str, token: String) -> Value {
    let answer: Answer = call(instance, name, &token).send().await;
    answer.expect(200).json()
}

#[tokio::test]
async fn calls_for_users_and_calls_for_nobody_share_a_worker_and_nothing_else() {
    let (instance, issuer) = identity::instance().await;
    let owner = instance.owner();
    let tokens: Vec<_> = (0..20).map(|n| issuer.token(&format!("u{n}"))).collect();
    let kept = join_all(tokens.iter().map(|token| keep(&instance, token, KEY))).await;
    let code = format!(
        "{DIGEST}let last; export default async (req, ctx) => {{\n  await new Promise((go) => setTimeout(go, Math.random() * 30));\n  \
         try {{ last = secrets.getUser('OPENAI_API_KEY'); return new Response(await digest(last)); }}\n  \
         catch {{ return new Response('nobody'); }} }};\n"
    );
    deploy(&owner, "mixed", &json!({ "auth": "public" }), &code).await;
    let calls = (0..400).map(|n| {
        let call = instance.caller().get(&path("mixed"));
        let user = (n % 2 == 0).then(|| n / 2 % tokens.len());
        let call = match user {
            Some(user) => call.header("x-strongroom-user", &tokens[user]),
            None => call,
        };
        let expected = user.map_or_else(|| "nobody".to_owned(), |user| kept[user].clone());
        async move { (call.send().await.expect(200).text(), expected) }
    });
    for (told, expected) in join_all(calls).await {
        assert_eq!(told, expected);
    }
    instance.close().await;
}
