//! Functions and jobs on a real Node: the same promises as on Deno.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use strongroom_runtime::{
    ChangeCause, EnvNames, Event, InvokeError, JobHandle, JobOutcome, JobRun, Level, Need, OnChange, Outcome, Progress,
    Refresh, WorkerEvent, WorkerSpec, WorkloadKind,
};
use support::{Held, World, eventually, facts, node};

fn node_job(code: &str) -> Arc<WorkerSpec> {
    let mut spec = node(code);
    spec.workload.kind = WorkloadKind::Job;
    Arc::new(spec)
}

fn get(path: &str) -> http::Request<strongroom_runtime::Body> {
    http::Request::get(path).body(strongroom_runtime::empty()).unwrap()
}

#[tokio::test]
async fn every_web_shape_answers() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let default = "export default async function handler(req, ctx) { return new Response([req.method, req.url, await req.text(), secrets.get('API_KEY'), ctx.env.TIER, req.headers.get('host'), typeof Deno].join('|')); }";
    let answer = world.post(&Arc::new(node(default)), "/a/b?x=1", "body").await;
    assert_eq!(
        answer.text,
        "POST|https://fn.example.test/fn/shop/a/b?x=1|body|value-of-api-key|gold|fn.example.test|undefined"
    );
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("x-strongroom")));
    let define = "export default { [Symbol.for('strongroom.function')]: true, handler: ({ input, ctx }) => ({ got: input, own: ctx.executionId.startsWith('exec-') }) }";
    let define = Arc::new(node(define));
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(
        json(&world.post(&define, "/", r#"{"a":[1,2]}"#).await.text),
        json!({"got": {"a": [1, 2]}, "own": true})
    );
    assert_eq!(world.post(&define, "/", "{").await.status, 400);
    let fetch = "export default { async fetch(req, env, ctx) { return new Response([env.API_KEY, env.TIER, await ctx.secrets.get('API_KEY')].join('|')); } }";
    assert_eq!(world.get(&Arc::new(node(fetch)), "/").await.text, "value-of-api-key|gold|value-of-api-key");
    let nothing = world.runtime.trial_start(&Arc::new(node("export const x = 1"))).await.unwrap_err().to_string();
    assert!(nothing.contains("no handler found") && nothing.contains("listen()"), "{nothing}");
    let deno = world.runtime.trial_start(&Arc::new(node("Deno.serve(() => new Response('x'))"))).await.unwrap_err();
    assert!(deno.to_string().contains("where there is no Deno"), "{deno}");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_server_that_the_code_starts_gets_the_requests() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "import http from 'node:http';
      const app = (req, res) => { let text = ''; req.on('data', (part) => text += part); req.on('end', () => {
        res.setHeader('x-seen', Object.keys(req.headers).join()); res.writeHead(201, { 'set-cookie': ['a=1', 'b=2'] });
        res.end([req.method, req.url, text, process.env.API_KEY].join('|')) }) };
      const server = http.createServer(app).listen(3000, () => console.log('listening on ' + server.address().port));";
    let spec = Arc::new(node(code));
    let answer = world.post(&spec, "/a?b=1", "body").await;
    assert_eq!((answer.status, answer.text.as_str()), (201, "POST|/a?b=1|body|value-of-api-key"));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert!(!answer.headers.get("x-seen").unwrap().to_str().unwrap().contains("strongroom"));
    world.log_line("listening on 3000").await;
    let read = world.event("a read", |event| match event {
        Event::Read { name, execution_id: Some(_), .. } => Some(name.clone()),
        _ => None,
    });
    assert_eq!(read.await, "API_KEY");
    world.runtime.shutdown().await;
}

const READER: &str = r"import { env } from 'node:process';
const tell = async (read) => { try { return { value: await read() ?? null } } catch (e) { return { error: e.name, secret: e.secret } } };
export default async function handler(req, ctx) {
  const q = new URL(req.url).searchParams; const name = q.get('name');
  const ways = {
    get: () => secrets.get(name), required: () => secrets.getRequired(name), system: () => secrets.getSystem(name),
    ctx: () => ctx.secrets.get(name), fallback: () => ctx.secrets.get(name, 'fallback'),
    env: () => process.env[name], named: () => env[name], prefixed: () => process.env['STRONGROOM_SECRET_' + name],
    has: () => name in process.env, own: () => Object.hasOwn(process.env, name), spread: () => ({ ...process.env })[name],
    all: () => Object.keys(process.env).sort().join(), del: () => { delete process.env.TIER; process.env.NEW = 1; return process.env.TIER + process.env.NEW },
  };
  return Response.json(await tell(ways[q.get('way')]));
}";

async fn ask(world: &World, spec: &Arc<WorkerSpec>, way: &str, name: &str) -> Value {
    serde_json::from_str(&world.get(spec, &format!("/?way={way}&name={name}")).await.text).unwrap()
}

#[tokio::test]
async fn a_value_is_seen_by_every_path_and_stands_in_no_process_block() {
    let world = World::new();
    let value = "line one\nline \"two\" ключ";
    world.set("API_KEY", value);
    world.set("__proto__", "value of proto");
    world.put("OLD", Held::Expired);
    let spec = Arc::new(node(READER));
    for way in ["get", "required", "ctx", "fallback", "env", "named", "prefixed", "spread"] {
        assert_eq!(ask(&world, &spec, way, "API_KEY").await["value"], value, "{way}");
    }
    for way in ["has", "own"] {
        assert_eq!(ask(&world, &spec, way, "API_KEY").await["value"], true, "{way}");
    }
    for way in ["get", "env", "prefixed"] {
        assert_eq!(ask(&world, &spec, way, "__proto__").await["value"], "value of proto", "{way}");
    }
    let names = "API_KEY,STRONGROOM_SECRET_API_KEY,STRONGROOM_SECRET___proto__,TIER,__proto__";
    assert_eq!(ask(&world, &spec, "all", "x").await["value"], names);
    for way in ["get", "env", "system"] {
        assert_eq!(ask(&world, &spec, way, "NOT_SET").await["value"], Value::Null, "{way}");
    }
    for (way, error) in [("required", "SecretNotFoundError"), ("ctx", "SecretNotFoundError")] {
        assert_eq!(ask(&world, &spec, way, "NOT_SET").await["error"], error, "{way}");
    }
    for way in ["get", "ctx", "fallback"] {
        assert_eq!(ask(&world, &spec, way, "OLD").await["error"], "SecretExpiredError", "{way}");
    }
    assert_eq!(ask(&world, &spec, "del", "x").await["value"], "undefined1");
    let pid = world.runtime.warm()[0].pid;
    let environ = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(!environ.contains("line one") && !environ.contains("API_KEY") && !environ.contains("PATH="), "{environ}");
    let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(arguments.contains("--permission") && !arguments.contains("line one"), "{arguments}");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_change_is_live_for_helpers_and_replaces_readers_of_the_environment() {
    let world = World::new();
    world.set("KEY", "value-0");
    let mut helper =
        node("export default async (req, ctx) => new Response(await ctx.secrets.get('KEY') + process.pid)");
    helper.on_change = OnChange::Live;
    let helper = Arc::new(helper);
    let mut reader = node("const key = process.env.KEY; export default () => new Response(key)");
    reader.workload.name = "reader".to_owned();
    reader.env_names = EnvNames { names: ["KEY".to_owned()].into(), dynamic: false };
    let reader = Arc::new(reader);
    world.get(&helper, "/").await;
    assert_eq!(world.get(&reader, "/").await.text, "value-0");
    let pid = world.runtime.warm().iter().find(|worker| worker.workload.name == "under-test").unwrap().pid;
    for change in 1..20 {
        world.set("KEY", &format!("value-{change}-"));
        assert_eq!(world.tell(&helper, "KEY", ChangeCause::Set).await, Refresh::Pushed);
        assert_eq!(world.get(&helper, "/").await.text, format!("value-{change}-{pid}"));
    }
    assert_eq!(world.tell(&reader, "KEY", ChangeCause::Set).await, Refresh::Restarted);
    assert_eq!(world.get(&reader, "/").await.text, "value-19-");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_invocation_in_flight_keeps_its_values() {
    let world = Arc::new(World::new());
    world.set("KEY", "the-old-value");
    let code = "let go; const gate = new Promise((r) => { go = r }); const read = () => [secrets.get('KEY'), process.env.KEY].join();
      export default async (req) => { if (req.url.endsWith('/go')) { go(); return new Response(read()) } const before = read(); console.log('in'); await gate; return new Response(before + ' ' + read()) }";
    let spec = Arc::new(node(code));
    let (other, same) = (Arc::clone(&world), Arc::clone(&spec));
    let first = tokio::spawn(async move { other.get(&same, "/").await.text });
    world.log_line("in").await;
    let pid = world.runtime.warm()[0].pid;
    world.set("KEY", "the-new-value");
    // it was seen to read the environment, so a new worker answers what comes later
    assert_eq!(world.tell(&spec, "KEY", ChangeCause::Set).await, Refresh::Restarted);
    assert_eq!(world.get(&spec, "/go").await.text, "the-new-value,the-new-value");
    assert_ne!(world.runtime.warm()[0].pid, pid);
    assert!(!first.is_finished());
    first.abort();
    world.runtime.shutdown().await;
}

const TRY: &str = r"import fs from 'node:fs'; import net from 'node:net'; import dns from 'node:dns/promises'; import dgram from 'node:dgram';
const attempts = {
  fetch: (a) => fetch(a, { signal: AbortSignal.timeout(5000) }).catch((e) => { throw e.cause ?? e }),
  connect: (a) => new Promise((go, stop) => net.connect({ host: a.split('#')[0], port: a.split('#')[1] }, go).on('error', stop)),
  lookup: (a) => dns.lookup(a), udp: () => dgram.createSocket('udp4'), listen: () => new Promise((go, stop) => net.createServer().on('error', stop).listen(0, go)),
  unix: (path) => new Promise((go, stop) => net.connect({ path }, go).on('error', stop)),
  read: (p) => fs.readFileSync(p), list: (p) => fs.readdirSync(p), write: (p) => fs.writeFileSync(p, 'x'), import: (p) => import(p),
  spawn: async (p) => (await import('node:child_process')).execFileSync(p), addon: (p) => process.dlopen({ exports: {} }, p),
  worker: async () => new (await import('node:worker_threads')).Worker('1', { eval: true }), wasi: async () => new (await import('node:wasi')).WASI({ version: 'preview1' }),
  inspector: async () => (await import('node:inspector')).open(0), binding: () => process.binding('tcp_wrap'), exit: () => process.exit(3), send: () => process.send({ t: 'x' }),
};
export default async (req) => {
  const { what, arg } = await req.json();
  try { await attempts[what](arg); return new Response('allowed') } catch (e) { return new Response('refused: ' + (e.code ?? '') + ' ' + e.message) }
}";

async fn attempt(world: &World, spec: &Arc<WorkerSpec>, what: &str, arg: &str) -> String {
    world.post(spec, "/", &json!({"what": what, "arg": arg}).to_string()).await.text
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let world = World::with(|config| config.blocked_hosts = vec!["strongroom.example.test:7876".to_owned()]);
    let spec = Arc::new(node(TRY));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::1]",
        "[fd00:ec2::254]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "a.localhost",
        "metadata.google.internal",
    ];
    for host in hosts {
        let refused = attempt(&world, &spec, "fetch", &format!("http://{host}:{port}/")).await;
        assert!(refused.starts_with("refused: EACCES"), "{host}: {refused}");
    }
    for (what, arg) in
        [("connect", format!("127.0.0.1#{port}")), ("lookup", "localhost".to_owned()), ("udp", String::new())]
    {
        assert!(attempt(&world, &spec, what, &arg).await.starts_with("refused: EACCES"), "{what}");
    }
    assert!(
        attempt(&world, &spec, "fetch", "http://strongroom.example.test:7876/").await.starts_with("refused: EACCES")
    );
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn only_its_own_files_can_be_read_and_nothing_can_be_started() {
    let world = World::new();
    let spec = Arc::new(node(TRY));
    let own_pid = std::process::id();
    let scratch = world.scratch.path().display().to_string();
    for path in ["/etc/passwd", "/proc/self/environ", &format!("/proc/{own_pid}/environ"), &scratch, "/"] {
        for what in ["read", "list", "write"] {
            let refused = attempt(&world, &spec, what, path).await;
            assert!(refused.starts_with("refused: ERR_ACCESS_DENIED"), "{what} {path}: {refused}");
        }
    }
    for (what, arg) in
        [("spawn", "/bin/true"), ("worker", ""), ("wasi", ""), ("import", "/etc/passwd"), ("addon", "/x.node")]
    {
        let refused = attempt(&world, &spec, what, arg).await;
        assert!(refused.starts_with("refused: ERR_"), "{what}: {refused}");
    }
    assert!(attempt(&world, &spec, "exit", "").await.contains("not available in a function"));
    for what in ["send", "inspector", "binding"] {
        assert!(attempt(&world, &spec, what, "").await.starts_with("refused:"), "{what}");
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn bodies_stream_both_ways_and_a_caller_who_goes_away_is_noticed() {
    let world = World::new();
    let code = "let go; export default async (req) => { const { pathname } = new URL(req.url); const e = new TextEncoder();
      if (pathname.endsWith('/echo')) return new Response(req.body);
      if (pathname.endsWith('/go')) { go(); return new Response('ok') }
      if (pathname.endsWith('/gone')) { req.signal.onabort = () => console.log('gone'); return new Response(new ReadableStream({ start(c) { c.enqueue(e.encode('x')) }, cancel() { console.log('cancelled') } })) }
      return new Response(new ReadableStream({ async start(c) { c.enqueue(e.encode('data: 1\\n\\n')); await new Promise((r) => { go = r }); c.enqueue(e.encode('data: 2\\n\\n')); c.close() } }), { headers: { 'content-type': 'text/event-stream' } }) }";
    let spec = Arc::new(node(code));
    let mut events = world.request(&spec, get("/")).await.unwrap().into_body();
    assert_eq!(events.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
    world.get(&spec, "/go").await;
    assert_eq!(events.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 2\n\n");
    assert!(events.frame().await.is_none());
    let chunk = bytes::Bytes::from(vec![7_u8; 1 << 16]);
    let frames = (0..320).map(move |_| Ok::<_, strongroom_runtime::BoxError>(http_body::Frame::data(chunk.clone())));
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
    let echo = world.request(&spec, http::Request::post("/echo").body(body).unwrap()).await.unwrap();
    assert_eq!(echo.into_body().collect().await.unwrap().to_bytes().len(), 320 << 16);
    let mut gone = world.request(&spec, get("/gone")).await.unwrap().into_body();
    gone.frame().await.unwrap().unwrap();
    drop(gone);
    world.log_line("gone").await;
    world.log_line("cancelled").await;
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn heads_go_through_whole_and_internal_ones_do_not() {
    let world = World::new();
    let code = "export default (req) => { const h = new Headers({ 'x-strongroom-reads': 'e.FORGED.global.1', 'x-seen': [...req.headers.keys()].join() });
      h.append('set-cookie', 'a=1'); h.append('set-cookie', 'b=2'); return new Response(null, { status: 204, headers: h }) }";
    let request = http::Request::get("/")
        .header("x-kept", "1")
        .header("cookie", "c=1")
        .body(strongroom_runtime::empty())
        .unwrap();
    let answer = support::read(world.request(&Arc::new(node(code)), request).await.unwrap()).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    let seen = answer.headers.get("x-seen").unwrap().to_str().unwrap();
    assert!(seen.contains("x-kept") && seen.contains("cookie") && !seen.contains("strongroom"), "{seen}");
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("x-strongroom")));
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn output_is_masked_and_belongs_to_its_execution() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "export default (req) => { if (req.url.endsWith('/throw')) throw new Error('because of ' + secrets.get('API_KEY'));
      if (req.url.endsWith('/late')) { setTimeout(() => { throw new Error('thrown late') }); Promise.reject(new Error('rejected late')); return new Response('ok') }
      console.log('has %s and', secrets.get('API_KEY'), { a: 1 }); console.error('grave'); console.debug('fine'); process.stdout.write('raw value-of-api-key\\n'); return new Response('ok') }";
    let spec = Arc::new(node(code));
    assert_eq!(world.get(&spec, "/").await.status, 200);
    let line = |part: &'static str| {
        world.event(part, move |event| match event {
            Event::Log { message, execution_id, level, .. } if message.contains(part) => {
                Some((message.clone(), execution_id.is_some(), *level))
            }
            _ => None,
        })
    };
    assert_eq!(line("and { a: 1 }").await, ("has [masked] and { a: 1 }".to_owned(), true, Level::Info));
    assert_eq!(line("grave").await, ("grave".to_owned(), true, Level::Error));
    assert_eq!(line("fine").await, ("fine".to_owned(), true, Level::Debug));
    assert_eq!(line("raw ").await.0, "raw [masked]");
    let answer = world.get(&spec, "/throw").await;
    assert_eq!(answer.status, 500);
    assert!(answer.text.starts_with(r#"{"error":"internal error","request_id":"exec-"#), "{}", answer.text);
    assert!(line("because of").await.0.contains("because of [masked]"));
    world.get(&spec, "/late").await;
    assert!(line("thrown late").await.0.starts_with("uncaught: Error"));
    assert!(line("rejected late").await.0.starts_with("uncaught: Error"));
    assert_eq!(world.get(&spec, "/").await.status, 200, "what nobody caught does not end the worker");
    assert_eq!(world.runtime.warm().len(), 1);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn time_memory_and_a_stuck_loop_are_bounded() {
    let world = World::new();
    let code = "const all = []; export default (req) => { const { pathname } = new URL(req.url); if (pathname.endsWith('/stuck')) for (;;);
      if (pathname.endsWith('/heap')) { const heap = []; for (;;) heap.push(new Array(1e6).fill(heap)); }
      if (pathname.endsWith('/eat')) { setInterval(() => all.push(Buffer.alloc(8e6, 1)), 5); return new Promise(() => {}) }
      if (pathname.endsWith('/slow')) return new Promise(() => {}); return new Response('alive') }";
    let mut spec = node(code);
    spec.memory_bytes = 64 * 1024 * 1024;
    spec.timeout = Duration::from_millis(500);
    let spec = Arc::new(spec);
    world.get(&spec, "/").await;
    let pid = world.runtime.warm()[0].pid;
    assert!(matches!(world.request(&spec, get("/slow")).await, Err(InvokeError::Timeout(_))));
    assert_eq!(world.get(&spec, "/").await.text, "alive");
    assert_eq!(world.runtime.warm()[0].pid, pid);
    assert!(matches!(world.request(&spec, get("/stuck")).await, Err(InvokeError::Timeout(_))));
    eventually("another worker", || world.runtime.warm().first().filter(|worker| worker.pid != pid).map(|_| ())).await;
    let mut patient = node(code);
    patient.memory_bytes = spec.memory_bytes;
    let patient = Arc::new(patient);
    assert!(matches!(world.request(&patient, get("/heap")).await, Err(InvokeError::Broken)));
    let mut eater = node(code);
    eater.memory_bytes = spec.memory_bytes;
    eater.workload.name = "eater".to_owned();
    let eater = Arc::new(eater);
    assert_eq!(world.get(&eater, "/").await.text, "alive");
    assert!(world.request(&eater, get("/eat")).await.is_err());
    let over = |event: &Event| matches!(event, Event::Worker { what: WorkerEvent::OverMemory, .. }).then_some(());
    world.event("over memory", over).await;
    assert_eq!(world.get(&eater, "/").await.text, "alive");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn jobs_run_report_and_can_be_cancelled() {
    let world = World::new();
    world.set("API_KEY", "value-of-api-key");
    let code = "export default async function handler(payload, ctx) {
      if (payload.wait) { ctx.progress(40, 'has ' + process.env.API_KEY); await new Promise((_go, stop) => ctx.signal.addEventListener('abort', () => stop(ctx.signal.reason))) }
      if (payload.fail) throw new RangeError('not ' + await ctx.secrets.get('API_KEY'));
      return { payload, job: ctx.job.name, attempt: ctx.job.attempt, length: secrets.get('API_KEY').length } }";
    let spec = node_job(code);
    let done = world.completed(&spec, r#"{"n":1}"#).await;
    assert_eq!(done, json!({"payload": {"n": 1}, "job": "under-test", "attempt": 1, "length": 16}));
    let failed = world.run(&spec, r#"{"fail":true}"#).await.unwrap();
    assert_eq!(failed, JobOutcome::Failed { class: "RangeError".to_owned(), message: "not [masked]".to_owned() });
    let (run, handle): (JobRun, JobHandle) = JobRun::new(facts(), r#"{"wait":true}"#.into());
    let (runtime, same, need) = (world.runtime.clone(), Arc::clone(&spec), Need { epoch: world.epoch() });
    let running = tokio::spawn(async move { runtime.run_job(&same, need, run).await });
    let mut progress = handle.progress();
    progress.wait_for(Option::is_some).await.unwrap();
    let expected = Progress { percent: 40, message: Some("has [masked]".to_owned()) };
    assert_eq!(progress.borrow().clone(), Some(expected));
    handle.cancel();
    assert_eq!(running.await.unwrap().unwrap(), JobOutcome::Cancelled);
    let cancelled = |event: &Event| matches!(event, Event::Finished { outcome: Outcome::Cancelled, .. }).then_some(());
    world.event("its end", cancelled).await;
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_machine_without_a_fitting_node_says_what_to_install() {
    let world = World::with(|config| config.node = strongroom_runtime::locate::Places::default());
    let refused = world.request(&Arc::new(node("export default () => new Response('x')")), get("/")).await.unwrap_err();
    let InvokeError::Unavailable(failure) = refused else { panic!("{refused:?}") };
    assert!(failure.to_string().ends_with("strongroom runtime install node"), "{failure}");
    world.runtime.shutdown().await;
}
