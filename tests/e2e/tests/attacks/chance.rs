//! Requests that chance puts together out of odd pieces.

use std::time::Duration;

use strongroom_e2e::{Instance, canary};

use super::raw;

/// A stream of numbers that looks random and is the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const METHODS: [&str; 12] =
    ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW", "get", "PROPFIND", "M-SEARCH"];
const PARTS: [&str; 34] = [
    "api",
    "v1",
    "admin",
    "projects",
    "default",
    "secrets",
    "jobs",
    "functions",
    "runs",
    "tokens",
    "settings",
    "logs",
    "audit",
    "resolve",
    "events",
    "namespaces",
    "users",
    "session",
    "me",
    "setup",
    "members",
    "links",
    "metrics",
    "A",
    "..",
    ".",
    "%2e%2e",
    "%00",
    "%ff",
    "%F0%9F%94%91",
    "",
    "a%2Fb",
    "%",
    "%zz",
];
const QUERIES: [&str; 14] = [
    "",
    "?",
    "?limit=-1",
    "?limit=99999999999999999999",
    "?cursor=%00",
    "?names=A,,B",
    "?namespace=%ff",
    "?wait=9999h",
    "?a=b&a=b",
    "?scope=user&user=%0a",
    "?%",
    "?since=9999999999y",
    "?level=%E2%80%AE",
    "?limit=1&limit=2",
];
const HEADERS: [&str; 16] = [
    "",
    "if-match: \"18446744073709551616\"\r\n",
    "if-match: W/\"\r\n",
    "if-none-match: *\r\n",
    "idempotency-key: \x7f\r\n",
    "content-type: application/json\r\n",
    "content-type: application/json;charset=\"\r\n",
    "content-type: \u{ff}\r\n",
    "expect: 100-continue\r\n",
    "range: bytes=9-1\r\n",
    "accept-encoding: \u{0}\r\n",
    "last-event-id: -1\r\n",
    "last-event-id: 99999999999999999999\r\n",
    "x-strongroom-agent: \u{e9}\r\n",
    "x-strongroom-user: a.b.c\r\n",
    "cookie: __Host-strongroom=\u{ff}; ; =\r\n",
];
const BODIES: [&str; 14] = [
    "",
    "{}",
    "[]",
    "null",
    "{\"secrets\":{\"\":\"\"}}",
    "{\"name\":\"\\ud800\"}",
    "{\"value\":\"\\u0000\"}",
    "{\"version\":1e400}",
    "{\"expires_at\":\"-9999999999-01-01T00:00:00Z\"}",
    "{\"expires_at\":\"999999999999y\"}",
    "{\"name\":\"a\",\"name\":\"b\"}",
    "\u{feff}{}",
    "{\"capabilities\":[\"admin\"],\"name\":\"\u{202e}\"}",
    "{\"payload\":{\"a\":[[[[[[]]]]]]}}",
];

#[tokio::test]
async fn attack_31_requests_put_together_by_chance_are_answered_and_break_nothing() {
    let instance = Instance::start().await;
    let (host, token) = (instance.management(), instance.owner().token().unwrap().to_owned());
    let mut dice = Dice(0x5eed_5eed_5eed_5eed);
    for _ in 0..strongroom_e2e::count(1_500, 50_000) {
        let mut path = dice
            .pick(&["/api/v1/admin", "/api/v1/projects/default", "/api/v1", "", "/projects/default", "/fn"])
            .to_owned();
        for _ in 0..=dice.roll(4) {
            path = format!("{path}/{}", dice.pick(&PARTS));
        }
        let (method, query) = (dice.pick(&METHODS), dice.pick(&QUERIES));
        if method == "DELETE" && path.trim_end_matches('/') == "/api/v1/projects/default" {
            continue;
        }
        let headers = format!("{}{}", dice.pick(&HEADERS), dice.pick(&HEADERS));
        let body = if dice.roll(8) == 0 { canary::random_hex(200) } else { dice.pick(&BODIES).to_owned() };
        let bearer = if dice.roll(5) == 0 { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        let line = format!("{method} {path}{query}");
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{bearer}{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        // an open stream has no end of its own
        let answer = tokio::time::timeout(
            Duration::from_millis(if path.ends_with("events") { 200 } else { 10_000 }),
            raw::exchange(host, request.as_bytes()),
        );
        let Ok(answer) = answer.await else {
            assert!(path.ends_with("events") || query.contains("wait"), "no answer to {line}");
            continue;
        };
        let status = raw::status(&answer);
        assert!((100..500).contains(&status) || status == 503, "{line} {headers:?} {body:?}: {answer}");
    }
    instance.owner().get("stats").send().await.expect(200);
    assert!(!instance.log().contains("panicked"), "something panicked");
    instance.close().await;
}
