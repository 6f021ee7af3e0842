//! The surface that anybody on the network reaches: addresses, proxies, slow and odd clients, browsers.

use std::sync::Mutex;

use http::Method;
use serde_json::json;
use strongroom_e2e::{Call, Client, Instance, Setup, functions, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::raw;

/// A server behind a proxy on this machine, so that a test may come from any address.
async fn behind_a_proxy() -> Instance {
    Setup::default().word("--trusted-proxy").word("127.0.0.1").start().await
}

#[tokio::test]
async fn attack_14_what_needs_no_credential_is_a_whole_path_and_never_a_part_of_one() {
    let instance = Instance::start().await;
    let host = instance.management();
    for target in [
        "/api/v1/whoami?/healthz",
        "/api/v1/whoami?path=/api/docs",
        "/api/v1/whoami/healthz",
        "/api/v1/whoami/../../../healthz",
        "/healthz/../api/v1/whoami",
        "/healthz/..%2fapi/v1/whoami",
        "/healthz%2f..%2fapi/v1/whoami",
        "/healthz;/api/v1/whoami",
        "/api/v1/whoami;/healthz",
        "/api/v1/whoami%00/healthz",
        "/api/v1/whoami%3f/healthz",
        "//healthz/api/v1/whoami",
        "/api/docs/../v1/whoami",
        "/api/v1/openapi.json/../whoami",
        "/api/v1/./whoami",
        "/api/v1/projects/default/secrets?x=/api/v1/openapi.json",
        "http://localhost/api/v1/whoami",
        "http://localhost/healthz/../api/v1/whoami",
    ] {
        let (status, answer) = raw::get(&instance, &instance.anonymous(), target).await;
        assert!(matches!(status, 303 | 400 | 401 | 404), "{target}: {answer}");
        assert!(status != 303 || answer.contains("location: /sign-in"), "{target}: {answer}");
        assert!(!answer.contains("capabilities"), "{target}: {answer}");
    }
    for header in
        ["x-original-url", "x-rewrite-url", "x-http-method-override", "x-forwarded-prefix", "x-forwarded-host"]
    {
        let head =
            format!("GET /api/v1/whoami HTTP/1.1\r\nhost: {host}\r\n{header}: /healthz\r\nconnection: close\r\n\r\n");
        assert_eq!(raw::status(&raw::exchange(host, head.as_bytes()).await), 401, "{header}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_15_an_address_is_what_the_connection_or_a_named_proxy_says() {
    let instance = Instance::start().await;
    let client = instance.client(&["secrets:list", "audit:read"]).await;
    // no proxy is named: nothing that is said counts
    for header in ["x-forwarded-for", "x-real-ip", "forwarded", "client-ip", "true-client-ip", "cf-connecting-ip"] {
        let said = if header == "forwarded" { "for=203.0.113.9;proto=https" } else { "203.0.113.9" };
        client.get("secrets?cursor=zz").header(header, said).send().await.problem(400, "invalid");
    }
    assert!(
        !client.get("audit").send().await.expect(200).text().contains("203.0.113"),
        "a stranger's word is in the trail"
    );
    instance.close().await;

    let instance = behind_a_proxy().await;
    let owner = instance.owner();
    // by plain HTTP from afar: no credential travels so, whatever else the client claims
    for claims in [
        &[("x-forwarded-for", "203.0.113.9")][..],
        &[("x-forwarded-for", "127.0.0.1, 203.0.113.9")],
        &[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https, http")],
        &[("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=127.0.0.1;proto=https"), ("x-forwarded-ssl", "on")],
        &[("x-forwarded-for", "::ffff:203.0.113.9")],
    ] {
        let call = claims.iter().fold(owner.get("secrets"), |call, (name, value)| call.header(name, value));
        call.send().await.problem(421, "insecure_transport");
    }
    let made = json!({ "name": "office", "capabilities": ["admin"], "from": ["203.0.113.0/24"] });
    let token = owner.post("tokens").json(&made).unwitnessed().send().await.expect(201).json()["token"].clone();
    let office = instance.anonymous().with_token(token.as_str().unwrap());
    instance.witness.plant(token.as_str().unwrap());
    for (said, status) in [
        ("203.0.113.9", 200),
        ("198.51.100.1, 203.0.113.9", 200),
        ("::ffff:203.0.113.9", 200),
        ("203.0.113.9:4711", 200),
        ("203.0.113.9, 127.0.0.1", 200),
        ("203.0.113.9, 198.51.100.1", 401),
        ("203.0.113.9, nonsense", 401),
        ("198.51.100.1", 401),
        ("", 401),
    ] {
        let call = office.get("secrets").header("x-forwarded-for", said).header("x-forwarded-proto", "https");
        assert_eq!(call.send().await.status, status, "{said:?}");
    }
    let set = json!({ "secrets": { "A": instance.plant() } });
    let call = office.put("secrets").json(&set).header("x-forwarded-proto", "https");
    call.header("x-forwarded-for", "6.6.6.6, ::ffff:203.0.113.77").send().await.expect(200);
    let trail = owner.get("audit").send().await.expect(200).text();
    assert!(trail.contains("\"203.0.113.77\"") && !trail.contains("6.6.6.6"), "{trail}");
    instance.close().await;
}

/// The same call again and again until it is refused as one too many; how many were let through.
async fn until_refused(client: &Client, address: &str, expected: u16) -> usize {
    for count in 0.. {
        let call = client.get("secrets").header("x-forwarded-for", address).header("x-forwarded-proto", "https");
        let answer = call.send().await;
        for name in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"] {
            assert!(answer.header(name).parse::<u32>().is_ok(), "{name}: {:?}", answer.headers);
        }
        if answer.status == 429 {
            answer.problem(429, "too_many");
            assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
            return count;
        }
        assert_eq!(answer.status, expected);
    }
    unreachable!("the count has no end")
}

#[tokio::test]
async fn attack_32_requests_are_bounded_for_each_credential_and_each_address_without_one() {
    let words = ["--trusted-proxy", "127.0.0.1", "--token-rate", "40", "--address-rate", "1"];
    let instance = words.into_iter().fold(Setup::default(), Setup::word).start().await;
    let nobody = instance.anonymous();
    assert!(until_refused(&nobody, "203.0.113.9", 401).await >= 10);
    // another address has a budget of its own; an IPv6 caller has one for all of his /64; and nobody invents addresses
    assert!(until_refused(&nobody, "203.0.113.10", 401).await >= 10);
    until_refused(&nobody, "2001:db8::1", 401).await;
    assert!(until_refused(&nobody, "2001:db8::2", 401).await <= 3);
    assert!(until_refused(&nobody, "1.2.3.4, 203.0.113.9", 401).await <= 3);
    // a guessed token is no credential
    let invented = nobody.with_token(&format!("srt_{}", "A".repeat(50)));
    assert!(until_refused(&invented, "203.0.113.10", 401).await <= 3);
    // who has a credential is not held back by strangers at the same address, and has an end of his own
    let (first, second) = (instance.client(&["secrets:list"]).await, instance.client(&["secrets:list"]).await);
    assert!(until_refused(&first, "203.0.113.9", 200).await >= 80);
    let call = second.get("secrets").header("x-forwarded-for", "203.0.113.9").header("x-forwarded-proto", "https");
    call.send().await.expect(200);
    // the owner's way in is never closed
    let owner = instance.socket().with_token(instance.owner().token().unwrap());
    for _ in 0..100 {
        owner.get("stats").send().await.expect(200);
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_32_pages_and_calls_of_functions_are_bounded_too() {
    let words = ["--trusted-proxy", "127.0.0.1", "--token-rate", "40", "--address-rate", "1", "--function-rate", "5"];
    let instance = words.into_iter().fold(Setup::default(), Setup::word).start().await;
    let owner = instance.socket().with_token(instance.owner().token().unwrap());
    let code = "export default () => new Response('called', { headers: { 'ratelimit-limit': 'mine' } });\n";
    functions::deploy(&owner, "open", &functions::open(), code).await;
    functions::deploy(&owner, "closed", &json!({ "auth": "token" }), code).await;
    let from = |call: Call, address: &str| call.header("x-forwarded-for", address).header("x-forwarded-proto", "https");
    let refused = async |call: &dyn Fn() -> Call| {
        for count in 0..500 {
            let answer = call().send().await;
            if answer.status == 429 {
                assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
                assert_eq!(answer.header("ratelimit-remaining"), "0");
                return (count, answer);
            }
        }
        panic!("there is no limit");
    };
    // a page, for people: it says what to do
    let (count, page) = refused(&|| from(instance.anonymous().get("/projects/default/secrets"), "203.0.113.9")).await;
    assert!(count >= 10 && page.header("content-type").starts_with("text/html"), "{count}");
    assert!(page.text().contains("Too many requests; try again in "), "{}", page.text());
    // a public function, by address; one that wants a token, by token; neither takes from the budget of the API
    let anybody = instance.caller();
    let public = |address| from(anybody.get(&functions::path("open")), address);
    let answer = public("203.0.113.10").send().await.expect(200);
    assert_eq!((answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")), ("mine", "9"));
    let (count, _) = refused(&|| public("203.0.113.10")).await;
    assert!((9..100).contains(&count), "{count}");
    public("203.0.113.11").send().await.expect(200);
    let token = instance.mint(&["functions:invoke", "secrets:list"]).await.0;
    let caller = instance.caller().with_token(&token);
    let closed = || from(caller.get(&functions::path("closed")), "203.0.113.10");
    closed().send().await.expect(200);
    let (_, answer) = refused(&closed).await;
    answer.problem(429, "too_many");
    from(instance.anonymous().with_token(&token).get("secrets"), "203.0.113.10").send().await.expect(200);
    // the owner's way in is never closed
    for _ in 0..50 {
        owner.get(&functions::path("closed")).send().await.expect(200);
    }
    instance.close().await;
}

/// What comes back on a connection until the other side closes it.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    wait::in_time("the server's end of a connection", stream.read_to_end(&mut answer)).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn attack_29_heads_are_bounded_in_size_number_and_time() {
    let instance = Instance::start().await;
    let host = instance.management();
    let get =
        |headers: &str| format!("GET /api/v1/whoami HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
    let many = "x: 1\r\n".repeat(101);
    let long = |bytes: usize| "a".repeat(bytes);
    for (headers, expected) in [
        (many, 431),
        (format!("x-long: {}\r\n", long(100_000)), 431),
        (format!("authorization: Bearer srt_{}\r\n", long(9_000)), 401),
        (format!("authorization: Bearer srt_{}\r\n", long(100_000)), 431),
        (format!("cookie: {}\r\n", long(20_000)), 401),
        (format!("idempotency-key: {}\r\n", long(300)), 401),
    ] {
        let answer = raw::exchange(host, get(&headers).as_bytes()).await;
        assert_eq!(raw::status(&answer), expected, "{} bytes: {answer}", headers.len());
    }
    // a head that never ends, a connection that says nothing, and one that falls silent after its answer
    let mut slow = TcpStream::connect(host).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
    let mut silent = TcpStream::connect(host).await.unwrap();
    let mut done = TcpStream::connect(host).await.unwrap();
    done.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let (slow, silent, done) = tokio::join!(rest(&mut slow), rest(&mut silent), rest(&mut done));
    assert!(!slow.contains(" 200 ") && silent.is_empty() && done.contains(" 200 "), "{slow} {silent} {done}");
    instance.close().await;
}

#[tokio::test]
async fn attack_29_one_address_does_not_take_all_connections() {
    let instance = Setup::default().word("--max-connections").word("40").start().await;
    let held = Mutex::new(Vec::new());
    let full = async || {
        let mut stream = TcpStream::connect(instance.functions()).await.unwrap();
        stream.write_all(b"GET /fn/a/b/c HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.ok();
        rest(&mut stream).await
    };
    // one is held at each look: others that come and go, such as the look at its readiness, make room again
    wait::eventually("the limit of connections", || async {
        let one = TcpStream::connect(instance.management()).await.unwrap();
        let count = {
            let mut held = held.lock().unwrap();
            held.push(one);
            held.len()
        };
        (count >= 40 && full().await.contains(" 503 ")).then_some(())
    })
    .await;
    // the owner on this machine still gets in, and everybody once there is room
    assert_eq!(instance.cli(["secrets", "list"]).await.code, Some(0));
    drop(held);
    wait::eventually("room", || async { full().await.contains(" 404 ").then_some(()) }).await;
    instance.close().await;
}

#[tokio::test]
async fn attack_49_a_request_has_one_length_one_host_and_one_meaning() {
    let instance = Instance::start().await;
    let (host, owner) = (instance.management(), instance.owner());
    let head = format!(
        "host: {host}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
        owner.token().unwrap()
    );
    let hidden = format!(
        "PUT /api/v1/admin/secrets HTTP/1.1\r\n{head}content-length: 29\r\n\r\n{{\"secrets\":{{\"SMUGGLED\":\"x\"}}}}"
    );
    let size = hidden.len();
    for framing in [
        format!("content-length: 2\r\ncontent-length: {size}\r\n\r\n"),
        format!("content-length: {size}, 2\r\n\r\n"),
        "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: identity\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "content-length: +2\r\n\r\n{}".to_owned(),
        "content-length: 0x2\r\n\r\n{}".to_owned(),
        "content-length: -1\r\n\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\n2;a=\"\r\n{}\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n".to_owned(),
        "x: y\r\n z: folded\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        "content-length: 2\r\nx: a\rb\r\n\r\n{}".to_owned(),
    ] {
        let bytes = format!("POST /api/v1/admin/namespaces HTTP/1.1\r\n{head}{framing}{hidden}");
        raw::exchange_briefly(host, bytes.as_bytes()).await;
        let names = owner.get("secrets?fields=name").send().await.expect(200).text();
        // pipelined after a body whose end both sides see is no smuggling; after any other it must not be heard
        let is_plain = framing.starts_with("transfer-encoding: chunked\r\n\r\n2;");
        assert!(is_plain || !names.contains("SMUGGLED"), "{framing:?}");
        owner.delete("secrets/SMUGGLED?purge=true").send().await;
    }
    // an address in the request line counts for as little as any other Host
    for (line, named) in [
        ("http://evil.example/api/v1/whoami", "localhost"),
        ("http://localhost/api/v1/whoami", "evil.example"),
        ("http://user:pass@localhost/api/v1/whoami", "evil.example"),
        ("/api/v1/whoami", "evil.example\r\nhost: localhost"),
        ("/api/v1/whoami", "localhost, evil.example"),
        ("/api/v1/whoami", "localhost@evil.example"),
        ("/api/v1/whoami", "localhost:80:80"),
        ("/api/v1/whoami", " "),
    ] {
        let bytes = format!("GET {line} HTTP/1.1\r\nhost: {named}\r\nconnection: close\r\n\r\n");
        let answer = raw::exchange(host, bytes.as_bytes()).await;
        assert_eq!(raw::status(&answer), 400, "{line} for {named:?}: {answer}");
    }
    for line in ["CONNECT localhost:22 HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1", "TRACE /healthz HTTP/1.1"] {
        let answer =
            raw::exchange(host, format!("{line}\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).await;
        assert!(matches!(raw::status(&answer), 303 | 400 | 401 | 404 | 405), "{line}: {answer}");
        assert!(!answer.contains(" 303 ") || answer.contains("location: /sign-in"), "{line}: {answer}");
    }
    let upgrade = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, close, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    let answer = raw::exchange(host, upgrade.as_bytes()).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
    instance.close().await;
}

#[tokio::test]
async fn attack_62_a_page_of_another_origin_gets_nothing_through_a_browser() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let origin = |call: strongroom_e2e::client::Call| {
        call.header("origin", "https://evil.example").header("sec-fetch-site", "cross-site")
    };
    // no answer lets another origin read it, and no preflight is granted
    let calls = [
        owner.get("secrets"),
        owner.get("/healthz"),
        owner.get("/api/v1/openapi.json"),
        owner.get("/api/docs"),
        owner.anonymous().get("secrets"),
        owner.call(Method::OPTIONS, "secrets").header("access-control-request-method", "PUT"),
        owner.anonymous().call(Method::OPTIONS, "secrets").header("access-control-request-method", "GET"),
    ];
    for call in calls {
        let answer = origin(call).send().await;
        let line = &answer.line;
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{line}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), value, "{line} {name}");
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{line}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{line}: {policy}");
        assert_ne!(answer.status, 204, "{line}");
    }
    // what a form can send is no request of the API's, even if a credential were to come along
    for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let call = owner.put("secrets").header("content-type", media).body("{\"secrets\":{\"A\":\"x\"}}");
        origin(call).send().await.problem(415, "unsupported_media");
    }
    // a cookie is no token
    let token = owner.token().unwrap().to_owned();
    for cookie in [format!("token={token}"), format!("__Host-strongroom={token}"), format!("strongroom={token}")] {
        owner.anonymous().get("secrets").header("cookie", &cookie).send().await.problem(401, "unauthenticated");
    }
    instance.close().await;
}
