//! The examples, bundled and run as a deployment would.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_runtime::bundle::{self, BundleError};
use strongroom_runtime::{ChangeCause, EnvNames, Refresh, WorkerSpec, references};
use support::{World, spec};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).join("main.ts")
}

/// A spec made as `app` makes it: the names that the bundle reads from the environment or while it loads.
fn deployed(entry: &Path) -> WorkerSpec {
    let bundle = bundle::bundle(&support::deno().program, entry).unwrap();
    let found = references::find(std::str::from_utf8(&bundle.code).unwrap(), "bundle.js").unwrap();
    let mut spec = spec("");
    spec.bundle = Arc::from(bundle.code);
    spec.env_names = EnvNames { names: found.env.union(&found.module_level).cloned().collect(), dynamic: false };
    spec
}

#[tokio::test]
async fn hello_greets_with_its_secret() {
    let world = World::new();
    let spec = Arc::new(deployed(&example("hello")));
    assert_eq!(world.get(&spec, "/?name=Ada").await.text, "Hello, Ada!\n");
    world.set("GREETING", "Good evening");
    assert_eq!(world.tell(&spec, "GREETING", ChangeCause::Set).await, Refresh::Pushed);
    assert_eq!(world.get(&spec, "/").await.text, "Good evening, world!\n");
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn env_reader_starts_only_with_its_secret_and_is_replaced() {
    let world = World::new();
    let spec = deployed(&example("env-reader"));
    assert_eq!(
        spec.env_names.names.iter().map(String::as_str).collect::<Vec<_>>(),
        ["DATABASE_URL", "STRONGROOM_SECRET_REGION"]
    );
    let spec = Arc::new(spec);
    let refused = world.runtime.trial_start(&spec).await.unwrap_err().to_string();
    assert!(refused.contains("DATABASE_URL is required"), "{refused}");
    world.set("DATABASE_URL", "postgres://user:pass@db.one.example/shop");
    assert_eq!(world.get(&spec, "/").await.text, r#"{"host":"db.one.example","region":"local"}"#);
    world.set("REGION", "eu-west-1");
    assert_eq!(world.tell(&spec, "REGION", ChangeCause::Set).await, Refresh::Restarted);
    assert_eq!(world.get(&spec, "/").await.text, r#"{"host":"db.one.example","region":"eu-west-1"}"#);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn npm_packages_are_bundled_and_run_without_a_network() {
    let world = World::new();
    world.set("SHOP_KEY", "shop-key-value");
    let spec = Arc::new(deployed(&example("uses-npm")));
    assert_eq!(world.get(&spec, "/").await.text, r#"{"ok":true,"tier":"gold"}"#);
    assert_eq!(world.post(&spec, "/", r#"{"item":"tea","amount":2}"#).await.text, r#"{"item":"tea","signed":true}"#);
    assert_eq!(world.post(&spec, "/", r#"{"item":"","amount":2}"#).await.status, 400);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn define_function_converts() {
    let world = World::new();
    let spec = Arc::new(deployed(&example("define-function")));
    assert_eq!(world.post(&spec, "/", r#"{"amount":21}"#).await.text, r#"{"converted":42,"missing":"API_KEY"}"#);
    world.set("API_KEY", "there");
    world.set("RATE", "3");
    assert_eq!(world.post(&spec, "/", r#"{"amount":2}"#).await.text, r#"{"converted":6,"tier":"gold"}"#);
    world.runtime.shutdown().await;
}

#[tokio::test]
async fn streaming_sends_events() {
    let world = World::new();
    let answer = world.get(&Arc::new(deployed(&example("streaming"))), "/?steps=2").await;
    assert_eq!(answer.text, "event: step\ndata: 1\n\nevent: step\ndata: 2\n\n");
    world.runtime.shutdown().await;
}

#[test]
fn the_same_sources_make_the_same_bundle() {
    let deno = support::deno().program;
    let bundled = || bundle::bundle(&deno, &example("hello")).unwrap().code;
    assert_eq!(String::from_utf8(bundled()).unwrap(), String::from_utf8(bundled()).unwrap());
}

#[test]
fn what_cannot_be_bundled_says_why() {
    let deno = support::deno().program;
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name)
    };
    write(".env.local", "KEY=canary");
    let takes_env =
        write("a.ts", "import text from './.env.local' with { type: 'text' }; export default () => new Response(text)");
    assert!(matches!(bundle::bundle(&deno, &takes_env), Err(BundleError::EnvironmentFile { .. })));
    let missing = bundle::bundle(&deno, &write("b.ts", "import './nowhere.ts'")).unwrap_err().to_string();
    assert!(missing.contains("nowhere.ts") && !missing.contains("Stack backtrace"), "{missing}");
    let broken = bundle::bundle(&deno, &write("c.ts", "const x: = 3;")).unwrap_err().to_string();
    assert!(broken.contains("c.ts:1"), "{broken}");
    assert!(matches!(bundle::bundle(&deno, &dir.path().join("none.ts")), Err(BundleError::NoEntry { .. })));
}

#[test]
fn the_imports_of_the_project_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("functions")).unwrap();
    std::fs::write(
        dir.path().join("deno.jsonc"),
        "{ // mine\n \"imports\": { \"lib/\": \"./lib/\", \"@strongroom/functions\": \"./mine.ts\", }, }",
    )
    .unwrap();
    std::fs::create_dir(dir.path().join("lib")).unwrap();
    std::fs::write(dir.path().join("lib/answer.ts"), "export const answer: number = 42").unwrap();
    let entry = dir.path().join("functions/main.ts");
    std::fs::write(&entry, "import { answer } from 'lib/answer.ts'; import { defineFunction } from '@strongroom/functions'; export default defineFunction({ handler: () => answer })").unwrap();
    let bundle = bundle::bundle(&support::deno().program, &entry).unwrap();
    let code = String::from_utf8(bundle.code).unwrap();
    // the helper package is the one that fits this program, wherever the editor finds it
    assert!(code.contains("42") && code.contains("strongroom.function"), "{code}");
    assert_eq!(bundle.inputs.len(), 2);
}
