//! How log lines look.

use std::io::IsTerminal as _;

use strongroom_api::trail::LogItem;

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;

const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// All of a list.
pub(super) fn page(context: &Context, items: &[LogItem]) -> Result<Exit, Failure> {
    if !context.output.is_for_people() {
        return context.output.structured(&items).map(|()| Exit::DONE);
    }
    items.iter().try_for_each(|item| line(context, item))?;
    if items.is_empty() {
        context.output.talk("there are no such lines");
    }
    Ok(Exit::DONE)
}

/// One line of many: a JSON object a line for programs.
pub(super) fn line(context: &Context, item: &LogItem) -> Result<(), Failure> {
    if !context.output.is_for_people() {
        let line = serde_json::to_string(item).expect("wire types have text keys only");
        return output::line(&line);
    }
    let time = item.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let (place, message) = (place(item), printable(&item.message));
    if !(context.output.color && std::io::stdout().is_terminal()) {
        return output::line(&format!("{time}  {:<5}  {place}  {message}", item.level));
    }
    let color = match item.level.as_str() {
        "error" => "\u{1b}[31m",
        "warn" => "\u{1b}[33m",
        "debug" => DIM,
        _ => "\u{1b}[32m",
    };
    output::line(&format!("{DIM}{time}{PLAIN}  {color}{:<5}{PLAIN}  {DIM}{place}{PLAIN}  {message}", item.level))
}

/// Everything that is known of one line.
pub(super) fn whole(context: &Context, item: &LogItem) -> Result<Exit, Failure> {
    if !context.output.is_for_people() {
        return context.output.structured(item).map(|()| Exit::DONE);
    }
    let rows = [
        ("id", Some(item.id.to_string())),
        ("time", Some(item.at.to_string())),
        ("category", Some(item.category.clone())),
        ("level", Some(item.level.clone())),
        ("namespace", item.namespace.clone()),
        ("function", item.function.clone()),
        ("job", item.job.clone()),
        ("execution", item.execution.clone()),
        ("stream", item.stream.clone()),
        ("message", Some(printable(&item.message))),
    ];
    for (name, text) in rows {
        if let Some(text) = text {
            output::line(&format!("{name:<10} {text}"))?;
        }
    }
    Ok(Exit::DONE)
}

fn place(item: &LogItem) -> String {
    match (&item.namespace, item.function.as_ref().or(item.job.as_ref())) {
        (Some(namespace), Some(workload)) => format!("{namespace}/{workload}"),
        _ => item.category.clone(),
    }
}

/// What code has printed, without power over the terminal: further lines are indented, so that none looks like a line of
/// the log, and control characters are spelled out.
fn printable(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for character in message.chars() {
        match character {
            '\n' => text.push_str("\n    "),
            '\t' => text.push('\t'),
            _ if character.is_control() || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}".contains(character) => {
                text.extend(character.escape_default());
            }
            _ => text.push(character),
        }
    }
    text
}
