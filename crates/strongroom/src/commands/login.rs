//! `strongroom login` and `logout`.

use std::time::Duration;

use clap::Args;
use strongroom_api::people::{BeginLogin, ClaimLogin, CommandLineSession, SignIn};
use strongroom_api::trusts::LoginByJwt;
use strongroom_api::{Code, Plaintext};
use strongroom_client::{Address, Client, Credential};
use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

use crate::browser;
use crate::config;
use crate::context::Context;
use crate::credentials::Credentials;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::runtime;
use crate::values::{StdinRules, ask_or_stdin};
use crate::words::expiry;

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
    #[command(flatten)]
    workload: WorkloadArgs,
}

/// A workload that shows its platform's own token.
#[derive(Args)]
struct WorkloadArgs {
    /// Signs a workload in with its platform's own token, by this name that the project trusts
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "token"], requires = "jwt")]
    trust: Option<String>,
    /// A file with the platform's token; - reads it from stdin
    #[arg(long, value_name = "FILE", group = "jwt", requires = "trust")]
    jwt_file: Option<String>,
    /// A variable that holds the platform's token
    #[arg(long, value_name = "NAME", group = "jwt", requires = "trust")]
    jwt_env: Option<String>,
    /// Prints the token that the workload gets, and keeps nothing
    #[arg(long, requires = "trust")]
    print: bool,
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
    if let Some(trust) = &args.workload.trust {
        return log_in_by_jwt(context, &args.workload, trust, &address);
    }
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

/// Signs a workload in. What it gets lasts for minutes, and is kept or printed.
fn log_in_by_jwt(context: &Context, args: &WorkloadArgs, trust: &str, address: &Address) -> Result<Exit, Failure> {
    let body = LoginByJwt {
        trust: trust.to_owned(),
        project: Some(config::project(context)?),
        jwt: Plaintext(platform_token(context, args)?),
    };
    let client = Client::http(address.clone(), None);
    let got = runtime()?.block_on(client.log_in_by_jwt(&body))?;
    let until = expiry((context.now)(), got.expires_at);
    if args.print {
        output::line(got.token.0.expose())?;
        let may = got.capabilities.join(", ");
        context.output.talk(&format!("it may {may} in project {} and runs out {until}", got.project));
        return Ok(Exit::DONE);
    }
    Credentials::load(context)?.keep(&address.origin(), got.token.0.expose())?;
    let origin = address.origin();
    let line = format!("✔ Signed in to {origin} by {trust}, in project {}; it runs out {until}", got.project);
    context.output.done(&line)?;
    Ok(Exit::DONE)
}

/// The token that the platform gave.
fn platform_token(context: &Context, args: &WorkloadArgs) -> Result<SecretValue, Failure> {
    let text = match (args.jwt_file.as_deref(), args.jwt_env.as_deref()) {
        (Some("-"), _) => {
            return ask_or_stdin("Token of the platform: ", "the platform's token", StdinRules::default());
        }
        (Some(file), _) => {
            let read = std::fs::read_to_string(file).map(Zeroizing::new);
            let unread =
                |error| Failure::usage(format!("the platform's token in {file} cannot be read")).because(&error);
            read.map_err(unread)?
        }
        (None, name) => {
            let name = name.unwrap_or_default();
            let missing = || Failure::usage(format!("the variable {name} holds no token of the platform"));
            context.environment.secret(name).ok_or_else(missing)?
        }
    };
    SecretValue::new(text.trim().to_owned()).map_err(|_| Failure::usage("this is no token of a platform"))
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
