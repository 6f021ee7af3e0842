//! Reading project files: what is accepted, and what is said about the rest.

use std::path::Path;

use strongroom_model::manifest::{CallAuth, Missed, Overlap, Runtime};
use strongroom_project::{Problem, Project, parse};

const DOCUMENTED: &str = r#"{ "project": "shop", "namespace": "development", "server": "https://secrets.example.com",
  "functions": [{ "name": "call-openai", "entry": "functions/call-openai.ts", "runtime": "deno", "auth": "token",
                  "secrets": ["OPENAI_API_KEY", { "name": "AWS_REGION", "default": "us-east-1" }, { "name": "STRIPE_LIVE", "as": "STRIPE_KEY", "required": false }],
                  "allow_net": ["api.openai.com"], "timeout": "30s", "memory": "256MB", "env": { "TIER": "gold" } }],
  "jobs": [{ "name": "nightly-sync", "entry": "jobs/nightly.ts", "schedule": "0 3 * * *", "retries": 5 }],
  "apps": [{ "id": "abc123", "name": "api", "path": "backend", "command": "node src/index.js" }], // comment
}"#;

fn read(text: &str) -> Project {
    parse(text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn refused(text: &str) -> Vec<Problem> {
    parse(text).expect_err(text)
}

fn messages(text: &str) -> Vec<String> {
    refused(text)
        .into_iter()
        .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message))
        .collect()
}

/// A function with these further keys.
fn function(keys: &str) -> String {
    format!(r#"{{ "functions": [{{ "name": "a", "entry": "a.ts", {keys} }}] }}"#)
}

#[test]
fn the_documented_file_is_read() {
    let file = read(DOCUMENTED);
    assert_eq!(file.project.map(String::from).as_deref(), Some("shop"));
    let [function] = &file.functions[..] else { panic!("one function") };
    let workload = &function.manifest.workload;
    let targets: Vec<_> = workload.secrets.iter().flatten().map(|entry| entry.target().as_str()).collect();
    assert_eq!(targets, ["OPENAI_API_KEY", "AWS_REGION", "STRIPE_KEY"]);
    assert_eq!((function.manifest.timeout_ms, workload.memory_bytes), (30_000, 256 << 20));
    assert_eq!((function.manifest.auth, workload.runtime), (CallAuth::Token, Runtime::Deno));
    assert_eq!(workload.env.get("TIER").map(String::as_str), Some("gold"));
    let [job] = &file.jobs[..] else { panic!("one job") };
    assert_eq!((job.entry.as_path(), job.manifest.retries), (Path::new("jobs/nightly.ts"), 5));
    let [app] = &file.apps[..] else { panic!("one app") };
    assert_eq!((app.id.as_str(), app.command.as_deref(), app.frontend), ("abc123", Some("node src/index.js"), false));
}

#[test]
fn every_key_of_a_job_reaches_its_manifest() {
    let file = read(
        r#"{ "env_prefix": ["FLUXBASE_SECRET_"], "jobs": [{ "name": "a", "entry": "a.ts", "runtime": "node",
        "schedule": "@hourly", "overlap": "allow", "missed": "skip", "retries": 0, "backoff": "500ms", "max_backoff": "1m",
        "timeout": "2h", "memory": "1GB", "concurrency": 1, "secrets": ["A:B"], "env": { "C": "" }, "env_prefix": ["X_"],
        "allow_net": [], "on_change": "live" }], "apps": [{ "id": "web", "frontend": true }] }"#,
    );
    let [job] = &file.jobs[..] else { panic!("one job") };
    let manifest = &job.manifest;
    assert_eq!((manifest.overlap, manifest.missed, manifest.retries), (Overlap::Allow, Missed::Skip, 0));
    assert_eq!((manifest.backoff_ms, manifest.max_backoff_ms, manifest.timeout_ms), (500, 60_000, 7_200_000));
    assert_eq!((manifest.concurrency, manifest.workload.memory_bytes), (1, 1 << 30));
    assert_eq!(manifest.workload.env_prefix, ["FLUXBASE_SECRET_", "X_"]);
    assert_eq!(manifest.workload.allow_net.as_deref(), Some(&[][..]));
    assert!(file.apps.iter().all(|app| app.frontend));
}

#[test]
fn comments_trailing_commas_and_a_byte_order_mark_are_fine() {
    read("\u{feff}// first\n{ /* two\nlines */ \"functions\": [ ], \"$schema\": \"https://example.com\", }\n");
    assert!(read("{}").functions.is_empty());
}

#[test]
fn all_problems_are_told_at_once_in_order_of_the_file() {
    let text = r#"{
  "projct": "shop",
  "functions": [
    { "name": "a", "entri": "a.ts", "auth": "publc", "timeout": 30 },
    { "name": "b", "entry": "b.ts", "timeout": "30", "concurrency": 0, "allow_net": ["ok.example", "no host"] },
    { "name": "b", "entry": "b.ts", "timeout": "16m", "memory": "1MB" },
  ],
  "jobs": [{ "name": "Nightly", "entry": "n.ts", "cron": "0 3 * * *", "schedule": "at three" }],
  "jobs": [],
}"#;
    assert_eq!(
        messages(text),
        [
            "2:3 unknown key \"projct\"; did you mean \"project\"?",
            "4:5 a function needs \"entry\", such as \"entry\": \"functions/hello.ts\"",
            "4:20 unknown key \"entri\"; did you mean \"entry\"?",
            "4:45 \"auth\" is \"token\", \"user\" or \"public\"; did you mean \"public\"?",
            "4:65 \"timeout\" is a text such as \"30s\", not a number",
            "5:48 \"timeout\": a length of time is a number with ms, s, m, h or d, such as \"30s\", \"1m30s\" or \"500ms\"",
            "5:69 \"concurrency\" must be a whole number from 1 to 10000",
            "6:15 an earlier function has this name; choose another",
            "6:48 timeout must lie between 1ms and 15m",
            "6:65 memory must lie between 32MB and 16GB",
            "8:22 \"name\": a workload name is 1 to 63 characters of a-z, 0-9, - and _, and begins with a letter or digit",
            "8:50 unknown key \"cron\"; did you mean \"schedule\"?",
            "8:83 \"schedule\": a schedule is a cron expression of five fields in UTC, such as \"0 3 * * *\" for every day at 3:00",
            "9:3 \"jobs\" stands twice; keep one",
        ]
    );
}

#[test]
fn a_problem_of_the_manifest_is_told_where_it_stands() {
    for (keys, place) in [
        (r#""secrets": ["A", { "name": "B", "as": "A" }]"#, r#"{ "name": "B""#),
        (r#""secrets": ["A", "B:PATH"]"#, r#""B:PATH""#),
        (r#""env": { "A": "x" }, "secrets": ["B", "A"]"#, r#""A"] }"#),
        (r#""allow_net": ["ok.example", "no host"]"#, r#""no host""#),
        (r#""env": { "A B": "x" }"#, r#""A B""#),
        (r#""env_prefix": ["STRONGROOM_"]"#, r#""STRONGROOM_""#),
    ] {
        let text = function(keys);
        let [problem] = &refused(&text)[..] else { panic!("one problem: {:?}", messages(&text)) };
        assert_eq!(problem.column, text.find(place).expect("its place") + 1, "{keys}: {}", problem.message);
    }
}

#[test]
fn a_front_end_gets_no_secrets() {
    let text = r#"{ "apps": [{ "id": "web", "frontend": true, "secrets": ["A"] }] }"#;
    assert_eq!(messages(text).len(), 1);
}

#[test]
fn unknown_keys_without_a_likeness_are_told_what_is_expected() {
    let [message] = &messages(r#"{ "x": 1 }"#)[..] else { panic!("one problem") };
    assert!(message.contains("expected one of $schema, project, namespace, server"), "{message}");
}

#[test]
fn what_is_no_json_is_refused_where_reading_stopped() {
    for (text, place) in [
        ("", "1:1"),
        ("// nothing\n", "1:1"),
        ("[]", "1:1"),
        ("{ \"project\": }", "1:14"),
        ("{\n  \"project\" \"shop\"\n}", "2:13"),
        ("{\n  'project': \"shop\"\n}", "2:3"),
        ("{ project: \"shop\" }", "1:3"),
        ("{ \"project\": \"shop\" \"namespace\": \"x\" }", "1:20"),
        ("{} {}", "1:4"),
    ] {
        let [message] = &messages(text)[..] else { panic!("{text}: one problem") };
        assert!(message.starts_with(place), "{text}: {message}");
    }
    assert_eq!(refused(&"[".repeat(100_000)).len(), 1);
    assert_eq!(refused(&format!("{{\"functions\":{}", "[{\"a\":".repeat(100_000))).len(), 1);
}

#[test]
fn texts_of_the_file_do_not_stand_in_problems() {
    for text in [
        r#"{ "functions": "canary" }"#.to_owned(),
        r#"{ "project": "CANARY canary" }"#.to_owned(),
        function(r#""secrets": "canary, \"expected""#),
        function(r#""secrets": ["can-ary canary"]"#),
        function(r#""secrets": [{ "name": "can-ary canary" }]"#),
        function(r#""on_change": "canary""#),
        function(r#""timeout": "canary""#),
        function(r#""memory": "canary""#),
        function(r#""env": { "A": ["canary"], "can-ary canary": "x" }"#),
        function(r#""allow_net": ["canary canary"]"#),
        function(r#""the canary key": 1"#),
        function(r#""timeout": canary"#),
        function(r#""timeout": "canary"#),
        function(r#""timeout": "30" // canary"#),
        "{ 'canary': 1 }".to_owned(),
        "{ canary: 1 }".to_owned(),
    ] {
        for problem in refused(&text) {
            let said = format!("{problem:?}").to_lowercase();
            assert!(!said.contains("canary") && !said.contains("can-ary"), "{text}: {said}");
        }
    }
}
