//! `strongroom issuers`.

use clap::{Args, Subcommand};
use strongroom_api::Plaintext;
use strongroom_api::issuers::AddIssuer;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::values::{self, StdinRules};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Trusts an issuer: its tokens say who an end user is
    Add(AddArgs),
    /// Lists the issuers that the project trusts
    #[command(visible_alias = "ls")]
    List,
    /// Trusts an issuer no longer, at once
    #[command(visible_alias = "rm")]
    Delete(NameArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// A name for people
    #[arg(value_name = "NAME")]
    name: String,
    /// The issuer, as it stands in the `iss` of its tokens
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// What must stand in the `aud` of its tokens
    #[arg(long, value_name = "TEXT")]
    audience: String,
    /// Where it publishes its keys; found out from the issuer unless given
    #[arg(long, value_name = "URL", conflicts_with = "shared_key")]
    jwks_url: Option<String>,
    /// Its tokens are signed with a key that both sides know (HS256): asked for, or read from stdin
    #[arg(long)]
    shared_key: bool,
}

#[derive(Args)]
pub(crate) struct NameArgs {
    /// The issuer's name, as `issuers list` shows it
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(args) => add(context, args)?,
        Command::List => list(context)?,
        Command::Delete(args) => {
            let session = context.connect()?;
            session.name_place(context);
            let gone = session.wait(session.project().delete_issuer(&args.name))?;
            context.output.answer(&gone, &format!("✔ Issuer no longer trusted: {}", gone.name))?;
        }
    }
    Ok(Exit::DONE)
}

fn add(context: &Context, args: AddArgs) -> Result<(), Failure> {
    let shared_key = if args.shared_key {
        let rules = StdinRules { raw: false, allow_empty: false };
        Some(Plaintext(values::prompt_or_stdin("the shared key", rules)?))
    } else {
        None
    };
    let AddArgs { name, issuer, audience, jwks_url, .. } = args;
    let body = AddIssuer { name, issuer, audience, jwks_url, shared_key };
    let session = context.connect()?;
    session.name_place(context);
    let added = session.wait(session.project().add_issuer(&body))?;
    for warning in &added.warnings {
        context.output.talk(&format!("warning: {warning}"));
    }
    context.output.answer(&added, &format!("✔ Issuer trusted: {} ({})", added.item.name, added.item.issuer))?;
    context.output.talk("functions can now have \"auth\": \"user\", and secrets.getUser knows its users");
    Ok(())
}

fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect()?;
    let issuers = session.wait(session.project().issuers())?;
    if !context.output.is_for_people() {
        return context.output.structured(&issuers);
    }
    let now = (context.now)();
    let rows = issuers.iter().map(|item| {
        [
            item.name.clone(),
            item.issuer.clone(),
            item.audience.clone(),
            item.jwks_url.clone().unwrap_or_else(|| "(shared key)".to_owned()),
            ago(now, item.created_at),
        ]
    });
    let none =
        "this project trusts no issuer of end users; add one: strongroom issuers add NAME --issuer URL --audience TEXT";
    context.output.table(["NAME", "ISSUER", "AUDIENCE", "KEYS", "ADDED"], rows.collect(), none)
}
