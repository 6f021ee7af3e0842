//! `run --cache-max-age`: the last good values, for when the server is away and for nothing else.

use std::path::PathBuf;

use crate::world::{Ran, Server, Way, World, until};

/// A world with a server at a fixed address and a token for it.
struct Remote {
    world: World,
    server: Option<Server>,
    url: String,
    token: String,
}

impl Remote {
    fn new() -> Self {
        let world = World::new(Way::InProcess);
        let server = Server::start(&world.home(), &[]);
        world.does(&["secrets", "set", "A", "canary-value-42"]);
        let token = world.does(&["tokens", "create", "--name", "app"]).stdout.trim().to_owned();
        let url = server.url.clone();
        Self { world, server: Some(server), url, token }
    }

    fn run(&self, options: &[&str]) -> Ran {
        let mut command = self.world.command(&[&["run"], options, &["--", "sh", "-c", "echo \"got $A\""]].concat());
        command.env("STRONGROOM_URL", &self.url).env("STRONGROOM_TOKEN", &self.token).env("HOME", self.world.work());
        Ran::of(&mut command)
    }

    fn stop(&mut self) {
        assert_eq!(self.server.take().expect("it runs").stop("-TERM"), Some(0));
    }

    fn start(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.server = Some(Server::start_on(&self.world.home(), &address, &[]));
    }

    fn kept(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.world.work().join(".cache/strongroom/run"));
        entries.map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
    }
}

const HOUR: &[&str] = &["--cache-max-age", "1h"];

#[test]
fn it_starts_with_the_kept_values_while_the_server_is_away_and_says_so() {
    let mut remote = Remote::new();
    assert_eq!(remote.run(&[]).stdout, "got canary-value-42\n");
    assert!(remote.kept().is_empty(), "nothing is kept unless asked");
    assert_eq!(remote.run(HOUR).stdout, "got canary-value-42\n");
    remote.stop();
    let away = remote.run(HOUR);
    assert_eq!((away.exit, away.stdout.as_str()), (0, "got canary-value-42\n"), "{away:?}");
    assert!(away.stderr.contains("nothing listens on") && away.stderr.contains("using the values of"), "{away:?}");
    assert!(remote.run(&[&["-q"], HOUR].concat()).stderr.contains("using the values of"));
    let without = remote.run(&[]);
    assert!(without.exit == 1 && without.stderr.contains("--cache-max-age 24h"), "{without:?}");
    let other = remote.run(&["--cache-max-age", "1h", "--only", "B"]);
    assert!(other.exit == 1 && other.stderr.contains("no values were kept"), "{other:?}");
}

#[test]
fn what_is_kept_is_private_and_opens_with_the_token_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut remote = Remote::new();
    remote.run(HOUR);
    let [file] = &remote.kept()[..] else { panic!("one file: {:?}", remote.kept()) };
    let file = file.clone();
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));
    let bytes = std::fs::read(&file).expect("readable");
    assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "it is sealed");
    remote.stop();
    let mut changed = bytes.clone();
    let last = changed.len() - 20;
    changed[last] ^= 1;
    std::fs::write(&file, &changed).expect("written");
    let refused = remote.run(HOUR);
    assert!(refused.exit == 1 && refused.stderr.contains("do not open; they are not used"), "{refused:?}");
    std::fs::write(&file, &bytes).expect("written");
    assert_eq!(remote.run(HOUR).exit, 0);
    let own = std::mem::replace(&mut remote.token, "srt_another".to_owned());
    assert_eq!(remote.run(HOUR).exit, 1);
    remote.token = own;
    until(|| {
        (remote.run(&["--cache-max-age", "1s"]).stderr.contains("more than --cache-max-age allows")).then_some(())
    });
}

#[test]
fn a_refusal_is_never_papered_over_and_clears_what_was_kept() {
    let mut remote = Remote::new();
    remote.run(HOUR);
    let id = remote.world.json(&["tokens", "list"])[0]["id"].as_str().expect("an id").to_owned();
    remote.world.does(&["tokens", "revoke", &id]);
    let refused = remote.run(HOUR);
    assert!(refused.exit == 4 && refused.stdout.is_empty(), "{refused:?}");
    assert!(remote.kept().is_empty());
    remote.stop();
    let away = remote.run(HOUR);
    assert!(away.exit == 1 && away.stderr.contains("no values were kept"), "{away:?}");
}

#[test]
fn an_expired_value_does_not_live_on_in_the_cache() {
    let mut remote = Remote::new();
    remote.world.does(&["secrets", "set", "SHORT", "x", "--expires", "2s"]);
    remote.run(HOUR);
    remote.stop();
    until(|| remote.run(HOUR).stderr.contains("one of the kept values has expired since").then_some(()));
    remote.start();
    assert_eq!(remote.run(HOUR).stdout, "got canary-value-42\n");
}
