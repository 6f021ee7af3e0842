//! Bodies that stream, both ways.

use std::time::Instant;

use http::Method;
use strongroom_e2e::functions::{deploy, open, path};
use strongroom_e2e::{Instance, count, wait};

#[tokio::test]
async fn an_answer_streams_piece_by_piece_and_a_client_that_leaves_ends_it() {
    let instance = Instance::start().await;
    let bundle = "export default () => { let number = 0; let timer; return new Response(new ReadableStream({
      start(to) { timer = setInterval(() => to.enqueue(new TextEncoder().encode(`data: ${++number}\\n\\n`)), 20); },
      cancel() { clearInterval(timer); console.log('the client has gone'); },
    }), { headers: { 'content-type': 'text/event-stream' } }); };\n";
    deploy(&instance.owner(), "ticker", &open(), bundle).await;
    let (status, headers, mut stream) = instance.caller().get(&path("ticker")).stream().await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    assert!(stream.until("data: 3\n\n").await.starts_with("data: 1\n\n"));
    drop(stream);
    wait::eventually("the function's notice", || async {
        let logs = instance.owner().get("logs?search=the%20client%20has%20gone").send().await.expect(200).json();
        (!logs["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    instance.close().await;
}

#[tokio::test]
async fn a_large_body_goes_up_and_comes_down_whole() {
    let megabytes = count(100, 100);
    let instance = Instance::start().await;
    let bundle = "export default async (req) => {
      if (req.method === 'POST') { let length = 0, sum = 0; for await (const piece of req.body) { length += piece.length; for (const byte of piece) sum = (sum + byte) % 65521; } return Response.json({ length, sum }); }
      const piece = new Uint8Array(1 << 20).fill(7); let left = Number(new URL(req.url).searchParams.get('mb'));
      return new Response(new ReadableStream({ pull(to) { if (left-- === 0) to.close(); else to.enqueue(piece); } }));
    };\n";
    deploy(&instance.owner(), "large", &open(), bundle).await;
    let body = vec![3_u8; megabytes << 20];
    let start = Instant::now();
    let seen = instance.caller().call(Method::POST, &path("large")).body(body).send().await.expect(200).json();
    assert_eq!(seen["length"], megabytes << 20);
    assert_eq!(seen["sum"], 3 * (megabytes << 20) % 65_521);
    let down =
        instance.caller().get(&format!("{}?mb={megabytes}", path("large"))).unwitnessed().send().await.expect(200);
    assert_eq!(down.body.len(), megabytes << 20);
    assert!(down.body.iter().all(|byte| *byte == 7), "the body was changed on the way");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    instance.close().await;
}

#[tokio::test]
async fn a_large_line_in_the_log_hangs_nothing() {
    let instance = Instance::start().await;
    let bundle = "export default () => { console.log('x'.repeat(3 << 20)); console.log('after'); return new Response('ok'); };\n";
    deploy(&instance.owner(), "talkative", &open(), bundle).await;
    instance.caller().get(&path("talkative")).send().await.expect(200);
    wait::eventually("the line after the long one", || async {
        let logs = instance.owner().get("logs?function=talkative&search=after").send().await.expect(200).json();
        (!logs["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    instance.close().await;
}
