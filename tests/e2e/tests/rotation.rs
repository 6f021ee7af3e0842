//! Rotation under load: while a function is called at a steady rate its secret is set again and again. No request fails,
//! and a request that begins after `set` has returned sees the new value, whichever way the code reads it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use strongroom_e2e::functions::{path, public};
use strongroom_e2e::load::{Load, Plan};
use strongroom_e2e::{Instance, canary, count, functions, report, wait};

/// A value that begins with its number, so that an answer can tell which one it is.
fn numbered(number: usize) -> String {
    format!("{number}.{}", canary::random_hex(16))
}

/// Answers with the number in front of the value.
fn number_of(expression: &str) -> String {
    format!("export default async (req, ctx) => new Response(String({expression}).split('.')[0]);\n")
}

async fn rotate_under_load(what: &str, bundle: &str) {
    let (rate, sets) = (count(200, 1_000), count(10, 100));
    let instance = Instance::start().await;
    let owner = instance.owner();
    let first = numbered(1);
    instance.witness.plant(&first);
    owner.set("ROTATED", &first).await;
    functions::deploy(&owner, "target", &public(&["ROTATED"]), bundle).await;
    let plan = Plan {
        address: instance.functions(),
        path: path("target"),
        token: None,
        rate: u32::try_from(rate).unwrap(),
        connections: 16,
    };
    let load = Load::start(plan, Box::new(|body| String::from_utf8_lossy(body).parse().ok()));
    load.raise_floor(1);
    // each value is under load for a quarter of a second's requests before the next one comes
    let between = u64::try_from(rate / 4).unwrap();
    for number in 2..=sets {
        settle(&load, between).await;
        let value = numbered(number);
        instance.witness.plant(&value);
        let written = owner.set("ROTATED", &value).await;
        load.raise_floor(u64::try_from(number).unwrap());
        assert_eq!(written["live"]["restart_failed"], serde_json::json!([]), "{written}");
    }
    settle(&load, between).await;
    let seen = load.stop().await;
    assert_eq!((seen.failed, seen.stale), (0, 0), "of {} requests: {:?}", seen.requests, seen.complaints);
    assert!(seen.requests > u64::try_from(sets).unwrap() * between / 2, "only {} requests", seen.requests);
    let last = instance.caller().get(&path("target")).send().await.expect(200).text();
    assert_eq!(last, sets.to_string());
    report(&format!(
        "{what}: {} requests at {rate} a second, {} sets, 0 failed, 0 stale, median {:.1} ms, 99% below {:.1} ms",
        seen.requests,
        sets,
        seen.percentile(0.5),
        seen.percentile(0.99)
    ));
    instance.close().await;
}

/// Waits until some more requests have been answered.
async fn settle(load: &Load, requests: u64) {
    let before = load.requests();
    wait::eventually("more requests under load", || async { (load.requests() >= before + requests).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_by_helper_see_each_new_value_and_no_request_fails() {
    rotate_under_load("helper readers", &number_of("await ctx.secrets.get('ROTATED')")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_the_environment_see_each_new_value_and_no_request_fails() {
    rotate_under_load("environment readers", &number_of("Deno.env.get('ROTATED')")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_kept_at_module_load_are_replaced_and_no_request_fails() {
    let bundle = "const kept = Deno.env.get('ROTATED');\nexport default () => new Response(kept.split('.')[0]);\n";
    rotate_under_load("values kept at module load", bundle).await;
}

#[tokio::test]
async fn an_invocation_in_flight_keeps_the_values_it_began_with() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (first, second) = (numbered(1), numbered(2));
    instance.witness.plant(&first);
    instance.witness.plant(&second);
    owner.set("ROTATED", &first).await;
    // tells what it sees, waits for the rest of the request's body, and tells again
    let bundle = "export default (req) => {
  const seen = () => new TextEncoder().encode(secrets.get('ROTATED').split('.')[0] + '\\n');
  const from = req.body.getReader();
  return new Response(new ReadableStream({
    async start(to) { to.enqueue(seen()); while (!(await from.read()).done); to.enqueue(seen()); to.close(); },
  }));
};\n";
    functions::deploy(&owner, "slow", &public(&["ROTATED"]), bundle).await;
    let mut slow = SlowRequest::begin(&instance, &path("slow")).await;
    slow.read_until("1\n").await;
    owner.set("ROTATED", &second).await;
    let fresh = instance.caller().call(http::Method::POST, &path("slow")).body("x").send().await.expect(200).text();
    assert_eq!(fresh, "2\n2\n", "an invocation that begins after the change");
    slow.finish().await;
    slow.read_until("1\n").await;
    instance.close().await;
}

/// A request whose body comes in pieces, written by hand.
struct SlowRequest(tokio::net::TcpStream);

impl SlowRequest {
    async fn begin(instance: &Instance, path: &str) -> Self {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = tokio::net::TcpStream::connect(instance.functions()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n",
            instance.functions()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    async fn finish(&mut self) {
        use tokio::io::AsyncWriteExt as _;
        self.0.write_all(b"0\r\n\r\n").await.unwrap();
    }

    async fn read_until(&mut self, wanted: &str) {
        use tokio::io::AsyncReadExt as _;
        let mut text = String::new();
        while !text.contains(wanted) {
            let mut buffer = [0; 1024];
            let length = wait::in_time("the answer's next piece", self.0.read(&mut buffer)).await.unwrap();
            assert!(length > 0, "the connection ended: {text}");
            text.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap()));
        }
    }
}

#[tokio::test]
async fn only_functions_that_use_a_secret_are_restarted() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for name in ["MINE", "OTHER"] {
        owner.set(name, &numbered(1)).await;
    }
    functions::deploy(&owner, "mine", &public(&["MINE"]), &number_of("Deno.env.get('MINE')")).await;
    functions::deploy(&owner, "other", &public(&["OTHER"]), &number_of("Deno.env.get('OTHER')")).await;
    for name in ["mine", "other"] {
        instance.caller().get(&path(name)).send().await.expect(200);
    }
    let written = owner.set("MINE", &numbered(2)).await;
    assert_eq!(written["live"]["restarted"], serde_json::json!(["mine"]), "{written}");
    instance.close().await;
}

#[tokio::test]
async fn a_replacement_that_does_not_start_leaves_the_old_worker_and_says_so() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("ROTATED", &numbered(1)).await;
    let bundle = "const kept = Deno.env.get('ROTATED');\nif (kept.startsWith('2.')) throw new Error('no');\nexport default () => new Response(kept.split('.')[0]);\n";
    functions::deploy(&owner, "picky", &public(&["ROTATED"]), bundle).await;
    assert_eq!(instance.caller().get(&path("picky")).send().await.expect(200).text(), "1");
    let value = numbered(2);
    instance.witness.plant(&value);
    let output = instance.command(["secrets", "set", "ROTATED", "--json"]).input(value).run().await.expect(1);
    assert_eq!(output.json()["live"]["restart_failed"], serde_json::json!(["picky"]), "{}", output.stdout);
    assert_eq!(instance.caller().get(&path("picky")).send().await.expect(200).text(), "1");
    // after a deletion the old worker does not stay
    owner.delete("secrets/ROTATED?force=true").send().await.expect(200);
    let gone = instance.caller().get(&path("picky")).send().await;
    assert_eq!(gone.status, 503, "{}", gone.text());
    instance.close().await;
}

#[tokio::test]
async fn a_deletion_takes_effect_at_once() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("GONE", &instance.plant()).await;
    let bundle = "export default () => new Response(String(secrets.get('GONE') === undefined));\n";
    functions::deploy(&owner, "watch", &functions::open(), bundle).await;
    let ask = async || instance.caller().get(&path("watch")).send().await.expect(200).text();
    assert_eq!(ask().await, "false");
    owner.delete("secrets/GONE?force=true").send().await.expect(200);
    assert_eq!(ask().await, "true");
    owner.post("secrets/GONE/restore").send().await.expect(200);
    assert_eq!(ask().await, "false");
    instance.close().await;
}
