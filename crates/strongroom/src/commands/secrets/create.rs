//! `strongroom secret create`: registers names without values.

use clap::Args;
use serde::Serialize;
use strongroom_api::links::{CreateLink, CreatedLink, LinkItem};
use strongroom_api::secrets::{Declaration, DeclareSecrets, Declared, WriteResult, WriteStatus};
use strongroom_model::SecretName;

use super::report;
use super::wait::{self, Waited};
use super::write::checked_expiry;
use crate::context::Context;
use crate::errors::{Exit, Failure, at};
use crate::output;
use crate::scope::{ScopeArgs, Target};
use crate::words::expiry;

#[derive(Args)]
pub(crate) struct CreateArgs {
    /// A name, or NAME:description; may be given several times
    #[arg(long, value_name = "NAME:DESCRIPTION", required = true, allow_hyphen_values = true)]
    secret: Vec<String>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// The old name of --app
    #[arg(long, value_name = "ID", hide = true)]
    feature: Option<String>,
    /// Grants a name that steers a runtime or is published by front-end tools
    #[arg(long, value_name = "NAME")]
    allow_name: Vec<String>,
    /// Declares also over a name that resolves from a wider scope now
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    filling: FillingArgs,
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
struct FillingArgs {
    /// Prints a one-time address that a colleague without an account can fill in
    #[arg(long)]
    link: bool,
    /// Lets the link also replace values that are there
    #[arg(long, requires = "link")]
    replace: bool,
    /// When the link runs out: 12h, 7d, 2027-01-31T00:00:00Z; 72h unless given, at most 30d
    #[arg(long, value_name = "WHEN", requires = "link", allow_hyphen_values = true)]
    expires: Option<String>,
    /// Waits until all are filled in
    #[arg(long)]
    wait: bool,
}

/// What was registered, and the link for it if one was asked for.
struct Asked {
    declared: Declared,
    link: Option<LinkItem>,
    /// Whether nobody can open the printed address yet.
    nothing_listens: bool,
}

pub(crate) fn run(context: &Context, args: &CreateArgs) -> Result<Exit, Failure> {
    let target = scope(context, args)?.target()?;
    let secrets = declarations(&args.secret, &args.allow_name)?;
    let expires = checked_expiry(args.filling.expires.as_deref())?;
    let session = context.connect()?;
    session.name_place(context);
    let (scope, namespace, app) = target.parts();
    let (allow_names, force, asked) = (args.allow_name.clone(), args.force, secrets.clone());
    let nothing_listens = session.is_in_process();
    let asked_for = if args.filling.link {
        let replace = args.filling.replace;
        let body = CreateLink { scope, namespace, app, secrets, replace, expires_at: expires, force, allow_names };
        let made = session.wait(session.project().create_link(&body))?;
        let CreatedLink { url, results, created, link } = made;
        Asked { declared: Declared { results, url: Some(url), created }, link: Some(link), nothing_listens }
    } else {
        let body = DeclareSecrets { scope, namespace, app, secrets, force, allow_names };
        let declared = session.wait(session.project().declare_secrets(&body))?;
        Asked { declared, link: None, nothing_listens }
    };
    report::notes(context, &asked_for.declared.created, &[]);
    // waiting must not keep the store from those who are to fill it
    drop(session);
    if args.filling.wait {
        return print_and_wait(context, &asked, &asked_for, &target);
    }
    if !context.output.is_for_people() {
        return context.output.structured(&answer(&asked_for, None)).map(|()| Exit::DONE);
    }
    print(context, &asked, &asked_for, &target)?;
    Ok(Exit::DONE)
}

/// The answer as programs read it.
#[derive(Serialize)]
struct Answer<'a> {
    results: &'a [WriteResult],
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a LinkItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filled: Option<&'a [String]>,
}

fn answer<'a>(asked_for: &'a Asked, filled: Option<&'a [String]>) -> Answer<'a> {
    let Declared { results, url, .. } = &asked_for.declared;
    Answer { results, url: url.as_deref(), link: asked_for.link.as_ref(), filled }
}

/// Says what to fill in, waits until it is, and prints the names.
fn print_and_wait(
    context: &Context,
    asked: &[Declaration],
    asked_for: &Asked,
    target: &Target,
) -> Result<Exit, Failure> {
    if context.output.is_for_people() {
        print(context, asked, asked_for, target)?;
    } else if let Some(url) = &asked_for.declared.url {
        output::say(&format!("fill in: {url}"));
    }
    let names: Vec<_> = asked.iter().map(|declaration| declaration.name.clone()).collect();
    // where values are replaced, that there are some says nothing
    let link = asked_for.link.as_ref().filter(|link| link.replace).map(|link| link.id.as_str());
    if wait::until_filled(context, target, &names, link)? == Waited::Interrupted {
        context.output.talk("stopped waiting; the names stay declared");
        return Ok(Exit(130));
    }
    if context.output.is_for_people() {
        names.iter().try_for_each(|name| output::line(name))?;
    } else {
        context.output.structured(&answer(asked_for, Some(&names)))?;
    }
    Ok(Exit::DONE)
}

fn scope(context: &Context, args: &CreateArgs) -> Result<ScopeArgs, Failure> {
    let Some(feature) = &args.feature else { return Ok(args.scope.clone()) };
    context.output.talk("warning: --feature is the old name of --app; use --app");
    match &args.scope.app {
        Some(app) if app != feature => Err(Failure::usage("--feature and --app name different apps")),
        _ => Ok(ScopeArgs { app: Some(feature.clone()), ..args.scope.clone() }),
    }
}

/// Reads `KEY:description`; the first colon separates. All problems at once.
fn declarations(words: &[String], allowed: &[String]) -> Result<Vec<Declaration>, Failure> {
    let mut declarations: Vec<Declaration> = Vec::new();
    let mut problems = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let place = format!("--secret number {}", index + 1);
        let (name, description) =
            word.split_once(':').map_or((word.as_str(), ""), |(name, description)| (name, description));
        let parsed: Result<SecretName, _> = name.trim().parse();
        match parsed {
            Err(error) => problems.push(at(place, error)),
            Ok(name) if declarations.iter().any(|known| known.name == name.as_str()) => {
                problems.push(at(place, format!("{name} is given twice")));
            }
            Ok(name) => {
                let granted = allowed.iter().any(|allowed| allowed == name.as_str());
                if let Some(risk) = name.risk().filter(|_| !granted) {
                    problems.push(at(place, risk.explain(&name)));
                }
                let description = Some(description.trim().to_owned()).filter(|text| !text.is_empty());
                declarations.push(Declaration { name: name.into(), description });
            }
        }
    }
    match problems.as_slice() {
        [] => Ok(declarations),
        [only] => Err(Failure::usage(format!("nothing was created: {}: {}", only.at, only.detail))),
        several => {
            let number = several.len();
            Err(Failure::usage(format!("nothing was created: {number} entries are wrong")).each(problems))
        }
    }
}

fn print(context: &Context, asked: &[Declaration], asked_for: &Asked, target: &Target) -> Result<(), Failure> {
    let Asked { declared, link, nothing_listens } = asked_for;
    let out = &context.output;
    let (old, new): (Vec<_>, Vec<_>) =
        declared.results.iter().partition(|result| result.status != WriteStatus::Declared);
    let description = |name: &str| {
        let found = asked.iter().find(|declaration| declaration.name == name);
        found.and_then(|declaration| declaration.description.as_deref())
    };
    if !new.is_empty() {
        out.done(&format!("✔ Created {} secret(s):", new.len()))?;
    }
    for result in &new {
        out.done(&match description(&result.name) {
            Some(text) => format!("• {} — {text}", result.name),
            None => format!("• {}", result.name),
        })?;
    }
    for result in &old {
        out.done(&report::line(result))?;
    }
    if let Some(url) = &declared.url {
        output::line(url)?;
    }
    if let Some(link) = link {
        let until = expiry((context.now)(), link.expires_at);
        out.talk(&format!(
            "this address works once and runs out {until}; whoever has it can fill in, and read nothing"
        ));
        if *nothing_listens {
            out.talk("nothing answers there now: start `strongroom server`");
        }
        return Ok(());
    }
    for result in &new {
        let command = format!("strongroom secrets set {}{}", result.name, target.options());
        if declared.url.is_none() || *nothing_listens {
            out.done(&command)?;
        } else {
            out.talk(&command);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Vec<(String, Option<String>)>, String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let pairs = |all: Vec<Declaration>| all.into_iter().map(|one| (one.name, one.description)).collect();
        declarations(&words, &[]).map(pairs).map_err(|failure| failure.text())
    }

    #[test]
    fn the_first_colon_separates_and_both_halves_are_trimmed() {
        let read = read(&["A", "B:", " C : see https://x:1 ", "D:  "]).expect("legal");
        let expected = [("A", None), ("B", None), ("C", Some("see https://x:1")), ("D", None)];
        let expected: Vec<_> = expected.map(|(name, text)| (name.to_owned(), text.map(str::to_owned))).into();
        assert_eq!(read, expected);
    }

    #[test]
    fn empty_double_and_wrong_names_are_refused_together() {
        let refused = read(&[":text", "A", "A:again", "B-C:canary", "PATH"]).expect_err("four problems");
        assert!(refused.contains("4 entries are wrong"), "{refused}");
        assert!(refused.contains("--secret number 3: A is given twice"), "{refused}");
        assert!(!refused.contains("canary") && !refused.contains("B-C"), "{refused}");
    }
}
