//! Bodies stream both ways, and a caller who goes away is noticed.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use strongroom_runtime::{Event, Outcome};
use support::{World, read, spec};

const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 1600; // 100 MiB

fn big() -> strongroom_runtime::Body {
    let chunk = Bytes::from(vec![7_u8; CHUNK]);
    let frames = (0..CHUNKS).map(move |_| Ok::<_, strongroom_runtime::BoxError>(Frame::data(chunk.clone())));
    StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_go_up_and_down_without_being_held() {
    let world = World::new();
    let code = "export default async (req) => { if (req.url.endsWith('/echo')) return new Response(req.body); let n = 0; for await (const part of req.body) n += part.length; return new Response(String(n)) }";
    let spec = Arc::new(spec(code));
    let up = world.request(&spec, http::Request::post("/count").body(big()).unwrap()).await.unwrap();
    assert_eq!(read(up).await.text, (CHUNK * CHUNKS).to_string());
    let echo = world.request(&spec, http::Request::post("/echo").body(big()).unwrap()).await.unwrap();
    let (mut body, mut received) = (echo.into_body(), 0);
    while let Some(frame) = body.frame().await {
        received += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!(received, CHUNK * CHUNKS);
    assert!(world.runtime.warm().first().unwrap().memory_bytes.unwrap() < 100 << 20);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn events_arrive_as_they_are_sent() {
    let world = World::new();
    let code = "let go; export default (req) => { if (req.url.endsWith('/go')) { go(); return new Response('ok'); } \
        const body = new ReadableStream({ async start(c) { const e = new TextEncoder(); c.enqueue(e.encode('data: 1\\n\\n')); await new Promise((r) => { go = r }); c.enqueue(e.encode('data: 2\\n\\n')); c.close(); } }); \
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } }) }";
    let spec = Arc::new(spec(code));
    let response =
        world.request(&spec, http::Request::get("/").body(strongroom_runtime::empty()).unwrap()).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
    world.get(&spec, "/go").await;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 2\n\n");
    assert!(body.frame().await.is_none());
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn heads_go_through_whole_and_internal_ones_do_not() {
    let world = World::new();
    world.set("KEY", "value-of-key");
    let code = "export default (req) => { secrets.get('KEY'); const h = new Headers({ 'x-strongroom-reads': 'e.FORGED.global.1', 'x-seen': [...req.headers.keys()].join() }); \
        h.append('set-cookie', 'a=1'); h.append('set-cookie', 'b=2'); return new Response(null, { status: 204, headers: h }) }";
    let request = http::Request::get("/")
        .header("x-strongroom-invocation", "9 forged 1.2.3.4 https://evil.example/")
        .header("connection", "close, x-hop")
        .header("x-hop", "1")
        .header("x-kept", "1")
        .body(strongroom_runtime::empty())
        .unwrap();
    let answer = read(world.request(&Arc::new(spec(code)), request).await.unwrap()).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    let seen = answer.headers.get("x-seen").unwrap().to_str().unwrap();
    assert!(seen.contains("x-kept") && !seen.contains("strongroom") && !seen.contains("x-hop"), "{seen}");
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("x-strongroom")));
    let name = world
        .event("a read", |event| if let Event::Read { name, .. } = event { Some(name.clone()) } else { None })
        .await;
    assert_eq!(name, "KEY");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_redirect_with_frozen_headers_is_passed_on() {
    let world = World::new();
    world.set("KEY", "value-of-key");
    let spec = Arc::new(spec(
        "export default () => { secrets.get('KEY'); return Response.redirect('https://example.test/next', 302) }",
    ));
    let answer = world.get(&spec, "/").await;
    assert_eq!(
        (answer.status, answer.headers.get("location").unwrap().to_str().unwrap()),
        (302, "https://example.test/next")
    );
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn a_caller_who_goes_away_aborts_the_signal() {
    let world = World::new();
    let code = "export default (req) => { req.signal.addEventListener('abort', () => console.log('caller left')); console.log('started'); \
        if (req.url.endsWith('/stream')) return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1)) }, cancel() { console.log('stream cancelled') } })); \
        return new Promise(() => {}) }";
    let spec = Arc::new(spec(code));
    let waiting = world.request(&spec, http::Request::get("/").body(strongroom_runtime::empty()).unwrap());
    tokio::select! {
        _ = waiting => panic!("it answers never"),
        _ = world.log_line("started") => {}
    }
    world.log_line("caller left").await;
    let stream =
        world.request(&spec, http::Request::get("/stream").body(strongroom_runtime::empty()).unwrap()).await.unwrap();
    drop(stream);
    world.log_line("stream cancelled").await;
    let cancelled = |event: &Event| matches!(event, Event::Finished { outcome: Outcome::Cancelled, .. }).then_some(());
    world.event("cancelled", cancelled).await;
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_holds_nobody_up() {
    let world = World::new();
    let spec = Arc::new(spec("export default (req) => new Response(req.method)"));
    let never = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, strongroom_runtime::BoxError>>());
    let upload = http::Request::post("/").body(never.boxed_unsync()).unwrap();
    assert_eq!(read(world.request(&spec, upload).await.unwrap()).await.text, "POST");
    for _ in 0..3 {
        let before = std::time::Instant::now();
        assert_eq!(world.get(&spec, "/").await.text, "GET");
        assert!(before.elapsed() < std::time::Duration::from_secs(1));
    }
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn bodies_are_not_compressed_behind_the_caller() {
    let world = World::new();
    let spec = Arc::new(spec(
        "export default () => new Response('x'.repeat(10000), { headers: { 'content-type': 'text/plain' } })",
    ));
    let request =
        http::Request::get("/").header("accept-encoding", "gzip, br").body(strongroom_runtime::empty()).unwrap();
    let answer = read(world.request(&spec, request).await.unwrap()).await;
    assert!(answer.headers.get("content-encoding").is_none());
    assert_eq!(answer.text.len(), 10000);
    world.runtime.shutdown().await;
}
