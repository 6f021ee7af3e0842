//! One's own account in a real browser: a second factor, and a command line in a real terminal that signs in through it.

use std::path::Path;
use std::process::Stdio;

use strongroom_e2e::browser::{Browser, Person, Window};
use strongroom_e2e::{Instance, binary, factor, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// A command in a terminal of its own, which `script` (util-linux) makes.
struct Terminal {
    child: Child,
    shown: String,
}

impl Terminal {
    fn start(instance: &Instance, words: &str) -> Self {
        let typed = instance.command(["whoami"]).command();
        let mut command = Command::new("script");
        let program = binary::program().display().to_string();
        command.args(["-qfec", &format!("{program} {words}"), "/dev/null"]).env_clear();
        command.envs(typed.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("USER", "ada").env("TERM", "dumb").current_dir(instance.work());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        Self { child: command.spawn().unwrap(), shown: String::new() }
    }

    /// Reads until the terminal shows `wanted`.
    async fn until(&mut self, wanted: &str) -> &str {
        let out = self.child.stdout.as_mut().unwrap();
        while !self.shown.contains(wanted) {
            let mut bytes = [0; 4096];
            let read = wait::in_time(&format!("{wanted:?} in the terminal"), out.read(&mut bytes)).await.unwrap();
            assert!(read > 0, "the terminal ended before {wanted:?}: {}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        &self.shown
    }

    async fn types(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{text}\n").as_bytes()).await.unwrap();
    }
}

/// Makes the first account in a browser, and gives its password.
async fn set_up(instance: &Instance, ada: &Person<'_>) -> String {
    let log = instance.log();
    let printed = log.split_whitespace().find(|word| word.contains("/setup/")).expect("a setup address is printed");
    let password = instance.plant();
    ada.open(printed).await;
    ada.fill("Name or e-mail address", "ada@example.com").await;
    ada.fill("Password", &password).await;
    ada.fill("The same password again", &password).await;
    ada.press("Make the account").await;
    password
}

/// Sets a second factor up in a browser; the secret and the recovery codes.
async fn set_factor_up(ada: &Person<'_>) -> (String, Vec<String>) {
    ada.open("/account").await;
    assert_eq!(ada.press("Set it up").await, "/account/factor");
    assert_eq!(ada.count("svg.qr path").await, 1);
    let secret = ada.value("#secret").await.replace(' ', "");
    ada.fill("Code", &factor::code(&secret, 0)).await;
    ada.press("Turn it on").await;
    let codes = ada.texts(".codes code").await;
    assert_eq!(codes.len(), 10);
    ada.follow("I have them").await;
    ada.sees("10 recovery codes are left").await;
    (secret, codes)
}

/// Where the command line keeps what it was given, with its mode.
fn kept(instance: &Instance) -> Option<(String, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = instance.folder().join("user/.config/strongroom/credentials.json");
    let mode = std::fs::metadata(Path::new(&path)).ok()?.permissions().mode() & 0o777;
    Some((std::fs::read_to_string(path).ok()?, mode))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sets_a_second_factor_up_and_signs_a_command_line_in_through_the_browser() {
    let instance = Instance::start().await;
    let browser = Browser::start(&instance).await;
    let desk = browser.person("ada at her desk", Window::DESK).await;
    let password = set_up(&instance, &desk).await;
    let (secret, codes) = set_factor_up(&desk).await;

    let server = format!("http://{}", instance.management());
    let mut terminal = Terminal::start(&instance, &format!("login --no-browser --server {server}"));
    let shown = terminal.until("Waiting for you").await.to_owned();
    assert!(shown.contains(&format!("{server}/login")), "{shown}");
    let code = shown.split_whitespace().find(|word| word.len() == 9 && word.as_bytes()[4] == b'-').unwrap();
    // on a phone without scripts: she signs in with both factors, and is led on
    let phone = browser.person("ada on her phone", Window { has_script: false, ..Window::PHONE }).await;
    phone.open("/login").await;
    phone.fill("Name or e-mail address", "ada@example.com").await;
    phone.fill("Password", &password).await;
    phone.press("Sign in").await;
    phone.fill("Code", &factor::code(&secret, 1)).await;
    assert_eq!(phone.press("Go on").await, "/login");
    phone.fill("Code", "BCDF-GHJK").await;
    phone.press("Go on").await;
    phone.sees("was not found").await;
    phone.fill("Code", &code.to_lowercase()).await;
    phone.press("Go on").await;
    phone.sees("ada@").await;
    phone.sees(code).await;
    assert_eq!(kept(&instance), None);
    phone.press("Sign it in").await;
    phone.sees("Your command line is signed in").await;
    assert!(terminal.until("✔ Signed in").await.contains("as user:ada@example.com"));
    let (credentials, mode) = kept(&instance).unwrap();
    assert!(credentials.contains(&server) && mode == 0o600, "{mode:o}");
    let who = instance.command(["whoami", "--server", &server]).run().await.ok();
    assert!(who.stdout.contains("user:ada@example.com"), "{}", who.stdout);

    // it stands on the account page, and ends there
    phone.open("/account").await;
    phone.sees("Command line").await;
    phone.press_in("tr:has-text('Command line')", "Sign out Command line from 127.0.0.1").await;
    instance.command(["whoami", "--server", &server]).run().await.expect(4);

    // by password: the terminal asks for the code too
    let mut terminal = Terminal::start(&instance, &format!("login ada@example.com --server {server}"));
    terminal.until("Password:").await;
    terminal.types(&password).await;
    terminal.until("authenticator app").await;
    terminal.types(&codes[0]).await;
    terminal.until("✔ Signed in").await;
    instance.command(["logout", "--server", &server]).run().await.ok();
    browser_is_refused_without_the_code(&phone, &password).await;
    instance.close().await;
}

async fn browser_is_refused_without_the_code(phone: &Person<'_>, password: &str) {
    phone.press("Sign out of this browser").await;
    phone.fill("Name or e-mail address", "ada@example.com").await;
    phone.fill("Password", password).await;
    phone.press("Sign in").await;
    phone.fill("Code", "000000").await;
    phone.press("Go on").await;
    phone.sees("The code is not right").await;
    assert!(phone.links("a").await.iter().all(|link| !link.contains("/account")));
}
