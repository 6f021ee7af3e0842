//! `run --redact`: output without values.

use super::background::Background;
use crate::world::{Way, World};

#[test]
fn values_are_masked_in_both_streams_whole_split_and_encoded() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A", "canary-value-42"]);
    let script = "echo \"out $A\"; echo \"err $A\" >&2; printf canary-; sleep 0.2; echo value-42; printf %s \"$A\" | base64; exit 7";
    let ran = world.exits(7, &["run", "--redact", "--", "sh", "-c", script]);
    assert!(ran.stdout.starts_with("out [masked]\n[masked]\n[masked]"), "{ran:?}");
    assert_eq!(ran.stderr, "err [masked]\n");
    assert!(!ran.said().contains("canary"), "{ran:?}");
}

#[test]
fn what_is_no_text_passes_and_nothing_is_lost() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A", "canary-value-42"]);
    let mut command =
        world.command(&["run", "--redact", "--", "sh", "-c", "head -c 3000000 /dev/zero; printf '\\377'"]);
    let output = command.output().expect("it runs");
    assert_eq!((output.stdout.len(), output.stdout.last()), (3_000_001, Some(&255)));
}

#[test]
fn old_and_new_values_are_masked_over_a_restart_and_short_ones_are_named() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A=canary-old", "PIN=1234"]);
    let script = "trap 'exit 0' TERM; echo \"got $A canary-old.\"; while :; do sleep 0.02; done";
    let app = Background::start(world.command(&["run", "--watch", "--redact", "--", "sh", "-c", script]));
    app.until_out("got [masked] [masked].\n");
    app.until_err("too short to be masked, so they may show: PIN");
    world.does(&["secrets", "set", "A=canary-new"]);
    app.until_out("got [masked] [masked].\ngot [masked] [masked].\n");
    assert!(!app.stdout().contains("canary") && !app.stderr().contains("canary"));
}
