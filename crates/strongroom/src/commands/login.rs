//! `strongroom login` and `logout`.

use clap::Args;
use strongroom_api::people::{CommandLineSession, SignIn};
use strongroom_api::{Code, Plaintext};
use strongroom_client::{Address, Client, Credential};
use zeroize::Zeroizing;

use crate::config;
use crate::context::Context;
use crate::credentials::Credentials;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::runtime;
use crate::values::{StdinRules, ask_or_stdin};

#[derive(Args)]
pub(crate) struct LoginArgs {
    /// The account's name; the password is asked for, or read from stdin
    #[arg(value_name = "NAME", conflicts_with = "token")]
    name: Option<String>,
    /// Keeps a token instead, which is asked for, or read from stdin
    #[arg(long)]
    token: bool,
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
    let token = if args.token {
        ask_or_stdin("Token: ", "the token", StdinRules::default())?
    } else {
        let name = match &args.name {
            Some(name) => name.clone(),
            None if output::has_person() => output::ask("Account name: ").unwrap_or_default().trim().to_owned(),
            None => return Err(Failure::usage("whose account? give NAME, or --token")),
        };
        let password = ask_or_stdin("Password: ", "the password", StdinRules::default())?;
        let mut body = SignIn { name, password: Plaintext(password), code: None, command_line: true };
        runtime.block_on(signed_in(&Client::http(address.clone(), None), &mut body))?.token.0
    };
    let credential = Credential::issued_by(&address, Zeroizing::new(token.expose().to_owned()));
    let client = Client::http(address.clone(), Some(credential));
    let whoami = runtime.block_on(client.whoami())?;
    Credentials::load(context)?.keep(&address.origin(), token.expose())?;
    let line = format!("✔ Signed in to {} as {}", address.origin(), whoami.actor);
    context.output.answer(&whoami, &line).map(|()| Exit::DONE)
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
