//! Functions and jobs: reload on save, live values, broken saves, triggers.

use std::time::Duration;

use super::{Dev, has_deno};
use crate::world::{Way, World};

const READER: &str = r#"
import { word } from "./word.ts";
export default function handler(req: Request): Response {
  console.log("the key is", secrets.get("API_KEY"), btoa(String(secrets.get("API_KEY"))));
  return new Response(`${word} ${secrets.get("API_KEY")} at ${new URL(req.url).pathname}.`);
}
"#;

fn shop(world: &World) {
    world.write("functions/word.ts", "export const word = \"first\";");
    world.write("functions/reader.ts", READER);
    let functions = r#"[{ "name": "reader", "entry": "functions/reader.ts", "secrets": ["API_KEY"] }]"#;
    world.write("strongroom.json", format!("{{ \"namespace\": \"development\", \"functions\": {functions} }}"));
}

#[test]
fn saves_and_new_values_are_live_and_no_value_is_shown() {
    World::each(|world| {
        if !has_deno(world) {
            return;
        }
        shop(world);
        world.does(&["secrets", "set", "API_KEY", "canary-one-1"]);
        let dev = Dev::serving(world, &[], &[]);
        assert!(dev.gets("/fn/default/development/reader/a/b?c=d").contains("first canary-one-1 at /a/b."));
        assert!(dev.gets("/reader").contains("first canary-one-1 at /."), "the short address");
        world.write("functions/word.ts", "export const word = \"second\";");
        dev.answers("/reader", "second canary-one-1");
        world.does(&["secrets", "set", "API_KEY", "canary-two-2"]);
        dev.answers("/reader", "second canary-two-2");
        world.does(&["secrets", "set", "API_KEY", "canary-three-3", "--namespace", "development"]);
        dev.answers("/reader", "second canary-three-3");
        world.does(&["secrets", "delete", "API_KEY", "--namespace", "development", "--yes", "--force"]);
        dev.answers("/reader", "second canary-two-2");
        dev.hears("the key is [masked] [masked]");
        let (exit, said) = dev.stops();
        assert_eq!(exit, Some(0), "{said}");
        assert!(said.contains("store (global): API_KEY"), "{said}");
        for trace in ["canary", "Y2FuYXJ5"] {
            assert!(!said.contains(trace), "{:?} {said}", world.way);
        }
        // the store is free again, and has what was set
        assert_eq!(world.value("API_KEY", &[]), "canary-two-2");
    });
}

#[test]
fn a_log_that_is_written_beside_the_code_holds_up_nothing() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    shop(&world);
    world.does(&["secrets", "set", "API_KEY", "canary-one-1"]);
    let dev = Dev::serving(&world, &[], &[]);
    dev.answers("/reader", "first canary-one-1");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|threads| {
        let (logs, world) = (["app.log", "functions/app.log"], &world);
        threads.spawn(move || {
            // until the sender is gone
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(Duration::from_millis(5)) {
                for log in logs {
                    world.write(log, "a line");
                }
            }
        });
        world.does(&["secrets", "set", "API_KEY", "canary-two-2"]);
        dev.answers("/reader", "first canary-two-2");
        world.write("functions/word.ts", "export const word = \"second\";");
        dev.answers("/reader", "second canary-two-2");
        drop(stop);
    });
    assert_eq!(dev.stops().0, Some(0));
}

#[test]
fn a_broken_save_keeps_the_last_good_version() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    shop(&world);
    world.does(&["secrets", "set", "API_KEY", "value-1"]);
    let dev = Dev::serving(&world, &[], &[]);
    dev.answers("/reader", "first");
    world.write("functions/word.ts", "export const word = ;");
    dev.hears("the version before goes on");
    dev.answers("/reader", "first");
    world.write("functions/word.ts", "export const word = \"mended\";");
    dev.answers("/reader", "mended");
    // loads, and throws while it does
    world.write("functions/word.ts", "export const word = \"never\"; throw new Error(\"at load\");");
    dev.hears("at load");
    dev.answers("/reader", "mended");
    // a file that is not there yet
    world.write("functions/word.ts", "export { word } from \"./other.ts\";");
    dev.waits("a third complaint", || (dev.said().matches("the version before goes on").count() == 3).then_some(()));
    world.write("functions/other.ts", "export const word = \"moved\";");
    dev.answers("/reader", "moved");
}

#[test]
fn the_project_file_is_taken_up_on_save_unless_it_is_wrong() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    shop(&world);
    world.does(&["secrets", "set", "API_KEY", "value-1"]);
    let dev = Dev::serving(&world, &[], &[]);
    world.write("functions/more.ts", "export default () => new Response(\"more\");");
    world.write("strongroom.json", r#"{ "namespace": "development", "functions": [{ "name": "more", "#);
    dev.hears("what it said before goes on");
    dev.answers("/reader", "first");
    let more = |secrets: &str| {
        let functions = format!(r#"[{{ "name": "more", "entry": "functions/more.ts", "secrets": [{secrets}] }}]"#);
        world.write("strongroom.json", format!("{{ \"namespace\": \"development\", \"functions\": {functions} }}"));
    };
    more("\"NOT_THERE\"");
    dev.hears("NOT_THERE: is not set");
    dev.answers("/reader", "first");
    more("");
    dev.answers("/more", "more");
    assert!(dev.gets("/reader").starts_with("HTTP/1.1 404"), "{}", dev.gets("/reader"));
}

#[test]
fn a_job_runs_when_it_is_triggered_and_its_failure_is_told() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    let job = r#"
export default async function handler(payload: { n: number }, ctx: any) {
  await ctx.progress(50, "half way");
  if (payload.n < 0) throw new TypeError("too small " + await ctx.secrets.get("API_KEY"));
  return { double: payload.n * 2, key: (await ctx.secrets.get("API_KEY")).length };
}
"#;
    world.write("jobs/double.ts", job);
    world.write(
        "strongroom.json",
        r#"{ "jobs": [{ "name": "double", "entry": "jobs/double.ts", "schedule": "0 3 * * *" }] }"#,
    );
    world.does(&["secrets", "set", "API_KEY", "canary-1234"]);
    let dev = Dev::serving(&world, &[], &[]);
    let done = dev.asks("POST /jobs/double HTTP/1.1", "{\"n\": 21}");
    assert!(done.contains("\"status\":\"completed\"") && done.contains("\"double\":42,\"key\":11"), "{done}");
    dev.hears("50% half way");
    let failed = dev.asks("POST /jobs/double HTTP/1.1", "{\"n\": -1}");
    assert!(failed.starts_with("HTTP/1.1 500") && failed.contains("TypeError: too small [masked]"), "{failed}");
    assert!(dev.asks("POST /jobs/double HTTP/1.1", "{n").starts_with("HTTP/1.1 400"));
    assert!(dev.gets("/jobs/double").starts_with("HTTP/1.1 405"));
    assert!(dev.asks("POST /jobs/other HTTP/1.1", "{}").starts_with("HTTP/1.1 404"));
    let (_, said) = dev.stops();
    assert!(said.contains("schedule 0 3 * * *") && !said.contains("canary"), "{said}");
}

#[test]
fn pages_of_other_origins_and_other_hosts_are_refused() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    world.write("hello.ts", "export default () => new Response(\"hello\");");
    world.write("strongroom.json", r#"{ "functions": [{ "name": "hello", "entry": "hello.ts" }] }"#);
    let dev = Dev::serving(&world, &[], &["--allow-host", "tunnel.example"]);
    let asked = |headers: &str| dev.asks(&format!("GET /hello HTTP/1.1\r\n{headers}"), "");
    for headers in ["Host: localhost\r\nOrigin: http://localhost:5173", "Host: tunnel.example", "Host: [::1]:80"] {
        assert!(asked(headers).contains("hello"), "{headers}");
    }
    for headers in ["Host: localhost\r\nOrigin: https://evil.example", "Host: rebound.example"] {
        let answer = asked(headers);
        assert!(!answer.starts_with("HTTP/1.1 200") && answer.contains("--allow-host"), "{answer}");
    }
}
