//! `check`: each planted violation is found, in the right line, and a clean repository has none.

use std::process::Command;

use serde_json::Value;

use crate::world::{Ran, Way, World};

const VALUE: &str = "canary-value-8c1f0e7d5b";

/// Text that looks drawn at random, put together here so that no key stands in this file.
fn github_token() -> String {
    ["gh", "p_", "zK3vQ9xT7bW1mN5cR8dF2gH6jL0pS4yU3aE7"].concat()
}

fn git(world: &World, words: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(world.work()).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(words);
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A project in which everything is as it should be.
fn clean(way: Way) -> World {
    let world = World::new(way);
    for name in ["OPENAI_API_KEY", "STRIPE_LIVE", "DATABASE_URL", "JOB_TOKEN"] {
        world.does(&["secrets", "set", &format!("{name}={VALUE}-{name}")]);
    }
    let file = r#"{ // what this repository deploys
  "functions": [{ "name": "call-openai", "entry": "functions/call-openai.ts",
    "secrets": ["OPENAI_API_KEY", { "name": "STRIPE_LIVE", "as": "STRIPE_KEY" }, { "name": "REGION", "default": "eu" }] }],
  "jobs": [{ "name": "nightly", "entry": "jobs/nightly.ts", "secrets": ["JOB_TOKEN"] }],
  "apps": [
    { "id": "api", "path": "backend", "command": "node src/index.js", "secrets": ["DATABASE_URL"] },
    { "id": "web", "path": "web", "frontend": true },
  ] }"#;
    world.write("strongroom.json", file);
    world.write("functions/env.ts", "export const need = (name: string) => Deno.env.get(name) ?? fail(name);\n");
    world.write(
        "functions/call-openai.ts",
        "import { need } from './env.ts';\nexport default () => fetch('https://x', { headers: { a: need('OPENAI_API_KEY') + secrets.get('STRIPE_KEY') + need('REGION') } });\n",
    );
    world.write("jobs/nightly.ts", "export default async (_, ctx) => { await ctx.secrets.get('JOB_TOKEN'); };\n");
    world.write(
        "backend/src/index.js",
        "const { DATABASE_URL } = process.env;\nlisten(process.env.PORT, DATABASE_URL);\n",
    );
    world.write("backend/package.json", "{ \"dependencies\": { \"express\": \"5\" } }\n");
    world.write("web/src/main.ts", "console.log(import.meta.env.VITE_TITLE, import.meta.env.MODE);\n");
    world.write("web/index.html", "<script type=module src=\"/src/main.ts\"></script>\n");
    world.write(".gitignore", ".env*\nnode_modules/\n");
    world.write("backend/.env.example", "DATABASE_URL=\n");
    world.write("logo.png", [0_u8, 1, 2, 3]);
    git(&world, &["init", "-q"]);
    git(&world, &["add", "-A"]);
    git(&world, &["commit", "-qm", "first"]);
    world
}

fn findings(ran: &Ran) -> Vec<Value> {
    assert!(!ran.stdout.contains(VALUE) && !ran.stderr.contains(VALUE), "a value was told: {ran:?}");
    assert!(!ran.stdout.contains(&github_token()), "a key was told: {ran:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// `code file:line name` of every problem and warning.
fn told(world: &World, exit: i32, words: &[&str]) -> Vec<String> {
    let ran = world.exits(exit, &[&["check", "--json"], words].concat());
    let found = findings(&ran).into_iter().filter(|found| found["severity"] != "note");
    found
        .map(|found| {
            let text = |key: &str| found[key].as_str().unwrap_or("-").to_owned();
            format!("{} {}:{} {}", text("code"), text("file"), found["line"], text("name"))
        })
        .collect()
}

fn codes(world: &World, words: &[&str]) -> Vec<String> {
    let all = findings(&world.ran(&[&["check", "--json"], words].concat()));
    all.iter().map(|found| found["code"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn nothing_is_found_in_a_clean_repository() {
    for way in [Way::InProcess, Way::Http] {
        let world = clean(way);
        assert_eq!(told(&world, 0, &[]), Vec::<String>::new());
        let ran = world.does(&["check"]);
        assert!(ran.stdout.contains("✔ No problems in"), "{ran:?}");
        // a git-ignored file in the root is only a note
        world.write(".env", format!("OPENAI_API_KEY={VALUE}-OPENAI_API_KEY\n"));
        assert_eq!(told(&world, 0, &[]), Vec::<String>::new());
        assert!(codes(&world, &[]).contains(&"env_file_ignored".to_owned()));
    }
}

#[test]
fn each_planted_violation_is_found_in_its_line() {
    let key = github_token();
    let value = |name: &str| format!("{VALUE}-{name}");
    let package = "{\n  \"scripts\": { \"start\": \"node --env-file=.env src/index.js\" },\n  \"dependencies\": {\n    \"dotenv\": \"17\"\n  }\n}\n";
    let hex: String = value("JOB_TOKEN").bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let cases: Vec<(&str, String, &str)> = vec![
        ("src/a.ts", format!("\n\nconst a = '{}';\n", value("OPENAI_API_KEY")), "secret_value_in_tree src/a.ts:3 OPENAI_API_KEY"),
        ("notes.md", format!("it is\n{hex}\n"), "secret_value_in_tree notes.md:2 JOB_TOKEN"),
        ("src/key.ts", format!("const a = 1;\nconst token = '{key}';\n"), "key_pattern src/key.ts:2 -"),
        ("web/src/leak.ts", format!("const a = '{}';\n", value("STRIPE_LIVE")), "secret_value_in_frontend web/src/leak.ts:1 STRIPE_LIVE"),
        ("public/app.js", format!("\nconst a = '{}';\n", value("STRIPE_LIVE")), "secret_value_in_frontend public/app.js:2 STRIPE_LIVE"),
        ("web/src/name.ts", "\nuse(import.meta.env.VITE_OPENAI_API_KEY);\n".to_owned(), "secret_name_in_frontend web/src/name.ts:2 OPENAI_API_KEY"),
        ("web/src/helper.ts", "secrets.get('DATABASE_URL');\n".to_owned(), "secret_name_in_frontend web/src/helper.ts:1 DATABASE_URL"),
        ("backend/.env", "A=1\n".to_owned(), "env_file_in_app backend/.env:null -"),
        ("backend/package.json", package.to_owned(), "dotenv_dependency backend/package.json:4 -"),
        ("backend/package.json", package.to_owned(), "dotenv_dependency backend/package.json:2 -"),
        ("backend/src/load.ts", "\nimport 'dotenv/config';\n".to_owned(), "dotenv_import backend/src/load.ts:2 -"),
        ("deno.json", "{ \"imports\": {\n  \"env\": \"jsr:@std/dotenv@0.225\" } }\n".to_owned(), "dotenv_dependency deno.json:2 -"),
        ("jobs/nightly.ts", "export default async (_, ctx) => {\n  await ctx.secrets.get('JOB_TOKEN');\n  await ctx.secrets.get('OTHER');\n};\n".to_owned(), "name_not_listed jobs/nightly.ts:3 OTHER"),
        ("jobs/nightly.ts", "export default () => {};\n".to_owned(), "name_not_read strongroom.json:4 JOB_TOKEN"),
    ];
    let world = clean(Way::InProcess);
    for (file, content, wanted) in cases {
        let before = std::fs::read(world.work().join(file)).ok();
        world.write(file, content);
        let exit = i32::from(!wanted.starts_with("name_not_read"));
        let told = told(&world, exit, &[]);
        assert!(told.iter().any(|found| found == wanted), "{wanted} is not in {told:#?}");
        match before {
            Some(before) => drop(world.write(file, before)),
            None => std::fs::remove_file(world.work().join(file)).expect("it was written"),
        }
    }
    assert_eq!(told(&world, 0, &[]), Vec::<String>::new());
}

#[test]
fn what_the_store_lacks_is_found_with_the_command_that_sets_it() {
    let world = clean(Way::InProcess);
    world.does(&["secrets", "delete", "OPENAI_API_KEY", "--force", "--yes"]);
    world.does(&["secret", "create", "--secret", "LATER:filled in later"]);
    world.does(&["secrets", "set", "GONE=long-gone-value", "--expires", "1s"]);
    world.does(&["secrets", "set", "SOON=soon-gone-value", "--expires", "2d"]);
    world.does(&["secrets", "set", "NOBODY=nobody-reads-it"]);
    world.write(
        "jobs/nightly.ts",
        "export default (_, { secrets }) => ['JOB_TOKEN', 'LATER', 'GONE', 'SOON'].map((n) => secrets.get(n));\n",
    );
    let file = std::fs::read_to_string(world.work().join("strongroom.json")).expect("it was written");
    let file = file
        .replace("\"secrets\": [\"JOB_TOKEN\"]", "\"secrets\": [\"JOB_TOKEN\",\n \"LATER\",\n \"GONE\",\n \"SOON\"]");
    world.write("strongroom.json", file);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let found = loop {
        let found = told(&world, 1, &[]);
        if found.iter().any(|found| found.starts_with("name_expired")) || std::time::Instant::now() > deadline {
            break found;
        }
    };
    for wanted in [
        "name_not_stored strongroom.json:3 OPENAI_API_KEY",
        "name_without_value strongroom.json:5 LATER",
        "name_expired strongroom.json:6 GONE",
        "name_expiring_soon strongroom.json:7 SOON",
    ] {
        assert!(found.iter().any(|found| found == wanted), "{wanted} is not in {found:#?}");
    }
    let ran = world.exits(1, &["check"]);
    for said in ["strongroom secrets set OPENAI_API_KEY", "NOBODY is stored, and nothing here lists or reads it"] {
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
    }
}

#[test]
fn env_files_that_git_tracks_or_that_lie_in_archives_are_found() {
    let world = clean(Way::InProcess);
    world.write(".env.production", "A=1\n");
    git(&world, &["add", "-f", ".env.production"]);
    world.write("old/.env", "A=1\n");
    let tar = Command::new("tar").current_dir(world.work()).args(["-czf", "backup.tgz", "old/.env"]).output();
    assert!(tar.expect("tar runs").status.success());
    let found = told(&world, 1, &[]);
    assert!(found.iter().any(|found| found == "env_file_tracked .env.production:null -"), "{found:#?}");
    assert!(found.iter().any(|found| found == "env_file_in_archive backup.tgz:null -"), "{found:#?}");
    world.write(".gitignore", "");
    let found = told(&world, 1, &[]);
    assert!(found.iter().any(|found| found == "env_file_not_ignored old/.env:null -"), "{found:#?}");
}

#[test]
fn what_is_not_looked_at_is_said() {
    let world = clean(Way::Http);
    let blind = world.does(&["tokens", "create", "--name", "agent", "--capability", "secrets:list"]).stdout;
    world.write("leak.txt", format!("{VALUE}-DATABASE_URL\n"));
    let ran = Ran::of(world.command(&["check", "--json"]).env("STRONGROOM_TOKEN", blind.trim()));
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.stdout.contains("values_not_checked") && ran.stdout.contains("values:read"), "{ran:?}");
    assert!(codes(&world, &["--offline"]).contains(&"store_not_checked".to_owned()));
    let away = Ran::of(world.command(&["check", "--json"]).env("STRONGROOM_URL", "http://127.0.0.1:9"));
    assert_eq!(away.exit, 1, "{away:?}");
    assert!(away.stdout.contains("store_unreachable") && away.stdout.contains("--offline"), "{away:?}");
    world.exits(2, &["check", "no-such-folder"]);
}

#[test]
fn a_check_makes_no_store_and_needs_no_project_file() {
    let world = World::new(Way::InProcess);
    world.write(
        "a.ts",
        format!("const a = '{}'; // strongroom:allow\nconst b = '{}';\n", github_token(), github_token()),
    );
    let ran = world.exits(1, &["check", "--json"]);
    let found = findings(&ran);
    assert!(found.iter().any(|found| found["code"] == "key_pattern" && found["line"] == 2), "{found:#?}");
    assert!(!found.iter().any(|found| found["line"] == 1), "the line allows it: {found:#?}");
    assert!(!world.home().exists(), "a check opens what is there, and makes nothing");
    world.write(".strongroomignore", "a.ts\n");
    world.does(&["check"]);
}

#[test]
fn a_hook_sees_what_is_staged_and_not_what_lies_on_the_disk() {
    let world = clean(Way::InProcess);
    world.write("src/a.ts", format!("const a = '{VALUE}-DATABASE_URL';\n"));
    git(&world, &["add", "src/a.ts"]);
    world.write("src/a.ts", "const a = 1;\n");
    world.write("src/b.ts", format!("const b = '{VALUE}-DATABASE_URL';\n"));
    assert_eq!(told(&world, 1, &["--staged"]), ["secret_value_in_tree src/a.ts:1 DATABASE_URL"]);
    git(&world, &["add", "src/a.ts"]);
    assert_eq!(told(&world, 0, &["--staged"]), Vec::<String>::new());
    // as git runs it
    world.write(
        ".git/hooks/pre-commit",
        format!("#!/bin/sh\nexec '{}' check --staged\n", env!("CARGO_BIN_EXE_strongroom")),
    );
    let hook = world.work().join(".git/hooks/pre-commit");
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode");
    git(&world, &["add", "src/b.ts"]);
    let mut commit = Command::new("git");
    commit.current_dir(world.work()).env("STRONGROOM_HOME", world.home());
    commit.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-m", "leak"]);
    let output = commit.output().expect("git runs");
    assert!(!output.status.success(), "a hook that finds something stops the commit");
    assert!(String::from_utf8_lossy(&output.stderr).contains("src/b.ts:1:12"), "{output:?}");
}
