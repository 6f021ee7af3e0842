//! `strongroom login` and `logout`.

use std::time::Duration;

use clap::Args;
use strongroom_api::people::{BeginLogin, ClaimLogin, CommandLineSession, SignIn};
use strongroom_api::{Code, Plaintext};
use strongroom_client::{Address, Client, Credential};
use zeroize::Zeroizing;

use crate::browser;
use crate::config;
use crate::context::Context;
use crate::credentials::Credentials;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::runtime;
use crate::values::{StdinRules, ask_or_stdin};

#[derive(Args)]
pub(crate) struct LoginArgs {
    /// Signs in here with this account's password instead, which is asked for, or read from stdin
    #[arg(value_name = "NAME", conflicts_with = "token")]
    name: Option<String>,
    /// Keeps a token instead, which is asked for, or read from stdin
    #[arg(long)]
    token: bool,
    /// Prints the address and starts no browser
    #[arg(long, conflicts_with_all = ["name", "token"])]
    no_browser: bool,
}

/// The server that is meant: the local store needs no credential.
fn server(context: &Context) -> Result<Address, Failure> {
    config::address(context)?.map(|(address, _)| address).ok_or_else(|| {
        Failure::usage("which server? the local store needs no login").hint("strongroom login --server https://…")
    })
}

/// Proves who one is to a server, and keeps the proof for it alone.
pub(crate) fn login(context: &Context, args: &LoginArgs) -> Result<Exit, Failure> {
    let address = server(context)?;
    let runtime = runtime()?;
    let anonymous = Client::http(address.clone(), None);
    let token = if args.token {
        ask_or_stdin("Token: ", "the token", StdinRules::default())?
    } else if let Some(name) = args.name.clone() {
        let password = ask_or_stdin("Password: ", "the password", StdinRules::default())?;
        let mut body = SignIn { name, password: Plaintext(password), code: None, command_line: true };
        runtime.block_on(signed_in(&anonymous, &mut body))?.token.0
    } else if output::has_person() {
        runtime.block_on(by_browser(context, &anonymous, args.no_browser))?.token.0
    } else {
        return Err(Failure::usage("nobody is at a terminal who could confirm a login in a browser")
            .hint("strongroom login --token, or strongroom login NAME, with the token or the password on stdin"));
    };
    let credential = Credential::issued_by(&address, Zeroizing::new(token.expose().to_owned()));
    let client = Client::http(address.clone(), Some(credential));
    let whoami = runtime.block_on(client.whoami())?;
    Credentials::load(context)?.keep(&address.origin(), token.expose())?;
    let line = format!("✔ Signed in to {} as {}", address.origin(), whoami.actor);
    context.output.answer(&whoami, &line).map(|()| Exit::DONE)
}

/// Signs in through a browser: a person types the code there that this terminal shows, and confirms.
async fn by_browser(context: &Context, client: &Client, no_browser: bool) -> Result<CommandLineSession, Failure> {
    let begun = client.begin_login(&BeginLogin { label: Some(own_name(context)) }).await?;
    let is_opened = !no_browser && browser::open(&context.environment, &begun.url);
    let there = if is_opened { "A browser opens at" } else { "Open this address in a browser, on any machine" };
    output::say(&format!("{there}:\n\n    {}\n", begun.url));
    output::say(&format!("and type this code there:\n\n    {}\n", begun.user_code));
    output::say("Waiting for you to confirm it there (10 minutes; Ctrl-C stops) …");
    let body = ClaimLogin { device_code: begun.device_code };
    loop {
        tokio::time::sleep(Duration::from_secs(begun.interval.clamp(1, 60))).await;
        match client.claim_login(&body).await.map_err(Failure::from) {
            Ok(Some(session)) => return Ok(session),
            Ok(None) => {}
            Err(failure) if failure.code() == Code::TooMany => {}
            Err(failure) if failure.code() == Code::NotFound => {
                return Err(Failure::failed("the code has run out; nobody was signed in").hint("strongroom login"));
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// What the person will know this login by: `ada@laptop`.
fn own_name(context: &Context) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|host| host.trim().to_owned());
    let host = host.or_else(|| context.environment.text("HOSTNAME").map(str::to_owned));
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| "a machine without a name".to_owned());
    match context.environment.text("USER") {
        Some(user) => format!("{user}@{host}"),
        None => host,
    }
}

/// Signs in by name and password; the code of a second factor is asked for where there is one.
async fn signed_in(client: &Client, body: &mut SignIn) -> Result<CommandLineSession, Failure> {
    let asked = match client.sign_in(body).await.map_err(Failure::from) {
        Err(failure) if failure.code() == Code::SecondFactorRequired => failure,
        other => return other,
    };
    if !output::has_person() {
        return Err(asked.hint("sign in at a terminal, or keep a token: strongroom login --token"));
    }
    let code = ask_or_stdin("Code of your authenticator app, or a recovery code: ", "the code", StdinRules::default())?;
    body.code = Some(Plaintext(code));
    Ok(client.sign_in(body).await?)
}

/// Ends the session and forgets the credential of a server.
pub(crate) fn logout(context: &Context) -> Result<Exit, Failure> {
    let address = server(context)?;
    let mut credentials = Credentials::load(context)?;
    let Some(token) = credentials.of(&address.origin()) else {
        context.output.talk(&format!("nobody was signed in to {}", address.origin()));
        return Ok(Exit::DONE);
    };
    credentials.forget(&address.origin())?;
    let client = Client::http(address.clone(), Some(Credential::issued_by(&address, token)));
    let ended = runtime()?.block_on(client.sign_out());
    if let Err(error) = ended {
        let failure = Failure::from(error);
        // a token is no session, and one that is not accepted any more has ended already
        if !matches!(failure.code(), Code::Unauthenticated | Code::Invalid) {
            context.output.talk("the server could not be told; the session ends there by itself");
        }
    }
    context.output.done(&format!("✔ Signed out of {}", address.origin()))?;
    Ok(Exit::DONE)
}
