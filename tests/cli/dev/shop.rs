//! The example with a function, a job and an app: all three in dev, then each deployed or run.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use super::{Dev, has_deno};
use crate::world::{Way, World, program};

const FILES: [&str; 4] = ["strongroom.json", "functions/checkout.ts", "jobs/receipts.ts", "web/server.mjs"];

fn shop(world: &World) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
    for file in FILES {
        world.write(file, std::fs::read(from.join(file)).expect("a file of the example"));
    }
}

/// What the shop's page answers, head and all.
fn page(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn path() -> String {
    let found = program().get_envs().find_map(|(name, value)| (name == "PATH").then_some(value?.to_owned()));
    found.expect("a PATH").to_string_lossy().into_owned()
}

#[test]
fn a_function_a_job_and_an_app_of_one_project_run_in_dev_and_where_they_are_deployed() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    shop(&world);
    let refused = world.exits(1, &["deploy"]);
    for name in ["PAYMENT_KEY", "MAIL_KEY"] {
        assert!(refused.stderr.contains(&format!("strongroom secrets set {name}")), "{refused:?}");
    }
    world.does(&["secrets", "set", "PAYMENT_KEY=sk_live_canary", "MAIL_KEY=canary-mail", "SESSION_KEY=canary-session"]);

    let dev = Dev::serving(&world, &[("PORT", "0"), ("PATH", &path())], &[]);
    let paid = dev.asks("POST /checkout HTTP/1.1\r\nContent-Type: application/json", r#"{"amount":12}"#);
    assert!(paid.contains(r#"{"charged":"12 EUR","live":true}"#), "{paid}\n{}", dev.said());
    let sent = dev.asks("POST /jobs/receipts HTTP/1.1", r#"{"orders":["A1","A2"]}"#);
    assert!(sent.contains(r#""result":{"sent":2}"#), "{sent}\n{}", dev.said());
    let open = dev.hears("the shop is open on http://");
    let (_, address) = open.rsplit_once("http://").expect("an address");
    let shown = dev.waits("the page", || page(address));
    assert!(shown.contains("Welcome to the shop") && shown.contains("cart="), "{shown}");

    // while dev holds the store, it also does what is asked of what is deployed
    let deployed = world.does(&["deploy"]);
    assert!(
        deployed.stdout.contains("Function deployed: checkout") && deployed.stdout.contains("Job deployed: receipts")
    );
    let paid = world.does(&["functions", "invoke", "checkout", "--data", r#"{"amount":3}"#]);
    assert_eq!(paid.stdout.trim(), r#"{"charged":"3 EUR","live":true}"#);
    let sent = world.json(&["jobs", "run", "receipts", "--payload", r#"{"orders":["B1"]}"#, "--wait"]);
    assert_eq!(sent["result"]["sent"], 1, "{sent}");
    let (exit, said) = dev.stops();
    assert_eq!(exit, Some(0), "{said}");
    assert!(!said.contains("canary"), "{said}");

    let mut command = world.command(&["run", "--app", "web", "--", "node", "web/server.mjs"]);
    command.env("PORT", "0").env("PATH", path());
    let mut app = command.stdout(Stdio::piped()).spawn().expect("the app starts");
    let mut line = String::new();
    BufReader::new(app.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("the shop is open on http://").expect("it is open");
    assert!(page(address).is_some_and(|shown| shown.contains("Welcome to the shop")), "{line}");
    let ended = std::process::Command::new("kill").args(["-TERM", &app.id().to_string()]).status();
    assert!(ended.is_ok_and(|status| status.success()));
    assert_eq!(app.wait().expect("a child").code(), Some(0));
}
