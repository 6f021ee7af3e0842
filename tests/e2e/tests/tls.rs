//! TLS by files, with a real client: who trusts the certificate's maker gets in, and a changed certificate is taken up
//! without a restart.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::Signal;
use strongroom_e2e::{Instance, Setup, binary, wait};
use tokio::process::Command;

/// Runs a program of this machine to its end.
async fn run(program: &str, words: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(words).env_clear().env("PATH", binary::search_path()).kill_on_drop(true);
    wait::in_time(program, command.output()).await.unwrap()
}

/// A folder with authorities and the server's current certificate and key.
struct Papers(tempfile::TempDir);

impl Papers {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("srtls").tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Makes an authority, and a certificate for loopback that it signed, as `NAME.pem` and `NAME.key`.
    async fn issue(&self, authority: &str, name: &str) {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let subject = |name: &str| format!("/CN={name}");
        let (ca, ca_key) = (self.text(&format!("{authority}-ca.pem")), self.text(&format!("{authority}-ca.key")));
        let (own, own_key) = (self.text(&format!("{name}.pem")), self.text(&format!("{name}.key")));
        let made = subject(authority);
        let words = ["req", "-x509", "-days", "2", "-subj", &made, "-keyout", &ca_key, "-out", &ca];
        let done = run("openssl", &[&words[..], &key].concat()).await;
        assert!(done.status.success(), "{done:?}");
        let (made, names) = (subject("strongroom"), "subjectAltName=IP:127.0.0.1,DNS:localhost");
        let words = ["req", "-x509", "-days", "1", "-subj", &made, "-keyout", &own_key, "-out", &own];
        let signed = ["-CA", &ca, "-CAkey", &ca_key, "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"];
        let done = run("openssl", &[&words[..], &key, &signed].concat()).await;
        assert!(done.status.success(), "{done:?}");
    }

    /// Puts a pair where the server reads it, the key last, each by a rename as tools that renew certificates do.
    fn put(&self, name: &str) {
        for end in ["pem", "key"] {
            let (new, at) = (self.path(&format!("new.{end}")), self.path(&format!("server.{end}")));
            std::fs::copy(self.path(&format!("{name}.{end}")), &new).unwrap();
            std::fs::rename(&new, &at).unwrap();
        }
    }

    fn setup(&self) -> Setup {
        let (certificate, key) = (self.text("server.pem"), self.text("server.key"));
        Setup::default().word("--tls-cert").word(&certificate).word("--tls-key").word(&key)
    }

    /// What curl, which trusts this authority alone, gets from an address.
    async fn curl(&self, authority: &str, url: &str, more: &[&str]) -> Output {
        let ca = self.text(&format!("{authority}-ca.pem"));
        run("curl", &[&["-sS", "-i", "--noproxy", "*", "--cacert", &ca, url], more].concat()).await
    }

    async fn is_trusted(&self, authority: &str, instance: &Instance) -> bool {
        let url = format!("https://{}/healthz", instance.management());
        self.curl(authority, &url, &[]).await.status.success()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).to_lowercase()
}

#[tokio::test]
async fn both_listeners_speak_https_and_nothing_else() {
    let papers = Papers::new();
    papers.issue("first", "a").await;
    papers.put("a");
    let instance = papers.setup().start().await;
    let (management, functions) = (instance.management(), instance.functions());
    let words = ["tokens", "create", "--name", "ci", "--capability", "secrets:list", "--capability", "secrets:write"];
    let token = instance.cli(words).await.stdout.trim().to_owned();
    let bearer = format!("authorization: Bearer {token}");
    let answer = papers.curl("first", &format!("https://{management}/api/v1/whoami"), &["-H", &bearer]).await;
    assert!(text(&answer).starts_with("http/1.1 200"), "{answer:?}");
    assert!(text(&answer).contains("strict-transport-security: max-age=63072000\r\n"), "{}", text(&answer));
    let answer = papers.curl("first", &format!("https://{functions}/fn/default/default/none"), &[]).await;
    assert!(text(&answer).starts_with("http/1.1 404"), "{answer:?}");
    let old = papers.curl("first", &format!("https://{management}/healthz"), &["--tls-max", "1.1"]).await;
    assert!(!old.status.success(), "{}", text(&old));
    let plain = run("curl", &["-sS", "--noproxy", "*", &format!("http://{management}/healthz")]).await;
    assert!(!plain.status.success() && plain.stdout.is_empty(), "{plain:?}");
    // the command line trusts the same authority once the machine does
    let server = format!("https://{management}");
    let command = || {
        let command = instance.command(["secrets", "set", "GREETING", "hello", "--server", &server]);
        command.env("STRONGROOM_TOKEN", &token)
    };
    let trusted = command().env("SSL_CERT_FILE", papers.path("first-ca.pem")).run().await;
    assert_eq!(trusted.code, Some(0), "{}", trusted.stderr);
    let stranger = command().run().await;
    assert_eq!(stranger.code, Some(1), "{}", stranger.stderr);
    instance.close().await;
}

#[tokio::test]
async fn a_changed_certificate_is_taken_up_and_a_bad_pair_never_replaces_a_good_one() {
    let papers = Papers::new();
    for (authority, name) in [("first", "a"), ("second", "b"), ("third", "c")] {
        papers.issue(authority, name).await;
    }
    papers.put("a");
    let instance = papers.setup().start().await;
    assert!(papers.is_trusted("first", &instance).await);
    assert!(!papers.is_trusted("second", &instance).await);
    papers.put("b");
    wait::eventually("the new certificate", || async { papers.is_trusted("second", &instance).await.then_some(()) })
        .await;
    assert!(!papers.is_trusted("first", &instance).await);
    // another pair's key, and then no key at all
    for wrong in [papers.path("a.key"), papers.path("a.pem")] {
        let before = instance.log().matches("could not be read again").count();
        std::fs::copy(wrong, papers.path("server.key")).unwrap();
        wait::eventually("the complaint", || async {
            (instance.log().matches("could not be read again").count() > before).then_some(())
        })
        .await;
        assert!(papers.is_trusted("second", &instance).await);
    }
    papers.put("c");
    instance.signal(Signal::HUP);
    wait::eventually("the third", || async { papers.is_trusted("third", &instance).await.then_some(()) }).await;
    instance.close().await;
}

async fn refused(papers: &Papers, certificate: &Path, key: &Path) -> String {
    let words = ["server", "--tls-cert", &certificate.display().to_string(), "--tls-key", &key.display().to_string()]
        .map(str::to_owned);
    let instance = papers.setup().prepare();
    let done = instance.command(words).run().await;
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    instance.close().await;
    done.stderr
}

#[tokio::test]
async fn a_server_does_not_start_with_a_pair_that_it_cannot_use() {
    let papers = Papers::new();
    papers.issue("first", "a").await;
    papers.issue("second", "b").await;
    let at = |name: &str| papers.path(name);
    for (certificate, key, said) in [
        ("a.pem", "b.key", "cannot be used together"),
        ("a.pem", "none.key", "cannot be read"),
        ("a.key", "a.key", "holds no certificate"),
        ("a.pem", "a.pem", "holds no private key"),
    ] {
        let told = refused(&papers, &at(certificate), &at(key)).await;
        assert!(told.contains(said) && told.contains("hint:"), "{told}");
    }
    let instance = papers.setup().prepare();
    let alone = instance.command(["server", "--tls-cert", "x"]).run().await;
    assert_eq!(alone.code, Some(2));
    assert!(alone.stderr.contains("--tls-key"), "{}", alone.stderr);
    instance.close().await;
}
