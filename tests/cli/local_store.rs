//! The data directory: who may read it, who holds it, and what a first start does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::world::{Ran, Server, Way, World, until};

fn loose_files(folder: &Path) -> Vec<String> {
    let mut loose = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let metadata = entry.metadata().expect("metadata");
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_dir() {
            if mode & 0o077 != 0 {
                loose.push(format!("{} {mode:o}", entry.path().display()));
            }
            loose.extend(loose_files(&entry.path()));
        } else if mode & 0o177 != 0 && !metadata.is_symlink() {
            loose.push(format!("{} {mode:o}", entry.path().display()));
        }
    }
    loose
}

#[test]
fn nobody_else_can_read_anything_whatever_the_umask() {
    let world = World::new(Way::InProcess);
    let home = world.home();
    let shell = format!("umask 000; exec {} secrets set A canary", env!("CARGO_BIN_EXE_strongroom"));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &shell]).env("STRONGROOM_HOME", &home).env_remove("CI").stdin(Stdio::null());
    assert_eq!(Ran::of(&mut command).exit, 0);
    let mode = std::fs::metadata(&home).expect("the home").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    assert_eq!(loose_files(&home), Vec::<String>::new());

    let shell = format!(
        "umask 000; exec {} server --listen 127.0.0.1:0 --functions-listen 127.0.0.1:0",
        env!("CARGO_BIN_EXE_strongroom")
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &shell]).env("STRONGROOM_HOME", &home).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("a server");
    until(|| home.join("strongroom.sock").exists().then_some(()));
    world.does(&["secrets", "set", "B", "2"]);
    assert_eq!(loose_files(&home), Vec::<String>::new());
    terminate(&mut child);
}

fn terminate(child: &mut Child) {
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    child.wait().expect("it ends");
}

#[test]
fn files_that_became_readable_are_closed_again() {
    let world = World::new(Way::InProcess);
    world.does(&["secrets", "set", "A", "1"]);
    let loose = |name: &str| std::fs::set_permissions(world.home().join(name), std::fs::Permissions::from_mode(0o644));
    loose("strongroom.db").expect("chmod");
    loose("root.key").expect("chmod");
    world.does(&["secrets", "list"]);
    assert_eq!(loose_files(&world.home()), Vec::<String>::new());
}

#[test]
fn a_new_store_is_not_made_in_ci() {
    let world = World::new(Way::InProcess);
    let refused = Ran::of(world.command(&["secrets", "set", "A", "canary"]).env("CI", "true"));
    assert!(refused.exit == 1 && refused.stderr.contains("CI is set"), "{refused:?}");
    assert!(!world.home().exists() && !refused.said().contains("canary"));
    world.does(&["secrets", "set", "A", "1"]);
    let later = Ran::of(world.command(&["secrets", "list", "-q"]).env("CI", "true"));
    assert_eq!((later.exit, later.stdout.as_str()), (0, "A\n"));
}

#[test]
fn two_first_starts_agree_on_one_key() {
    for _ in 0..8 {
        let world = World::new(Way::InProcess);
        let children: Vec<_> = ["A", "B", "C"]
            .iter()
            .map(|name| {
                let mut command = world.command(&["secrets", "set", name, "value"]);
                command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
            })
            .collect();
        for child in children {
            let ran = Ran::from(child.wait_with_output().expect("it ends"));
            assert_eq!(ran.exit, 0, "{ran:?}");
        }
        for name in ["A", "B", "C"] {
            assert_eq!(world.value(name, &[]), "value");
        }
    }
}

#[test]
fn a_second_server_waits_five_seconds_and_names_the_holder() {
    let mut world = World::new(Way::InProcess);
    world.start_server();
    let start = Instant::now();
    let second = world.exits(5, &["server", "--listen", "127.0.0.1:0", "--functions-listen", "127.0.0.1:0"]);
    assert!(start.elapsed().as_secs() >= 5, "it waits");
    let holder = format!("process {} (server)", world.server().id());
    assert!(second.stderr.contains(&holder) && second.stdout.is_empty(), "{second:?}");
}

#[test]
fn a_missing_or_wrong_root_key_names_the_one_wanted_and_makes_no_other() {
    let world = World::new(Way::InProcess);
    world.does(&["secrets", "set", "A", "1"]);
    let doctor = world.does(&["doctor"]).stdout;
    let wanted = doctor
        .split("with the root key ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a fingerprint");
    let key = world.home().join("root.key");
    let aside = world.home().join("aside");
    std::fs::rename(&key, &aside).expect("moved");
    let missing = world.exits(1, &["secrets", "list"]);
    assert!(missing.stderr.contains(wanted) && !key.exists(), "{missing:?}");
    let other = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let wrong = Ran::of(world.command(&["secrets", "list"]).env("STRONGROOM_ROOT_KEY", other));
    assert!(wrong.exit == 1 && wrong.stderr.contains(wanted) && !wrong.said().contains(other), "{wrong:?}");
    let named = Ran::of(world.command(&["secrets", "list", "-q"]).env("STRONGROOM_ROOT_KEY_FILE", &aside));
    assert_eq!(named.stdout, "A\n", "{named:?}");
    let command = format!("cat {}", aside.display());
    let asked = Ran::of(world.command(&["secrets", "list", "-q"]).env("STRONGROOM_ROOT_KEY_COMMAND", &command));
    assert_eq!(asked.stdout, "A\n", "{asked:?}");
    let both = Ran::of(
        world.command(&["secrets", "list"]).env("STRONGROOM_ROOT_KEY", other).env("STRONGROOM_ROOT_KEY_FILE", &aside),
    );
    assert_eq!(both.exit, 2, "{both:?}");
    for bad in
        ["canary", "canarycanarycanarycanary", "zz112233445566778899aabbccddeeff00112233445566778899aabbccddcanary"]
    {
        let refused = Ran::of(world.command(&["secrets", "list"]).env("STRONGROOM_ROOT_KEY", bad));
        assert!(refused.exit != 0 && !refused.said().contains("canary"), "{refused:?}");
    }
}

#[test]
fn a_store_of_a_killed_server_opens_again() {
    let world = World::new(Way::InProcess);
    let mut server = Server::start(&world.home(), &[]);
    world.does(&["secrets", "set", "A", "1"]);
    server.stop("-KILL");
    assert!(world.home().join("strongroom.sock").exists(), "the socket is left behind");
    assert_eq!(world.value("A", &[]), "1");
    world.does(&["secrets", "set", "A", "2"]);
}

#[test]
fn a_write_names_the_store_where_that_is_not_obvious() {
    let world = World::new(Way::InProcess);
    let user = world.work().join("user");
    std::fs::create_dir(&user).expect("a home");
    let mut command = world.command(&["secrets", "set", "A", "1"]);
    command.env_remove("STRONGROOM_HOME").env("HOME", &user).env_remove("XDG_DATA_HOME");
    let set = Ran::of(&mut command);
    assert!(set.exit == 0 && set.stderr.contains("in the local store "), "{set:?}");
    let named = world.does(&["secrets", "set", "A", "1"]);
    assert!(!named.stderr.contains("in the local store "), "{named:?}");
}
