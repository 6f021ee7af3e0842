//! `strongroom secret create`: registers names without values.

use clap::Args;
use strongroom_api::secrets::{Declaration, DeclareSecrets, Declared, WriteStatus};
use strongroom_model::SecretName;

use super::report;
use super::wait::{self, Waited};
use crate::context::Context;
use crate::errors::{Exit, Failure, at};
use crate::output;
use crate::scope::{ScopeArgs, Target};

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
struct FillingArgs {
    /// Prints a one-time address that a colleague without an account can fill in
    #[arg(long)]
    link: bool,
    /// Waits until all are filled in
    #[arg(long)]
    wait: bool,
}

pub(crate) fn run(context: &Context, args: &CreateArgs) -> Result<Exit, Failure> {
    if args.filling.link {
        return Err(Failure::failed("--link needs the web pages, which this version does not have yet")
            .hint("leave it out; with --wait the command waits until somebody has set the values"));
    }
    let target = scope(context, args)?.target()?;
    let secrets = declarations(&args.secret, &args.allow_name)?;
    let session = context.connect()?;
    session.name_place(context);
    let (scope, namespace, app) = target.parts();
    let allow_names = args.allow_name.clone();
    let body = DeclareSecrets { scope, namespace, app, secrets, force: args.force, allow_names };
    let declared = session.wait(session.project().declare_secrets(&body))?;
    report::notes(context, &declared.created, &[]);
    let nothing_listens = session.is_in_process();
    // waiting must not keep the store from those who are to fill it
    drop(session);
    if args.filling.wait {
        return print_and_wait(context, &body.secrets, &declared, &target, nothing_listens);
    }
    if !context.output.is_for_people() {
        let answer = serde_json::json!({ "results": declared.results, "url": declared.url });
        return context.output.structured(&answer).map(|()| Exit::DONE);
    }
    print(context, &body.secrets, &declared, &target, nothing_listens)?;
    Ok(Exit::DONE)
}

/// Says what to fill in, waits until it is, and prints the names.
fn print_and_wait(
    context: &Context,
    asked: &[Declaration],
    declared: &Declared,
    target: &Target,
    nothing_listens: bool,
) -> Result<Exit, Failure> {
    if context.output.is_for_people() {
        print(context, asked, declared, target, nothing_listens)?;
    } else if let Some(url) = &declared.url {
        output::say(&format!("fill in: {url}"));
    }
    let names: Vec<_> = asked.iter().map(|declaration| declaration.name.clone()).collect();
    if wait::until_filled(context, target, &names)? == Waited::Interrupted {
        context.output.talk("stopped waiting; the names stay declared");
        return Ok(Exit(130));
    }
    if context.output.is_for_people() {
        names.iter().try_for_each(|name| output::line(name))?;
    } else {
        let answer = serde_json::json!({ "results": declared.results, "url": declared.url, "filled": names });
        context.output.structured(&answer)?;
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

fn print(
    context: &Context,
    asked: &[Declaration],
    declared: &Declared,
    target: &Target,
    nothing_listens: bool,
) -> Result<(), Failure> {
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
    for result in &new {
        let command = format!("strongroom secrets set {}{}", result.name, target.options());
        if declared.url.is_none() || nothing_listens {
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
