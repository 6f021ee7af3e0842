//! Errors of the command line's own grammar. What was typed may be a secret in the wrong place, so no word of it is
//! repeated: only names that the program itself knows.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::errors::Failure;

/// The failure that a clap error means, in words of ours.
pub(crate) fn failure(error: &clap::Error) -> Failure {
    let known = |kind| known_words(error, kind);
    let option = known(ContextKind::InvalidArg);
    let failure = match error.kind() {
        ErrorKind::InvalidSubcommand => Failure::usage("there is no such command"),
        ErrorKind::UnknownArgument => Failure::usage("there is an option or argument that this command does not know"),
        ErrorKind::MissingRequiredArgument => Failure::usage(format!("missing: {}", option.join(", "))),
        ErrorKind::ArgumentConflict => {
            let both = [option, known(ContextKind::PriorArg)].concat();
            Failure::usage(format!("these cannot be used together: {}", both.join(", ")))
        }
        ErrorKind::InvalidValue => {
            let accepted = known(ContextKind::ValidValue);
            let which = option.first().cloned().unwrap_or_else(|| "an option".to_owned());
            if accepted.is_empty() {
                Failure::usage(format!("{which} needs a value"))
            } else {
                Failure::usage(format!("{which} takes one of: {}", accepted.join(", ")))
            }
        }
        ErrorKind::ValueValidation => Failure::usage(format!("{} has a value that cannot be read", option.join(", "))),
        ErrorKind::TooManyValues => Failure::usage("there are more values than the command takes"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => {
            Failure::usage(format!("{} needs a value", option.join(", ")))
        }
        ErrorKind::InvalidUtf8 => Failure::usage("an argument is not UTF-8 text"),
        ErrorKind::MissingSubcommand => Failure::usage("a command is missing"),
        _ => Failure::usage("the command line cannot be read"),
    };
    failure.hint(hint(error))
}

fn hint(error: &clap::Error) -> String {
    let near =
        [known_words(error, ContextKind::SuggestedSubcommand), known_words(error, ContextKind::SuggestedArg)].concat();
    let command = elsewhere(error);
    match (command, near.last(), usage(error)) {
        (Some(command), ..) => command.to_owned(),
        (None, Some(word), _) => {
            format!("did you mean {word}? What you typed is not shown, since it could be a secret")
        }
        (None, None, Some(usage)) => format!("{usage}   (more with --help)"),
        (None, None, None) => "see --help".to_owned(),
    }
}

/// How the command is used, in the program's own words: `strongroom tokens create [OPTIONS] --name <NAME>`.
fn usage(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return None };
    let text = usage.to_string();
    let line = text.lines().next()?.trim();
    Some(line.strip_prefix("Usage:").unwrap_or(line).trim().to_owned())
}

/// Words that other programs, or people in a hurry, have for a command of ours.
const ELSEWHERE: &[(&str, &str)] = &[
    ("set", "strongroom secrets set NAME"),
    ("get", "strongroom secrets get NAME"),
    ("list", "strongroom secrets list"),
    ("ls", "strongroom secrets list"),
    ("delete", "strongroom secrets delete NAME"),
    ("rollback", "strongroom secrets rollback NAME VERSION"),
    ("import", "strongroom secrets import FILE"),
    ("export", "strongroom secrets export"),
    ("deploy", "strongroom functions deploy"),
    ("invoke", "strongroom functions invoke NAME"),
    ("app", "strongroom apps --help"),
    ("token", "strongroom tokens create --name NAME"),
    ("exec", "strongroom run -- COMMAND"),
    ("start", "strongroom server"),
    ("serve", "strongroom server"),
    ("help", "strongroom --help"),
    ("version", "strongroom --version"),
];

/// The command that is meant by a word which is no command, if the word is one of the table: it is then no secret.
fn elsewhere(error: &clap::Error) -> Option<&'static str> {
    let is_first_word = usage(error).is_some_and(|usage| usage.starts_with("strongroom [OPTIONS]"));
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let found = ELSEWHERE.iter().find(|(word, _)| is_first_word && word == typed);
    found.map(|(_, command)| *command)
}

/// Words from the program's own definitions. `InvalidArg` holds the user's word for unknown arguments: that one is
/// never asked for.
fn known_words(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    if kind == ContextKind::InvalidArg && error.kind() == ErrorKind::UnknownArgument {
        return Vec::new();
    }
    match error.get(kind) {
        Some(ContextValue::String(word)) => vec![word.clone()],
        Some(ContextValue::Strings(words)) => words.clone(),
        _ => Vec::new(),
    }
}
