#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server of keys on loopback: what it gives, and how often it was asked.
struct Server {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

/// A set with one key; `x` and `y` are a point of P-256 (RFC 7517, appendix A.1).
fn document(id: &str) -> String {
    let (x, y) = ("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
    format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}]}}"#)
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(document("one"))), Arc::new(AtomicUsize::new(0)));
        let (given, count) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let body = given.lock().unwrap().clone();
                let mut question = [0; 4096];
                // a request for keys is one packet
                let _length = stream.read(&mut question).await.unwrap();
                let status = if body.is_empty() { "500 Gone" } else { "200 OK" };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        });
        Self { url, answer, asked }
    }

    fn give(&self, body: &str) {
        body.clone_into(&mut self.answer.lock().unwrap());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn published() -> Published {
    Published::new(Fetcher::new(Reach::Local))
}

#[tokio::test]
async fn keys_are_asked_for_once_while_they_are_fresh_and_again_after_that() {
    let (server, published) = (Server::start().await, published());
    let first = published.keys(&server.url, at(0)).await.unwrap();
    server.give(&document("two"));
    assert!(Arc::ptr_eq(&first, &published.keys(&server.url, at(599)).await.unwrap()));
    assert_eq!(server.asked(), 1);
    let second = published.keys(&server.url, at(600)).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second), "a key that the issuer took back is still believed");
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_issuer_once_in_half_a_minute() {
    let (server, published) = (Server::start().await, published());
    let known = published.keys(&server.url, at(0)).await.unwrap();
    server.give(&document("two"));
    for second in 1..30 {
        assert!(matches!(published.anew(&server.url, &known, at(second)).await, Err(KeysError::Pause) | Ok(_)));
    }
    assert_eq!(server.asked(), 1);
    let newer = published.anew(&server.url, &known, at(30)).await.unwrap();
    assert!(!Arc::ptr_eq(&known, &newer));
    for second in 31..60 {
        // whoever missed in the old set gets the newer one without a question
        assert!(Arc::ptr_eq(&newer, &published.anew(&server.url, &known, at(second)).await.unwrap()));
    }
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn many_callers_at_once_ask_once() {
    let (server, published) = (Server::start().await, Arc::new(published()));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (published, url) = (Arc::clone(&published), server.url.clone());
        all.spawn(async move { published.keys(&url, at(0)).await.is_ok() });
    }
    assert!(all.join_all().await.into_iter().all(|is_ok| is_ok));
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn keys_of_an_issuer_that_is_down_are_used_for_an_hour_and_no_longer() {
    let (server, published) = (Server::start().await, published());
    published.keys(&server.url, at(0)).await.unwrap();
    server.give("");
    assert!(published.keys(&server.url, at(600)).await.is_ok());
    assert!(published.keys(&server.url, at(3_599)).await.is_ok());
    assert!(matches!(published.keys(&server.url, at(3_600)).await, Err(KeysError::Pause | KeysError::Status { .. })));
    assert!(matches!(published.keys(&server.url, at(4_000)).await, Err(KeysError::Status { .. })));
    server.give(&document("two"));
    assert!(published.keys(&server.url, at(4_030)).await.is_ok(), "it is believed again once it answers");
}

#[tokio::test]
async fn an_issuer_says_where_its_own_keys_are_and_nobody_elses() {
    let (server, published) = (Server::start().await, published());
    let issuer = server.url.trim_end_matches("/jwks.json").to_owned();
    let says = |issuer: &str, keys: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#);
    server.give(&says(&issuer, &server.url));
    assert_eq!(published.discover(&issuer).await.unwrap(), server.url);
    for (who, keys) in
        [("https://other.example.com", server.url.as_str()), (&issuer, "file:///etc/passwd"), (&issuer, "")]
    {
        server.give(&says(who, keys));
        assert!(published.discover(&issuer).await.is_err(), "{who} {keys}");
    }
    server.give("{}");
    assert!(matches!(published.discover(&issuer).await, Err(KeysError::Discovery)));
}
