//! `run --mount`: secrets as files.

use std::path::Path;

use super::background::Background;
use crate::world::{Way, World, until};

fn tree(world: &World) -> Option<std::path::PathBuf> {
    std::fs::read_link(world.work().join("files")).ok()
}

#[test]
fn each_secret_is_a_private_file_in_memory_and_gone_in_the_end() {
    World::each(|world| {
        world.does(&["secrets", "set", "A=one", "B=two"]);
        let script = "stat -Lc '%a %F' files files/A; stat -fLc %T files; cat files/A files/B; echo \" ${A-none}\"; readlink files";
        let ran = world.does(&["run", "--mount", "files", "--", "sh", "-c", script]);
        let lines: Vec<_> = ran.stdout.lines().collect();
        assert_eq!(lines[..4], ["700 directory", "600 regular file", "tmpfs", "onetwo none"], "{ran:?}");
        assert!(!Path::new(lines[4]).exists() && tree(world).is_none(), "{ran:?}");
        let both = world.does(&["run", "--mount", "files", "--with-env", "--", "sh", "-c", "cat files/A; echo $A"]);
        assert_eq!(both.stdout, "oneone\n");
    });
}

#[test]
fn nothing_that_is_there_is_replaced() {
    let world = World::new(Way::InProcess);
    world.does(&["secrets", "set", "A=one"]);
    std::fs::create_dir(world.work().join("files")).expect("made");
    let refused = world.exits(2, &["run", "--mount", "files", "--", "echo", "ran"]);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("there is something already"), "{refused:?}");
    world.exits(2, &["run", "--with-env", "--", "true"]);
}

#[test]
fn signals_and_even_a_kill_leave_nothing() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=one"]);
    for signal in ["-TERM", "-HUP", "-KILL"] {
        let mut app =
            Background::start(world.command(&["run", "--mount", "files", "--", "sh", "-c", "cat files/A; sleep 1000"]));
        app.until_out("one");
        let behind = tree(&world).expect("a link");
        app.signal(signal);
        app.ends();
        until(|| (!behind.exists() && tree(&world).is_none()).then_some(()));
    }
}

#[test]
fn a_change_puts_new_files_in_place_before_the_restart() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=one", "OLD=x"]);
    let script =
        "trap 'exit 0' TERM; echo \"got $(cat files/A) $(ls files | tr '\\n' ' ').\"; while :; do sleep 0.02; done";
    let app = Background::start(world.command(&["run", "--watch", "--mount", "files", "--", "sh", "-c", script]));
    app.until_out("got one A OLD .\n");
    world.does(&["secrets", "delete", "OLD", "--yes"]);
    app.until_out("got one A .\n");
    world.does(&["secrets", "set", "A=two"]);
    app.until_out("got two A .\n");
}
