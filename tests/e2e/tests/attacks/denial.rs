//! Denial of service and odd input: nothing grows without bound, and nothing panics.

use std::time::Duration;

use http::Method;
use strongroom_e2e::functions::{deploy, open, path, try_deploy};
use strongroom_e2e::{Instance, canary, wait};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::raw;

#[tokio::test]
async fn attack_29_deep_and_wide_json_is_refused() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let put =
        async |body: String| owner.put("secrets").header("content-type", "application/json").body(body).send().await;
    let deep = format!("{{\"secrets\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    put(deep).await.problem(400, "invalid");
    put("{\"a\":".repeat(100_000)).await.problem(400, "invalid");
    let wide: Vec<_> = (0..60_000).map(|number| format!("\"N{number}\":\"\"")).collect();
    let wide = put(format!("{{\"secrets\":{{{}}}}}", wide.join(","))).await;
    assert!(matches!(wide.status, 200 | 400 | 413), "{}", wide.status);
    owner.get("stats").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_31_code_that_no_stack_holds_is_refused() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let signs = |sign: &str, times| format!("export default () => {}1;", sign.repeat(times));
    for bundle in [signs("!", 1_500_000), signs("a => ", 300_000)] {
        let answer = try_deploy(&owner, ("default", "deep"), &serde_json::json!({}), &bundle).await;
        // what the reader holds, the engine does not
        assert!(matches!(answer.status, 400 | 409), "{}", answer.status);
    }
    owner.get("stats").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_29_bodies_without_end_are_cut_off() {
    let instance = Instance::start().await;
    let mut stream = TcpStream::connect(instance.management()).await.unwrap();
    let token = instance.owner().token().unwrap().to_owned();
    let head = format!(
        "PUT /api/v1/projects/default/secrets HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0_usize;
    let cut = async {
        while stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += 0x10000;
            assert!(sent < 256 << 20, "the server swallows a body without end");
        }
    };
    wait::in_time("the server's refusal", cut).await;
    instance.owner().get("stats").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_29_slow_clients_hold_up_nobody() {
    let instance = Instance::start().await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(instance.management()).await.unwrap();
        stream.write_all(b"GET /api/v1/whoami HTTP/1.1\r\nhost: local").await.unwrap();
        slow.push(stream);
    }
    let start = std::time::Instant::now();
    for _ in 0..10 {
        instance.owner().get("stats").send().await.expect(200);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(slow);
    instance.close().await;
}

#[tokio::test]
async fn attack_29_many_event_streams_hold_up_nobody() {
    let instance = Instance::start().await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        let (status, _, stream) = instance.owner().get("events").stream().await;
        assert!(matches!(status, 200 | 429 | 503), "{status}");
        streams.push(stream);
    }
    instance.owner().set("A", &instance.plant()).await;
    instance.owner().get("stats").send().await.expect(200);
    drop(streams);
    instance.close().await;
}

#[tokio::test]
async fn attack_31_odd_bytes_are_answered_or_cut_off_and_never_break_anything() {
    let instance = Instance::start().await;
    let host = instance.management();
    let long = "a".repeat(70_000);
    for bytes in [
        b"\x00\x01\x02\x03\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n".to_vec(),
        b"GET http://evil.example/api/v1/projects HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(),
        b"POST /api/v1/projects HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        b"GET /api/v1/whoami HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n".to_vec(),
        b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").into_bytes(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
    ] {
        let answer = tokio::time::timeout(Duration::from_secs(2), raw::exchange(host, &bytes)).await.unwrap_or_default();
        let status = raw::status(&answer);
        assert!(status < 500 && status != 200, "{}: {status}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]));
    }
    assert!(!instance.log().contains("panicked"), "something panicked");
    instance.close().await;
}

#[tokio::test]
async fn attack_31_random_requests_never_break_anything() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let document = owner.get("/api/v1/openapi.json").send().await.expect(200).json();
    let junk = [
        "null",
        "[]",
        "{}",
        "\"x\"",
        "1e999",
        "{\"secrets\":null}",
        "{\"name\":null}",
        "{\"name\":\"\\ud800\"}",
        "{\"version\":-1}",
        "{\"version\":18446744073709551616}",
        "\u{feff}{}",
        "{\"manifest\":{},\"bundle\":\"\\u0000\"}",
    ];
    for (template, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if template.ends_with("/events") || (method == Method::DELETE && template.ends_with("{project}")) {
                continue;
            }
            for (index, body) in junk.iter().enumerate() {
                let odd = ["%00", "..", "%ff", "A", "%F0%9F%94%91"][index % 5];
                let at = template.replace("{project}", "default").replace("{name}", odd).replace("{id}", odd);
                let at = format!("{at}?limit=18446744073709551616&cursor={odd}");
                let at = if index % 2 == 0 { at.split('?').next().unwrap().to_owned() } else { at };
                let call = owner.call(method.clone(), &at).header("content-type", "application/json");
                let answer = call.body((*body).to_owned()).unwitnessed().send().await;
                assert!(answer.status < 500, "{method} {at} with {body}: {}", answer.text());
            }
        }
    }
    assert!(!instance.log().contains("panicked"), "something panicked");
    instance.close().await;
}

#[tokio::test]
async fn attack_31_odd_calls_of_functions_never_break_anything() {
    let instance = Instance::start().await;
    let bundle = "export default async (req) => { await req.text(); return new Response('ok'); };\n";
    deploy(&instance.owner(), "f", &open(), bundle).await;
    let host = instance.functions();
    let at = path("f");
    for bytes in [
        format!("GET {at}/%ff%fe?%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        format!("GET {at} HTTP/1.1\r\nhost: evil.example:99999\r\nconnection: close\r\n\r\n"),
        format!("GET {at} HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n"),
        format!("BREW {at} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        format!("TRACE {at} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        format!(
            "GET {at} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13\r\n\r\n"
        ),
        format!("POST {at} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nconnection: close\r\n\r\nshort"),
        format!("GET {at}/../../../../api/v1/whoami HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    ] {
        let answer = tokio::time::timeout(Duration::from_secs(5), raw::exchange(host, bytes.as_bytes()))
            .await
            .unwrap_or_default();
        assert!(raw::status(&answer) != 500, "{bytes}: {answer}");
    }
    instance.caller().get(&at).send().await.expect(200);
    assert!(!instance.log().contains("panicked"), "something panicked");
    instance.close().await;
}

#[tokio::test]
async fn attack_32_a_name_has_many_versions_and_lists_stay_quick() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for _ in 0..150 {
        owner.set("A", &canary::plain_value()).await;
    }
    let history = owner.get("secrets/A/history").send().await.expect(200).json();
    assert_eq!(history["items"].as_array().unwrap().len(), 150);
    instance.close().await;
}
