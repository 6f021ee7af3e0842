//! The canary: random values are set, read, rotated, rolled back, deleted and mistyped in every command, and functions
//! print them and throw them. Then everything is searched: the data directory, logs at trace level, outputs, answers,
//! `ps`, environments and command lines of server and workers.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::json;
use strongroom_e2e::functions::{digest_of, open, path};
use strongroom_e2e::{Instance, canary, count, functions, processes, report, wait};

/// Prints the value in many ways, and fails with it in the end.
const LEAKY: &str = "export default async (req, ctx) => {
  const value = await ctx.secrets.get(new URL(req.url).searchParams.get('name'));
  const bytes = new TextEncoder().encode(value);
  console.log('plain', value, btoa(String.fromCharCode(...bytes)), encodeURIComponent(value));
  console.error({ nested: { value } }, JSON.stringify({ value }));
  console.log(Array.from(bytes).map((byte) => byte.toString(16).padStart(2, '0')).join(''));
  Deno.stdout.writeSync(bytes.slice(0, 9)); console.info('between'); Deno.stdout.writeSync(bytes.slice(9));
  process.stderr.write(value + '\\n');
  for (const user of ['', 'a:', 'ab:']) { const pair = new TextEncoder().encode(user + value + '@host'); console.log('Basic ' + btoa(String.fromCharCode(...pair))); }
  console.warn(new Map([[value, value]]), [value], new URL('https://host/?q=' + encodeURIComponent(value)));
  console.error(new Error('logged ' + value)); console.table([{ value }]); console.dir({ value }); console.assert(false, value);
  if (req.headers.get('accept') === 'text/error') throw new Error('the value is ' + value, { cause: value });
  Promise.reject(new Error('later: ' + value));
  return new Response('ok');
};\n";

#[tokio::test]
async fn planted_values_are_found_nowhere() {
    let instance = Instance::start().await;
    functions::deploy(&instance.owner(), "leaky", &open(), LEAKY).await;
    functions::deploy(&instance.owner(), "quiet", &open(), &digest_of("Deno.env.get('CANARY_0')")).await;
    for number in 0..count(20, 200) {
        live_through(&instance, number).await;
    }
    let search = instance.witness.search();
    assert_eq!(search.bytes("ps", &processes::ps()), vec![]);
    let workers = processes::family(instance.pid());
    assert!(workers.len() > 1, "no worker runs, so none was searched");
    assert!(instance.log().contains("\"DEBUG\""), "the server logs no more than usual");
    let planted = instance.witness.planted();
    instance.close().await;
    report(&format!("{planted} values planted, none found"));
}

/// One secret's life.
async fn live_through(instance: &Instance, number: usize) {
    let name = format!("CANARY_{number}");
    let (first, second) = (instance.plant(), instance.plant_plain());
    let owner = instance.owner();
    instance.command(["secrets", "set", &name, "--description", "a canary"]).input(first.as_str()).run().await.ok();
    assert!(owner.resolve("default", &name).await.is_some_and(|value| value == first), "{name} does not resolve");
    let ask = async |accept: &str| {
        let call = instance.caller().get(&format!("{}?name={name}", path("leaky"))).header("accept", accept);
        call.send().await
    };
    ask("text/plain").await.expect(200);
    assert_eq!(ask("text/error").await.expect(500).json()["error"], "internal error");
    match number % 3 {
        0 => {
            owner.set(&name, &second).await;
        }
        1 => {
            let file = instance.work().join(".env");
            std::fs::write(&file, format!("{name}={second}\n")).unwrap();
            instance.cli(["secrets", "set", "--env-file", ".env"]).await.ok();
        }
        _ => {
            let file = instance.work().join("value.txt");
            std::fs::write(&file, &second).unwrap();
            instance.cli(["secrets", "set", &format!("{name}=@value.txt"), "--json"]).await.ok();
        }
    }
    ask("text/plain").await.expect(200);
    for words in [
        vec!["secrets", "list", "--json"],
        vec!["secrets", "get", &name],
        vec!["secrets", "history", &name],
        vec!["secrets", "rollback", &name, "1"],
        vec!["secrets", "resolve"],
        vec!["secrets", "delete", &name, "--yes"],
        vec!["secrets", "restore", &name],
    ] {
        instance.command(words).run().await.ok();
    }
    if number.is_multiple_of(4) {
        instance.cli(["secrets", "delete", &name, "--yes", "--purge"]).await.ok();
    }
    mistype(instance, number, &first, &second).await;
}

/// Commands with a value in the wrong place. In `argv` it is where the user has put it; nothing may repeat it.
async fn mistype(instance: &Instance, number: usize, value: &str, plain: &str) {
    let pair = format!("A B={value}");
    let described = format!("{value}:{plain}");
    let commands: [&[&str]; 20] = [
        &["secrets", "set", value],
        &["secrets", "set", value, plain],
        &["secrets", "set", &pair],
        &["secrets", "set", "A", "B", plain],
        &["secrets", "set", "PATH", plain],
        &["secrets", "set", "A", plain, "--expires", plain],
        &["secrets", "set", "A", plain, "--namespace", plain, "--app", value],
        &["secrets", "set", "A", "--env-file", plain],
        &["secrets", "set", "A", plain, "--scope", plain],
        &["secrets", "get", value],
        &["secrets", "delete", value, plain, "--yes"],
        &["secrets", "history", plain],
        &["secrets", "rollback", "CANARY_0", plain],
        &["secret", "create", "--secret", &described],
        &["secrets", "copy", plain, value],
        &["settings", "secrets", "set", value],
        &["functions", "invoke", plain],
        &["functions", "deploy", value],
        &["tokens", "create", "--name", "x", "--capability", plain],
        &["run", "--app", value, "--", "true"],
    ];
    // a name that is not there may be repeated: that is what errors are for. What is no legal name may not.
    let command = commands[number % commands.len()];
    let output = instance.command(command.iter()).input("").run().await;
    assert_ne!(output.code, None, "{}", output.line);
    let unknown = format!("--{plain}");
    let flag = instance.cli(["secrets", "list", &unknown]).await;
    assert_eq!(flag.code, Some(2), "{}", flag.stderr);
    let bad = json!({ "secrets": { "GOOD": plain, "bad name": value, "NUL": "a\u{0}b" } });
    instance.owner().put("secrets").json(&bad).send().await.expect(400);
    let number = json!({ "secrets": { "GOOD": [plain] } });
    instance.owner().put("secrets").json(&number).send().await.expect(400);
    instance
        .owner()
        .put("secrets")
        .header("content-type", "application/json")
        .body(format!("{{\"secrets\": {value}"))
        .send()
        .await
        .expect(400);
}

#[tokio::test]
async fn a_worker_holds_values_in_memory_alone() {
    let instance = Instance::start().await;
    let value = instance.plant();
    instance.owner().set("API_KEY", &value).await;
    functions::deploy(&instance.owner(), "reader", &open(), &digest_of("Deno.env.get('API_KEY')")).await;
    let seen = instance.caller().get(&path("reader")).send().await.expect(200).text();
    assert_eq!(seen, canary::digest(&value));
    let family = processes::family(instance.pid());
    assert!(family.len() > 1, "no worker runs");
    for pid in family.into_iter().skip(1) {
        let environment = processes::block(pid, "environ");
        let text = String::from_utf8_lossy(&environment);
        for word in ["API_KEY", "STRONGROOM_TOKEN", "STRONGROOM_ROOT_KEY", "srt_"] {
            assert!(!text.contains(word), "{word} stands in the environment of process {pid}");
        }
    }
    instance.close().await;
}

#[tokio::test]
async fn log_lines_hold_masks_where_values_were() {
    let instance = Instance::start().await;
    instance.owner().set("API_KEY", &instance.plant()).await;
    functions::deploy(&instance.owner(), "leaky", &open(), LEAKY).await;
    instance.caller().get(&format!("{}?name=API_KEY", path("leaky"))).send().await.expect(200);
    let lines = wait::eventually("masked lines", || async {
        let logs = instance.owner().get("logs?category=execution&search=masked").send().await.expect(200).json();
        let items = logs["items"].as_array().unwrap().clone();
        (items.len() >= 5).then_some(items)
    });
    assert!(lines.await.iter().any(|line| line["message"] == "plain [masked] [masked] [masked]"));
    instance.close().await;
}

#[tokio::test]
async fn the_search_finds_what_is_there() {
    let instance = Instance::start().await;
    let (in_file, in_log, in_answer) = (instance.plant(), instance.plant(), instance.plant());
    assert_eq!(instance.findings(), vec![]);
    std::fs::write(instance.home().join("leak"), hex::encode(&in_file)).unwrap();
    std::fs::write(instance.folder().join("server-1.log"), format!("token={in_log}")).unwrap();
    instance.witness.hear("an answer", serde_json::json!({ "value": in_answer }).to_string().as_bytes());
    assert_eq!(instance.findings().len(), 3);
}

/// A function that tells its secret in the error that keeps it from starting.
const BROKEN: &str = "const value = Deno.env.get('API_KEY');\nconsole.log('starting with ' + value);\nif (!value.startsWith('ok')) throw new Error('cannot start with ' + value);\nexport default () => new Response('ok');\n";

#[tokio::test]
async fn code_that_fails_to_start_tells_nothing() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("API_KEY", &instance.plant()).await;
    let refused = functions::try_deploy(&owner, ("default", "broken"), &open(), BROKEN).await;
    assert!(matches!(refused.status, 400 | 409 | 422), "{}", refused.status);
    std::fs::write(instance.work().join("broken.ts"), BROKEN).unwrap();
    let output = instance.cli(["functions", "deploy", "broken", "--entry", "broken.ts"]).await;
    assert_ne!(output.code, Some(0));

    owner.set("API_KEY", "ok").await;
    functions::deploy(&owner, "broken", &open(), BROKEN).await;
    instance.caller().get(&path("broken")).send().await.expect(200);
    let written = owner.set("API_KEY", &instance.plant()).await;
    assert_eq!(written["live"]["restart_failed"], json!(["broken"]), "{written}");
    owner.delete("secrets/API_KEY?force=true").send().await.expect(200);
    instance.caller().get(&path("broken")).send().await;
    owner.get("logs?limit=1000").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn long_and_many_lined_values_are_masked_too() {
    let instance = Instance::start().await;
    let lines: Vec<_> = (0..4).map(|_| instance.plant_plain()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    instance.owner().set("PEM", &pem).await;
    let inner = instance.plant();
    instance.owner().set("JSON_KEY", &json!({ "private_key": pem, "other": inner }).to_string()).await;
    functions::deploy(&instance.owner(), "leaky", &open(), LEAKY).await;
    for name in ["PEM", "JSON_KEY"] {
        instance.caller().get(&format!("{}?name={name}", path("leaky"))).send().await.expect(200);
    }
    wait::eventually("the lines", || async {
        let logs = instance.owner().get("logs?search=between&limit=1000").send().await.expect(200).json();
        (logs["items"].as_array().unwrap().len() >= 2).then_some(())
    })
    .await;
    instance.owner().get("logs?limit=1000").send().await.expect(200);
    instance.close().await;
}
