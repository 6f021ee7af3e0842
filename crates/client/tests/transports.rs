//! The client against small services: what it sends, what it refuses to send, and how it reads answers.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use strongroom_api::{Code, Problem};
use strongroom_client::{Address, AddressSource, Client, ClientError, Credential, InProcess, SecretFilter, Selector};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use zeroize::Zeroizing;

type Seen = Arc<Mutex<Vec<Request<Full<Bytes>>>>>;

fn token(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn answering(status: u16, body: &'static str) -> (Client, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
        log.lock().expect("no test panics while it holds the lock").push(request);
        let answer = Response::builder().status(status).body(Full::new(Bytes::from_static(body.as_bytes())));
        async move { Ok::<_, Infallible>(answer.expect("a legal answer")) }
    });
    (Client::in_process(InProcess::new(service), Credential::local(token("srt_owner"))), seen)
}

#[tokio::test]
async fn an_operation_is_an_address_a_query_and_a_bearer_token() {
    let (client, seen) = answering(200, r#"{"items":[{"name":"A"}],"next_cursor":null}"#);
    let within = Selector { scope: Some("namespace"), namespace: Some("production"), app: None };
    let filter = SecretFilter { within, search: Some("a b&c"), user: None };
    let names = client.project("shop").secret_names(filter).await.expect("an answer");
    assert_eq!(names, ["A"]);
    let seen = seen.lock().expect("unpoisoned");
    let request = seen.first().expect("one request");
    assert_eq!(
        request.uri(),
        "/api/v1/projects/shop/secrets?scope=namespace&namespace=production&search=a%20b%26c&fields=name&limit=10000"
    );
    let bearer = request.headers().get(header::AUTHORIZATION).expect("a credential");
    assert_eq!(bearer, "Bearer srt_owner");
    assert!(!format!("{bearer:?}").contains("srt_"), "the header is marked as sensitive");
    assert_eq!(request.headers().get(header::HOST).map(http::HeaderValue::as_bytes), Some(b"localhost".as_slice()));
}

#[tokio::test]
async fn problem_details_become_a_problem() {
    let body = r#"{"type":"urn:strongroom:problem:not_found","title":"Not found","status":404,"code":"not_found","detail":"there is no secret A","request_id":"r1"}"#;
    let (client, _) = answering(404, body);
    let error = client.project("default").secret("A", Selector::default()).await.expect_err("a problem");
    assert!(error.is_not_found());
    assert_eq!(error.problem().map(|problem: &Problem| problem.code), Some(Code::NotFound));
    assert_eq!(error.to_string(), "there is no secret A");
}

#[tokio::test]
async fn foreign_and_odd_answers_are_errors_that_quote_nothing() {
    for (status, body) in [(502, "<html>canary</html>"), (302, "canary"), (418, r#"{"canary":1}"#)] {
        let (client, _) = answering(status, body);
        let error = client.whoami().await.expect_err("no answer of ours");
        assert!(matches!(error, ClientError::NotStrongroom { .. }), "{status}");
        assert!(!format!("{error:?}{error}").contains("canary"));
    }
    let (client, _) = answering(200, r#"{"canary":"value"}"#);
    let error = client.whoami().await.expect_err("another shape");
    assert!(!format!("{error:?}{error}").contains("canary"));
}

#[tokio::test]
async fn names_that_would_walk_the_path_are_not_sent() {
    let (client, seen) = answering(200, "{}");
    for name in ["..", ".", ""] {
        let error = client.project("default").secret(name, Selector::default()).await.expect_err("no request");
        assert!(matches!(error, ClientError::Request { .. }));
    }
    assert!(seen.lock().expect("unpoisoned").is_empty());
}

#[tokio::test]
async fn tokens_of_the_environment_do_not_go_to_addresses_from_files() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let address = Address::parse(&url, AddressSource::File).expect("legal");
    let client = Client::http(address, Some(Credential::from_environment(token("srt_env"))));
    assert!(matches!(client.whoami().await, Err(ClientError::ForeignCredential { .. })));
}

#[tokio::test]
async fn without_a_credential_nothing_is_sent() {
    let address = Address::parse("http://127.0.0.1:1", AddressSource::Person).expect("legal");
    assert!(matches!(Client::http(address, None).whoami().await, Err(ClientError::NoCredential { .. })));
}

#[tokio::test]
async fn plain_http_beyond_this_machine_is_refused_before_it_connects() {
    let address = Address::parse("http://192.0.2.1:9", AddressSource::Person).expect("legal");
    let client = Client::http(address, Some(Credential::from_environment(token("srt_env"))));
    assert!(matches!(client.whoami().await, Err(ClientError::Insecure { .. })));
}

#[tokio::test]
async fn a_closed_port_and_a_missing_socket_are_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let address = Address::parse(&url, AddressSource::Person).expect("legal");
    assert!(matches!(
        Client::http(address, Some(Credential::from_environment(token("srt_env")))).whoami().await,
        Err(ClientError::Refused { .. })
    ));
    let socket = std::env::temp_dir().join("strongroom-no-such-socket");
    let client = Client::unix(socket, Credential::local(token("srt_owner")));
    assert!(matches!(client.whoami().await, Err(ClientError::Refused { .. })));
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
    });
    let address = Address::parse(&format!("https://localhost:{port}"), AddressSource::Person).expect("legal");
    let error = Client::http(address, Some(Credential::from_environment(token("srt_env"))))
        .whoami()
        .await
        .expect_err("no TLS there");
    assert!(matches!(error, ClientError::Tls { .. } | ClientError::NoRoots), "{error:?}");
}

#[tokio::test]
async fn one_connection_serves_two_requests_over_a_socket() {
    let folder = std::env::temp_dir().join(format!("strongroom-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("s.sock");
    std::fs::remove_file(&path).ok();
    let listener = UnixListener::bind(&path).expect("a socket");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let body = r#"{"kind":"owner","actor":"owner","project":null,"capabilities":[],"namespaces":[]}"#;
        for _ in 0..2 {
            let mut request = vec![0_u8; 4096];
            let length = stream.read(&mut request).await.expect("a request");
            request.truncate(length);
            assert!(
                String::from_utf8_lossy(&request).starts_with("GET /api/v1/whoami HTTP/1.1\r\nhost: localhost\r\n")
            );
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.expect("sent");
        }
    });
    let client = Client::unix(path, Credential::local(token("srt_owner")));
    for _ in 0..2 {
        assert_eq!(client.whoami().await.expect("an answer").kind, "owner");
    }
    serving.await.expect("no panic");
    std::fs::remove_dir_all(&folder).ok();
}

#[tokio::test]
async fn changes_come_one_by_one_and_the_last_id_is_kept() {
    let body = ": ping\n\nevent: changed\nid: 7\ndata: {\"namespace\":null,\"epoch\":7,\"names\":[\"A\"]}\n\n\
        event: other\ndata: x\n\nevent: changed\nid: 0\ndata: {\"namespace\":\"production\",\"epoch\":0,\"names\":[]}\n\n\
        event: changed\nid: 9\ndata: {\"names";
    let (client, seen) = answering(200, body);
    let mut events = client.project("shop").events(Some("production"), Some("5")).await.expect("a stream");
    assert_eq!(events.last_id(), Some("5"));
    let first = events.next().await.expect("readable").expect("a change");
    assert_eq!((first.namespace, first.epoch, first.names), (None, 7, vec!["A".to_owned()]));
    let lost = events.next().await.expect("readable").expect("a change");
    assert_eq!((lost.namespace.as_deref(), lost.epoch, lost.names.len()), (Some("production"), 0, 0));
    assert_eq!(events.last_id(), Some("7"), "there is nothing to resume from in a loss");
    assert_eq!(events.next().await.expect("a good end"), None, "half an event is none");
    let seen = seen.lock().expect("unpoisoned");
    let request = seen.first().expect("one request");
    assert_eq!(request.uri(), "/api/v1/projects/shop/events?namespace=production");
    assert_eq!(request.headers().get("last-event-id").map(http::HeaderValue::as_bytes), Some(b"5".as_slice()));
}
