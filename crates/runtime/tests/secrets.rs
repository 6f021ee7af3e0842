//! Every way to read a secret, and what stands for one that is missing, expired or without a value.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use strongroom_runtime::{Event, Via};
use support::{Held, World, spec};

const READER: &str = r"
const tell = async (read) => { try { return { value: await read() ?? null } } catch (e) { return { error: e.name, secret: e.secret, message: e.message } } };
export default async function handler(req, ctx) {
  const q = new URL(req.url).searchParams; const name = q.get('name');
  const ways = {
    get: () => secrets.get(name), required: () => secrets.getRequired(name), system: () => secrets.getSystem(name),
    user: () => secrets.getUser(name), ctx: () => ctx.secrets.get(name), fallback: () => ctx.secrets.get(name, 'fallback'),
    env: () => Deno.env.get(name), prefixed: () => Deno.env.get('STRONGROOM_SECRET_' + name), process: () => process.env[name],
    has: () => Deno.env.has(name), in: () => name in process.env, object: () => Deno.env.toObject()[name], all: () => Object.keys(Deno.env.toObject()).sort().join(),
  };
  return Response.json(await tell(ways[q.get('way')]));
}";

async fn ask(world: &World, spec: &Arc<strongroom_runtime::WorkerSpec>, way: &str, name: &str) -> serde_json::Value {
    serde_json::from_str(&world.get(spec, &format!("/?way={way}&name={name}")).await.text).unwrap()
}

#[tokio::test]
async fn a_value_is_seen_by_every_path() {
    let world = World::new();
    world.set("API_KEY", "line one\nline \"two\" ключ");
    let spec = Arc::new(spec(READER));
    for way in ["get", "required", "ctx", "fallback", "env", "prefixed", "process", "object"] {
        assert_eq!(ask(&world, &spec, way, "API_KEY").await["value"], "line one\nline \"two\" ключ", "{way}");
    }
    for way in ["has", "in"] {
        assert_eq!(ask(&world, &spec, way, "API_KEY").await["value"], true, "{way}");
    }
    assert_eq!(ask(&world, &spec, "all", "x").await["value"], "API_KEY,STRONGROOM_SECRET_API_KEY,TIER");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_empty_value_is_a_value() {
    let world = World::new();
    world.set("EMPTY", "");
    let spec = Arc::new(spec(READER));
    for way in ["get", "required", "ctx", "fallback", "env", "process"] {
        assert_eq!(ask(&world, &spec, way, "EMPTY").await["value"], "", "{way}");
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn what_is_not_set_is_undefined_or_thrown_with_the_command() {
    let world = World::new();
    let spec = Arc::new(spec(READER));
    for name in ["NOT_SET", "__proto__", "constructor", "toString"] {
        for way in ["get", "system", "env", "process"] {
            if way == "process" && name != "NOT_SET" {
                continue; // `process.env.toString` is a function in every runtime
            }
            assert_eq!(ask(&world, &spec, way, name).await["value"], serde_json::Value::Null, "{way} {name}");
        }
        for way in ["required", "ctx"] {
            let thrown = ask(&world, &spec, way, name).await;
            assert_eq!(thrown["error"], "SecretNotFoundError");
            assert_eq!(thrown["secret"], name);
            assert!(thrown["message"].as_str().unwrap().contains(&format!("strongroom secrets set {name}")));
        }
        assert_eq!(ask(&world, &spec, "fallback", name).await["value"], "fallback");
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn names_of_the_language_itself_are_names() {
    let world = World::new();
    let spec = Arc::new(spec(READER));
    for name in ["__proto__", "constructor", "toString"] {
        world.set(name, &format!("value of {name}"));
    }
    for name in ["__proto__", "constructor", "toString"] {
        for way in ["get", "required", "ctx", "env", "prefixed"] {
            assert_eq!(ask(&world, &spec, way, name).await["value"], format!("value of {name}"), "{way} {name}");
        }
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_expired_secret_always_throws() {
    let world = World::new();
    world.put("OLD", Held::Expired);
    let spec = Arc::new(spec(READER));
    for way in ["get", "required", "ctx", "fallback"] {
        let thrown = ask(&world, &spec, way, "OLD").await;
        assert_eq!(
            (thrown["error"].as_str(), thrown["secret"].as_str()),
            (Some("SecretExpiredError"), Some("OLD")),
            "{way}"
        );
    }
    assert_eq!(ask(&world, &spec, "env", "OLD").await["value"], serde_json::Value::Null);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn one_without_value_gives_its_default_or_the_fallback() {
    let world = World::new();
    world.put("DECLARED", Held::NoValue(None));
    world.put("REGION", Held::NoValue(Some("us-east-1".to_owned())));
    let spec = Arc::new(spec(READER));
    for way in ["required", "ctx"] {
        assert_eq!(ask(&world, &spec, way, "DECLARED").await["error"], "SecretWithoutValueError", "{way}");
    }
    assert_eq!(ask(&world, &spec, "get", "DECLARED").await["value"], serde_json::Value::Null);
    assert_eq!(ask(&world, &spec, "fallback", "DECLARED").await["value"], "fallback");
    for way in ["get", "required", "ctx", "fallback", "env", "prefixed"] {
        assert_eq!(ask(&world, &spec, way, "REGION").await["value"], "us-east-1", "{way}");
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_system_secret_stands_in_when_nothing_else_has_the_name() {
    let world = World::new();
    let spec = Arc::new(spec(READER));
    {
        let mut state = world.values.state.lock().unwrap();
        state.system.insert("SHARED".to_owned(), (Held::Value("of the system".to_owned()), 1));
        state.system.insert("BOTH".to_owned(), (Held::Value("of the system".to_owned()), 1));
        state.entries.insert("BOTH".to_owned(), (Held::Value("own".to_owned()), 1));
    }
    assert_eq!(ask(&world, &spec, "get", "SHARED").await["value"], "of the system");
    assert_eq!(ask(&world, &spec, "system", "BOTH").await["value"], "of the system");
    assert_eq!(ask(&world, &spec, "get", "BOTH").await["value"], "own");
    assert_eq!(ask(&world, &spec, "env", "SHARED").await["value"], serde_json::Value::Null);
    assert!(ask(&world, &spec, "user", "X").await["message"].as_str().unwrap().contains("made for no end user"));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn each_execution_reports_its_first_read_of_a_name() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "const early = secrets.get('API_KEY'); export default async (req, ctx) => { secrets.get('API_KEY'); await ctx.secrets.get('API_KEY'); return new Response(new ReadableStream({ async pull(c) { c.enqueue(new TextEncoder().encode(process.env.OTHER)); c.close(); } })); }";
    world.set("OTHER", "value-of-other");
    let spec = Arc::new(spec(code));
    for _ in 0..2 {
        assert_eq!(world.get(&spec, "/").await.text, "value-of-other");
    }
    let reads = || {
        let events = world.events.lock().unwrap();
        let read = |event: &Event| match event {
            Event::Read { execution_id, name, scope, version, via, module_load, .. } => {
                Some((execution_id.clone(), name.clone(), scope.clone(), *version, *via, *module_load))
            }
            _ => None,
        };
        events.iter().filter_map(read).collect::<Vec<_>>()
    };
    let reads = support::eventually("five reads", || Some(reads()).filter(|reads| reads.len() >= 5)).await;
    assert_eq!(reads.len(), 5, "{reads:?}");
    assert_eq!(reads[0], (None, "API_KEY".to_owned(), "global".to_owned(), 1, Via::Helper, true));
    let of = |name: &str, via| reads.iter().filter(|read| read.1 == name && read.4 == via && read.0.is_some()).count();
    assert_eq!((of("API_KEY", Via::Helper), of("OTHER", Via::Env)), (2, 2));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn nothing_stands_in_the_environment_block_of_the_process() {
    let world = World::new();
    world.set("API_KEY", "canary-value-of-api-key");
    let spec = Arc::new(spec(READER));
    ask(&world, &spec, "env", "API_KEY").await;
    let pid = world.runtime.warm()[0].pid;
    for file in ["environ", "cmdline"] {
        let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("canary") && !text.contains("API_KEY") && !text.contains("PATH="), "{file}");
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn values_are_masked_in_whatever_the_code_prints() {
    let world = World::new();
    world.set("API_KEY", "canary/value+1");
    let code = "export default async () => { const v = secrets.get('API_KEY'); console.log('plain', v, btoa(v), encodeURIComponent(v)); console.error({ v }); \
        const e = new TextEncoder(); Deno.stdout.writeSync(e.encode('split ' + v.slice(0, 5))); console.info('between'); Deno.stdout.writeSync(e.encode(v.slice(5) + ' end\\n')); \
        await Deno.stderr.write(e.encode('raw ' + v + '\\n')); process.stdout.write('node ' + v + '\\n'); return new Response('ok'); }";
    let spec = Arc::new(spec(code));
    world.get(&spec, "/").await;
    assert_eq!(world.log_line("plain").await, "plain [masked] [masked] [masked]");
    assert_eq!(world.log_line("split").await, "split [masked] end");
    assert_eq!(world.log_line("raw").await, "raw [masked]");
    assert_eq!(world.log_line("node").await, "node [masked]");
    assert!(!format!("{:?}", world.events.lock().unwrap()).contains("canary"));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn the_code_changing_its_environment_changes_nothing_else() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "export default () => { Deno.env.set('API_KEY', 'mine'); Deno.env.delete('STRONGROOM_SECRET_API_KEY'); Map.prototype.get = () => 'forged'; JSON.stringify = () => 'x'; return new Response(secrets.get('API_KEY') + Deno.env.get('API_KEY') + process.env.STRONGROOM_SECRET_API_KEY); }";
    let answer = world.get(&Arc::new(spec(code)), "/").await;
    assert!(answer.text.ends_with("mineundefined"), "{}", answer.text);
    world.runtime.shutdown().await;
}
