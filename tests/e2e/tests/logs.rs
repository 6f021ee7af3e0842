//! Logs: what functions print is masked in every form, bounded, filtered, followed and kept apart.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use strongroom_e2e::functions::{deploy, open, path};
use strongroom_e2e::{Instance, wait};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Prints its secret in many forms, through the console and through the raw streams.
const LEAKY: &str = r"
const forms = (v) => [
  v, JSON.stringify(v), JSON.stringify(JSON.stringify({ v })), encodeURIComponent(v), new URLSearchParams({ v }).toString(),
  btoa(unescape(encodeURIComponent(v))), btoa(unescape(encodeURIComponent('a' + v))), btoa(unescape(encodeURIComponent('ab' + v))),
  Array.from(new TextEncoder().encode(v), (b) => b.toString(16).padStart(2, '0')).join(''),
  Array.from(v, (c) => '\x1b[3' + (c.length % 8) + 'm' + c).join('') + '\x1b[0m',
  Array.from(v, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')).join(''),
];
const raw = (stream, text) => { const bytes = new TextEncoder().encode(text); let at = 0; while (at < bytes.length) at += stream.writeSync(bytes.subarray(at)); };
export default async function (req) {
  const v = Deno.env.get('API_KEY');
  const key = Deno.env.get('TLS_KEY');
  for (const form of forms(v)) console.log('console ' + form);
  console.error(new Error('failed with ' + v));
  console.log({ deep: { v } }, [key]);
  for (const form of forms(v)) raw(Deno.stdout, 'stdout ' + form + '\n');
  for (const letter of v) { raw(Deno.stderr, letter); await new Promise((done) => setTimeout(done, 1)); }
  raw(Deno.stderr, '\n');
  for (const line of key.split('\n')) raw(Deno.stdout, '  | ' + line + '\n');
  for (const line of key.split('\n')) console.log(line);
  const part = ('0123456789 '.repeat(9000) + v + ' ').repeat(10);
  for (let n = 0; n < 10; n++) raw(Deno.stdout, part);
  raw(Deno.stdout, '\nafter the long line\n');
  console.log('console is done');
  return new Response('ok');
}
";

async fn eventually_lines(instance: &Instance, query: &str, enough: usize) -> Vec<Value> {
    wait::eventually(query, || async {
        let logs = instance.owner().get(&format!("logs?{query}")).send().await.expect(200).json();
        let items = logs["items"].as_array().unwrap().clone();
        (items.len() >= enough).then_some(items)
    })
    .await
}

fn texts(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn attack_39_a_function_that_prints_its_secrets_in_every_form_leaves_none_in_the_logs() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("API_KEY", &instance.plant()).await;
    let lines: Vec<String> = (0..4).map(|_| instance.plant_plain()).collect();
    owner.set("TLS_KEY", &format!("-----BEGIN KEY-----\n{}\n-----END KEY-----\n", lines.join("\n"))).await;
    owner.set("SHORT", "abc").await;
    deploy(&owner, "leaky", &open(), LEAKY).await;
    instance.caller().get(&path("leaky")).send().await.expect(200);
    eventually_lines(&instance, "search=after%20the%20long%20line", 1).await;
    eventually_lines(&instance, "search=console%20is%20done", 1).await;
    let items = eventually_lines(&instance, "category=execution&limit=1000", 30).await;
    let all = texts(&items);
    for wanted in ["console [masked]", "console \"[masked]\"", "stdout [masked]", "  | [masked]", "[masked]"] {
        assert!(all.contains(&wanted), "{wanted:?} in {all:#?}");
    }
    let long: Vec<_> = all.iter().filter(|text| text.starts_with("0123456789")).collect();
    let [long] = long.as_slice() else { panic!("one long line") };
    assert!(long.len() < 17_000 && long.contains("… [truncated: 99"), "{}", &long[long.len() - 60..]);
    // a value that is too short is told of once, by name
    let short = eventually_lines(&instance, "search=SHORT", 1).await;
    assert_eq!(short.len(), 1, "{short:?}");
    assert_eq!(short[0]["level"], "warn");
    instance.close().await;
}

#[tokio::test]
async fn a_flood_is_cut_and_counted_and_others_are_heard() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let flood = "export default () => { const text = 'x'.repeat(1000); for (let n = 0; n < 30_000; n++) console.log(n + text); return new Response('ok'); };\n";
    deploy(&owner, "flood", &open(), flood).await;
    deploy(&owner, "calm", &open(), "export default () => { console.log('calm line'); return new Response('ok'); };\n")
        .await;
    let flooding = instance.caller().get(&path("flood")).send();
    let (flooded, ()) = tokio::join!(flooding, async {
        instance.caller().get(&path("calm")).send().await.expect(200);
        eventually_lines(&instance, "function=calm&search=calm%20line", 1).await;
    });
    flooded.expect(200);
    let marks = eventually_lines(&instance, "function=flood&search=%5Btruncated", 1).await;
    assert!(texts(&marks)[0].contains("no more is kept"), "{marks:?}");
    let kept = owner.get("logs?function=flood&limit=1000").send().await.expect(200).json();
    assert!(kept["next_cursor"].is_string());
    instance.close().await;
}

#[tokio::test]
async fn lines_are_found_by_text_level_time_execution_and_page() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let bundle = "export default () => { console.log('100% of a_b'); console.debug('dim'); console.warn('a%b'); for (let n = 0; n < 25; n++) console.log(`n=${n};`); return new Response('ok'); };\n";
    deploy(&owner, "talks", &open(), bundle).await;
    let answer = instance.caller().get(&path("talks")).send().await.expect(200);
    let execution = answer.header("x-request-id").to_owned();
    eventually_lines(&instance, "search=n%3D24%3B", 1).await;
    let found = async |query: &str| {
        let page =
            owner.get(&format!("logs?function=talks&category=execution&{query}")).send().await.expect(200).json();
        texts(page["items"].as_array().unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("search=%25").await, ["100% of a_b", "a%b"]);
    assert_eq!(found("search=a_b").await, ["100% of a_b"]);
    assert_eq!(found("level=warn").await, ["a%b"]);
    assert_eq!(found("level=warn&until=1h").await, [""; 0]);
    assert_eq!(found("level=warn&since=1h").await, ["a%b"]);
    assert_eq!(found(&format!("execution={execution}&search=n%3D")).await.len(), 25);
    let of_job = owner.get("logs?job=talks").send().await.expect(200).json();
    assert_eq!(of_job["items"], json!([]));
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("logs?function=talks&search=n%3D&limit=10{cursor}");
        let page = owner.get(&query).send().await.expect(200).json();
        let mut items: Vec<_> = texts(page["items"].as_array().unwrap()).into_iter().map(str::to_owned).collect();
        items.append(&mut pages);
        pages = items;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, (0..25).map(|n| format!("n={n};")).collect::<Vec<_>>());
    for (query, at) in
        [("cursor=x", "cursor"), ("wait=3s", "wait"), ("function=a&job=b", "job"), ("level=loud", "level")]
    {
        let problem = owner.get(&format!("logs?{query}")).send().await.problem(400, "invalid");
        assert!(problem.to_string().contains(at), "{problem}");
    }
    let line = instance.cli(["logs", "list", "--search", "a%b", "--json"]).await.ok().json();
    let id = line[0]["id"].to_string();
    let shown = instance.cli(["logs", "get", &id]).await.ok();
    assert!(shown.text().contains("stream     stderr") && shown.text().contains("a%b"), "{}", shown.text());
    assert_eq!(instance.cli(["logs", "get", &execution]).await.ok().text().lines().count(), 28);
    instance.cli(["logs", "get", "999999999"]).await.expect(3);
    instance.close().await;
}

#[tokio::test]
async fn a_follower_sees_each_line_once_also_over_a_restart_of_the_server() {
    let mut instance = Instance::start().await;
    let bundle = "export default (req) => { console.log('said ' + new URL(req.url).searchParams.get('n')); return new Response('ok'); };\n";
    deploy(&instance.owner(), "says", &open(), bundle).await;
    let mut command = instance.command(["logs", "tail", "--function", "says", "--search", "said", "--json"]).command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for n in 0..6 {
        if n == 3 {
            instance.stop().await;
            instance.boot().await;
        }
        wait::eventually("an answer", || async {
            let answer = instance.caller().get(&format!("{}?n={n}", path("says"))).send().await;
            (answer.status == 200).then_some(())
        })
        .await;
        let line = wait::in_time("a line", lines.next_line()).await.unwrap().unwrap();
        let item: Value = serde_json::from_str(&line).unwrap();
        seen.push(item["message"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, (0..6).map(|n| format!("said {n}")).collect::<Vec<_>>());
    child.kill().await.unwrap();
    instance.close().await;
}

#[tokio::test]
async fn waiting_for_lines_ends_with_one_or_with_the_time() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    deploy(&owner, "says", &open(), "export default () => { console.log('now'); return new Response('ok'); };\n").await;
    let none = owner.get("logs?after=0&search=now&wait=1s").send().await.expect(200).json();
    assert_eq!(none["items"], json!([]));
    let after = none["next_cursor"].as_str().unwrap().to_owned();
    let waiting = owner.get(&format!("logs?after={after}&search=now&wait=60s")).send();
    let (page, called) = tokio::join!(waiting, instance.caller().get(&path("says")).send());
    called.expect(200);
    assert_eq!(texts(page.expect(200).json()["items"].as_array().unwrap()), ["now"]);
    instance.close().await;
}

#[tokio::test]
async fn the_house_tells_of_starts_crashes_and_refusals_and_only_to_those_who_may_know() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let (reader, record) = instance.mint(&["logs:read"]).await;
    let other = instance.client(&["secrets:list"]).await;
    other.get("logs").send().await.problem(403, "forbidden");
    instance.anonymous().get("logs").send().await.expect(401);
    deploy(&owner, "fragile", &open(), "export default () => new Response(String(Deno.pid));\n").await;
    let pid: i32 = instance.caller().get(&path("fragile")).send().await.expect(200).text().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let crash = eventually_lines(&instance, "category=system&search=signal%209", 1).await;
    assert_eq!(crash[0]["function"], "fragile");
    assert_eq!(eventually_lines(&instance, "category=system&search=server%20started", 1).await.len(), 1);
    let refused = eventually_lines(&instance, "category=security&search=needed%20logs:read", 1).await;
    assert_eq!(refused[0]["level"], "warn");
    let reading = owner.with_token(&reader);
    reading.get("logs?category=security").send().await.expect(200);
    owner.delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await;
    reading.get("logs").send().await.expect(401);
    eventually_lines(&instance, "category=security&search=revoked%20token", 1).await;
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await;
    let stranger = instance.client(&["logs:read"]).await;
    stranger.in_project("other").get("logs").send().await.expect(404);
    instance.close().await;
}
