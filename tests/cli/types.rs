//! `strongroom types` and the package `@strongroom/functions`, read by the type checkers that editors use.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::guide::follow_in;
use crate::world::{Ran, Way, World};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(root().join("tests/types").join(name)).expect("a sample")
}

/// A tool that `scripts/setup.sh` installs.
fn tool(name: &str) -> Option<PathBuf> {
    let path = root().join(".strongroom-tools").join(name);
    path.exists().then(|| path.canonicalize().expect("a path"))
}

fn deno() -> PathBuf {
    tool("bin/deno").unwrap_or_else(|| "deno".into())
}

#[track_caller]
fn holds(command: &mut Command) {
    let ran = Ran::of(command.env("NO_COLOR", "1"));
    assert_eq!(ran.exit, 0, "{command:?}: {}", ran.said());
}

#[track_caller]
fn deno_accepts(world: &World, files: &[&str]) {
    holds(Command::new(deno()).args(["check", "--quiet", "--no-lock"]).args(files).current_dir(world.work()));
}

const STRICT: &str = r#""strict": true, "noUncheckedIndexedAccess": true, "noEmit": true, "target": "es2023",
    "lib": ["es2023", "dom"], "types": ["node"], "typeRoots": ["TYPES"], "module": "MODULE""#;

/// Checks a file with TypeScript as an editor on Node does, under both ways of resolving modules.
#[track_caller]
fn typescript_accepts(world: &World, files: &[&str]) {
    let node_types = tool("typescript/node_modules/@types").expect("scripts/setup.sh installs the types of Node");
    for module in ["nodenext", "esnext\", \"moduleResolution\": \"bundler"] {
        let options = STRICT.replace("TYPES", &node_types.display().to_string()).replace("MODULE", module);
        let list = serde_json::json!(files);
        world.write("tsconfig.json", format!("{{ \"compilerOptions\": {{ {options} }}, \"files\": {list} }}"));
        let tsc = tool("bin/tsc").expect("scripts/setup.sh installs TypeScript");
        holds(Command::new(tsc).args(["-p", "."]).current_dir(world.work()));
    }
}

/// Lays the package where a package manager would, with the files that it publishes and no other.
fn install_package(world: &World) {
    let sdk = root().join("sdk");
    let read = |name: &str| std::fs::read_to_string(sdk.join(name)).expect("a file of the package");
    let manifest: serde_json::Value = serde_json::from_str(&read("package.json")).expect("JSON");
    let files = manifest["files"].as_array().expect("a list").iter().filter_map(|name| name.as_str());
    for name in files.chain(["package.json"]) {
        world.write(&format!("node_modules/@strongroom/functions/{name}"), read(name));
    }
}

#[test]
fn the_package_describes_what_code_sees() {
    let world = World::new(Way::InProcess);
    install_package(&world);
    world.write("package.json", r#"{ "type": "module", "dependencies": { "@strongroom/functions": "*" } }"#);
    world.write("globals.d.ts", "/// <reference types=\"@strongroom/functions/globals\" />\n");
    world.write("any-name.ts", sample("any-name.ts"));
    typescript_accepts(&world, &["any-name.ts", "globals.d.ts"]);
    world.write("deno.json", r#"{ "nodeModulesDir": "manual", "compilerOptions": { "types": ["./globals.d.ts"] } }"#);
    deno_accepts(&world, &["any-name.ts"]);
}

#[test]
fn one_written_file_is_enough_for_editors() {
    let world = World::new(Way::InProcess);
    world.does(&["types"]);
    world.write("any-name.ts", sample("any-name.ts"));
    world.write("deno.json", r#"{ "compilerOptions": { "types": ["./strongroom.d.ts"] } }"#);
    deno_accepts(&world, &["any-name.ts"]);
    world.write("package.json", r#"{ "type": "module" }"#);
    typescript_accepts(&world, &["any-name.ts", "strongroom.d.ts"]);
}

#[test]
fn a_name_that_the_project_does_not_have_is_a_type_error() {
    let world = World::new(Way::InProcess);
    world.does(&["secret", "create", "--secret", "OPENAI_API_KEY:*/ export const injected = 1; /* \u{202e}"]);
    world.does(&["secrets", "set", "STRIPE_KEY", "sk_live_canary"]);
    world.does(&["types"]);
    world.write("own-names.ts", sample("own-names.ts"));
    world.write("deno.json", r#"{ "compilerOptions": { "types": ["./strongroom.d.ts"] } }"#);
    deno_accepts(&world, &["own-names.ts"]);
    world.write("package.json", r#"{ "type": "module" }"#);
    typescript_accepts(&world, &["own-names.ts", "strongroom.d.ts"]);
    let written = std::fs::read_to_string(world.work().join("strongroom.d.ts")).expect("the types");
    assert!(!written.contains("canary") && !written.contains('\u{202e}'), "{written}");
}

#[test]
fn the_examples_pass_the_type_check() {
    let world = World::new(Way::InProcess);
    world.does(&["types"]);
    world.write("deno.json", r#"{ "compilerOptions": { "types": ["./strongroom.d.ts"] } }"#);
    let mut files = Vec::new();
    let mut folders = vec![root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the examples").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "ts") {
                let name = path.strip_prefix(root()).expect("inside").display().to_string();
                world.write(&name, std::fs::read(&path).expect("an example"));
                files.push(name);
            }
        }
    }
    assert!(files.len() > 5, "{files:?}");
    deno_accepts(&world, &files.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_samples_of_a_new_project_pass_the_type_check() {
    let world = World::new(Way::InProcess);
    world.does(&["init"]);
    world.does(&["types"]);
    world.write("deno.json", r#"{ "compilerOptions": { "types": ["./strongroom.d.ts"] } }"#);
    let samples = ["functions/hello.ts", "jobs/greet-all.ts"];
    deno_accepts(&world, &samples);
    world.write("package.json", r#"{ "type": "module" }"#);
    typescript_accepts(&world, &[samples[0], samples[1], "strongroom.d.ts"]);
}

#[test]
fn the_code_in_the_guide_passes_the_type_check() {
    let world = World::new(Way::InProcess);
    follow_in("docs/guide/typescript.md", &world);
    deno_accepts(&world, &["ask.ts", "careful.ts"]);
    world.write("package.json", r#"{ "type": "module" }"#);
    typescript_accepts(&world, &["ask.ts", "careful.ts", "strongroom.d.ts"]);
}

#[test]
fn names_come_from_where_the_workload_gets_them() {
    World::each(|world| {
        world.does(&["secrets", "set", "SHARED=1", "OVERRIDDEN=2"]);
        world.does(&["secrets", "edit", "OVERRIDDEN", "--description", "the wide one"]);
        world.does(&["namespaces", "create", "staging"]);
        world.does(&["secrets", "set", "OVERRIDDEN=3", "STAGING_ONLY=4", "--namespace", "staging"]);
        world.does(&["secrets", "edit", "OVERRIDDEN", "--namespace", "staging", "--description", "the near one"]);
        world.does(&["settings", "secrets", "set", "system_key", "5"]);
        world.write(
            "strongroom.json",
            r#"{ "functions": [{ "name": "a", "entry": "a.ts", "secrets": [{ "name": "SHARED", "as": "RENAMED" }, "NOT_YET"] }] }"#,
        );
        let print = |namespace: &str| world.does(&["types", "--out", "-", "--namespace", namespace]).stdout;
        let names = |text: &str| {
            let list = text.split_once("interface SecretNames {").expect("names").1.split_once('}').expect("an end").0;
            list.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&print("default")),
            ["NOT_YET", "/** the wide one */ OVERRIDDEN", "RENAMED", "SHARED", "system_key"].map(joined).concat()
        );
        assert_eq!(
            names(&print("staging")),
            ["NOT_YET", "/** the near one */ OVERRIDDEN", "RENAMED", "SHARED", "STAGING_ONLY", "system_key"]
                .map(joined)
                .concat()
        );
    });
}

/// The lines that one name takes.
fn joined(name: &str) -> Vec<String> {
    match name.rsplit_once(' ') {
        Some((comment, name)) => vec![comment.to_owned(), format!("{name}: string;")],
        None => vec![format!("{name}: string;")],
    }
}

#[test]
fn check_tells_whether_the_file_is_out_of_date() {
    World::each(|world| {
        let missing = world.exits(1, &["types", "--check"]);
        assert!(
            missing.stderr.contains("strongroom.d.ts is not there")
                && missing.stderr.contains("hint: strongroom types")
        );
        assert!(world.does(&["types"]).stdout.contains("✔ Types written: strongroom.d.ts (0 names)"));
        world.does(&["types", "--check"]);
        world.does(&["secrets", "set", "API_KEY", "sk-canary"]);
        let stale = world.exits(1, &["types", "--check"]);
        assert!(stale.stderr.contains("strongroom.d.ts is out of date"), "{}", stale.stderr);
        assert_eq!(world.json(&["types"])["status"], "written");
        world.does(&["types", "--check"]);
        assert!(world.does(&["types"]).stdout.contains("• Unchanged: strongroom.d.ts (1 name)"));
        let stood = std::fs::read_to_string(world.work().join("strongroom.d.ts")).expect("the types");
        world.does(&["secrets", "set", "API_KEY", "sk-canary-2"]);
        world.does(&["types", "--check"]);
        assert!(!stood.contains("canary"));
    });
}

#[test]
fn a_file_of_somebody_else_stays() {
    let world = World::new(Way::InProcess);
    world.write("index.ts", "export const mine = 1;\n");
    let refused = world.exits(1, &["types", "--out", "index.ts"]);
    assert!(refused.stderr.contains("was not written by this command"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(world.work().join("index.ts")).expect("a file"), "export const mine = 1;\n");
}
