//! Files, keys and processes: modes, links, root keys, two servers, what children inherit.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;

use strongroom_e2e::functions::{deploy, open, path};
use strongroom_e2e::{Instance, Setup, canary, processes, wait};

/// Every file and folder below `folder`, whether it may be executable, and its mode.
fn modes(folder: &Path) -> Vec<(String, bool, u32)> {
    let mut modes = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_symlink() {
            continue; // a link's own mode means nothing
        }
        let may_execute = metadata.is_dir() || metadata.file_type().is_socket();
        modes.push((entry.path().display().to_string(), may_execute, metadata.mode() & 0o777));
        if metadata.is_dir() {
            modes.extend(modes_below(&entry.path()));
        }
    }
    modes
}

fn modes_below(folder: &Path) -> Vec<(String, bool, u32)> {
    modes(folder)
}

#[tokio::test]
async fn attack_38_every_file_is_private_whatever_the_umask() {
    let before = rustix::process::umask(rustix::fs::Mode::empty());
    let mut instance = Setup::default().prepare();
    fs::create_dir(instance.home()).unwrap();
    fs::set_permissions(instance.home(), fs::Permissions::from_mode(0o777)).unwrap();
    instance.boot().await;
    rustix::process::umask(before);
    instance.owner().set("A", &instance.plant()).await;
    deploy(&instance.owner(), "f", &open(), "export default () => new Response('ok');\n").await;
    instance.caller().get(&path("f")).send().await.expect(200);
    assert_eq!(fs::metadata(instance.home()).unwrap().mode() & 0o777, 0o700);
    let all = modes(&instance.home());
    assert!(all.len() >= 4, "{all:?}");
    for (path, may_execute, mode) in all {
        assert_eq!(mode & 0o077, 0, "{path} has mode {mode:o}");
        assert!(may_execute || mode & 0o111 == 0 || path.contains("/runtime/"), "{path} has mode {mode:o}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_38_links_that_wait_in_the_data_directory_are_not_written_through() {
    for name in ["owner.token", "root.key", "strongroom.db", "strongroom.lock", "strongroom.sock", "strongroom.db-wal"]
    {
        let instance = Setup::default().prepare();
        fs::create_dir(instance.home()).unwrap();
        let victim = instance.work().join("victim");
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, instance.home().join(name)).unwrap();
        let mut child = instance.server_command().spawn().unwrap();
        let started = wait::eventually("the server to start or to refuse", || {
            let ended = child.try_wait().unwrap();
            let ready =
                instance.home().join("owner.token").exists() && instance.home().join("strongroom.sock").exists();
            async move { if ended.is_some() { Some(false) } else { ready.then_some(true) } }
        });
        let started = started.await;
        child.start_kill().ok();
        child.wait().await.unwrap();
        assert_eq!(
            fs::read_to_string(&victim).unwrap(),
            "untouched",
            "{name} was written through (started: {started})"
        );
    }
}

async fn refused(instance: &Instance, root_key: Option<&str>) -> String {
    let mut command = instance.server_command();
    if let Some(key) = root_key {
        command.env("STRONGROOM_ROOT_KEY", key);
    }
    let output = wait::in_time("the refusal", command.output()).await.unwrap();
    assert!(!output.status.success(), "the server started");
    assert!(output.stdout.is_empty(), "the server said that it listens");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_file()).collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let kept = files.into_iter().filter(|entry| entry.file_name() != "strongroom.lock");
    kept.map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap())).collect()
}

#[tokio::test]
async fn attack_56_a_wrong_root_key_stops_the_start_and_names_the_right_one() {
    let mut instance = Instance::start().await;
    let value = instance.plant();
    instance.owner().set("A", &value).await;
    let about = instance.owner().get("/api/v1/server").send().await.expect(200).json();
    let fingerprint = about["fingerprint"].as_str().unwrap().to_owned();
    instance.stop().await;
    let before = content(&instance.home());
    let wrong = canary::random_hex(32);
    let told = refused(&instance, Some(&wrong)).await;
    assert!(told.contains(&fingerprint), "{told}");
    assert!(!told.contains(&wrong), "the refusal repeats the key");
    assert!(content(&instance.home()) == before, "the refusal changed the data directory");
    for nonsense in ["", "short", "zz", &"0".repeat(63), &"A".repeat(10_000)] {
        if nonsense.is_empty() {
            continue;
        }
        let told = refused(&instance, Some(nonsense)).await;
        assert!(!told.contains(nonsense), "the refusal repeats the key");
    }
    instance.boot().await;
    assert!(instance.owner().resolve("default", "A").await == Some(value), "the right key opens everything again");
    instance.close().await;
}

#[tokio::test]
async fn attack_56_a_missing_root_key_is_never_replaced() {
    let mut instance = Instance::start().await;
    let value = instance.plant();
    instance.owner().set("A", &value).await;
    let about = instance.owner().get("/api/v1/server").send().await.expect(200).json();
    let fingerprint = about["fingerprint"].as_str().unwrap().to_owned();
    instance.stop().await;
    let key = instance.home().join("root.key");
    let aside = instance.work().join("root.key");
    fs::rename(&key, &aside).unwrap();
    let told = refused(&instance, None).await;
    assert!(told.contains(&fingerprint), "{told}");
    assert!(!key.exists(), "a new key was made over existing data");
    let output = instance.cli(["secrets", "list"]).await;
    assert_ne!(output.code, Some(0), "the command line opens the store without its key");
    assert!(!key.exists(), "a new key was made over existing data");
    fs::rename(&aside, &key).unwrap();
    instance.boot().await;
    assert!(instance.owner().resolve("default", "A").await == Some(value));
    instance.close().await;
}

#[tokio::test]
async fn attack_56_a_root_key_from_the_environment_stands_in_no_file_and_no_child() {
    let key = canary::random_hex(32);
    let instance = Setup::default().env("STRONGROOM_ROOT_KEY", &key).start().await;
    instance.owner().set("A", &instance.plant()).await;
    deploy(&instance.owner(), "f", &open(), "export default () => new Response('ok');\n").await;
    instance.caller().get(&path("f")).send().await.expect(200);
    let search = canary::Search::new(&[key]);
    assert_eq!(search.folder(instance.folder()), vec![]);
    for pid in processes::family(instance.pid()).into_iter().skip(1) {
        assert_eq!(search.bytes("environ", &processes::block(pid, "environ")), vec![]);
        assert!(
            processes::block(pid, "environ").is_empty()
                || !String::from_utf8_lossy(&processes::block(pid, "environ")).contains("STRONGROOM_ROOT")
        );
    }
    assert!(!instance.home().join("root.key").exists());
    instance.close().await;
}

#[tokio::test]
async fn attack_60_a_second_server_on_the_same_directory_gives_up_and_names_the_first() {
    let instance = Instance::start().await;
    let mut second = instance.server_command();
    let output = wait::in_time("the second server's end", second.output()).await.unwrap();
    assert_eq!(output.status.code(), Some(5));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(&instance.pid().to_string()), "{told}");
    instance.owner().set("A", &instance.plant()).await;
    instance.cli(["secrets", "list"]).await.ok();
    instance.close().await;
}

#[tokio::test]
async fn attack_60_a_race_for_the_first_start_has_one_winner() {
    let instance = Setup::default().prepare();
    let commands = (0..4).map(|number| {
        let value = format!("value-{number}");
        instance.command(["secrets", "set", &format!("RACE_{number}"), &value]).run()
    });
    for output in futures_util::future::join_all(commands).await {
        output.ok();
    }
    let listed = instance.cli(["secrets", "list", "--json"]).await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 4, "{listed}");
    let exported = instance.cli(["secrets", "export", "--format", "json"]).await.ok().json();
    assert_eq!(exported["RACE_3"], "value-3");
    instance.close().await;
}

#[tokio::test]
async fn attack_46_a_child_inherits_no_credential_and_no_file() {
    let instance = Instance::start().await;
    let value = instance.plant();
    instance.owner().set("A", &value).await;
    let (token, _) = instance.mint(&["values:read", "secrets:list"]).await;
    let address = format!("http://{}", instance.management());
    let run =
        instance.command(["run", "--", "sh", "-c", "env; ls -l /proc/self/fd; tr '\\0' '\\n' < /proc/$PPID/environ"]);
    let run = run.env("STRONGROOM_URL", &address).env("STRONGROOM_TOKEN", &token).env("STRONGROOM_ROOT_KEY", "x");
    let output = run.run().await.ok();
    assert!(output.stdout.contains("A=") && !output.stdout.contains(&token), "the child sees the token");
    for name in ["STRONGROOM_TOKEN", "STRONGROOM_ROOT_KEY"] {
        let own = output.stdout.lines().any(|line| line.starts_with(name));
        assert!(!own, "the child sees {name}");
    }
    for file in ["strongroom.db", "root.key", "owner.token", "strongroom.sock", "strongroom.lock"] {
        assert!(!output.stdout.contains(file), "the child holds {file}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_34_the_server_leaves_no_core_and_cannot_be_traced() {
    let instance = Instance::start().await;
    let limits = String::from_utf8_lossy(&processes::block(instance.pid(), "limits")).into_owned();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // a process that may not be traced belongs to root in /proc, whoever runs it
    let status = String::from_utf8_lossy(&processes::block(instance.pid(), "status")).into_owned();
    assert!(status.contains("Name:"), "the process is there");
    instance.close().await;
}

#[tokio::test]
async fn attack_34_values_in_arguments_go_nowhere_else() {
    let instance = Instance::start().await;
    let value = instance.plant_plain();
    instance.command(["secrets", "set", "A", &value]).run().await.ok();
    let mut child = instance.command(["run", "--", "sleep", "30"]).command().stdin(Stdio::null()).spawn().unwrap();
    let pid = child.id().unwrap();
    wait::eventually("the child", || async {
        let line = String::from_utf8_lossy(&processes::block(pid, "cmdline")).into_owned();
        line.starts_with("sleep").then_some(())
    })
    .await;
    assert!(instance.witness.search().bytes("ps", &processes::ps()).is_empty(), "ps shows a value");
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    instance.close().await;
}
