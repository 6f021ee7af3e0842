//! Tokens, addresses, and exit code 4.

use crate::world::{Ran, Server, Way, World, program};

fn remote(world: &World, token: &str, arguments: &[&str]) -> Ran {
    let mut command = program();
    command.args(arguments).current_dir(world.work());
    command
        .env("STRONGROOM_URL", &world.server().url)
        .env("STRONGROOM_TOKEN", token)
        .env("STRONGROOM_HOME", world.home());
    Ran::of(&mut command)
}

#[test]
fn a_token_stands_alone_on_stdout_and_does_what_it_may() {
    let world = World::new(Way::Socket);
    world.does(&["secrets", "set", "A", "1"]);
    let created = world.does(&["tokens", "create", "--name", "ci", "--capability", "secrets:list", "--expires", "90d"]);
    let token = created.stdout.trim();
    assert!(token.starts_with("srt_") && created.stdout.lines().count() == 1, "{created:?}");
    assert!(!created.stderr.contains("srt_"), "{created:?}");
    assert_eq!(remote(&world, token, &["secrets", "list", "-q"]).stdout, "A\n");
    let denied = remote(&world, token, &["secrets", "set", "A", "canary"]);
    assert!(denied.exit == 4 && !denied.said().contains("canary"), "{denied:?}");
    assert_eq!(remote(&world, token, &["run", "--", "env"]).exit, 4);
    let record = world.json(&["tokens", "create", "--name", "other", "--namespace", "staging"]);
    assert!(record["token"].as_str().is_some_and(|token| token.starts_with("srt_")), "{record}");
    let list = world.does(&["tokens", "list", "--json"]);
    assert!(!list.stdout.contains("srt_"), "{list:?}");
    let tokens = world.json(&["tokens", "list"]);
    let id = tokens
        .as_array()
        .and_then(|all| all.iter().find(|item| item["name"] == "ci"))
        .and_then(|item| item["id"].as_str());
    world.does(&["tokens", "revoke", id.expect("its id")]);
    assert_eq!(remote(&world, token, &["secrets", "list"]).exit, 4);
    world.exits(2, &["tokens", "create", "--name", "x", "--capability", "everything"]);
}

#[test]
fn nobody_gets_in_without_a_token() {
    let world = World::new(Way::Socket);
    let mut command = program();
    command.args(["secrets", "list", "--server", &world.server().url]).current_dir(world.work());
    let anonymous = Ran::of(&mut command);
    assert!(anonymous.exit == 4 && anonymous.stderr.contains("STRONGROOM_TOKEN"), "{anonymous:?}");
}

#[test]
fn a_token_never_goes_to_an_address_from_a_file() {
    let world = World::new(Way::Socket);
    let token = world.does(&["tokens", "create", "--name", "ci"]).stdout;
    world.write("strongroom.json", format!("{{\"server\": \"{}\"}}", world.server().url));
    let mut command = program();
    command.args(["secrets", "list"]).current_dir(world.work()).env("STRONGROOM_TOKEN", token.trim());
    let refused = Ran::of(&mut command);
    assert!(
        refused.exit == 4 && refused.stderr.contains("never sent to an address from strongroom.json"),
        "{refused:?}"
    );
}

#[test]
fn a_value_never_goes_to_a_server_that_only_a_file_names() {
    let world = World::new(Way::InProcess);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    listener.set_nonblocking(true).expect("a listener that does not wait");
    world.write("strongroom.json", format!("{{\"server\": \"{url}\"}}"));
    let refused = world.exits(4, &["secrets", "set", "A", "canary"]);
    assert!(!refused.said().contains("canary"), "{refused:?}");
    assert!(listener.accept().is_err(), "nothing connected");
}

#[test]
fn addresses_that_lead_nowhere_have_their_errors() {
    let world = World::new(Way::InProcess);
    for (address, exit, text) in [
        ("http://127.0.0.1:1", 1, "nothing listens on http://127.0.0.1:1"),
        ("http://no-such-host.invalid", 4, "plain HTTP"),
        ("https://no-such-host.invalid", 1, "is not known"),
        ("http://192.0.2.1", 4, "plain HTTP beyond this machine"),
        ("secrets.example.com", 2, "--server: a server's address is"),
        ("https://user:canary@secrets.example.com", 2, "--server: "),
    ] {
        let ran = Ran::of(
            world.command(&["secrets", "set", "A", "canary", "--server", address]).env("STRONGROOM_TOKEN", "srt_test"),
        );
        assert_eq!(ran.exit, exit, "{address}: {ran:?}");
        assert!(ran.stderr.contains(text) && !ran.said().contains("canary"), "{address}: {ran:?}");
    }
    world.exits(2, &["secrets", "list", "--server", "http://127.0.0.1:1", "--home", "x"]);
}

#[test]
fn the_owner_token_changes_with_every_start() {
    let world = World::new(Way::InProcess);
    let read = || std::fs::read_to_string(world.home().join("owner.token")).expect("a token");
    let mut first = Server::start(&world.home(), &[]);
    let before = read();
    assert_eq!(first.stop("-TERM"), Some(0));
    let mut second = Server::start(&world.home(), &[]);
    assert_ne!(before, read());
    assert_eq!(second.stop("-INT"), Some(0));
}
