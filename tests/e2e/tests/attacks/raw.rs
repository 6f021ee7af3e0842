//! Requests written by hand, byte for byte, since no decent client sends them.

use std::net::SocketAddr;

use strongroom_e2e::{Client, Instance, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends these bytes and returns everything that comes back until the server closes or has answered.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // a server may refuse before it has read everything
    stream.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    wait::in_time("an answer to raw bytes", stream.read_to_end(&mut answer)).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The same for bytes after which a server may keep the connection open and wait for more.
pub(crate) async fn exchange_briefly(address: SocketAddr, bytes: &[u8]) {
    tokio::time::timeout(std::time::Duration::from_millis(300), exchange(address, bytes)).await.ok();
}

/// A `GET` of exactly this target with the caller's token; its status, 0 if the connection was closed without an answer.
pub(crate) async fn get(instance: &Instance, client: &Client, target: &str) -> (u16, String) {
    let token = client.token().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let host = instance.management();
    let head = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{token}connection: close\r\n\r\n");
    let answer = exchange(host, head.as_bytes()).await;
    (status(&answer), answer)
}

/// The status of a raw answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}
