//! `strongroom trusts`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;
use strongroom_api::trusts::AddTrust;

use super::grants::{GrantArgs, usual};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::words::ago;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lets a platform's workloads sign in with the platform's own tokens
    Add(Box<AddArgs>),
    /// Lists the platforms that the project trusts
    #[command(visible_alias = "ls")]
    List,
    /// Trusts a platform no longer, and revokes what its workloads got, at once
    #[command(visible_alias = "rm")]
    Delete(NameArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// A name, which workloads give when they sign in
    #[arg(value_name = "NAME")]
    name: String,
    /// A platform that is known: github, gitlab or kubernetes
    #[arg(long, value_name = "PLATFORM")]
    preset: Option<String>,
    /// The issuer, as it stands in the `iss` of the tokens; the preset's unless given
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What must stand in the `aud` of the tokens: this server's address is a good choice
    #[arg(long, value_name = "TEXT")]
    audience: String,
    /// A claim that the tokens must have, exactly: NAME=TEXT, or NAME:=7 and NAME:=true for what is no text; may be given
    /// several times
    #[arg(long = "claim", value_name = "NAME=VALUE", required = true)]
    claims: Vec<String>,
    /// Where the issuer publishes its keys; found out from the issuer unless given
    #[arg(long, value_name = "URL", conflicts_with = "jwks_file")]
    jwks_url: Option<String>,
    /// A file with the issuer's public keys, where the server cannot fetch them
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
    #[command(flatten)]
    grant: GrantArgs,
    /// How long a sign-in lasts: 1m to 12h [default: 15m]
    #[arg(long, value_name = "TIME")]
    lasts: Option<String>,
}

#[derive(Args)]
pub(crate) struct NameArgs {
    /// The name, as `trusts list` shows it
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(args) => add(context, *args)?,
        Command::List => list(context)?,
        Command::Delete(args) => {
            let session = context.connect()?;
            session.name_place(context);
            let gone = session.wait(session.project().delete_trust(&args.name))?;
            context
                .output
                .answer(&gone, &format!("✔ No longer trusted: {}; its workloads are signed out", gone.name))?;
        }
    }
    Ok(Exit::DONE)
}

fn add(context: &Context, args: AddArgs) -> Result<(), Failure> {
    let claims = claims(&args.claims)?;
    let jwks = args.jwks_file.as_ref().map(|file| {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("the keys in {shown} cannot be read")).because(&error))?;
        serde_json::from_str(&text).map_err(|_| Failure::usage(format!("{shown} is no JSON Web Key Set")))
    });
    let asked = args.grant.asked()?;
    let capabilities = if asked.is_empty() { usual() } else { asked.to_vec() };
    let body = AddTrust {
        name: args.name,
        preset: args.preset,
        issuer: args.issuer,
        audience: args.audience,
        jwks_url: args.jwks_url,
        jwks: jwks.transpose()?,
        claims,
        capabilities,
        namespaces: args.grant.namespace,
        app: args.grant.app,
        names: args.grant.secrets,
        from: args.grant.from,
        lasts: args.lasts,
    };
    let session = context.connect()?;
    session.name_place(context);
    let added = session.wait(session.project().add_trust(&body))?;
    for warning in &added.warnings {
        context.output.talk(&format!("warning: {warning}"));
    }
    let item = &added.item;
    context.output.answer(&added, &format!("✔ Trusted: {} ({})", item.name, item.issuer))?;
    let minutes = item.lasts_seconds / 60;
    context
        .output
        .talk(&format!("its workloads may: {}; for {minutes} minutes a sign-in", item.capabilities.join(", ")));
    context.output.talk(&format!("they sign in with: strongroom login --trust {} --jwt-file FILE", item.name));
    Ok(())
}

/// Claims as they are typed.
fn claims(typed: &[String]) -> Result<BTreeMap<String, Value>, Failure> {
    let mut claims = BTreeMap::new();
    for one in typed {
        let wrong = || {
            Failure::usage("--claim is NAME=TEXT, or NAME:=VALUE for a number, true or false")
                .hint("--claim repository=acme/shop")
        };
        let (name, text) = one.split_once('=').ok_or_else(wrong)?;
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => (name, serde_json::from_str(text).map_err(|_| wrong())?),
            None => (name, Value::String(text.to_owned())),
        };
        if name.is_empty() {
            return Err(wrong());
        }
        if claims.insert(name.to_owned(), value).is_some() {
            return Err(Failure::usage(format!("--claim {name} is given twice; a claim has one value")));
        }
    }
    Ok(claims)
}

fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect()?;
    let trusts = session.wait(session.project().trusts())?;
    if !context.output.is_for_people() {
        return context.output.structured(&trusts);
    }
    let now = (context.now)();
    let rows = trusts.iter().map(|item| {
        let claim = |(name, value): (&String, &Value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}:={other}"),
        };
        let claims: Vec<_> = item.claims.iter().map(claim).collect();
        [
            item.name.clone(),
            item.state.clone(),
            item.issuer.clone(),
            claims.join(" "),
            item.capabilities.join(","),
            if item.namespaces.is_empty() { "all".to_owned() } else { item.namespaces.join(",") },
            ago(now, item.created_at),
        ]
    });
    let none = "this project trusts no platform; see: strongroom trusts add --help";
    context.output.table(["NAME", "STATE", "ISSUER", "CLAIMS", "MAY", "NAMESPACES", "ADDED"], rows.collect(), none)
}
