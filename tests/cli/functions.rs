//! `functions deploy` and `invoke`, where Deno is installed.

use serde_json::Value;

use crate::world::{Way, World};

const READER: &str = r#"
export default async function handler(req: Request): Promise<Response> {
  const status = Number(new URL(req.url).searchParams.get("status") ?? "200");
  return new Response(`${req.method} ${await req.text()} ${secrets.get("API_KEY")}`, { status });
}
"#;

fn has_deno(world: &World) -> bool {
    world.ran(&["runtime", "status"]).exit == 0
}

#[test]
fn a_function_is_deployed_called_and_sees_the_next_value() {
    World::each(|world| {
        if !has_deno(world) {
            return;
        }
        world.write("functions/reader.ts", READER);
        world.does(&["secrets", "set", "API_KEY", "one"]);
        let deploy =
            ["functions", "deploy", "reader", "--entry", "functions/reader.ts", "--secret", "API_KEY", "--public"];
        let deployed = world.does(&deploy);
        assert!(
            deployed.stdout.starts_with("✔ Function deployed: reader (deployment 1, namespace default)\n"),
            "{deployed:?}"
        );
        assert!(world.does(&deploy).stdout.starts_with("• Unchanged: reader"));
        let invoked = world.does(&["fn", "invoke", "reader", "--data", "{\"a\":1}"]);
        assert_eq!((invoked.stdout.as_str(), invoked.stderr.trim()), ("POST {\"a\":1} one", "HTTP 200 OK"));
        let set = world.does(&["secrets", "set", "API_KEY", "two"]);
        assert!(set.stdout.contains("1 function uses it"), "{set:?}");
        let failed = world.exits(1, &["functions", "invoke", "reader", "--path", "/x?status=503", "--method", "PUT"]);
        assert_eq!(failed.stdout, "PUT  two");
        assert!(failed.stderr.contains("HTTP 503"), "{failed:?}");
        assert_eq!(world.json(&["secrets", "get", "API_KEY"])["used_by"][0]["name"], "reader");
        assert_eq!(world.json(&["secrets", "list"])[0]["used_by"], 1);
        let shown = world.does(&["secrets", "get", "API_KEY"]).stdout;
        let users: Vec<_> = shown.lines().filter(|line| line.starts_with("Used by")).collect();
        assert!(matches!(users.as_slice(), [one] if one.contains("function default/reader, ")), "{shown}");
        let logged = world.does(&["logs", "list", "--category", "execution", "--search", "STRONGROOM_SECRET"]);
        assert!(logged.stdout.contains("secret read STRONGROOM_SECRET_API_KEY"), "{logged:?}");
        world.exits(5, &["secrets", "delete", "API_KEY"]);
        world.does(&["functions", "delete", "reader"]);
        world.exits(3, &["functions", "get", "reader"]);
    });
}

#[test]
fn functions_answer_on_a_listener_of_their_own() {
    let world = World::new(Way::Http);
    if !has_deno(&world) {
        return;
    }
    world.write("reader.ts", READER);
    world.does(&["secrets", "set", "API_KEY", "one"]);
    let deployed = world.json(&["functions", "deploy", "reader", "--entry", "reader.ts"]);
    let url = format!("{}/fn/default/default/reader", world.server().functions_url);
    assert_eq!(deployed["url"], url.as_str());
    // The token of this world may invoke; nobody may without one.
    assert_eq!(world.does(&["functions", "invoke", "reader"]).stdout, "GET  one");
    world.exits(1, &["functions", "invoke", "nope"]);
}

#[test]
fn a_missing_required_secret_stops_the_deploy() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    world.write("reader.ts", READER);
    let deploy =
        ["functions", "deploy", "reader", "--entry", "reader.ts", "--secret", "API_KEY", "--secret", "OTHER:ALIAS"];
    let stopped = world.exits(1, &deploy);
    for name in ["API_KEY", "OTHER"] {
        let line = format!("  - {name}: not set; set it: strongroom secrets set {name}\n");
        assert!(stopped.stderr.contains(&line), "{stopped:?}");
    }
    assert_eq!(world.json(&["functions", "list"]), serde_json::json!([]));
}

#[test]
fn the_project_file_declares_functions() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    world.write("functions/reader.ts", READER);
    world.write("strongroom.json", r#"{"namespace": "staging", "functions": [{"name": "reader", "entry": "functions/reader.ts", "auth": "public", "timeout": "5s", "memory": "128MB"}]}"#);
    world.does(&["secrets", "set", "API_KEY", "one"]);
    let deployed = world.json(&["functions", "deploy"]);
    assert_eq!((&deployed[0]["name"], &deployed[0]["namespace"]), (&"reader".into(), &"staging".into()));
    assert_eq!(world.does(&["functions", "invoke", "reader"]).stdout, "GET  one");
    world.exits(2, &["functions", "deploy", "nope"]);
    let wrong = r#"{"functions": [{"name": "Bad Name", "entry": "a.ts", "timeout": "soon", "memory": "lots"}]}"#;
    world.write("strongroom.json", wrong);
    let refused = world.exits(2, &["functions", "deploy"]);
    for text in ["workload name", "a length of time is", "memory is"] {
        assert!(refused.stderr.contains(text), "{text}: {refused:?}");
    }
    let outside = r#"{"functions": [{"name": "a", "entry": "a.ts", "timeout": "20m", "memory": "1MB"}]}"#;
    world.write("strongroom.json", outside);
    let refused = world.exits(2, &["functions", "deploy"]);
    for text in ["between 1ms and 15m", "between 32MB and 16GB"] {
        assert!(refused.stderr.contains(text), "{text}: {refused:?}");
    }
}

#[test]
fn what_a_function_or_job_reads_is_shown_with_where_its_value_comes_from() {
    let world = World::new(Way::InProcess);
    if !has_deno(&world) {
        return;
    }
    let names = r#"["A", "B", "C", "D", "E"].map((name) => secrets.get(name))"#;
    world.write("both.ts", format!("export default () => Response.json({names});"));
    let workload = r#"{ "name": "both", "entry": "both.ts", "secrets": ["A", { "name": "B", "required": false },
        { "name": "C", "default": "c" }, { "name": "D", "required": false }] }"#;
    let free = r#"{ "name": "free", "entry": "both.ts" }"#;
    let file = format!(r#"{{ "functions": [{workload}, {free}], "jobs": [{workload}, {free}] }}"#);
    world.write("strongroom.json", file);
    world.does(&["secrets", "set", "A=canary-a"]);
    world.does(&["secrets", "set", "A=canary-aa", "--scope", "namespace", "--namespace", "default"]);
    world.does(&["secret", "create", "--secret", "D"]);
    world.does(&["settings", "secrets", "set", "E", "canary-e"]);
    world.does(&["deploy"]);
    for group in ["functions", "jobs"] {
        let [both, free] = ["both", "free"].map(|name| world.json(&[group, "get", name]));
        let about = |shown: &Value, name: &str| {
            let read = shown["reads"].as_array().expect("reads").iter().find(|read| read["secret"] == name);
            let read = read.unwrap_or_else(|| panic!("{name}: {shown}"));
            [&read["scope"], &read["missing"]].map(|field| field.as_str().unwrap_or("-").to_owned())
        };
        assert_eq!(about(&both, "A"), ["namespace", "-"]);
        assert_eq!(about(&both, "B"), ["-", "not_set"]);
        assert_eq!(about(&both, "C"), ["default", "-"]);
        assert_eq!(about(&both, "D"), ["-", "no_value"]);
        assert_eq!(about(&free, "E"), ["system", "-"]);
        assert_eq!(about(&free, "C"), ["-", "not_set"]);
        let said = world.does(&[group, "get", "both"]).stdout;
        assert!(said.contains("A from namespace, not read yet (code, list)"), "{said}");
        assert!(said.contains("B which is NOT SET, not read yet (code, list)"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}
