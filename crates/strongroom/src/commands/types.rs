//! `strongroom types`: the project's names as TypeScript, for editors and type checks. One file, and nothing to install.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use strongroom_api::Code;
use strongroom_api::secrets::SecretItem;
use strongroom_client::{ClientError, SecretFilter, Selector};
use strongroom_model::{ScopeKind, text};

use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::Session;
use crate::words::count;

/// The package's own types, which stand in every file.
const PACKAGE_TYPES: &str = include_str!("../../../../sdk/mod.d.ts");
const FILE_NAME: &str = "strongroom.d.ts";
/// How every file begins that this command has written; nothing else is overwritten.
const FIRST_LINE: &str = "// Written by `strongroom types`; do not edit. Names and descriptions, never a value.";

#[derive(Args)]
pub(crate) struct TypesArgs {
    /// The namespace whose names are written; else the one in strongroom.json, else `default`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Where the types go; else strongroom.d.ts beside strongroom.json; `-` prints them
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes nothing; exits 1 if the file is out of date
    #[arg(long)]
    check: bool,
}

/// Names with their descriptions, in order.
type Names = BTreeMap<String, Option<String>>;

pub(crate) fn run(context: &Context, args: &TypesArgs) -> Result<Exit, Failure> {
    let namespace = config::workload_namespace(context, args.namespace.as_deref())?;
    let names = names(context, &context.connect()?, &namespace)?;
    let wanted = document(&names);
    if args.out.as_deref().is_some_and(|out| out.as_os_str() == "-") {
        return output::bytes(wanted.as_bytes()).map(|()| Exit::DONE);
    }
    let path = path(context, args)?;
    let known = read(&path)?;
    let shown = path.strip_prefix(&context.working_dir).unwrap_or(&path).display().to_string();
    let answer = |status: &str| serde_json::json!({ "file": shown, "status": status, "names": names.keys().collect::<Vec<_>>() });
    let count = count(names.len().try_into().unwrap_or(u64::MAX), "name");
    if known.as_deref() == Some(wanted.as_str()) {
        let line = format!("• Unchanged: {shown} ({count})");
        return context.output.answer(&answer("unchanged"), &line).map(|()| Exit::DONE);
    }
    if args.check {
        let what = if known.is_some() { "is out of date" } else { "is not there" };
        return Err(Failure::failed(format!("{shown} {what}")).hint("strongroom types"));
    }
    std::fs::write(&path, &wanted)
        .map_err(|error| Failure::failed(format!("{shown} cannot be written")).because(&error))?;
    context.output.answer(&answer("written"), &format!("✔ Types written: {shown} ({count})"))?;
    if known.is_none() {
        context.output.talk("TypeScript finds the file in the project's folder; for Deno, deno.json needs");
        context.output.talk(&format!("  \"compilerOptions\": {{ \"types\": [\"./{FILE_NAME}\"] }}"));
    }
    Ok(Exit::DONE)
}

/// Everything that code in this namespace may ask for: global, the namespace's, its apps', the system's, and the names
/// under which strongroom.json hands secrets out.
fn names(context: &Context, session: &Session, namespace: &str) -> Result<Names, Failure> {
    let mut items = session.wait(session.project().secrets(SecretFilter::default()))?;
    let system = Selector { scope: Some("system"), ..Selector::default() };
    match session.wait(session.project().secrets(SecretFilter { within: system, ..SecretFilter::default() })) {
        Ok(found) => items.extend(found),
        // a token that is limited to namespaces does not see these
        Err(ClientError::Problem(problem)) if problem.code == Code::Forbidden => {}
        Err(error) => return Err(error.into()),
    }
    items.retain(|item| item.namespace.as_deref().is_none_or(|own| own == namespace));
    // the widest first, so that what is said nearest to the workload is what stands
    items.sort_by_key(|item| (item.scope != ScopeKind::System, item.namespace.is_some(), item.app.clone()));
    let mut names = Names::new();
    for SecretItem { name, description, .. } in items {
        let known = names.entry(name).or_default();
        *known = description.or(known.take());
    }
    let file = context.project_file()?.map(|file| &file.content);
    for reference in file.into_iter().flat_map(strongroom_project::Project::listed) {
        let described = names.get(reference.name.as_str()).cloned().flatten();
        names.entry(reference.target().as_str().to_owned()).or_insert(described);
    }
    Ok(names)
}

fn path(context: &Context, args: &TypesArgs) -> Result<PathBuf, Failure> {
    if let Some(out) = &args.out {
        return Ok(context.working_dir.join(out));
    }
    let folder = context.project_file()?.and_then(|file| file.path.parent()).unwrap_or(&context.working_dir);
    Ok(folder.join(FILE_NAME))
}

/// What stands there now. Refuses a file that this command has not written.
fn read(path: &std::path::Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.starts_with(FIRST_LINE) => Ok(Some(text)),
        Ok(_) => {
            Err(Failure::failed(format!("{} was not written by this command, and stays as it is", path.display()))
                .hint("name another file with --out, or remove it"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::failed(format!("{} cannot be read", path.display())).because(&error)),
    }
}

fn document(names: &Names) -> String {
    let mut text = format!(
        "{FIRST_LINE}\n/* eslint-disable */\n// deno-lint-ignore-file\n\ndeclare module \"@strongroom/functions\" {{\n  export interface SecretNames {{\n"
    );
    for (name, description) in names {
        if let Some(description) = description {
            writeln!(text, "    /** {} */", comment(description)).expect("writing to a String cannot fail");
        }
        writeln!(text, "    {name}: string;").expect("writing to a String cannot fail");
    }
    text.push_str("  }\n}\n\n");
    text.push_str(GLOBALS);
    text.push_str("declare module \"@strongroom/functions\" {\n");
    for line in PACKAGE_TYPES.lines() {
        text.push_str(if line.is_empty() { "" } else { "  " });
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("}\n");
    text
}

/// What stands in scope without an import. `process.env` is `undefined` where nothing gives a value.
const GLOBALS: &str = "\
declare namespace NodeJS {
  interface ProcessEnv extends Partial<import(\"@strongroom/functions\").SecretNames> {}
}

/** Reads secrets. */
declare var secrets: import(\"@strongroom/functions\").Secrets;
declare var SecretNotFoundError: typeof import(\"@strongroom/functions\").SecretNotFoundError;
declare var SecretExpiredError: typeof import(\"@strongroom/functions\").SecretExpiredError;
declare var SecretWithoutValueError: typeof import(\"@strongroom/functions\").SecretWithoutValueError;

";

/// A description as the text of a comment: one line, and nothing in it ends the comment, is a tag, a link or markup.
fn comment(description: &str) -> String {
    let line = text::inert(&description.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut safe = String::with_capacity(line.len());
    for letter in line.chars() {
        if "&<>@*[]`\\!_".contains(letter) {
            write!(safe, "&#{};", u32::from(letter)).expect("writing to a String cannot fail");
        } else {
            safe.push(letter);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_cannot_leave_its_comment() {
        for (description, safe) in [
            ("Stripe key: live (EU)", "Stripe key: live (EU)"),
            ("*/ evil(); /*", "&#42;/ evil(); /&#42;"),
            ("@deprecated {@link x}", "&#64;deprecated {&#64;link x}"),
            ("[click](command:x) <b>`x`", "&#91;click&#93;(command:x) &#60;b&#62;&#96;x&#96;"),
            ("two\nlines\u{2028}three\u{202e}", "two lines three&#92;u{202e}"),
        ] {
            assert_eq!(comment(description), safe);
        }
    }

    #[test]
    fn the_same_names_make_the_same_file() {
        let names = Names::from([("B".to_owned(), None), ("A".to_owned(), Some("first".to_owned()))]);
        let text = document(&names);
        assert!(text.contains("    /** first */\n    A: string;\n    B: string;\n"), "{text}");
        assert_eq!(document(&names), text);
    }
}
