//! `strongroom settings secrets`: set, list, get, delete.

use clap::{Args, Subcommand};
use strongroom_api::Plaintext;
use strongroom_api::secrets::{UpdateSecret, WriteResult, WriteStatus, Written};
use strongroom_client::User;
use strongroom_model::{ScopeKind, SecretName, UserId};
use strongroom_secret::SecretValue;

use crate::commands::secrets::delete::{AskingArgs, Tally, checked, confirm};
use crate::commands::secrets::report::{self, Change};
use crate::commands::secrets::set::{InputArgs, advise_once};
use crate::commands::secrets::write::checked_expiry;
use crate::commands::secrets::{get, list};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::session::Session;
use crate::values;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sets one: NAME VALUE, NAME=VALUE, or NAME alone (prompt or stdin)
    Set(SetArgs),
    /// Lists names, never values
    #[command(visible_alias = "ls")]
    List(UserArgs),
    /// Shows metadata, never the value
    Get(GetArgs),
    /// Deletes some
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
}

#[derive(Args)]
pub(crate) struct UserArgs {
    /// An end user's id; without it, the system's secrets
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// That user's issuer; needed only where the project trusts several
    #[arg(long, value_name = "URL", requires = "user")]
    issuer: Option<String>,
}

#[derive(Args)]
pub(crate) struct SetArgs {
    /// NAME, or NAME=VALUE; NAME=- reads stdin
    #[arg(value_name = "NAME")]
    first: String,
    /// The value of NAME, taken literally
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    second: Option<String>,
    #[command(flatten)]
    user: UserArgs,
    /// A description for people
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    description: Option<String>,
    /// When the value runs out: 30d, 1d12h, 2027-01-31T00:00:00Z, or never
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<String>,
    /// Makes a value of 32 random bytes, printed nowhere
    #[arg(long)]
    generate: bool,
    #[command(flatten)]
    input: InputArgs,
}

#[derive(Args)]
pub(crate) struct GetArgs {
    /// The secret's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    user: UserArgs,
}

#[derive(Args)]
pub(crate) struct DeleteArgs {
    /// The secrets' names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    user: UserArgs,
    #[command(flatten)]
    asking: AskingArgs,
}

impl UserArgs {
    fn checked(&self) -> Result<Option<User<'_>>, Failure> {
        let Some(user) = &self.user else { return Ok(None) };
        let parsed: Result<UserId, _> = user.parse();
        parsed.map_err(|error| Failure::usage(format!("--user: {error}")))?;
        Ok(Some(User { id: user, issuer: self.issuer.as_deref() }))
    }

    fn kind(&self) -> ScopeKind {
        if self.user.is_some() { ScopeKind::User } else { ScopeKind::System }
    }
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Set(args) => set(context, args),
        Command::List(args) => {
            let session = context.connect()?;
            let items = session.wait(session.project().settings_secrets(args.checked()?))?;
            list::print(context, &items, "there are no settings secrets here yet")
        }
        Command::Get(args) => {
            let name = name(&args.name)?;
            let session = context.connect()?;
            let detail = session.wait(session.project().settings_secret(name.as_str(), args.user.checked()?))?;
            get::print(context, &detail)
        }
        Command::Delete(args) => delete(context, &args),
    }
}

fn name(text: &str) -> Result<SecretName, Failure> {
    text.parse().map_err(|error: strongroom_model::name::NameError| Failure::usage(error.to_string()))
}

fn set(context: &Context, args: SetArgs) -> Result<Exit, Failure> {
    let (name, value, was_typed) = value(context, &args)?;
    let body = UpdateSecret {
        value: Some(Plaintext(value)),
        description: args.description.map(Some),
        expires_at: checked_expiry(args.expires.as_deref())?.map(Some),
        ..UpdateSecret::default()
    };
    let user = args.user.checked()?;
    let session = context.connect()?;
    session.name_place(context);
    let written: Written = session.wait(session.project().set_settings_secret(name.as_str(), user, &body))?;
    let exit = report::written(context, &written, Change::Value)?;
    if was_typed {
        advise_once(context);
    }
    Ok(exit)
}

fn value(context: &Context, args: &SetArgs) -> Result<(SecretName, SecretValue, bool), Failure> {
    let pair = args.first.split_once('=');
    let checked = |text: &str| SecretValue::new(text.to_owned()).map_err(|error| Failure::usage(error.to_string()));
    match (pair, &args.second) {
        (Some(_), Some(_)) => Err(Failure::usage("settings secrets are set one at a time: NAME VALUE or NAME=VALUE")),
        (Some(_), None) | (None, Some(_)) if args.generate => {
            Err(Failure::usage("--generate goes with one NAME alone, without a value"))
        }
        (None, Some(value)) => {
            let is_option = value.trim_start_matches('-').starts_with(|first: char| first.is_ascii_alphabetic());
            if value.starts_with('-') && is_option && !context.has_escape {
                return Err(Failure::usage("there is an option that this command does not know")
                    .hint("see --help; a value that begins with - is written NAME=VALUE, or after --"));
            }
            Ok((name(&args.first)?, checked(value)?, true))
        }
        (Some((first, "-")), None) => {
            let name = name(first)?;
            let value = values::from_stdin(name.as_str(), args.input.rules())?;
            Ok((name, value, false))
        }
        (Some((first, value)), None) => {
            let name = name(first)?;
            let Some(path) = value.strip_prefix('@') else { return Ok((name, checked(value)?, true)) };
            let value = values::from_file(&context.working_dir.join(path)).map_err(Failure::usage)?;
            Ok((name, value, false))
        }
        (None, None) => {
            let name = name(&args.first)?;
            let value = if args.generate {
                values::generate()
            } else {
                values::prompt_or_stdin(name.as_str(), args.input.rules())?
            };
            Ok((name, value, false))
        }
    }
}

fn delete(context: &Context, args: &DeleteArgs) -> Result<Exit, Failure> {
    let names = checked(&args.names)?;
    let user = args.user.checked()?;
    let place =
        user.map_or_else(|| "the system's secrets".to_owned(), |user| format!("the secrets of user {}", user.id));
    confirm(context, &names, &place, args.asking.yes)?;
    let session: Session = context.connect()?;
    session.name_place(context);
    let mut tally = Tally::default();
    for name in &names {
        let answer = session.wait(session.project().delete_settings_secret(name.as_str(), user));
        let missing = || WriteResult {
            name: name.to_string(),
            scope: args.user.kind(),
            namespace: None,
            app: None,
            version: None,
            status: WriteStatus::Missing,
            now_resolves_to: None,
        };
        tally.add(name, answer, missing, Failure::from);
    }
    tally.report(context, args.asking.if_exists)
}
