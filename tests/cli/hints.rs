//! What a person who typed something wrong, or what another product calls it, is told to type next.

use crate::world::{Ran, Way, World};

#[track_caller]
fn hint(world: &World, arguments: &[&str]) -> String {
    let said = world.exits(2, arguments).stderr;
    said.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn a_wrong_command_line_is_answered_with_how_the_command_is_used() {
    let world = World::new(Way::InProcess);
    for (typed, usage) in [
        (vec!["run", "npm", "start"], "strongroom run [OPTIONS] -- <COMMAND>..."),
        (vec!["run"], "strongroom run -- <COMMAND>..."),
        (vec!["tokens", "create", "ci"], "strongroom tokens create [OPTIONS] --name <NAME>"),
        (vec!["secrets", "get"], "strongroom secrets get <NAME>"),
        (vec!["secrets", "nothing-like-it"], "strongroom secrets [OPTIONS] <COMMAND>"),
        (vec!["functions", "deploy", "f", "--secret", "A"], "strongroom functions deploy --entry <FILE>"),
    ] {
        let hint = hint(&world, &typed);
        assert!(hint.starts_with(usage), "{typed:?}: {hint}");
    }
    assert!(!world.home().exists(), "none of these opens a store");
}

#[test]
fn words_of_other_products_lead_to_the_command_here() {
    let world = World::new(Way::InProcess);
    for (typed, command) in [
        (vec!["deploy"], "strongroom functions deploy"),
        (vec!["set", "A=1"], "strongroom secrets set NAME"),
        (vec!["list"], "strongroom secrets list"),
        (vec!["dev", "start"], "strongroom init"),
        (vec!["help"], "strongroom --help"),
    ] {
        let hint = hint(&world, &typed);
        assert!(hint.contains(command), "{typed:?}: {hint}");
    }
    // the same word in another place may be a secret
    assert!(hint(&world, &["secrets", "login"]).starts_with("strongroom secrets [OPTIONS] <COMMAND>"));
}

#[test]
fn a_missing_secret_leads_to_the_list_and_an_empty_list_to_set() {
    World::each(|world| {
        let missing = world.exits(3, &["secrets", "get", "NOPE"]);
        assert!(missing.stderr.ends_with("\nhint: strongroom secrets list\n"), "{missing:?}");
        let empty = world.does(&["secrets", "list", "--namespace", "production"]);
        assert!(empty.stderr.contains("strongroom secrets set NAME --namespace production"), "{empty:?}");
    });
}

#[test]
fn a_run_that_needs_a_global_name_says_how_to_set_it_globally() {
    let world = World::new(Way::InProcess);
    let stopped = world.exits(1, &["run", "--only", "A", "--", "true"]);
    assert!(stopped.stderr.contains("A: not set; set it: strongroom secrets set A\n"), "{stopped:?}");
}

#[test]
fn an_unknown_namespace_or_app_leads_to_the_command_that_makes_it() {
    World::each(|world| {
        world.does(&["secrets", "set", "A", "1"]);
        for start in [vec!["run", "--namespace", "staging"], vec!["secrets", "resolve", "--namespace", "staging"]] {
            let rest = if start.contains(&"run") { vec!["--", "true"] } else { vec![] };
            let refused = world.exits(3, &[start.clone(), rest.clone()].concat());
            assert!(refused.stderr.ends_with("\nhint: strongroom namespaces create staging\n"), "{refused:?}");
        }
        let refused = world.exits(3, &["run", "--app", "web", "--", "true"]);
        assert!(refused.stderr.ends_with("\nhint: strongroom apps create web --namespace default\n"), "{refused:?}");
    });
}

#[test]
fn a_refused_token_is_told_which_capability_it_lacks() {
    let world = World::new(Way::Http);
    let made = world.does(&["tokens", "create", "--name", "list", "--capability", "secrets:list"]);
    let mut command = world.command(&["secrets", "set", "A", "1"]);
    let refused = Ran::of(command.env("STRONGROOM_TOKEN", made.stdout.trim()));
    assert_eq!(refused.exit, 4, "{refused:?}");
    assert!(refused.stderr.contains("strongroom tokens create --name NAME --capability secrets:write"), "{refused:?}");
}

#[test]
fn a_second_server_and_a_wrong_key_are_explained_in_one_line() {
    let world = World::new(Way::Socket);
    let refused = world.exits(5, &["server", "--listen", "127.0.0.1:0", "--functions-listen", "127.0.0.1:0"]);
    assert!(refused.stderr.contains("hint: a server runs there already"), "{refused:?}");
    let alone = World::new(Way::InProcess);
    alone.does(&["secrets", "set", "A", "1"]);
    let mut command = alone.command(&["doctor"]);
    let doctor = Ran::of(command.env("STRONGROOM_ROOT_KEY", "00".repeat(32)));
    let line = doctor.stdout.lines().find(|line| line.starts_with("✗ store: ")).unwrap_or_default();
    assert!(line.contains("did not open: this root key") && line.contains("; give the root key"), "{doctor:?}");
}

#[test]
fn following_the_log_needs_a_server_and_does_not_block_the_store() {
    let world = World::new(Way::InProcess);
    let refused = world.exits(1, &["logs", "list", "--follow"]);
    assert!(refused.stderr.ends_with("\nhint: strongroom server\n"), "{refused:?}");
}

#[test]
fn a_wrong_address_to_listen_on_is_explained() {
    let world = World::new(Way::InProcess);
    let refused = world.exits(1, &["server", "--listen", "nope"]);
    assert!(refused.stderr.contains("hint: --listen takes an address and a port"), "{refused:?}");
}
