//! `strongroom tokens`.

use clap::{Args, Subcommand};
use strongroom_api::access::CreateToken;
use strongroom_model::Capability;
use zeroize::Zeroizing;

use super::grants::{GrantArgs, usual, words};
use super::secrets::write::checked_expiry;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::words::{ago, expiry};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a token and prints it, once
    Create(CreateArgs),
    /// Lists tokens, without the tokens themselves
    #[command(visible_alias = "ls")]
    List,
    /// Revokes tokens at once
    Revoke(RevokeArgs),
}

#[derive(Args)]
pub(crate) struct CreateArgs {
    /// A name for people
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    grant: GrantArgs,
    /// What it is for, which says what it may do: an `agent` lists and declares names and reads logs, for 7 days
    #[arg(long, value_enum, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// When it runs out: 90d, 2027-01-31T00:00:00Z, or never
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<String>,
}

/// Whom a token is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    /// A coding agent: it reads no value and changes nothing that is there.
    Agent,
}

/// What an agent may do: the narrowest with which it can say what a person has to fill in, and find out what went wrong.
const AGENT_CAPABILITIES: [Capability; 3] = [Capability::SecretsList, Capability::SecretsDeclare, Capability::LogsRead];
/// How long an agent's token lasts unless told otherwise.
const AGENT_EXPIRY: &str = "7d";

#[derive(Args)]
pub(crate) struct RevokeArgs {
    /// The tokens' ids, as `tokens list` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(args) => create(context, args)?,
        Command::List => list(context)?,
        Command::Revoke(args) => revoke(context, &args)?,
    }
    Ok(Exit::DONE)
}

fn create(context: &Context, args: CreateArgs) -> Result<(), Failure> {
    let asked = args.grant.asked()?;
    let is_default = asked.is_empty() && args.profile.is_none();
    let capabilities = match args.profile {
        Some(Profile::Agent) => [&words(&AGENT_CAPABILITIES), asked].concat(),
        None if is_default => usual(),
        None => asked.to_vec(),
    };
    let agent = args.profile == Some(Profile::Agent);
    let expires = args.expires.as_deref().or(agent.then_some(AGENT_EXPIRY));
    let body = CreateToken {
        name: args.name,
        capabilities,
        namespaces: args.grant.namespace,
        app: args.grant.app,
        names: args.grant.secrets,
        from: args.grant.from,
        agent,
        expires_at: checked_expiry(expires)?,
    };
    let session = context.connect()?;
    session.name_place(context);
    let mut created = session.wait(session.project().create_token(&body))?;
    if !context.output.is_for_people() {
        return context.output.structured(&created);
    }
    let token = Zeroizing::new(std::mem::take(&mut created.token));
    output::line(&token)?;
    let item = &created.item;
    let may = item.capabilities.join(", ");
    context.output.talk(&format!("token {} of project {} may: {may}; it is not shown again", item.id, item.project));
    if is_default {
        context.output.talk("--capability gives it others");
    }
    if agent {
        let until = item.expires_at.map_or_else(|| "never".to_owned(), |at| expiry((context.now)(), at));
        context.output.talk(&format!("it runs out {until}; the audit trail calls it agent:{}", item.name));
    }
    Ok(())
}

fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect()?;
    let tokens = session.wait(session.project().tokens())?;
    if !context.output.is_for_people() {
        return context.output.structured(&tokens);
    }
    let now = (context.now)();
    let rows = tokens.iter().map(|token| {
        [
            token.id.clone(),
            token.name.clone(),
            token.state.clone(),
            token.capabilities.join(","),
            if token.namespaces.is_empty() { "all".to_owned() } else { token.namespaces.join(",") },
            if token.from.is_empty() { "anywhere".to_owned() } else { token.from.join(",") },
            token.expires_at.map_or_else(|| "never".to_owned(), |at| expiry(now, at)),
            token.last_used_at.map_or_else(|| "never".to_owned(), |at| ago(now, at)),
        ]
    });
    let head = ["ID", "NAME", "STATE", "MAY", "NAMESPACES", "FROM", "EXPIRES", "LAST USED"];
    context.output.table(head, rows.collect(), "there are no tokens; make one: strongroom tokens create --name NAME")
}

fn revoke(context: &Context, args: &RevokeArgs) -> Result<(), Failure> {
    let session = context.connect()?;
    session.name_place(context);
    let mut revoked = Vec::new();
    for id in &args.ids {
        let item = session.wait(session.project().revoke_token(id))?;
        context.output.done(&format!("✔ Token revoked: {} ({})", item.name, item.id))?;
        revoked.push(item);
    }
    if context.output.is_for_people() { Ok(()) } else { context.output.structured(&revoked) }
}
