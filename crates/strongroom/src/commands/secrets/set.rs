//! `strongroom secrets set`.

use std::path::PathBuf;

use clap::Args;
use strongroom_model::SecretName;
use strongroom_secret::SecretValue;

use super::envfile;
use super::write::{Batch, Terms, checked_expiry};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::home::{Home, create_private};
use crate::output::has_person;
use crate::scope::ScopeArgs;
use crate::values::{self, StdinRules};

#[derive(Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    words: Words,
    /// Reads NAME=VALUE lines from a dotenv file; `-` is stdin
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// A description for people
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    description: Option<String>,
    /// When the value runs out: 30d, 1d12h, 2027-01-31T00:00:00Z, or never
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<String>,
    /// Writes only if the secret has this version now; 0 means no value yet
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
    /// Grants a name that steers a runtime or is published by front-end tools
    #[arg(long, value_name = "NAME")]
    allow_name: Vec<String>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    mode: ModeArgs,
}

/// NAME VALUE, NAME=VALUE …, or NAME.
#[derive(Args)]
pub(crate) struct Words {
    /// NAME, or NAME=VALUE; NAME=@FILE reads a file, NAME=- reads stdin
    #[arg(value_name = "NAME")]
    first: Option<String>,
    /// The value of NAME, taken literally; or another NAME=VALUE
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    second: Option<String>,
    /// More NAME=VALUE
    #[arg(value_name = "NAME=VALUE", hide = true)]
    more: Vec<String>,
}

#[derive(Args)]
pub(crate) struct InputArgs {
    /// Keeps the trailing newline of stdin
    #[arg(long)]
    raw: bool,
    /// Takes empty input for the empty value
    #[arg(long)]
    allow_empty: bool,
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
struct ModeArgs {
    /// Makes a value of 32 random bytes, printed nowhere
    #[arg(long)]
    generate: bool,
    /// Writes a version even if the value is the current one
    #[arg(long)]
    force: bool,
    /// Makes every warning about the file an error
    #[arg(long)]
    strict: bool,
    /// Shows the names to add, change and leave, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

impl InputArgs {
    pub(crate) fn rules(&self) -> StdinRules {
        StdinRules { raw: self.raw, allow_empty: self.allow_empty }
    }
}

pub(crate) fn run(context: &Context, args: SetArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let terms = Terms {
        description: args.description,
        expires: checked_expiry(args.expires.as_deref())?,
        if_version: args.if_version,
        force: args.mode.force,
        dry_run: args.mode.dry_run,
    };
    let mut batch = Batch::allowing(&args.allow_name);
    let was_typed = match (&args.env_file, args.words.is_empty()) {
        (Some(_), false) => {
            return Err(Failure::usage("values come from --env-file or from the command line; give one of them"));
        }
        (None, true) => {
            return Err(
                Failure::usage("there is nothing to set").hint("strongroom secrets set NAME   (asks for the value)")
            );
        }
        (Some(_), true) if args.mode.generate => {
            return Err(Failure::usage("--generate goes with one NAME, not with --env-file"));
        }
        (Some(path), true) => {
            envfile::add(context, &mut batch, path, args.mode.strict)?;
            false
        }
        (None, false) => args.words.add(context, &mut batch, &args.input, args.mode.generate)?,
    };
    if batch.is_empty() {
        return Err(Failure::usage("there is nothing to set: every name in the file was skipped"));
    }
    let exit = batch.write(context, &target, terms)?;
    if was_typed {
        advise_once(context);
    }
    Ok(exit)
}

/// One word of the command line, read.
enum Word<'a> {
    Pair { name: SecretName, value: &'a str },
    Bare,
    Wrong(String),
}

impl Words {
    fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn all(&self) -> Vec<&str> {
        let leading = [&self.first, &self.second];
        leading.into_iter().flatten().chain(&self.more).map(String::as_str).collect()
    }

    /// Adds every word to the batch. Gives back whether a value stood on the command line.
    pub(crate) fn add(
        &self,
        context: &Context,
        batch: &mut Batch,
        input: &InputArgs,
        generate: bool,
    ) -> Result<bool, Failure> {
        self.refuse_mistyped_option(context)?;
        let words = self.all();
        if let [name, value] = words.as_slice()
            && !name.contains('=')
        {
            return add_literal(batch, name, value, generate).map(|()| true);
        }
        if let [name] = words.as_slice()
            && !name.contains('=')
        {
            return add_asked(batch, name, input, generate).map(|()| false);
        }
        if generate {
            return Err(Failure::usage("--generate goes with one NAME alone"));
        }
        let mut reads_stdin = false;
        let mut was_typed = false;
        for (index, word) in words.iter().enumerate() {
            let place = format!("argument {}", index + 1);
            match read_word(word) {
                Word::Wrong(detail) => batch.problem(&place, detail),
                Word::Bare => batch.problem(
                    &place,
                    "there is no = in it; of several arguments, each is NAME=VALUE (quote a value with spaces)",
                ),
                Word::Pair { value: "-", .. } if reads_stdin => {
                    batch.problem(&place, "stdin can be the value of one name only");
                }
                Word::Pair { name, value: "-" } => {
                    reads_stdin = true;
                    let value = values::from_stdin(name.as_str(), input.rules())?;
                    batch.add(&place, name, value);
                }
                Word::Pair { name, value } => {
                    was_typed |= !value.starts_with('@');
                    match literal_or_file(context, value) {
                        Ok(value) => batch.add(&place, name, value),
                        Err(detail) => batch.problem(&place, format!("{name}: {detail}")),
                    }
                }
            }
        }
        Ok(was_typed)
    }

    /// A mistyped option in the value's place must not become the value.
    fn refuse_mistyped_option(&self, context: &Context) -> Result<(), Failure> {
        let looks_like_option = |word: &String| {
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            name.is_some_and(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
        };
        if !context.has_escape && self.second.as_ref().is_some_and(looks_like_option) {
            return Err(Failure::usage("there is an option that this command does not know")
                .hint("see --help; a value that begins with - is written NAME=VALUE, or after --"));
        }
        Ok(())
    }
}

fn read_word(word: &str) -> Word<'_> {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    match (name.parse::<SecretName>(), value) {
        (Ok(name), Some(value)) => Word::Pair { name, value },
        (Ok(_), None) => Word::Bare,
        (Err(error), _) => Word::Wrong(error.to_string()),
    }
}

fn add_literal(batch: &mut Batch, name: &str, value: &str, generate: bool) -> Result<(), Failure> {
    if generate {
        return Err(Failure::usage("--generate goes with one NAME alone, without a value"));
    }
    let name: SecretName = match name.parse() {
        Ok(name) => name,
        Err(error) => {
            batch.problem("argument 1", error);
            return Ok(());
        }
    };
    match SecretValue::new(value.to_owned()) {
        Ok(value) => batch.add("argument 1", name, value),
        Err(error) => batch.problem(name.as_str(), error),
    }
    Ok(())
}

fn add_asked(batch: &mut Batch, name: &str, input: &InputArgs, generate: bool) -> Result<(), Failure> {
    let name: SecretName = super::name(name)?;
    if let Some(risk) = name.risk()
        && !batch.grants(&name)
    {
        return Err(Failure::usage(risk.explain(&name)));
    }
    let value = if generate { values::generate() } else { values::prompt_or_stdin(name.as_str(), input.rules())? };
    batch.add(name.clone().as_str(), name, value);
    Ok(())
}

fn literal_or_file(context: &Context, text: &str) -> Result<SecretValue, String> {
    match text.strip_prefix('@') {
        Some(path) => values::from_file(&context.working_dir.join(path)).map_err(|detail| {
            format!("{detail} (a value that begins with @ takes the two-word form: strongroom secrets set NAME VALUE)")
        }),
        None => SecretValue::new(text.to_owned()).map_err(|error| error.to_string()),
    }
}

/// Says, once in the life of a data directory, how to keep values out of the shell's history and the process list.
pub(crate) fn advise_once(context: &Context) {
    if !has_person() || context.output.quiet {
        return;
    }
    let Ok(home) = Home::locate(context) else { return };
    let marker = home.path().join("strongroom.advised");
    if home.path().is_dir() && create_private(&marker, b"").is_ok_and(|is_first| is_first) {
        context.output.talk(
            "note: the value now stands in your shell's history and stood in the process list; \
             `strongroom secrets set NAME` asks for it instead (said once)",
        );
    }
}
