//! What is said at the start: per workload which names come from where, and what to look at, with the command that
//! mends it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use strongroom_api::resolve::MissingReason;

use super::layers::{Given, Layers, Origin, State, Wants};
use super::plan::Plan;
use super::print::Printer;
use super::store::STORED;
use crate::errors::Failure;
use crate::words::expiry;

/// What expires earlier than this is pointed out.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Names of an origin, or without a value, of one workload.
fn groups(given: &[Given<'_>]) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for each in given {
        let name =
            if each.name == each.target { each.name.to_owned() } else { format!("{} as {}", each.name, each.target) };
        let group = match (&each.state, &each.origin) {
            (_, Origin::Default) => "strongroom.json (default)".to_owned(),
            (State::Missing(_), _) => continue,
            (State::Value(_), Origin::Store(scope)) if scope == STORED => {
                "store (where it is deployed, the server's environment wins)".to_owned()
            }
            (State::Value(_), Origin::Store(scope)) => format!("store ({scope})"),
            (State::Value(_), Origin::DotEnv) => ".env".to_owned(),
            (State::Value(_), Origin::Shell) => "shell".to_owned(),
        };
        groups.entry(group).or_default().push(name);
    }
    groups
}

/// One workload and what it gets.
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    /// `function`, `job`, `app`, `front end`.
    pub(super) kind: &'static str,
    /// Its address or command.
    pub(super) what: String,
    /// What it gets; a front end gets nothing.
    pub(super) wants: Option<&'a Wants>,
}

/// Prints all rows.
pub(super) fn rows(printer: &Printer, rows: &[Row<'_>], layers: &Layers, now: Timestamp) {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).min(24);
    let kinds = rows.iter().map(|row| row.kind.len()).max().unwrap_or(0);
    for row in rows {
        let name = format!("{:<width$}", row.name);
        let name = if printer.has_color() { format!("\u{1b}[1m{name}\u{1b}[0m") } else { name };
        printer.plain(&format!("{name}  {:<kinds$}  {}", row.kind, row.what));
        let indent = " ".repeat(width + 2);
        let Some(wants) = row.wants else {
            printer.plain(&format!("{indent}no secrets, since browsers see what it is made of"));
            continue;
        };
        let given = layers.given(wants, now);
        let groups = groups(&given);
        if groups.is_empty() {
            printer.plain(&format!("{indent}no secrets"));
        }
        for (origin, names) in groups {
            printer.plain(&format!("{indent}{origin}: {}", names.join(", ")));
        }
    }
}

/// What a person should look at: names without a value that nobody requires, empty ones, those that expire soon.
pub(super) fn notes(plan: &Plan, layers: &Layers, now: Timestamp) -> Vec<String> {
    let mut notes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (workload, wants) in plan.wants() {
        for given in layers.given(wants, now) {
            let command = || set_command(&given, &plan.place.namespace, wants.app.as_deref());
            let note = match (&given.state, given.expires_at) {
                (_, _) if given.origin == Origin::Default => continue,
                (State::Missing(reason), _) => format!("{} {}: {}", given.name, why(*reason), command()),
                (State::Value(""), _) => format!("{} is empty: {}", given.name, command()),
                (State::Value(_), Some(at)) if at.duration_since(now) <= SOON => {
                    format!("{} expires {}: {}", given.name, expiry(now, at), command())
                }
                (State::Value(_), _) => continue,
            };
            notes.entry(note).or_default().insert(workload.clone());
        }
    }
    let shown = |(note, workloads): (String, BTreeSet<String>)| {
        format!("{note}  ({})", workloads.into_iter().collect::<Vec<_>>().join(", "))
    };
    notes.into_iter().map(shown).collect()
}

/// The refusal to start without required names: all of them, each with the command that sets it.
pub(super) fn refusal(plan: &Plan, layers: &Layers, now: Timestamp, is_offline: bool) -> Option<Failure> {
    let mut missing: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for (workload, wants) in plan.wants() {
        for given in layers.given(wants, now).iter().filter(|given| given.stops) {
            let State::Missing(reason) = given.state else { continue };
            let how = if is_offline {
                format!("put {}=… into .env", given.name)
            } else {
                set_command(given, &plan.place.namespace, None)
            };
            let detail = format!("{}: {how}", why(reason));
            missing.entry(given.name.to_owned()).or_insert((detail, BTreeSet::new())).1.insert(workload.clone());
        }
    }
    let error = |(name, (detail, workloads)): (String, (String, BTreeSet<String>))| {
        let workloads = workloads.into_iter().collect::<Vec<_>>().join(", ");
        crate::errors::at(name, format!("{detail}  ({workloads})"))
    };
    let errors: Vec<_> = missing.into_iter().map(error).collect();
    if errors.is_empty() {
        return None;
    }
    let failure =
        Failure::new(strongroom_api::Code::SecretsMissing, "nothing was started: required secrets have no value");
    let failure = failure.each(errors);
    Some(if is_offline {
        failure
    } else {
        failure.hint("for this machine alone, put NAME=value into .env beside strongroom.json")
    })
}

pub(super) fn why(reason: MissingReason) -> &'static str {
    match reason {
        MissingReason::NotSet => "is not set",
        MissingReason::NoValue => "has no value yet",
        MissingReason::Expired => "has expired",
    }
}

/// The command that gives a name a value where it has or lacks one.
fn set_command(given: &Given<'_>, namespace: &str, app: Option<&str>) -> String {
    let runs_out = matches!(given.state, State::Missing(MissingReason::Expired)) || given.expires_at.is_some();
    let name = if runs_out { format!("{} --expires 90d", given.name) } else { given.name.to_owned() };
    let within = if namespace == "default" { String::new() } else { format!(" --namespace {namespace}") };
    let of_app = app.map(|app| format!(" --app {app}")).unwrap_or_default();
    match &given.origin {
        Origin::DotEnv => format!("edit .env ({name}=…)"),
        Origin::Shell => format!("export STRONGROOM_SECRET_{name}=…"),
        Origin::Store(scope) if scope == "global" => format!("strongroom secrets set {name}"),
        Origin::Store(scope) if scope == "namespace" => format!(
            "strongroom secrets set {name} --scope namespace{}",
            if within.is_empty() { " --namespace default" } else { &within }
        ),
        Origin::Store(_) | Origin::Default => format!("strongroom secrets set {name}{within}{of_app}"),
    }
}
