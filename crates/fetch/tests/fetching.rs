//! Requests against real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;

use strongroom_fetch::{FetchError, Fetcher, MAX_ANSWER_BYTES, Outgoing, Reach, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers each connection with these bytes; gives its address.
async fn server(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _head = stream.read(&mut head).await;
                stream.write_all(&answer).await.ok();
                stream.shutdown().await.ok();
            });
        }
    });
    address
}

async fn get(url: &str, reach: Reach) -> Result<strongroom_fetch::Answer, FetchError> {
    Fetcher::new(reach).send(&Target::parse(url, reach).unwrap(), Outgoing::get()).await
}

#[tokio::test]
async fn an_answer_comes_back_with_its_status() {
    let address = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
    let answer = get(&format!("http://{address}/keys"), Reach::Local).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, b"{}".as_slice()));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let there = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: http://{there}/\r\ncontent-length: 0\r\n\r\n");
    let here = server(head.into_bytes()).await;
    let error = get(&format!("http://{here}/"), Reach::Local).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(answer.len() + MAX_ANSWER_BYTES + 1, b'x');
    let address = server(answer).await;
    let error = get(&format!("http://{address}/"), Reach::Local).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn private_addresses_are_refused_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in
        ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "localhost", "a.localhost"]
    {
        let error = get(&format!("https://{host}:{port}/"), Reach::PublicInternet).await.unwrap_err();
        assert!(matches!(error, FetchError::NotPublic { .. } | FetchError::UnknownHost { .. }), "{host}: {error}");
    }
    let error = get("https://169.254.169.254/latest/meta-data/", Reach::PublicInternet).await.unwrap_err();
    assert!(matches!(error, FetchError::NotPublic { .. }), "{error}");
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

#[tokio::test]
async fn a_host_without_a_trusted_certificate_gets_nothing() {
    let address = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
    let error = get(&format!("https://{address}/"), Reach::Local).await.unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
}
