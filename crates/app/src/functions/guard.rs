//! What keeps secrets out of bundles, and what a deploy warns of.

use std::collections::BTreeSet;

use strongroom_model::manifest::SecretRef;
use strongroom_model::{Capability, SecretName};
use strongroom_runtime::leaks::Leaks;
use strongroom_runtime::patterns;
use strongroom_secret::SecretValue;

use super::entry::{Entry, References};
use crate::caller::Caller;
use crate::error::{Error, Fault};
use crate::open::App;
use crate::resolve::{Answer, Question};

/// Refuses names of rules that are none.
pub(crate) fn require_rules(rules: &[String]) -> Result<(), Error> {
    let unknown = rules.iter().filter(|rule| !patterns::is_rule(rule));
    let faults: Vec<_> =
        unknown.map(|rule| Fault::new("allow_patterns", format!("there is no rule {rule:?}"))).collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// Refuses code that contains a value it would be handed (what it resolves, what the server's environment puts in its
/// place, and the system's secrets), or anything that has the shape of a known key and is not `allowed`.
pub(crate) async fn refuse_leaks(
    app: &App,
    caller: &Caller,
    entry: &Entry,
    (answer, bundle): (&Answer, &str),
    allowed: &[String],
) -> Result<(), Error> {
    let mut handed = app.handed(entry, answer).await?;
    // what stands in for a missing value stands in the configuration, and is no secret
    let list = entry.manifest.workload().secrets.as_deref().unwrap_or_default();
    handed.retain(|(name, value)| {
        let listed = list.iter().find(|listed| listed.target().as_str() == name);
        listed.and_then(|listed| listed.default.as_deref()) != Some(value.expose())
    });
    let may_list = caller.holds(Capability::SecretsList);
    let (bundle, allowed) = (bundle.to_owned(), allowed.to_vec());
    // a large bundle takes a moment
    let faults = tokio::task::spawn_blocking(move || faults(handed, may_list, &bundle, &allowed)).await;
    match faults.map_err(|_| Error::Unavailable("the bundle could not be read through".to_owned()))? {
        faults if faults.is_empty() => Ok(()),
        faults => Err(Error::Invalid(faults)),
    }
}

fn faults(handed: Vec<(String, SecretValue)>, may_list: bool, bundle: &str, allowed: &[String]) -> Vec<Fault> {
    let bytes = bundle.as_bytes();
    let leaks = Leaks::new(handed);
    let values = leaks.find(bytes);
    let mut faults: Vec<_> = values
        .iter()
        .map(|(name, range)| {
            let place = place(bundle, range.start);
            if may_list {
                let detail = format!(
                    "the bundle contains the value of {name} ({place}); read it with secrets.get(\"{name}\") instead"
                );
                Fault::new(*name, detail)
            } else {
                let detail =
                    format!("the bundle contains the value of a secret ({place}); read it with secrets.get instead");
                Fault::new("bundle", detail)
            }
        })
        .collect();
    let keys = patterns::find(bytes).into_iter().filter(|key| !allowed.iter().any(|rule| rule == key.rule));
    let stored = |at: usize| values.iter().any(|(_, range)| range.contains(&at));
    for key in keys.filter(|key| !stored(key.start)) {
        let (rule, place) = (key.rule, place(bundle, key.start));
        let detail = format!(
            "the bundle contains a key ({rule}, {place}); keep it with `strongroom secrets set NAME` and read it with secrets.get, or, if it is none, deploy with --allow-pattern {rule}"
        );
        faults.push(Fault::new("bundle", detail));
    }
    faults
}

/// The file that the bundler says a line comes from, and the line of the bundle.
fn place(bundle: &str, at: usize) -> String {
    let before = bundle.get(..at).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    match before.lines().rev().find_map(named_file) {
        Some(file) => format!("{file}, line {line} of the bundle"),
        None => format!("line {line} of the bundle"),
    }
}

/// The file of a comment such as `// src/main.ts`, which bundlers write before what comes from it.
fn named_file(line: &str) -> Option<&str> {
    let file = line.strip_prefix("// ")?.trim_end();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-@+~".contains(&byte);
    let is_code = [".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json", ".txt"];
    let name = file.rsplit('/').next().unwrap_or(file);
    let is_file = file.len() <= 200 && file.bytes().all(plain) && is_code.iter().any(|ending| name.ends_with(ending));
    is_file.then_some(file)
}

/// What is odd between the list of a workload and what its code reads.
pub(crate) async fn warnings(app: &App, entry: &Entry, references: &References) -> Result<Vec<String>, Error> {
    let Some(list) = &entry.manifest.workload().secrets else { return Ok(Vec::new()) };
    let question = Question { namespace: entry.namespace.clone(), app: None, names: None };
    let stored = app.look_up_ahead(&entry.project, &question).await?;
    let stored: BTreeSet<_> = stored.outcomes.into_iter().map(|(name, _)| name).collect();
    Ok(odd(entry, list, references, &stored))
}

fn odd(entry: &Entry, list: &[SecretRef], references: &References, stored: &BTreeSet<SecretName>) -> Vec<String> {
    let manifest = entry.manifest.workload();
    let reads = references.secrets(&entry.manifest);
    let is_listed = |name: &str| list.iter().any(|listed| listed.target().as_str() == name);
    let mut warnings = Vec::new();
    let unlisted: BTreeSet<_> = reads
        .iter()
        .filter(|(name, via)| {
            // the environment has much that is no secret
            let is_secret = *via == "helper" || name.parse().is_ok_and(|name: SecretName| stored.contains(&name));
            is_secret && !is_listed(name) && !manifest.env.contains_key(name)
        })
        .map(|(name, _)| name)
        .collect();
    for name in unlisted {
        warnings.push(format!("the code reads {name}, which is not in its list of secrets, so it gets none"));
    }
    let is_read = |listed: &SecretRef| reads.iter().any(|(name, _)| name == listed.target().as_str());
    if !references.is_unknown() {
        for listed in list.iter().filter(|listed| !is_read(listed)) {
            warnings.push(format!("{} is in its list of secrets, but nothing in the code reads it", listed.target()));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_the_file_that_the_bundler_names() {
        let bundle = "// src/one.ts\nvar a = 1;\n// see: http://x/y.ts for more\n// deep/two.tsx\nvar b = 'here';\n";
        let at = bundle.find("here").unwrap_or_default();
        assert_eq!(place(bundle, at), "deep/two.tsx, line 5 of the bundle");
        assert_eq!(place("var b = 'here'", 9), "line 1 of the bundle");
    }
}
